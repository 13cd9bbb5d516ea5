"""What a pack is read from, and what it must be as a whole before anything of it is used."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.core import pack_files, pack_sums, pack_versions
from engine.core.pack_versions import Needs
from engine.core.packs import MANIFEST, Pack, PackFiles, SourceKind, parse_ref
from engine.core.page import EVERYTHING
from engine.errors import Invalid, Problem
from engine.packs.places import Places
from engine.services.context import Context
from engine.store import packs

SETTABLE = frozenset({"label", "version", "description", "source", "revision", "manifest_sha256", "commit_id"})
"""What can be set of a pack. `commit_id` is the commit that a preview has shown, so that nothing newer is taken."""


class PackSources:
    """The sources of packs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.places = Places(context.settings.packs.dir)

    def lies_here(self, reference: str) -> bool:
        """Whether there is a folder of this name with a pack below `packs.dir`."""
        try:
            return parse_ref(reference) in self.places.unknown(set())
        except Invalid:
            return False

    def passing(self, ref: str, source: str) -> Pack:
        """A pack that is looked at and not kept."""
        now = self._context.now()
        return Pack(id="", ref=ref, source=source, created_at=now, updated_at=now)

    async def fetched(self, pack: Pack, commit_id: str | None = None) -> tuple[Pack, PackFiles]:
        """The pack at a commit, or at the one its revision means now, and its files."""

        def work() -> tuple[Pack, PackFiles]:
            known = commit_id and pack.source_kind is SourceKind.GIT
            resolved = replace(pack, commit_id=commit_id) if known else self.places.resolved(pack)
            return resolved, self.places.read(resolved)

        return await asyncio.to_thread(work)

    def changed(self, pack: Pack, values: Mapping[str, Any], *, local: bool) -> Pack:
        """The pack with values of `SETTABLE`.

        Raises:
            Invalid: one cannot be set, or is wrong.
        """
        unknown = sorted(set(values) - SETTABLE)
        if unknown:
            raise Invalid([Problem(path=name, message="cannot be set on a pack") for name in unknown])
        changed = with_words(pack, values)
        if "manifest_sha256" in values:
            changed = replace(changed, manifest_sha256=digest(values["manifest_sha256"]))
        if "source" not in values and "revision" not in values:
            return changed
        revision = values.get("revision", pack.revision if "source" not in values else None)
        if "source" in values:
            place = self.places.place(values["source"], revision, local=local)
            return replace(changed, source=place.source, source_kind=place.kind, revision=place.revision)
        if pack.source_kind is SourceKind.FOLDER:
            raise Invalid(
                [Problem(path="revision", message="this pack is a folder, which has no revisions; give a source")]
            )
        self.places.place(str(self.places.folder_of(pack)), revision, local=True)  # is it a revision at all?
        return replace(changed, revision=revision)

    async def require_whole(self, pack: Pack, files: PackFiles) -> None:
        """Refuse a pack whose files are not what they should be, or that needs packs which are not there."""
        problems = await asyncio.to_thread(pack_sums.differences, files, pack.manifest_sha256)
        if problems:
            raise Invalid(problems)
        known, _ = await self._context.database.read(lambda tx: packs.find(tx, EVERYTHING))
        others = [needs(each) for each in known if each.ref != pack.ref]
        lacks = pack_versions.lacks([*others, needs(pack)]).get(pack.ref, [])
        if lacks:
            raise Invalid([Problem(file=MANIFEST, path="dependencies", message=each) for each in lacks])


def described(pack: Pack, files: PackFiles, ref: str | None) -> Pack:
    """The pack with what its manifest says.

    Raises:
        Invalid: the manifest is wrong.
    """
    manifest = pack_files.read_manifest(files, ref)
    said = {name: getattr(manifest, name) for name in ("label", "version", "description")}
    return replace(
        pack,
        ref=manifest.ref or ref or pack.ref,
        dependencies=dict(manifest.dependencies),
        **{name: value for name, value in said.items() if value is not None},
    )


def with_words(pack: Pack, values: Mapping[str, Any]) -> Pack:
    """The pack with a label, version or description that is given.

    Raises:
        Invalid: the version is none.
    """
    found = {name: str(values[name]) for name in ("label", "version", "description") if values.get(name) is not None}
    if "version" in found:
        try:
            pack_versions.check_version(found["version"])
        except ValueError as error:
            raise Invalid([Problem(path="version", message=str(error))]) from None
    return replace(
        pack,
        label=found.get("label", pack.label),
        version=found.get("version", pack.version),
        description=found.get("description", pack.description),
    )


def digest(text: str | None) -> str | None:
    """A pinned SHA-256; None for none.

    Raises:
        Invalid: it is none.
    """
    if not text:
        return None
    if len(text) != 64 or not all(char in "0123456789abcdefABCDEF" for char in text):
        raise Invalid([Problem(path="manifest_sha256", message=f"{text[:70]!r} is no SHA-256 in hexadecimal")])
    return text.lower()


def needs(pack: Pack) -> Needs:
    """A pack as others see it."""
    return Needs(ref=pack.ref, version=pack.version, dependencies=pack.dependencies)

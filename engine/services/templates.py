"""What can be done with templates."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from engine.clock import new_id
from engine.core import documents as core
from engine.core import findings
from engine.core.documents import FILE_TYPES, Bump, Document, DocumentKind, DocumentStatus, TemplateType, Version
from engine.core.editing import Seen
from engine.core.events import Kind, NewEvent
from engine.core.findings import Findings
from engine.core.names import parse_name
from engine.core.page import EVERYTHING, Page
from engine.core.rendering import Rendered
from engine.errors import Conflict, Invalid, NotFound, Problem
from engine.services import drafts, texts
from engine.services.context import Context
from engine.services.previews import previewed
from engine.services.rendering import make, refuse_file
from engine.store import documents, events
from engine.store.tx import Tx

SETTABLE = frozenset({"type", "description", "os_family", "tags"})

Tell = Callable[[Findings], object]
"""Is told what the check of a text that is saved found."""


class Templates:
    """Templates: create, find, version, compare, render. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self,
        name: str,
        content: str | None = None,
        *,
        by: str,
        type_: str = TemplateType.SCRIPT.value,
        description: str = "",
        os_family: str = "",
        tags: Sequence[str] = (),
        commit_message: str = "",
        draft: bool = False,
        force: bool = False,
        tell: Tell | None = None,
    ) -> Document:
        """Make a template, with its first version if there is a text; a `draft` is not used until it is made current.

        `tell` is given what the text's check found; `force` saves it although that are errors.

        Raises:
            Invalid: the name, type or text is wrong.
            Conflict: there is a template of this name.
        """
        now = self._context.now()
        blank = Document(
            id=new_id(),
            kind=DocumentKind.TEMPLATE,
            name=parse_name(name),
            type=_type(type_),
            description=description,
            os_family=os_family,
            status=DocumentStatus.DRAFT if draft else DocumentStatus.ACTIVE,
            tags=core.check_tags(tags),
            created_at=now,
            updated_at=now,
        )

        noted: Mapping[str, Any] = {}
        if content is not None:
            core.check_content(content)
            noted = await self._check(blank, content, 1, force, tell)

        def work(tx: Tx) -> Document:
            document = blank
            if content is not None:
                refuse_file(document)
                document = replace(document, current_version=None if draft else "v1.0", latest_version="v1.0")
            _refuse_archived(tx, document.name)
            documents.add(tx, document)
            self._note(tx, Kind.TEMPLATE_CREATED, document, by, {"type": document.type})
            if content is not None:
                self._add_version(tx, document, (1, 0), content, commit_message, by, draft, noted)
            return document

        return await self._context.database.write(work)

    async def get(self, reference: str) -> Document:
        """The template with this id or name.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: _get(tx, reference))

    async def find(self, page: Page) -> tuple[list[Document], int]:
        """A page of the templates, and how many there are."""
        return await self._context.database.read(lambda tx: documents.find(tx, DocumentKind.TEMPLATE, page))

    async def update(self, reference: str, values: Mapping[str, Any], *, by: str) -> Document:
        """Set what is not versioned: type, description, OS family, tags.

        Raises:
            NotFound: there is no such template.
            Invalid: a field cannot be set, or its value is wrong.
        """
        unknown = sorted(set(values) - SETTABLE)
        if unknown:
            raise Invalid([Problem(path=name, message="cannot be set on a template") for name in unknown])
        checked = dict(values)
        if "type" in checked:
            checked["type"] = _type(checked["type"])
        if "tags" in checked:
            checked["tags"] = core.check_tags(checked["tags"])

        def work(tx: Tx) -> Document:
            before = _get(tx, reference)
            after = replace(before, **checked, updated_at=self._context.now())
            if before.latest_version and (before.type in FILE_TYPES) != (after.type in FILE_TYPES):
                message = f"a template of type {before.type} cannot become one of type {after.type}: it has versions"
                raise Invalid([Problem(path="type", message=message)])
            documents.save(tx, after)
            changes = {name: [getattr(before, name), getattr(after, name)] for name in checked}
            self._note(tx, Kind.TEMPLATE_UPDATED, after, by, {"changes": changes})
            return after

        return await self._context.database.write(work)

    async def archive(self, reference: str, *, by: str) -> Document:
        """End a template's use; its versions stay.

        Raises:
            NotFound: there is no such template.
        """

        def work(tx: Tx) -> Document:
            after = replace(_get(tx, reference), status=DocumentStatus.ARCHIVED, updated_at=self._context.now())
            documents.save(tx, after)
            self._note(tx, Kind.TEMPLATE_ARCHIVED, after, by, {})
            return after

        return await self._context.database.write(work)

    async def versions(self, reference: str, page: Page = EVERYTHING) -> tuple[list[Version], int]:
        """A page of a template's versions, newest first.

        Raises:
            NotFound: there is no such template.
        """
        return await self._context.database.read(lambda tx: documents.versions(tx, _get(tx, reference).id, page))

    async def version(self, reference: str, version: str = "latest") -> Version:
        """One version of a template: `v1.0`, `v1` (newest 1.x) or `latest` (the current one).

        Raises:
            NotFound: there is no such template or version.
            Invalid: `version` is none.
        """
        wanted = core.parse_reference(version)
        return await self._context.database.read(lambda tx: documents.version(tx, _get(tx, reference), wanted))

    async def add_version(
        self,
        reference: str,
        content: str,
        *,
        by: str,
        commit_message: str = "",
        bump: Bump = Bump.MINOR,
        based_on: str | None = None,
        seen: Seen | None = None,
        draft: bool = False,
        force: bool = False,
        tell: Tell | None = None,
    ) -> Version:
        """Add a version, which becomes the current one; an archived template is in use again.

        A `draft` changes nothing but that it is there: `set_current` publishes it. `tell` is given what the text's
        check found; `force` saves it although that are errors. `based_on` is the version that the text was made from;
        `seen` are the versions that its author knew of.

        Raises:
            NotFound: there is no such template.
            Stale: there is a current or a newest version by now that its author has not `seen`.
            Conflict: the current or the newest version has the same content; the message names it. Or another version
                is the current one by now than the text was made from: whose change that is would be undone.
            Invalid: the content is too large or no text, or its check found errors.
        """
        core.check_content(content)

        def before(tx: Tx) -> tuple[Document, int]:
            document = _get(tx, reference)
            newest = documents.newest(tx, document.id)
            _refuse_the_same(tx, document, newest, content)
            _refuse_stale(document, based_on)
            drafts.refuse_unseen(document, seen)
            return document, core.next_number((newest.major, newest.minor) if newest else None, bump)[0]

        found, major = await self._context.database.read(before)
        noted = await self._check(found, content, major, force, tell)

        def work(tx: Tx) -> Version:
            document = _get(tx, reference)
            refuse_file(document)
            newest = documents.newest(tx, document.id)
            _refuse_the_same(tx, document, newest, content)
            _refuse_stale(document, based_on)
            drafts.refuse_unseen(document, seen)
            number = core.next_number((newest.major, newest.minor) if newest else None, bump)
            version = self._add_version(tx, document, number, content, commit_message, by, draft, noted)
            after = replace(document, latest_version=version.version_string, updated_at=version.created_at)
            if not draft:  # whoever writes an archived template again means to use it
                after = replace(after, status=DocumentStatus.ACTIVE, current_version=version.version_string)
            documents.save(tx, after)
            return version

        return await self._context.database.write(work)

    async def set_current(
        self, reference: str, version: str, *, by: str, force: bool = False, tell: Tell | None = None
    ) -> Document:
        """Make an older (or newer) version the current one; nothing is deleted. An archived template is in use again.

        `tell` is given what the check of that version found; `force` takes it although that are errors.

        Raises:
            NotFound: there is no such template or version.
            Invalid: `version` is none, or its check found errors.
        """
        wanted = core.parse_reference(version)

        def meant(tx: Tx) -> tuple[Document, Version]:
            document = _get(tx, reference)
            return document, documents.version(tx, document, wanted)

        document, text = await self._context.database.read(meant)
        noted: Mapping[str, Any] = {}
        if text.version_string != document.current_version:
            noted = await self._check(document, text.content, text.major, force, tell)

        def work(tx: Tx) -> Document:
            before = _get(tx, reference)
            version = documents.version(tx, before, wanted)
            chosen, status = version.version_string, DocumentStatus.ACTIVE
            after = replace(before, status=status, current_version=chosen, updated_at=self._context.now())
            if (after.current_version, after.status) != (before.current_version, before.status):
                documents.save(tx, after)
                documents.publish_version(tx, version)
                data = {"from_version": before.current_version, "to_version": chosen, **noted}
                self._note(tx, Kind.TEMPLATE_CURRENT_CHANGED, after, by, data)
            return after

        return await self._context.database.write(work)

    async def render(
        self,
        reference: str,
        *,
        node: str | None = None,
        version: str = "latest",
        params: Mapping[str, Any] | None = None,
    ) -> Rendered:
        """A preview of a version for a node: secrets masked; what has no value is left as written and named, as is
        each value that would break the text.

        Raises:
            NotFound: there is no such template, version or node.
            Invalid: includes run in a circle or too deep, or the text gets too large.
        """
        wanted = core.parse_reference(version)
        material, around = await self._context.database.read(
            lambda tx: previewed(self._context, tx, reference, wanted, node)
        )
        if material.is_slow:
            return await asyncio.to_thread(make, material, around, masked=True, params=params)
        return make(material, around, masked=True, params=params)

    async def _check(
        self, document: Document, text: str, major: int, force: bool, tell: Tell | None
    ) -> Mapping[str, Any]:
        """Check a text that is about to become the current one; what its event is to note, if errors are forced.

        Raises:
            Invalid: it has errors, and `templates.check_on_save` is `error`; each is named with its place.
        """
        setting = self._context.settings.templates.check_on_save
        if setting == "off":
            return {}
        subject = texts.Subject(type=document.type, text=text, name=document.name, tags=document.tags)
        found = await texts.on_save(self._context.database, subject, major)
        wrong = findings.errors(found)
        if wrong and setting == "error" and not force:
            if tell is not None:
                tell(tuple(each for each in found if not each.is_error))
            raise findings.refusal(wrong, "; to save it all the same, use --force (?force=true)")
        if tell is not None:
            tell(found)
        noted = {"findings": findings.brief(wrong)} if wrong else {}
        return noted | ({"forced": True} if wrong and setting == "error" else {})

    def _add_version(
        self,
        tx: Tx,
        document: Document,
        number: tuple[int, int],
        content: str,
        message: str,
        by: str,
        draft: bool,
        noted: Mapping[str, Any],
    ) -> Version:
        now = self._context.now()
        version = core.make_version(
            document, number, content, version_id=new_id(), author=by, commit_message=message, now=now, draft=draft
        )
        documents.add_version(tx, version)
        data = {"version": version.version_string, "commit_message": message, **noted}
        data |= {"draft": True} if draft else {}
        self._note(tx, Kind.TEMPLATE_VERSION_CREATED, document, by, data)
        return version

    def _note(self, tx: Tx, kind: Kind, document: Document, by: str, data: Mapping[str, Any]) -> None:
        facts = {"template_id": document.id, "name": document.name, **data}
        events.append(tx, [NewEvent(kind=kind, at=self._context.now(), principal=by, data=facts)])


def _get(tx: Tx, reference: str) -> Document:
    return documents.get(tx, DocumentKind.TEMPLATE, reference)


def _refuse_archived(tx: Tx, name: str) -> None:
    with suppress(NotFound):
        if _get(tx, name).status is DocumentStatus.ARCHIVED:
            raise Conflict(f"template {name} is archived; add a version to it, or set its current version, to use it")


def _refuse_the_same(tx: Tx, document: Document, newest: Version | None, content: str) -> None:
    if newest is None:
        return
    current = [documents.version(tx, document, core.LATEST)] if document.current_version else []
    for version in (*current, newest):
        if version.content_hash == core.content_hash(content):
            raise Conflict(f"template {document.name} has exactly this content already, in {version.version_string}")


def _refuse_stale(document: Document, based_on: str | None) -> None:
    if based_on is not None and document.current_version != based_on:
        raise Conflict(
            f"the current version of template {document.name} is {document.current_version or 'none'} by now, and this "
            f"text was made from {based_on}: take over what has changed since, and save it again"
        )


def _type(text: str) -> str:
    try:
        return TemplateType(text).value
    except ValueError:
        message = f"{text!r} is no type of template; one of {', '.join(TemplateType)}"
        raise Invalid([Problem(path="type", message=message)]) from None

"""A site's library as a pack: synced on an empty PureBoot it is the same library."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from engine.app import PureBoot
from engine.core.documents import FILE_TYPES, DocumentKind, DocumentStatus, TemplateType, parse_reference
from engine.core.page import EVERYTHING
from engine.errors import Invalid, NotFound
from engine.packs.folder import write_folder
from engine.store import documents
from engine.store.tx import Tx
from tests.conftest import Opener, settings_for
from tests.packs.repositories import HELLO, SMALL, lay
from tests.story import ADA, published

TEXTS = [each for each in TemplateType if each not in FILE_TYPES]
ODD = {
    "plain": "one\n",
    "crlf": "a\r\nb\rc\r\n",
    "no-end": "no final newline",
    "empty": "",
    "front": "---\ntype: preseed\n---\nis content\n",
    "rule": "---\n",
    "unicode": "ünïcödé \u2028 \U0001f600 \ufeff\n",
    "bom": "\ufeff#cloud-config\n",
    "includes": "${include:plain} $${x} ${meta.dns|none}\n",
    "front.yaml": "type: script\n",
    "on": "a name that YAML takes for a truth\n",
    "1.0": "or for a number\n",
    "host.ks": "type by extension is not what it is\n",
    "host.yaml": "description: no sidecar\n",
}


async def library(pureboot: PureBoot) -> dict[tuple[str, str], Any]:
    """Everything there is to know of what is in use."""

    def work(tx: Tx) -> dict[tuple[str, str], Any]:
        found = {}
        for kind in DocumentKind:
            for each in documents.find(tx, kind, EVERYTHING)[0]:
                reference = each.current_version or each.latest_version
                if reference is None:
                    continue
                content = documents.version(tx, each, parse_reference(reference)).content
                found[kind.value, each.name] = (
                    *(each.type, each.description, each.os_family, each.architecture, each.boot_mode),
                    *(each.tags, each.status, content),
                )
        return found

    return await pureboot.context.database.read(work)


async def copied(pureboot: PureBoot, folder: Path, url: str) -> dict[tuple[str, str], Any]:
    """The library of an empty PureBoot that has synced an export of another's."""
    write_folder(folder / "export", await pureboot.packs.export("site"))
    async with PureBoot(settings_for(url, folder, packs__watch="off")) as other:
        _, report = await other.packs.add(str(folder / "export"), by=ADA, local=True)
        assert report.errors == ()
        again = await other.packs.sync("site", by=ADA)
        assert not again.is_change
        return await library(other)


async def test_a_library_comes_back_the_same(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(tmp_path / "packs" / "my_pack", SMALL)
    async with opener(store_url, packs__watch="off") as pureboot:
        for at, (name, content) in enumerate(ODD.items()):
            kind = TEXTS[at % len(TEXTS)]
            await pureboot.templates.create(
                *(name, content),
                by=ADA,
                type_=kind,
                description=f"number {at}:\nof {name} \x85 \u2028",
                os_family="linux",
                tags=[name, "t"],
            )
        await pureboot.templates.add_version("plain", "two\n", by=ADA)
        await pureboot.templates.set_current("plain", "v1.0", by=ADA)
        await pureboot.templates.create("gone", "x", by=ADA)
        await pureboot.templates.archive("gone", by=ADA)
        await pureboot.templates.create("blank", by=ADA)
        await published(pureboot, "# kept\r\nname: live\r\ndescription: über\r\n" + HELLO.replace("\n", "\r\n"))
        await published(pureboot, "name: uses\nsteps:\n  - {key: a, action: node.script, with: {template: plain}}")
        await pureboot.workflows.import_("name: draft\nos_family: bsd\n" + HELLO, by=ADA)
        await pureboot.workflows.import_("name: live\n" + HELLO + "# a newer draft\n", by=ADA)
        await pureboot.packs.add("my_pack", by=ADA)
        before = await library(pureboot)
        assert len(before) == len(ODD) + 3 + 2
        assert await copied(pureboot, tmp_path, f"sqlite:///{tmp_path}/other.db") == before


async def test_a_part_of_it_by_tag_and_name(pureboot: PureBoot) -> None:
    for name, tags in (("a", ["x"]), ("b", ["y"]), ("c", [])):
        await pureboot.templates.create(name, name, by=ADA, tags=tags)
    found = await pureboot.packs.export("site", names=["c"], tags=["x", "z"])
    assert sorted(path for path in found if path != "pack.yaml") == ["templates/a", "templates/c"]
    with pytest.raises(NotFound, match="there is no template or workflow nothing"):
        await pureboot.packs.export("site", names=["nothing"])
    with pytest.raises(Invalid):
        await pureboot.packs.export("No Ref")


_CONTENT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
    st.lists(
        st.sampled_from(
            ["---", "type: script", "\n", "\r\n", "${include:a}", "$${", "\ufeff", "tags: []", "é", "\t", " "]
        ),
        max_size=10,
    ).map("".join),
)
_NAME = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}(\.yaml|\.ks)?", fullmatch=True).filter(
    lambda name: not name.endswith((".swp", ".tmp"))
)
_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
_TAG = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs", "Cf", "Co", "Cn"]), min_size=1, max_size=10
)
_TEMPLATE = st.tuples(_NAME, _CONTENT, st.sampled_from(TEXTS), _WORDS, st.lists(_TAG, max_size=3, unique=True))


@settings(  # each example opens two stores: to shrink one that fails would take minutes
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@example([("a", "\r", TemplateType.SCRIPT, "\x85", ["x"])], "\u2028")
@given(st.lists(_TEMPLATE, max_size=8, unique_by=lambda each: each[0]), _WORDS)
def test_any_library_comes_back_the_same(
    templates: list[tuple[str, str, TemplateType, str, list[str]]], said: str
) -> None:
    async def story() -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            async with PureBoot(settings_for(f"sqlite:///{folder}/a.db", folder, packs__watch="off")) as pureboot:
                for template, content, kind, description, tags in templates:
                    await pureboot.templates.create(
                        template, content, by=ADA, type_=kind, description=description, tags=tags
                    )
                await pureboot.workflows.create(
                    {
                        "name": "w",
                        "description": said,
                        "steps": [{"key": "a", "action": "core.echo", "with": {"message": "x"}}],
                    },
                    by=ADA,
                )
                before = await library(pureboot)
                assert before["workflow", "w"][6] is DocumentStatus.DRAFT
                assert await copied(pureboot, folder, f"sqlite:///{folder}/b.db") == before

    asyncio.run(story())

"""Syncing packs: documents become what the files say, and nothing else does; on both databases."""

import asyncio
from pathlib import Path

import pytest

from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.events import Kind
from engine.errors import Invalid, NotFound
from tests.conftest import Opener
from tests.packs.repositories import HELLO, MANIFEST, SMALL, lay
from tests.services.packs_support import acts, log, root
from tests.story import ADA


async def test_syncing_twice_writes_nothing_the_second_time(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(root(tmp_path), {**SMALL, "workflows/bad.yaml": "steps: 3\n"})
    async with opener(store_url, packs__watch="off") as pureboot:
        pack, _ = await pureboot.packs.add("my_pack", by=ADA)
        cursor = await pureboot.feed.cursor()
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert set(acts(report).values()) == {"unchanged"}
        assert (report.loaded_count, report.registered_count, len(report.errors)) == (2, 2, 1)
        assert not any(each.created for each in report.workflows)
        assert not any(each.created for each in report.templates)
        assert await pureboot.feed.cursor() == cursor
        assert await pureboot.packs.get("my_pack") == pack
        assert (await pureboot.templates.versions("my_pack.motd"))[1] == 1


async def test_a_changed_file_is_a_version_and_its_event_says_where_it_came_from(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    lay(root(tmp_path))
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        cursor = await pureboot.feed.cursor()
        lay(root(tmp_path), {"templates/motd": "second\n", "pack.yaml": MANIFEST.replace("1.0.0", "1.1.0")})
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert acts(report) == {"my_pack.motd": "changed", "my_pack.hello": "unchanged"}
        told = await log(pureboot, cursor)
        assert [each.kind for each in told] == [Kind.TEMPLATE_VERSION_CREATED, Kind.PACK_SYNCED]
        assert told[0].data["source"] == {"pack": "my_pack", "pack_version": "1.1.0", "commit": None}
        synced = told[1].data
        assert (synced["changed"], synced["created"], synced["errors"], synced["pack_version"]) == (1, 0, 0, "1.1.0")
        assert (await pureboot.packs.get("my_pack")).version == "1.1.0"
        assert (await pureboot.templates.version("my_pack.motd")).content == "second\n"
        assert (await pureboot.templates.version("my_pack.motd", "v1.0")).content == "welcome\n"


async def test_bad_files_are_reported_and_stop_no_other(store_url: str, opener: Opener, tmp_path: Path) -> None:
    bad: dict[str, str | bytes] = {
        "workflows/action.yaml": "# one\nname: action\nsteps:\n  - {key: a, action: core.ehco}\n",
        "workflows/template.yaml": "steps:\n  - {key: a, action: node.script, with: {template: nothing}}\n",
        "workflows/yaml.yaml": "steps: [\n",
        "templates/large": "x" * (1024 * 1024 + 1),
        "templates/latin": b"\xe9",
    }
    lay(root(tmp_path), {**SMALL, **bad})
    async with opener(store_url, packs__watch="off") as pureboot:
        pack, report = await pureboot.packs.add("my_pack", by=ADA)
        assert set(acts(report)) == {"my_pack.motd", "my_pack.hello"}
        assert {each.file for each in report.errors} == set(bad)
        place = next(each for each in report.errors if each.file == "workflows/action.yaml")
        assert (place.line, place.column, place.path) == (4, 22, "steps[0].action")
        assert pack.last_error is not None
        assert "(and 4 more)" in pack.last_error
        with pytest.raises(NotFound):
            await pureboot.workflows.get("my_pack.action")
        # what was good before stays as it was while its file is bad
        lay(root(tmp_path), {"workflows/hello.yaml": "steps: [", "templates/motd": b"\xe9"})
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert report.done == ()
        assert (await pureboot.workflows.get("my_pack.hello")).is_active
        for name in bad:
            (root(tmp_path) / name).unlink()
        lay(root(tmp_path))
        assert (await pureboot.packs.sync("my_pack", by=ADA)).errors == ()
        assert (await pureboot.packs.get("my_pack")).last_error is None


async def test_a_file_that_is_gone_archives_and_one_that_comes_back_brings_it_back(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    lay(root(tmp_path))
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        for name in ("templates/motd", "workflows/hello.yaml"):
            (root(tmp_path) / name).unlink()
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert acts(report) == {"my_pack.motd": "archived", "my_pack.hello": "archived"}
        assert "its file templates/motd is gone" in report.templates[0].warnings[0]
        assert report.registered_count == 0
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ARCHIVED
        assert (await pureboot.packs.sync("my_pack", by=ADA)).done == ()
        lay(root(tmp_path))
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert acts(report) == {"my_pack.motd": "changed", "my_pack.hello": "changed"}
        assert [*(each.warnings for each in report.templates), *(each.warnings for each in report.workflows)] == [
            (),
            (),
        ]
        assert (await pureboot.workflows.get("my_pack.hello")).is_active
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ACTIVE
        assert (await pureboot.templates.versions("my_pack.motd"))[1] == 1


async def test_a_folder_that_is_gone_archives_nothing(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(root(tmp_path))
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        root(tmp_path).rename(tmp_path / "away")
        cursor = await pureboot.feed.cursor()
        for _ in range(2):
            with pytest.raises(NotFound, match="there is no folder"):
                await pureboot.packs.sync("my_pack", by=ADA)
        assert [each.kind for each in await log(pureboot, cursor)] == [Kind.PACK_FAILED]  # once
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ACTIVE
        (tmp_path / "away").rename(root(tmp_path))
        (root(tmp_path) / "pack.yaml").unlink()
        with pytest.raises(Invalid, match=r"pack\.yaml: is missing"):
            await pureboot.packs.sync("my_pack", by=ADA)
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ACTIVE


async def test_a_document_made_by_hand_is_never_taken_over_silently(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    lay(root(tmp_path))
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.templates.create("my_pack.motd", "mine\n", by=ADA)
        _, report = await pureboot.packs.add("my_pack", by=ADA)
        assert [(each.file, "no pack made" in each.message) for each in report.errors] == [("templates/motd", True)]
        assert (await pureboot.templates.version("my_pack.motd")).content == "mine\n"
        assert "no pack made" in (await pureboot.packs.validate("my_pack")).errors["my_pack.motd"][0]
        report = await pureboot.packs.sync("my_pack", by=ADA, adopt=True)
        assert report.errors == ()
        assert "is taken over" in report.templates[0].warnings[0]
        assert (await pureboot.templates.version("my_pack.motd")).content == "welcome\n"
        assert (await pureboot.templates.version("my_pack.motd", "v1.0")).content == "mine\n"


async def test_two_packs_do_not_take_each_others_documents(store_url: str, opener: Opener, tmp_path: Path) -> None:
    for name in ("one", "two"):
        lay(root(tmp_path, name), {"pack.yaml": f"ref: {name}\nnames: plain\n", "templates/motd": name})
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("one", by=ADA)
        _, report = await pureboot.packs.add("two", by=ADA)
        assert "is of the pack one" in report.errors[0].message
        await pureboot.packs.remove("one", by=ADA)
        report = await pureboot.packs.sync("two", by=ADA)
        assert acts(report) == {"motd": "changed"}
        assert (await pureboot.templates.version("motd")).content == "two"


async def test_a_change_by_hand_is_told_and_overruled_and_not_lost(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    lay(root(tmp_path))
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        await pureboot.templates.add_version("my_pack.motd", "by hand\n", by=ADA)
        preview = await pureboot.packs.preview("my_pack")
        assert [(each.name, each.before, each.after) for each in preview.changes] == [
            ("my_pack.motd", "by hand\n", "welcome\n")
        ]
        report = await pureboot.packs.sync("my_pack", by="user:bob")
        assert "v1.1 by user:ada is overwritten" in report.templates[0].warnings[0]
        versions, _ = await pureboot.templates.versions("my_pack.motd")
        assert [(each.version_string, each.content) for each in versions] == [
            ("v1.2", "welcome\n"),
            ("v1.1", "by hand\n"),
            ("v1.0", "welcome\n"),
        ]
        assert set(acts(await pureboot.packs.sync("my_pack", by=ADA)).values()) == {"unchanged"}
        await pureboot.templates.set_current("my_pack.motd", "v1.1", by=ADA)
        await pureboot.workflows.archive("my_pack.hello", by=ADA)
        report = await pureboot.packs.sync("my_pack", by=ADA)
        assert "v1.1 was made current by hand" in report.templates[0].warnings[0]
        assert "archived by hand" in report.workflows[0].warnings[0]
        assert (await pureboot.templates.get("my_pack.motd")).current_version == "v1.2"
        assert (await pureboot.workflows.get("my_pack.hello")).is_active
        assert set(acts(await pureboot.packs.sync("my_pack", by=ADA)).values()) == {"unchanged"}


async def test_drafts_are_not_published(store_url: str, opener: Opener, tmp_path: Path) -> None:
    manifest = MANIFEST + "workflows: {hello: {draft: true, tags: [night]}}\n"
    lay(root(tmp_path), {**SMALL, "pack.yaml": manifest, "workflows/live.yaml": HELLO})
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        draft = await pureboot.workflows.get("my_pack.hello")
        assert (draft.status, draft.current_version, draft.tags) == (DocumentStatus.DRAFT, None, ("night",))
        assert (await pureboot.workflows.get("my_pack.live")).is_active
        assert set(acts(await pureboot.packs.sync("my_pack", by=ADA)).values()) == {"unchanged"}
        lay(root(tmp_path), {"pack.yaml": MANIFEST + "draft: true\n", "workflows/live.yaml": HELLO + "# more\n"})
        await pureboot.packs.sync("my_pack", by=ADA)
        live = await pureboot.workflows.get("my_pack.live")
        assert (live.status, live.current_version, live.latest_version) == (DocumentStatus.ACTIVE, "v1.0", "v1.1")
        lay(root(tmp_path), {"pack.yaml": MANIFEST})
        await pureboot.packs.sync("my_pack", by=ADA)
        assert (await pureboot.workflows.get("my_pack.live")).current_version == "v1.1"
        assert (await pureboot.workflows.get("my_pack.hello")).is_active


async def test_workflows_alone_can_be_synced_and_checked(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(root(tmp_path), {**SMALL, "templates/Bad": "x"})
    only = frozenset({DocumentKind.WORKFLOW})
    async with opener(store_url, packs__watch="off") as pureboot:
        assert (await pureboot.packs.validate("my_pack", kinds=only)).error_count == 0  # though nobody has added it
        await pureboot.packs.add("my_pack", by=ADA)
        lay(root(tmp_path), {"templates/motd": "2\n", "workflows/hello.yaml": HELLO + "# 2\n"})
        report = await pureboot.packs.sync("my_pack", by=ADA, kinds=only)
        assert acts(report) == {"my_pack.hello": "changed"}
        assert (report.templates, report.errors, report.loaded_count) == ((), (), 1)
        assert (await pureboot.templates.version("my_pack.motd")).content == "welcome\n"


async def test_two_syncs_at_once_do_it_once(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(root(tmp_path), {**SMALL, **{f"templates/t{at}": f"{at}\n" for at in range(100)}})
    async with (
        opener(store_url, packs__watch="off") as one,
        opener(store_url, host=False, packs__watch="off") as other,
    ):
        await one.packs.add("my_pack", by=ADA)
        lay(root(tmp_path), {f"templates/t{at}": f"second {at}\n" for at in range(100)})
        reports = await asyncio.gather(*(each.packs.sync("my_pack", by=ADA) for each in (one, other, one)))
        assert all(report.errors == () for report in reports)
        for at in (0, 50, 99):
            assert (await one.templates.versions(f"my_pack.t{at}"))[1] == 2
        assert sum(acts(report)["my_pack.t0"] == "changed" for report in reports) == 1

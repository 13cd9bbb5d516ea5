"""Packs: added, synced file by file, checked, updated, removed; on both databases."""

import asyncio
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.events import Event, Kind
from engine.core.pack_reports import Report
from engine.core.page import EVERYTHING
from engine.core.shape import as_data
from engine.errors import Conflict, Invalid, NotFound, PureBootError
from tests.conftest import Opener
from tests.packs.repositories import HELLO, MANIFEST, SMALL, commit, git, lay
from tests.story import ADA, begun, event

WAITS = "steps:\n  - {key: wait, action: core.delay, with: {duration: 1h}}\n"


def root(tmp_path: Path, name: str = "my_pack") -> Path:
    return tmp_path / "packs" / name


async def log(pureboot: PureBoot, after: int) -> list[Event]:
    return await pureboot.events_after(after)


def acts(report: Report) -> dict[str, str]:
    return {each.name: each.action.value for each in report.done}


async def test_a_pack_is_added_and_synced_with_all_that_its_reports_say(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    lay(root(tmp_path), {**SMALL, "templates/answers.ks": "---\ntype: document\ntags: [a]\n---\nx ${include:motd}\n"})
    async with opener(store_url, packs__watch="off") as pureboot:
        pack, report = await pureboot.packs.add("my_pack", by=ADA)
        assert (pack.ref, pack.label, pack.version, pack.description, pack.source) == (
            *("my_pack", "My pack", "1.0.0", "For tests", "my_pack"),
        )
        workflow = await pureboot.workflows.get("my_pack.hello")
        motd = await pureboot.templates.get("my_pack.motd")
        answers = await pureboot.templates.get("my_pack.answers.ks")
        assert as_data(report) == {
            "pack_ref": "my_pack",
            "loaded_count": 3,
            "registered_count": 3,
            "workflows": [
                {
                    "ref_name": "my_pack.hello",
                    "created": True,
                    "workflow_id": workflow.id,
                    "version": "v1.0",
                    "warnings": [],
                }
            ],
            "templates": [
                {"ref_name": name, "created": True, "template_id": id_, "version": "v1.0", "warnings": []}
                for name, id_ in (("my_pack.answers.ks", answers.id), ("my_pack.motd", motd.id))
            ],
            "errors": [],
        }
        assert workflow.is_active
        assert (answers.type, answers.tags, answers.status) == ("document", ("a",), DocumentStatus.ACTIVE)
        rendered = await pureboot.templates.render("my_pack.answers.ks")
        assert rendered.content == "x welcome\n\n"
        version = await pureboot.templates.version("my_pack.motd")
        assert (version.author, version.commit_message) == (ADA, "pack my_pack 1.0.0: templates/motd")
        source = await pureboot.packs.source_of(motd.id)
        assert source is not None
        assert (source.pack_ref, source.path, source.pack_version, source.commit_id) == (
            *("my_pack", "templates/motd", "1.0.0", None),
        )
        listed = await pureboot.packs.documents("my_pack")
        assert (listed[0].name, listed[0].path) == ("my_pack.answers.ks", "templates/answers.ks")
        with pytest.raises(Conflict, match="there is a pack my_pack already"):
            await pureboot.packs.add("my_pack", by=ADA)


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


async def test_a_check_changes_nothing_and_says_everything(store_url: str, opener: Opener, tmp_path: Path) -> None:
    uses = "steps:\n  - {key: a, action: node.script, with: {template: motd}}\n  - {key: b, action: core.ehco}\n"
    lay(root(tmp_path), {**SMALL, "workflows/uses.yaml": uses, "templates/Bad": "x"})
    async with opener(store_url, packs__watch="off") as pureboot:
        cursor = await pureboot.feed.cursor()
        found = await pureboot.packs.validate("my_pack")
        assert (found.pack_ref, found.validated_count, found.error_count) == ("my_pack", 4, 2)
        assert set(found.errors) == {"my_pack.uses", "templates/Bad"}
        (message,) = found.errors["my_pack.uses"]  # its template is in the same pack
        assert message.startswith("workflows/uses.yaml:3:22: steps[1].action: there is no action 'core.ehco'")
        assert await pureboot.feed.cursor() == cursor
        assert (await pureboot.templates.find(EVERYTHING))[1] == 0
        assert (await pureboot.packs.find())[1] == 0
        with pytest.raises(NotFound):
            await pureboot.packs.validate("nothing")
        elsewhere = lay(tmp_path / "elsewhere", {"pack.yaml": "ref: a\nx: 1\n"})
        wrong = await pureboot.packs.validate_source(str(elsewhere))
        assert "x: is no key here" in wrong.errors["elsewhere"][0]


async def test_dependencies_are_asked_for_and_order_syncs(store_url: str, opener: Opener, tmp_path: Path) -> None:
    needs = "dependencies: {base: '>=1.2,<2', other: ''}\n"
    lay(root(tmp_path, "site"), {"pack.yaml": f"ref: site\n{needs}", "templates/t": "${include:base.part}"})
    lay(root(tmp_path, "base"), {"pack.yaml": "ref: base\nversion: 1.1\n", "templates/part": "p"})
    lay(root(tmp_path, "other"), {"pack.yaml": "ref: other\n"})
    async with opener(store_url, packs__watch="off") as pureboot:
        with pytest.raises(Invalid) as caught:
            await pureboot.packs.add("site", by=ADA)
        assert [each.message.split(",")[0] for each in caught.value.problems] == [
            "needs the pack base >=1.2",
            "needs the pack other",
        ]
        assert (await pureboot.packs.find())[1] == 0
        await pureboot.packs.add("base", by=ADA)
        await pureboot.packs.add("other", by=ADA)
        with pytest.raises(Invalid, match=r"needs the pack base >=1\.2,<2, but base is at 1\.1"):
            await pureboot.packs.add("site", by=ADA)
        lay(root(tmp_path, "base"), {"pack.yaml": "ref: base\nversion: 1.10\n"})
        await pureboot.packs.sync("base", by=ADA)
        _, report = await pureboot.packs.add("site", by=ADA)
        assert report.templates[0].warnings == ()
        assert list(await pureboot.packs.sync_all(by=ADA)) == ["base", "other", "site"]
        lay(root(tmp_path, "base"), {"pack.yaml": "ref: base\nversion: 2.0\ndependencies: [site]\n"})
        done = await pureboot.packs.sync_all(by=ADA)
        assert isinstance(done["base"], PureBootError)
        assert "the packs need each other: base -> site -> base" in str(done["base"])
        with pytest.raises(Conflict, match="packs need the pack base: site"):
            await pureboot.packs.remove("base", by=ADA)


async def test_sums_are_compared_before_anything_is_loaded(store_url: str, opener: Opener, tmp_path: Path) -> None:
    from engine.core import pack_sums
    from engine.packs.folder import read_folder

    place = lay(root(tmp_path), {**SMALL, "docs/README.md": "hello\n"})
    text = pack_sums.write(pack_sums.sums(read_folder(place, all_files=True)))
    lay(place, {"MANIFEST.sha256": text})
    async with opener(store_url, packs__watch="off") as pureboot:
        pinned = pack_sums.digest_of(text.encode())
        with pytest.raises(Invalid, match="is no SHA-256"):
            await pureboot.packs.add("my_pack", by=ADA, manifest_sha256="12")
        with pytest.raises(Invalid, match="but it is pinned to 0000"):
            await pureboot.packs.add("my_pack", by=ADA, manifest_sha256="0" * 64)
        await pureboot.packs.add("my_pack", by=ADA, manifest_sha256=pinned)
        lay(place, {"templates/motd": "changed\n", "templates/extra": "x", "docs/README.md": "other\n"})
        (place / "workflows" / "hello.yaml").unlink()
        cursor = await pureboot.feed.cursor()
        with pytest.raises(Invalid) as caught:
            await pureboot.packs.sync("my_pack", by=ADA)
        assert [each.file for each in caught.value.problems] == [
            "docs/README.md",
            "templates/extra",
            "templates/motd",
            "workflows/hello.yaml",
        ]
        assert [each.kind for each in await log(pureboot, cursor)] == [Kind.PACK_FAILED]
        assert (await pureboot.templates.version("my_pack.motd")).content == "welcome\n"
        (place / "MANIFEST.sha256").unlink()
        with pytest.raises(Invalid, match="is missing, but its SHA-256 is pinned"):
            await pureboot.packs.sync("my_pack", by=ADA)
        await pureboot.packs.update("my_pack", {"manifest_sha256": None}, by=ADA)
        assert (await pureboot.templates.version("my_pack.motd")).content == "changed\n"


async def test_a_pack_goes_with_its_documents_archived(store_url: str, opener: Opener, tmp_path: Path) -> None:
    lay(root(tmp_path), {**SMALL, "workflows/waits.yaml": WAITS})
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        execution = await pureboot.executions.start("my_pack.waits", by=ADA)
        await begun(pureboot, execution, "wait")
        going = await pureboot.packs.removal("my_pack")
        assert (going.documents, going.live) == (
            ("my_pack.hello", "my_pack.motd", "my_pack.waits"),
            {"my_pack.waits": 1},
        )
        with pytest.raises(Conflict, match=r"run workflows of the pack my_pack: my_pack\.waits \(1\)"):
            await pureboot.packs.remove("my_pack", by=ADA)
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ACTIVE
        await pureboot.packs.remove("my_pack", by=ADA, force=True)
        removed = await event(pureboot, lambda each: each.kind is Kind.PACK_REMOVED)
        assert (removed.data["name"], removed.data["archived"]) == ("my_pack", 3)
        assert (await pureboot.templates.get("my_pack.motd")).status is DocumentStatus.ARCHIVED
        assert not (await pureboot.executions.get(execution.id)).ended
        with pytest.raises(NotFound):
            await pureboot.packs.sync("nothing", by=ADA)
        report = await pureboot.packs.sync("my_pack", by=ADA)  # its folder is still there: it is added again
        assert set(acts(report).values()) == {"changed"}
        assert [each.warnings for each in report.workflows] == [(), ()]
        assert (await pureboot.workflows.get("my_pack.waits")).is_active


async def test_a_repository_stays_at_its_commit_until_it_is_updated(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    origin = tmp_path / "origin"
    first = commit(origin)
    async with opener(store_url, packs__watch="off") as pureboot:
        pack, report = await pureboot.packs.add(str(origin), revision="main", by=ADA, local=True)
        assert (pack.ref, pack.commit_id, pack.revision, report.commit_id) == ("my_pack", first, "main", first)
        second = commit(origin, {"templates/motd": "second\n"}, gone=("workflows/hello.yaml",))
        assert set(acts(await pureboot.packs.sync("my_pack", by=ADA)).values()) == {"unchanged"}
        preview = await pureboot.packs.preview("my_pack")
        assert (preview.before.commit_id, preview.pack.commit_id) == (first, second)
        assert {each.name: (each.action.value, each.before, each.after) for each in preview.changes} == {
            "my_pack.motd": ("changed", "welcome\n", "second\n"),
            "my_pack.hello": ("archived", f"name: my_pack.hello\n{HELLO}", None),
        }
        assert (await pureboot.packs.get("my_pack")).commit_id == first
        third = commit(origin, {"templates/motd": "third\n"})
        pack, report = await pureboot.packs.update("my_pack", {"commit_id": second}, by=ADA)  # what was shown
        assert (pack.commit_id, acts(report)) == (second, {"my_pack.motd": "changed", "my_pack.hello": "archived"})
        pack, _ = await pureboot.packs.update("my_pack", by=ADA)
        assert pack.commit_id == third
        source = await pureboot.packs.source_of((await pureboot.templates.get("my_pack.motd")).id)
        assert source is not None
        assert source.commit_id == third
        git(origin, "tag", "old", first)
        pack, report = await pureboot.packs.update("my_pack", {"revision": "old"}, by=ADA)
        assert (pack.commit_id, pack.revision) == (first, "old")
        assert (await pureboot.workflows.get("my_pack.hello")).is_active
        with pytest.raises(NotFound, match="no such revision"):
            await pureboot.packs.update("my_pack", {"revision": "nope"}, by=ADA)
        assert (await pureboot.packs.get("my_pack")).revision == "old"
        kept = pureboot.packs.places.repository(pack.source).folder
        assert kept.is_dir()
        await pureboot.packs.remove("my_pack", by=ADA)
        assert not kept.exists()


@pytest.mark.parametrize(
    "source",
    ["/etc", "../outside", "my_pack/../..", ".", "", ".cache", "file:///tmp", "http://x/y", "ext::sh -c x", "link"],
)
async def test_from_afar_only_folders_below_packs_dir_may_be_named(
    pureboot: PureBoot, tmp_path: Path, source: str
) -> None:
    lay(tmp_path / "outside")
    lay(root(tmp_path))
    (tmp_path / "packs" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(Invalid) as caught:
        await pureboot.packs.add(source, by=ADA)
    assert caught.value.problems[0].path == "source"
    await pureboot.packs.add("my_pack", by=ADA)
    with pytest.raises(Invalid):
        await pureboot.packs.update("my_pack", {"source": source}, by=ADA)


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


async def test_a_workflow_means_its_own_packs_templates_when_a_machine_asks(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    from engine.core.scopes import Server

    lay(root(tmp_path), {**SMALL, "workflows/waits.yaml": WAITS})
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.templates.create("motd", "the site's\n", by=ADA)
        await pureboot.templates.create("only", "the site's\n", by=ADA)
        await pureboot.packs.add("my_pack", by=ADA)
        execution = await pureboot.executions.start("my_pack.waits", by=ADA)
        texts = [await pureboot.callbacks.render(execution.id, name, server=Server()) for name in ("motd", "only")]
        assert texts == ["welcome\n", "the site's\n"]

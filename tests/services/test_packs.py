"""Packs from end to end: added, checked, needed by others, pinned, updated, removed; on both databases."""

from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.documents import DocumentStatus
from engine.core.events import Kind
from engine.core.page import EVERYTHING
from engine.core.shape import as_data
from engine.errors import Conflict, Invalid, NotFound, PureBootError
from tests.conftest import Opener
from tests.packs.repositories import HELLO, SMALL, commit, git, lay
from tests.services.packs_support import acts, log, root
from tests.story import ADA, begun, event

WAITS = "steps:\n  - {key: wait, action: core.delay, with: {duration: 1h}}\n"


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

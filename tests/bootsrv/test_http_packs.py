"""/api/v1/packs."""

from pathlib import Path

import pytest

from engine.app import PureBoot
from tests.bootsrv.http_support import serving
from tests.conftest import Opener
from tests.packs.repositories import MANIFEST, SMALL, commit, lay
from tests.story import begun

PACKS = "/api/v1/packs"
WAITS = "steps:\n  - {key: wait, action: core.delay, with: {duration: 1h}}\n"


async def test_a_pack_is_made_looked_at_synced_changed_and_removed(pureboot: PureBoot, tmp_path: Path) -> None:
    place = lay(tmp_path / "packs" / "my_pack")
    async with serving(pureboot) as client:
        made = await client.post(PACKS, {"ref": "my_pack", "label": "is said by the manifest"})
        assert (made.status, made.headers["Location"]) == (201, f"{PACKS}/my_pack")
        fields = {name: made.data[name] for name in ("ref", "label", "version", "description", "source")}
        assert fields == {
            "ref": "my_pack",
            "label": "My pack",
            "version": "1.0.0",
            "description": "For tests",
            "source": "my_pack",
        }
        assert made.data["sync"]["registered_count"] == 2
        assert (await client.get("/api/v1/workflows/my_pack.hello")).data["is_active"]
        assert (await client.get("/api/v1/templates/my_pack.motd/versions/latest")).data["content"] == "welcome\n"
        (await client.post(PACKS, {"ref": "my_pack"})).problem(409)

        listed = await client.get(f"{PACKS}?ref=my_pack&sort=-version")
        assert (listed.json["total"], listed.data[0]["ref"]) == (1, "my_pack")
        got = await client.get(f"{PACKS}/{made.data['id']}")
        assert got.data == {name: value for name, value in made.data.items() if name != "sync"}
        documents = (await client.get(f"{PACKS}/my_pack/documents")).data
        assert [(each["name"], each["path"]) for each in documents] == [
            ("my_pack.hello", "workflows/hello.yaml"),
            ("my_pack.motd", "templates/motd"),
        ]

        synced = (await client.post(f"{PACKS}/my_pack/sync")).data
        assert set(synced) == {
            *("pack_ref", "loaded_count", "registered_count", "workflows", "templates", "errors"),
        }
        assert set(synced["workflows"][0]) == {"ref_name", "created", "workflow_id", "version", "warnings"}
        assert set(synced["templates"][0]) == {"ref_name", "created", "template_id", "version", "warnings"}
        lay(place, {"templates/motd": "second\n", "workflows/bad.yaml": "steps: 3\n"})
        synced = (await client.post(f"{PACKS}/my_pack/workflows/sync")).data
        assert (synced["templates"], synced["loaded_count"]) == ([], 1)
        assert [(each["file"], each["line"], each["path"]) for each in synced["errors"]] == [
            ("workflows/bad.yaml", 1, "steps")
        ]
        checked = (await client.post(f"{PACKS}/my_pack/validate")).data
        assert (checked["pack_ref"], checked["validated_count"], checked["error_count"]) == ("my_pack", 3, 1)
        assert list(checked["errors"]) == ["my_pack.bad"]
        checked = (await client.post(f"{PACKS}/my_pack/workflows/validate")).data
        assert (checked["validated_count"], checked["error_count"]) == (2, 1)

        lay(place, {"pack.yaml": MANIFEST.replace("label: My pack\n", "").replace("1.0.0", "1.1.0")})
        changed = (await client.patch(f"{PACKS}/my_pack", {"label": "Mine"})).data
        assert (changed["label"], changed["version"]) == ("Mine", "1.1.0")
        assert (await client.get("/api/v1/templates/my_pack.motd/versions/latest")).data["content"] == "second\n"
        assert "ref" in (await client.patch(f"{PACKS}/my_pack", {"ref": "other"})).wrong()
        assert "lable" in (await client.patch(f"{PACKS}/my_pack", {"lable": "x"})).wrong()

        assert (await client.delete(f"{PACKS}/my_pack")).data["ref"] == "my_pack"
        (await client.get(f"{PACKS}/my_pack")).problem(404)
        assert (await client.get("/api/v1/templates/my_pack.motd")).data["status"] == "archived"


async def test_a_pack_whose_workflow_runs_is_removed_by_force(pureboot: PureBoot, tmp_path: Path) -> None:
    lay(tmp_path / "packs" / "my_pack", {**SMALL, "workflows/waits.yaml": WAITS})
    async with serving(pureboot) as client:
        await client.post(PACKS, {"ref": "my_pack"})
        execution = await pureboot.executions.start("my_pack.waits", by="user:test")
        await begun(pureboot, execution, "wait")
        told = (await client.delete(f"{PACKS}/my_pack")).problem(409)
        assert "my_pack.waits (1)" in told["detail"]
        assert (await client.delete(f"{PACKS}/my_pack?force=true")).data["ref"] == "my_pack"


@pytest.mark.parametrize(
    "source", ["/etc", "../../etc", "file:///etc", "http://127.0.0.1/x", "ext::sh -c id", "git://x/y", "-x", "nothing"]
)
async def test_no_other_place_of_the_server_may_be_named(pureboot: PureBoot, tmp_path: Path, source: str) -> None:
    lay(tmp_path / "packs" / "my_pack")
    commit(tmp_path / "origin")
    async with serving(pureboot) as client:
        assert "source" in (await client.post(PACKS, {"ref": "x", "source": source})).wrong()
        assert "source" in (await client.post(PACKS, {"source": str(tmp_path / "origin"), "revision": "main"})).wrong()
        await client.post(PACKS, {"ref": "my_pack"})
        assert "source" in (await client.patch(f"{PACKS}/my_pack", {"source": source})).wrong()
        assert (await client.get(PACKS)).json["total"] == 1


async def test_a_repository_below_packs_dir_may_be_named_with_a_revision(pureboot: PureBoot, tmp_path: Path) -> None:
    first = commit(tmp_path / "packs" / "repo")
    async with serving(pureboot) as client:
        made = (await client.post(PACKS, {"source": "repo", "revision": "main"})).data
        assert (made["ref"], made["commit_id"], made["source_kind"]) == ("my_pack", first, "git")
        second = commit(tmp_path / "packs" / "repo", {"templates/motd": "second\n"})
        assert (await client.post(f"{PACKS}/my_pack/sync")).data["errors"] == []
        assert (await client.get(f"{PACKS}/my_pack")).data["commit_id"] == first
        assert (await client.patch(f"{PACKS}/my_pack", {})).data["commit_id"] == second


async def test_what_is_wrong_with_a_pack_as_a_whole_is_said(pureboot: PureBoot, tmp_path: Path) -> None:
    lay(tmp_path / "packs" / "a", {"pack.yaml": "ref: a\nversion: x\n"})
    lay(tmp_path / "packs" / "b", {"pack.yaml": "ref: b\ndependencies: [c]\n"})
    async with serving(pureboot) as client:
        assert "is no version" in (await client.post(PACKS, {"ref": "a"})).wrong()["version"]
        assert "needs the pack c" in (await client.post(PACKS, {"ref": "b"})).wrong()["dependencies"]
        assert (await client.post(f"{PACKS}/a/validate")).data["errors"] == {
            "a": ["pack.yaml:2:10: version: 'x' is no version: write numbers with dots, such as 1.2.0"]
        }
        assert "ref" in (await client.post(PACKS, {})).wrong()
        assert "manifest_sha256" in (await client.post(PACKS, {"ref": "a", "manifest_sha256": "1"})).wrong()
        for path in ("sync", "validate", "workflows/sync", "workflows/validate", "documents"):
            method = "GET" if path == "documents" else "POST"
            (await client.ask(method, f"{PACKS}/nothing/{path}")).problem(404)
        assert "force" in (await client.delete(f"{PACKS}/nothing?force=maybe")).wrong()


@pytest.mark.parametrize(
    ("role", "looks", "works"), [(None, 401, 401), ("viewer", 200, 403), ("technician", 200, 404), ("admin", 200, 404)]
)
async def test_who_may_look_and_who_may_change(
    sqlite_url: str, opener: Opener, role: str | None, looks: int, works: int
) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot:
        token = None if role is None else (await pureboot.access.create("t", role, by="user:test")).secret
        async with serving(pureboot) as open_client:
            client = open_client.with_token(token)
            assert (await client.get(PACKS)).status == looks
            for method, path in (("DELETE", ""), ("PATCH", ""), ("POST", "/sync"), ("POST", "/workflows/sync")):
                assert (await client.ask(method, f"{PACKS}/nothing{path}", json={})).status == works

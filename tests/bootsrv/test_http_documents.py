"""/api/v1/templates and /api/v1/workflows."""

import json
from typing import Any

import pytest

from engine.app import PureBoot
from tests.bootsrv.http_support import HELLO, INSTALL, MAC, SCRIPT, node, published, serving, until_ended

TEMPLATES, WORKFLOWS = "/api/v1/templates", "/api/v1/workflows"
YAML = {"Content-Type": "application/yaml"}
STEPS: Any = [{"key": "greet", "action": "core.echo", "with": {"message": "hi"}}]


async def test_a_template_has_versions_that_never_change(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.post(TEMPLATES, {"name": "answers", "type": "script", "content": "one\n", "tags": ["x"]})
        assert (made.status, made.data["current_version"], made.data["type"]) == (201, "v1.0", "script")
        versions = f"{TEMPLATES}/answers/versions"
        second = await client.post(versions, {"content": "two\n", "commit_message": "the second"})
        assert (second.status, second.data["version_string"]) == (201, "v1.1")
        assert second.headers["Location"].endswith("/versions/v1.1")
        third = await client.post(f"{versions}?bump=major", {"content": "three\n"})
        assert third.data["version_string"] == "v2.0"
        same = await client.post(versions, {"content": "three\n"})
        assert "v2.0" in same.problem(409)["detail"]
        listed = await client.get(versions)
        assert [each["version_string"] for each in listed.data] == ["v2.0", "v1.1", "v1.0"]
        assert set(listed.data[0]) == {
            *("id", "template_id", "major", "minor", "version_string", "content", "content_hash", "size_bytes"),
            *("commit_message", "author", "created_at"),
        }
        for reference, content in (("v1.0", "one\n"), ("v1", "two\n"), ("latest", "three\n"), ("2", "three\n")):
            assert (await client.get(f"{versions}/{reference}")).data["content"] == content
        (await client.get(f"{versions}/v9")).problem(404)
        (await client.get(f"{versions}/soon")).problem(422)
        back = await client.put(f"{TEMPLATES}/answers/current", {"version": "v1.0"})
        assert back.data["current_version"] == "v1.0"
        assert (await client.get(f"{versions}/latest")).data["content"] == "one\n"
        (await client.post(f"{versions}?bump=huge", {"content": "four"})).problem(422)


async def test_two_versions_differ_in_words_or_as_a_patch(pureboot: PureBoot) -> None:
    await pureboot.templates.create("answers", "a\nb c\n", by="user:test")
    await pureboot.templates.add_version("answers", "a\nb d\n", by="user:test")
    path = f"{TEMPLATES}/answers/diff"
    async with serving(pureboot) as client:
        patch = await client.get(f"{path}?from=v1.0&to=v1.1")
        assert patch.headers["Content-Type"] == "text/x-diff; charset=utf-8"
        assert patch.text == "--- answers v1.0\t\n+++ answers v1.1\t\n@@ -1,2 +1,2 @@\n a\n-b c\n+b d\n"
        hunks = await client.get(f"{path}?from=v1.0", headers={"Accept": "application/json"})
        assert (hunks.data["from"], hunks.data["to"], hunks.data["identical"]) == ("v1.0", "v1.1", False)
        assert hunks.data["hunks"][0]["rows"][1]["op"] == "replace"
        rather = await client.get(f"{path}?from=v1.0", headers={"Accept": "application/json;q=0.5, text/*"})
        assert rather.text == patch.text
        same = await client.get(f"{path}?from=v1.1&to=latest")
        assert (same.status, same.text) == (200, "")
        assert set((await client.get(path)).wrong()) == {"from"}
        (await client.get(f"{path}?from=v7")).problem(404)


async def test_a_preview_masks_nothing_away_and_names_what_is_missing(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1")
    await pureboot.templates.create("hosts", "${node.hostname}\n${meta.dns} ${params.x}\n", by="user:test")
    async with serving(pureboot) as client:
        answer = await client.post(f"{TEMPLATES}/hosts/render", {"node": "web-1", "params": {"x": 1}})
        assert answer.data["content"] == "web-1\n${meta.dns} 1\n"
        (missing,) = answer.data["unresolved"]
        assert (missing["name"], missing["line"], missing["column"]) == ("meta.dns", 2, 1)
        (await client.post(f"{TEMPLATES}/hosts/render", {"node": "nobody"})).problem(404)
        (await client.post(f"{TEMPLATES}/hosts/render", {"version": "v3"})).problem(404)


async def test_a_template_changes_beside_its_versions_and_is_archived(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await client.post(TEMPLATES, {"name": "a", "content": "x"})
        for method in ("PATCH", "PUT"):
            changed = await client.ask(method, f"{TEMPLATES}/a", json={"description": method, "tags": ["t"]})
            assert (changed.data["description"], changed.data["tags"]) == (method, ["t"])
        assert "is no field here" in (await client.patch(f"{TEMPLATES}/a", {"content": "y"})).wrong()["content"]
        assert "is 'magic'" in (await client.post(TEMPLATES, {"name": "b", "type": "magic"})).wrong()["type"]
        (await client.post(TEMPLATES, {"name": "a"})).problem(409)
        assert (await client.delete(f"{TEMPLATES}/a")).data["status"] == "archived"
        assert (await client.get(TEMPLATES)).data == []
        assert (await client.get(f"{TEMPLATES}?status=archived")).json["total"] == 1
        assert (await client.get(f"{TEMPLATES}/a/versions/latest")).data["content"] == "x"


async def test_a_large_template_comes_back_whole(pureboot: PureBoot) -> None:
    content = "ä" * (512 * 1024)
    async with serving(pureboot) as client:
        await client.post(TEMPLATES, {"name": "large", "content": content})
        assert (await client.get(f"{TEMPLATES}/large/versions/v1.0")).data["content"] == content


async def test_a_workflow_from_draft_to_archive(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.post(WORKFLOWS, {"name": "hello", "steps": STEPS, "os_family": "linux"})
        assert (made.status, made.data["status"], made.data["is_active"]) == (201, "draft", False)
        assert {"id", "name", "os_family", "architecture", "boot_mode", "version", "params", "steps"} <= set(made.data)
        step = made.data["steps"][0]
        assert {"id", "key", "sequence", "name", "action", "with", "timeout_seconds", "retry", "edges"} <= set(step)
        (await client.post(WORKFLOWS, {"name": "hello", "steps": STEPS})).problem(409)
        (await client.post(f"{WORKFLOWS}/hello/execute", {})).problem(409)
        active = await client.post(f"{WORKFLOWS}/hello/publish")
        assert (active.data["is_active"], active.data["current_version"]) == (True, "v1.0")

        draft = await client.patch(f"{WORKFLOWS}/hello?commit_message=slower", {"timeout_seconds": 60})
        assert (draft.data["latest_version"], draft.data["version"]) == ("v1.1", "v1.0")
        newest = await client.get(f"{WORKFLOWS}/hello?version=v1.1")
        assert (newest.data["timeout_seconds"], len(newest.data["steps"])) == (60, 1)
        assert "PATCH takes parts" in (await client.put(f"{WORKFLOWS}/hello", {"description": "x"})).wrong()["steps"]
        await client.put(f"{WORKFLOWS}/hello", {"nodes": STEPS, "description": "anew"})
        newest = await client.get(f"{WORKFLOWS}/hello?version=v1.2")
        assert (newest.data["timeout_seconds"], newest.data["description"]) == (None, "anew")
        assert (
            "keeps its name" in (await client.put(f"{WORKFLOWS}/hello", {"name": "b", "steps": STEPS})).wrong()["name"]
        )

        versions = (await client.get(f"{WORKFLOWS}/hello/versions")).data
        assert [(each["version_string"], each["commit_message"]) for each in versions] == [
            ("v1.2", ""),
            ("v1.1", "slower"),
            ("v1.0", ""),
        ]
        assert "name: hello" in (await client.get(f"{WORKFLOWS}/hello/versions/v1")).data["content"]
        published_ = await client.post(f"{WORKFLOWS}/hello/publish", {"version": "v1.1"})
        assert published_.data["version"] == "v1.1"
        (await client.post(f"{WORKFLOWS}/hello/publish", {"version": "v7"})).problem(404)
        assert (await client.post(f"{WORKFLOWS}/hello/archive")).data["status"] == "archived"
        (await client.post(f"{WORKFLOWS}/hello/execute", {})).problem(409)
        assert (await client.get(WORKFLOWS)).data == []


async def test_workflows_are_filtered(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    await pureboot.workflows.import_(SCRIPT.replace("name: on-node", "name: bsd\nos_family: bsd"), by="user:test")
    async with serving(pureboot) as client:

        async def names(query: str) -> list[str]:
            return [each["name"] for each in (await client.get(f"{WORKFLOWS}?{query}")).data]

        assert await names("") == ["bsd", "hello"]
        assert await names("is_active=true") == ["hello"]
        assert await names("is_active=false") == ["bsd"]
        assert await names("os_family=bsd&architecture=any") == ["bsd"]
        assert set((await client.get(f"{WORKFLOWS}?is_active=perhaps&os=x")).wrong()) == {"is_active", "os"}


async def test_a_file_is_kept_as_it_was_written(pureboot: PureBoot) -> None:
    text = HELLO.replace("steps:", "# the only step\nsteps:")
    async with serving(pureboot) as client:
        made = await client.post(WORKFLOWS, data=text, headers=YAML)
        assert (made.status, made.data["name"]) == (201, "hello")
        assert (await client.get(f"{WORKFLOWS}/hello/versions/v1.0")).data["content"] == text
        (await client.post(WORKFLOWS, data=text, headers=YAML)).problem(409)
        changed = text.replace("default: world", "default: moon")
        await client.put(f"{WORKFLOWS}/hello", data=changed, headers=YAML)
        assert (await client.get(f"{WORKFLOWS}/hello/versions/v1.1")).data["content"] == changed
        await client.patch(f"{WORKFLOWS}/hello", data="description: a greeting", headers=YAML)
        exported = await client.get(f"{WORKFLOWS}/hello/export?version=v1.2")
        assert exported.headers["Content-Type"] == "application/yaml; charset=utf-8"
        assert "description: a greeting" in exported.text
        assert "default: moon" in exported.text
        (await client.put(f"{WORKFLOWS}/hello", data=INSTALL, headers=YAML)).problem(422)


async def test_import_takes_all_of_a_file_or_nothing(pureboot: PureBoot) -> None:
    both = f"{HELLO}---\n{SCRIPT}"
    async with serving(pureboot) as client:
        first = await client.post(f"{WORKFLOWS}/import?file=two.yaml", data=both, headers=YAML)
        assert (first.status, first.json["total"]) == (201, 2)
        assert [(each["name"], each["changed"]) for each in first.data] == [("hello", True), ("on-node", True)]
        again = await client.post(f"{WORKFLOWS}/import", {"content": both, "file": "two.yaml"})
        assert (again.status, [each["changed"] for each in again.data]) == (200, [False, False])
        tree = await client.post(f"{WORKFLOWS}/import", {"name": "tree", "steps": STEPS})
        assert (tree.status, tree.data[0]["name"]) == (201, "tree")
        bad = HELLO.replace("hello", "good") + "---\n" + SCRIPT.replace("node.script", "node.scrpt")
        answer = await client.post(f"{WORKFLOWS}/import?file=bad.yaml", data=bad, headers=YAML)
        (problem,) = answer.problem(422)["errors"]
        assert (problem["file"], problem["line"], problem["path"]) == ("bad.yaml", 13, "steps[0].action")
        assert {each["name"] for each in (await client.get(WORKFLOWS)).data} == {"hello", "on-node", "tree"}
        assert set((await client.post(f"{WORKFLOWS}/import", {"content": both, "fil": "x"})).wrong()) == {"fil"}


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (HELLO, []),
        ("name: x\n\tsteps: 1\n", [("", 2)]),
        ("", [("", None)]),
        ("name: x\nsteps:\n  - {key: a, action: core.echo, colour: red}\n", [("steps[0].colour", 3)]),
        (
            "name: x\nsteps:\n  - {key: a, action: core.delay, with: {duration: soon}}\n",
            [("steps[0].with.duration", 3)],
        ),
        (
            "name: x\nsteps:\n  - {key: a, action: no.such}\n  - {key: a, action: core.fail}\n",
            [("steps[0].action", 3), ("steps[1].key", 4)],
        ),
    ],
)
async def test_validate_tells_all_and_changes_nothing(
    pureboot: PureBoot, text: str, errors: list[tuple[str, int | None]]
) -> None:
    async with serving(pureboot) as client:
        for answer in (
            await client.post(f"{WORKFLOWS}/validate", data=text, headers=YAML),
            await client.post(f"{WORKFLOWS}/validate", {"content": text}),
        ):
            assert answer.status == 200
            assert answer.data["valid"] is (not errors)
            assert [(each["path"], each["line"]) for each in answer.data["errors"]] == errors
        assert (await client.get(WORKFLOWS)).json["total"] == 0


async def test_execute_starts_once_for_a_request_id(pureboot: PureBoot) -> None:
    await node(pureboot)
    await published(pureboot, HELLO, SCRIPT)
    async with serving(pureboot) as client:
        path = f"{WORKFLOWS}/hello/execute"
        first = await client.post(path, {"params": {"who": "moon"}, "request_id": "r-1", "trigger": "webhook"})
        again = await client.post(path, {"params": {"who": "moon"}, "request_id": "r-1"})
        assert (first.status, again.status) == (202, 202)
        assert set(first.data) == {"execution_id", "status", "status_url"}
        assert first.data["execution_id"] == again.data["execution_id"]
        await until_ended(pureboot, first.data["execution_id"])
        shown = await client.get(first.data["status_url"])
        assert (shown.data["status"], shown.data["params"], shown.data["trigger"]) == (
            "succeeded",
            {"who": "moon"},
            "webhook",
        )
        wrong = await client.post(path, {"params": {"whom": "x", "who": 3}})
        assert set(wrong.wrong()) == {"params.whom", "params.who"}
        assert set((await client.post(f"{WORKFLOWS}/on-node/execute", {})).wrong()) == {"node"}
        (await client.post(f"{WORKFLOWS}/on-node/execute", {"node": "nobody"})).problem(404)
        (await client.post(f"{WORKFLOWS}/nothing/execute", {})).problem(404)
        assert (await client.post(f"{WORKFLOWS}/on-node/execute", {"node": MAC})).status == 202
        busy = await client.post(f"{WORKFLOWS}/on-node/execute", {"node": MAC})
        assert "is busy with on-node" in busy.problem(409)["detail"]


async def test_a_draft_runs_only_when_asked_for(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await client.patch(f"{WORKFLOWS}/hello", {"description": "newer"})
        active = await client.post(f"{WORKFLOWS}/hello/execute", {})
        draft = await client.post(f"{WORKFLOWS}/hello/execute", {"draft": True})
        versions = [(await client.get(each.data["status_url"])).data["workflow_version"] for each in (active, draft)]
    assert versions == ["v1.0", "v1.1"]


async def test_json_that_is_no_workflow_is_refused(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        bodies: list[Any] = [[], "hello", 3]
        for body in bodies:
            answer = await client.post(WORKFLOWS, data=json.dumps(body), headers={"Content-Type": "application/json"})
            answer.problem(422)
        assert set((await client.post(WORKFLOWS, {"steps": []})).wrong()) == {"name", "steps"}

"""Searching the library, comparing versions, where documents are used, what would change: over HTTP."""

from engine.app import PureBoot
from engine.core.documents import DocumentKind
from tests.bootsrv.http_support import Answer, Client, published, serving
from tests.story import ADA

TEMPLATES, WORKFLOWS = "/api/v1/templates", "/api/v1/workflows"
INSTALL = """\
name: install
steps:
  - key: wipe
    action: node.script
    with: {template: answers}
    retry: {max_attempts: 3}
"""


async def filled(pureboot: PureBoot, client: Client) -> None:
    """A template that a workflow runs, and a node that would boot it."""
    await pureboot.templates.create("answers", "zone ${meta.zone|UTC}\n", by=ADA, tags=["eu"])
    await pureboot.templates.create("other", "nothing\n", by=ADA)
    await published(pureboot, INSTALL)
    workflow = await pureboot.workflows.get("install")
    await pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "n1", "workflow_id": workflow.id}, by=ADA)
    assert (await client.get("/health")).status == 200


async def test_a_search_names_line_column_and_text(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        answer = await client.get(f"{TEMPLATES}?q=ZONE&limit=5")
        assert answer.json["total"] == 1
        [found] = answer.data
        assert (found["name"], found["version_string"], found["match_count"]) == ("answers", "v1.0", 2)
        assert found["matches"][0] == {
            "field": "content",
            "line": 1,
            "column": 1,
            "text": "zone ${meta.zone|UTC}",
            "start": 0,
            "length": 4,
        }
        assert (await client.get(f"{WORKFLOWS}?q=template:%20answers")).data[0]["matches"][0]["line"] == 5
        assert (await client.get(f"{TEMPLATES}?q=zone&type=preseed")).json["total"] == 0
        assert (await client.get(f"{TEMPLATES}?tag=eu")).json["total"] == 1
        await pureboot.templates.add_version("answers", "changed\n", by=ADA)
        assert (await client.get(f"{TEMPLATES}?q=zone")).json["total"] == 0
        assert (await client.get(f"{TEMPLATES}?q=zone&all_versions=true")).data[0]["version_string"] == "v1.0"
        assert "q" in (await client.get(f"{TEMPLATES}?q=")).wrong()


async def test_a_workflows_versions_differ_in_words_as_a_patch_and_in_meaning(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        await pureboot.workflows.import_(INSTALL.replace("attempts: 3", "attempts: 5"), by=ADA)
        path = f"{WORKFLOWS}/install/diff?from=v1.0"
        patch = await client.get(path)
        assert patch.headers["Content-Type"] == "text/x-diff; charset=utf-8"
        assert "-    retry: {max_attempts: 3}\n+    retry: {max_attempts: 5}\n" in patch.text
        data = (await client.get(path, headers={"Accept": "application/json"})).data
        assert (data["from"], data["to"], data["added"]) == ("v1.0", "v1.1", 1)
        assert data["changes"] == [
            {
                "text": "step `wipe` now retries 5 times (was 3), counting the first try",
                "field": "retry.max_attempts",
                "step": "wipe",
                "before": 3,
                "after": 5,
            }
        ]
        assert (await client.get(f"{WORKFLOWS}/install/diff")).wrong() == {
            "from": "is missing: write ?from=v1.0&to=v1.1"
        }


async def test_a_draft_waits_to_be_made_current(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        made = await client.post(f"{TEMPLATES}/answers/versions", {"content": "new\n", "draft": True})
        assert (made.status, made.data["draft"], made.data["version_string"]) == (201, True, "v1.1")
        assert (await client.get(f"{TEMPLATES}/answers")).data["current_version"] == "v1.0"
        assert (await client.get(f"{TEMPLATES}/answers/versions/latest")).data["version_string"] == "v1.0"
        assert (await client.get(f"{TEMPLATES}/answers/versions/v1")).data["version_string"] == "v1.0"
        await client.put(f"{TEMPLATES}/answers/current", {"version": "v1.1"})
        assert (await client.get(f"{TEMPLATES}/answers/versions/v1")).data.get("draft") is None
        first = await client.post(TEMPLATES, {"name": "d", "content": "x", "draft": True})
        assert (first.data["status"], first.data["current_version"], first.data["latest_version"]) == (
            "draft",
            None,
            "v1.0",
        )


async def test_a_workflow_goes_back_to_an_earlier_version_and_has_tags(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        await pureboot.workflows.import_(INSTALL.replace("attempts: 3", "attempts: 5"), by=ADA)
        await pureboot.workflows.publish("install", by=ADA)
        back = await client.put(f"{WORKFLOWS}/install/current", {"version": "v1.0"})
        assert (back.data["current_version"], back.data["latest_version"]) == ("v1.0", "v1.1")
        tagged = await client.patch(f"{WORKFLOWS}/install", {"tags": ["eu", "bare"]})
        assert (tagged.data["tags"], tagged.data["latest_version"]) == (["eu", "bare"], "v1.1")
        both = await client.patch(f"{WORKFLOWS}/install", {"tags": [], "description": "Anew"})
        assert (both.data["tags"], both.data["latest_version"]) == ([], "v1.2")
        assert "tags" in (await client.patch(f"{WORKFLOWS}/install", {"tags": "eu"})).wrong()


async def test_where_a_document_is_used(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        data = (await client.get(f"{TEMPLATES}/answers/where-used")).data
        assert [(each["kind"], each["name"], each["direct"]) for each in data["documents"]] == [
            ("workflow", "install", True)
        ]
        assert data["documents"][0]["uses"][0]["step"] == "wipe"
        assert [(each["node"], each["workflow"]) for each in data["nodes"]] == [("n1", "install")]
        assert (await client.get(f"{TEMPLATES}/answers/where-used?version=v9")).status == 404
        assert (await client.get(f"{TEMPLATES}/nowhere/where-used")).status == 404
        assert [each["node"] for each in (await client.get(f"{WORKFLOWS}/install/where-used")).data["nodes"]] == ["n1"]


async def impact(client: Client, path: str, **more: str) -> Answer:
    return await client.post(f"{TEMPLATES}/answers/impact{path}", {"content": "zone ${meta.zone|CET}\n", **more})


async def test_what_a_text_would_change_and_for_whom(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        data = (await impact(client, "")).data
        assert (data["from"], data["to"], data["added"], data["removed"]) == ("v1.0", None, 1, 1)
        assert data["counts"]["nodes"] == {"breaks": 0, "mends": 0, "changed": 1, "same": 0}
        [reached] = data["reached"]
        assert (reached["node"], reached["verdict"], reached["workflow"], reached["steps"]) == (
            "n1",
            "changed",
            "install",
            ["wipe"],
        )
        assert reached["texts"] == [{"title": "answers", "verdict": "changed", "problems": []}]
        [text] = (await impact(client, "", node="n1")).data["reached"][0]["texts"]
        assert (text["before"], text["after"]) == ("zone UTC\n", "zone CET\n")
        assert text["diff"]["hunks"][0]["rows"][0]["op"] == "replace"
        await pureboot.templates.add_version("answers", "zone ${meta.zone|CET}\n", by=ADA, draft=True)
        patch = await client.get(f"{TEMPLATES}/answers/impact?node=n1", headers={"Accept": "text/x-diff"})
        assert patch.text.endswith("-zone UTC\n+zone CET\n")
        assert (await client.get(f"{TEMPLATES}/answers/impact?from=v1.0&to=v1.1")).data["to"] == "v1.1"
        assert (await client.get(f"{TEMPLATES}/answers/impact?node=nobody")).status == 404
        assert "content" in (await client.post(f"{TEMPLATES}/answers/impact", {})).wrong()


async def test_what_is_needed_is_archived_only_by_force(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        assert (await client.delete(f"{TEMPLATES}/other")).json["message"] == (
            "template other is archived; its versions stay"
        )
        await pureboot.executions.start("install", by=ADA, node="n1")
        refused = (await client.delete(f"{TEMPLATES}/answers")).problem(409)
        assert "1 execution under way has yet to come to it (install on n1)" in refused["detail"]
        done = await client.delete(f"{TEMPLATES}/answers?force=true")
        assert (done.status, done.data["status"]) == (200, "archived")
        assert "install still names it" in done.json["message"]
        assert (await pureboot.library.where_used(DocumentKind.TEMPLATE, "answers")).executions_total == 1


async def test_a_version_may_say_what_it_was_made_from(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await filled(pureboot, client)
        versions = f"{TEMPLATES}/answers/versions"
        assert (await client.post(versions, {"content": "a\n", "based_on": "v1.0"})).status == 201
        refused = await client.post(versions, {"content": "b\n", "based_on": "v1.0"})
        assert refused.status == 409
        assert "made from v1.0" in refused.json["detail"]

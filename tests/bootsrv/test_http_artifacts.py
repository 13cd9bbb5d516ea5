"""What executions made over HTTP, workflows from templates, and texts that must come in as UTF-8."""

import pytest

from engine.app import PureBoot
from tests.bootsrv.http_support import node, serving
from tests.story import ADA, ended, published

FLOW = """\
name: reported
steps:
  - {key: a, action: core.render, with: {template: page, as: page.html}}
  - {key: b, action: core.render, with: {template: page, as: page.json}}
"""
PAGE = "<script>alert('ü')</script>\r\n"
ROLE = """\
params: {who: {type: string}}
---
name: {{ name }}
steps:
  - {key: a, action: core.echo, with: {message: {{ params.who | yaml }}}}
"""


async def test_artifacts_are_downloads_and_never_a_page_of_ours(pureboot: PureBoot) -> None:
    await pureboot.templates.create("page", PAGE, by=ADA)
    execution = await ended(pureboot, await pureboot.executions.start(await published(pureboot, FLOW), by=ADA))
    async with serving(pureboot) as client:
        for base in ("executions", "runs"):
            listed = await client.get(f"/api/v1/{base}/{execution.id}/artifacts")
            assert [each["name"] for each in listed.data] == ["page.html", "page.json"]
            assert set(listed.data[0]) == {
                *("id", "execution_id", "attempt_id", "step_key", "name", "template", "version"),
                *("content_type", "sha256", "size", "created_at", "url"),
            }
        got = await client.get(listed.data[0]["url"])
        assert got.text == PAGE
        headers = {name: got.headers[name] for name in ("Content-Type", "Content-Disposition", "Cache-Control")}
        assert headers == {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Disposition": 'attachment; filename="page.html"',
            "Cache-Control": "no-store",
        }
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("sandbox")
        json = await client.get(f"/api/v1/executions/{execution.id}/artifacts/page.json")
        assert json.headers["Content-Type"].startswith("application/json")
        (await client.get(f"/api/v1/executions/{execution.id}/artifacts/none")).problem(404)
        (await client.get("/api/v1/executions/nobody/artifacts")).problem(404)


async def test_a_workflow_is_made_from_a_template(pureboot: PureBoot) -> None:
    await pureboot.templates.create("role", ROLE, type_="workflow", by=ADA)
    path = "/api/v1/workflows/from-template"
    async with serving(pureboot) as client:
        body = {"template": "role", "name": "web", "params": {"who": "a: b"}}
        dry = await client.post(path, {**body, "dry_run": True})
        assert (dry.status, dry.data["name"]) == (200, "web")
        assert 'message: "a: b"' in dry.data["content"]
        (await client.get("/api/v1/workflows/web")).problem(404)
        made = await client.post(path, body)
        assert (made.status, made.data["status"], made.data["steps"][0]["with"]) == (201, "draft", {"message": "a: b"})
        assert made.headers["Location"] == f"/api/v1/workflows/{made.data['id']}"
        (await client.post(path, body)).problem(409)
        wrong = await client.post(path, {"template": "role", "name": "db", "params": {"who": 1, "x": 2}})
        assert {"params.who", "params.x"} <= set(wrong.wrong())
        (await client.post(path, {"template": "none", "name": "db"})).problem(404)
        (await client.post(path, {"name": "db"})).problem(422)


@pytest.mark.parametrize("path", ["/api/v1/workflows", "/api/v1/workflows/import", "/api/v1/workflows/validate"])
async def test_a_file_that_is_no_utf_8_is_refused_with_its_place(pureboot: PureBoot, path: str) -> None:
    async with serving(pureboot) as client:
        headers = {"Content-Type": "application/yaml"}
        answer = await client.ask("POST", path, data=b"name: a\nsteps: \xff\n", headers=headers)
        [error] = answer.problem(422)["errors"]
        assert (error["line"], error["column"]) == (2, 8)
        assert "byte 15 (0xff) is wrong" in error["message"]


async def test_a_templates_bytes_come_back_and_hazards_are_in_the_preview(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1", model="R&D $(x)")
    text = "\ufeff#!/bin/sh\r\necho ${node.model}\r\nend"
    async with serving(pureboot) as client:
        await client.post("/api/v1/templates", {"name": "s", "content": text})
        assert (await client.get("/api/v1/templates/s/versions/latest")).data["content"] == text
        preview = await client.post("/api/v1/templates/s/render", {"node": "web-1"})
        assert preview.data["content"] == text.replace("${node.model}", "R&D $(x)")
        (hazard,) = preview.data["hazards"]
        assert (hazard["name"], hazard["line"], hazard["column"]) == ("node.model", 2, 6)
        broken = await client.ask(
            "POST",
            "/api/v1/templates",
            data=b'{"name": "t",\n"content": "\xfe"}',
            headers={"Content-Type": "application/json"},
        )
        [error] = broken.problem(422)["errors"]
        assert (error["line"], error["column"]) == (2, 13)

"""POST /api/v1/workflows/{id}/plan."""

from pathlib import Path

from bootsrv.http.app import ROUTES
from bootsrv.http.routing import Who
from engine.app import PureBoot
from tests.bootsrv.http_support import INSTALL, MAC, SCRIPT, node, published, serving


async def test_a_plan_says_what_would_be_done(pureboot: PureBoot, tmp_path: Path) -> None:
    folder = tmp_path / "files" / "debian"
    folder.mkdir(parents=True)
    (folder / "linux").touch()
    (folder / "initrd.gz").touch()
    async with serving(pureboot) as client:
        await published(pureboot, INSTALL, SCRIPT)
        await node(pureboot, hostname="r4-01")
        await pureboot.templates.create("answers", "d-i ${node.hostname}\n", by="user:test")
        answer = await client.post("/api/v1/workflows/install/plan", {"node": "r4-01"})
        assert (answer.status, answer.json["message"]) == (200, "nothing is missing")
        data = answer.data
        assert (data["workflow"], data["version"], data["node"], data["complete"]) == ("install", "v1.0", "r4-01", True)
        assert [step["key"] for step in data["steps"]] == ["netboot", "run"]
        assert data["steps"][0]["templates"][0]["content"] == "d-i r4-01\n"
        assert data["steps"][0]["templates"][0]["lines"] == 1
        assert data["final_state"] == "installed"
        assert pureboot.context.capability("00000000-0000-0000-0000-000000000000") not in answer.text
        executions = await client.get("/api/v1/executions")
        assert executions.json["total"] == 0


async def test_outcomes_are_written_as_in_a_rehearsal(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await published(pureboot, SCRIPT)
        await node(pureboot)
        body = {"node": MAC, "outcomes": {"run": {"failed": "no disk", "exit_code": 3}}}
        data = (await client.post("/api/v1/workflows/on-node/plan", body)).data
        assert (data["status"], data["error"]) == ("failed", "step Run it failed: no disk")
        assert (data["steps"][0]["ends"], data["steps"][0]["assumed"]) == ("failed", True)
        wrong = await client.post("/api/v1/workflows/on-node/plan", {"outcomes": {"run": ["ok"], "x": "failed"}})
        assert list(wrong.wrong()) == ["outcomes.run[0]"]
        wrong = await client.post("/api/v1/workflows/on-node/plan", {"outcomes": {"x": "failed"}})
        assert wrong.wrong() == {"outcomes.x": "there is no step 'x'; there are run"}
        wrong = await client.post("/api/v1/workflows/on-node/plan", {"nodes": MAC})
        assert list(wrong.wrong()) == ["nodes"]


async def test_what_is_missing_is_in_the_answer_and_what_does_not_exist_is_404(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await published(pureboot, SCRIPT)
        answer = await client.post("/api/v1/workflows/on-node/plan", {})
        assert (answer.status, answer.json["message"]) == (200, "1 thing is missing")
        assert answer.data["missing"] == [
            {
                "kind": "node",
                "message": "on-node has steps that need a node, and none is named",
                "step_key": None,
                "path": "",
                "file": None,
                "line": None,
                "column": None,
            }
        ]
        (await client.post("/api/v1/workflows/nobody/plan", {})).problem(404)
        (await client.post("/api/v1/workflows/on-node/plan", {"node": "nobody"})).problem(404)


def test_whoever_may_look_may_plan() -> None:
    [route] = [route for route in ROUTES if route.path == "/api/v1/workflows/{id}/plan"]
    assert (route.method, route.who) == ("POST", Who.VIEWER)

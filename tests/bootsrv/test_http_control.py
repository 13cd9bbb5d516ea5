"""What operators do with executions over HTTP: pause, resume, retry, skip, approve, look down the tree, start many."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.app import PureBoot
from engine.core.executions import Execution
from tests.bootsrv.http_support import SCRIPT, Client, node, published, serving
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import event, report

EXECUTIONS, WORKFLOWS = "/api/v1/executions", "/api/v1/workflows"
BY = "user:anonymous"

TWO_STEPS = """\
name: two
steps:
  - {key: one, name: The first, action: node.script, with: {script: "true"}}
  - {key: two, name: The second, action: node.script, with: {script: "true"}}
"""
GATE = """\
name: gate
steps:
  - {key: ask, name: Ask, action: core.approve, with: {message: "Wipe it?"}}
  - {key: after, name: After, action: core.echo, with: {message: "{{ steps.ask.output.comment }}"}}
"""
TWO_GATES = """\
name: gates
steps:
  - {key: begin, action: core.echo, edges: [{to: left}, {to: right}]}
  - {key: left, action: core.approve, edges: []}
  - {key: right, action: core.approve, edges: []}
"""
PARENT = """\
name: parent
steps:
  - {key: below, action: core.workflow, with: {workflow: on-node}}
"""


class Asked:
    """An execution, and a client that asks the doors about it."""

    def __init__(self, client: Client, execution: Execution) -> None:
        self.client = client
        self.execution = execution
        self.path = f"{EXECUTIONS}/{execution.id}"

    async def post(self, what: str, body: object = None) -> dict[str, object]:
        answer = await self.client.post(f"{self.path}/{what}", body)
        assert answer.status == 200, answer.text
        data: dict[str, object] = answer.data
        return data

    async def problem(self, what: str, status: int, body: object = None) -> str:
        return str((await self.client.post(f"{self.path}/{what}", body)).problem(status)["detail"])

    async def steps(self) -> list[tuple[str, int, str]]:
        found = (await self.client.get(f"{self.path}/steps")).data
        return [(each["step_key"], each["attempt"], each["status"]) for each in found]


@asynccontextmanager
async def asked(pureboot: PureBoot, *texts: str, on_node: bool = True) -> AsyncIterator[Asked]:
    """The first of these workflows, started."""
    await published(pureboot, *texts)
    target = await node(pureboot, hostname="r4-07") if on_node else None
    name = texts[0].partition("\n")[0].removeprefix("name: ")
    execution = await pureboot.executions.start(name, by="user:test", node=target.id if target else None)
    async with serving(pureboot) as client:
        yield Asked(client, execution)


@pytest.fixture
async def still(sqlite_url: str, opener: Opener, clock: ManualClock) -> AsyncIterator[PureBoot]:
    """A PureBoot whose clock stands still."""
    async with opener(sqlite_url, clock=clock) as opened:
        yield opened


async def test_pause_and_resume(still: PureBoot) -> None:
    async with asked(still, TWO_STEPS) as at:
        paused = await at.post("pause", {"reason": "the switch is being replaced"})
        assert (paused["status"], bool(paused["paused_at"])) == ("paused", True)
        assert "only one that runs can be paused" in await at.problem("pause", 409)
        await report(still, at.execution, "one")
        assert await at.steps() == [("one", 1, "succeeded")], "nothing new begins"
        resumed = await at.post("resume")
        assert (resumed["status"], resumed["paused_at"]) == ("running", None)
        assert await at.steps() == [("one", 1, "succeeded"), ("two", 1, "running")]
        assert "only one that is paused" in await at.problem("resume", 409)
        told = (await at.client.get(f"{at.path}/events")).data
        [said] = [each for each in told if each["kind"] == "execution.paused"]
        assert (said["principal"], said["data"]["reason"]) == (BY, "the switch is being replaced")
        assert set((await at.client.post(f"{at.path}/resume", {"reason": "x"})).wrong()) == {"reason"}


@pytest.mark.parametrize("prefix", [EXECUTIONS, "/api/v1/runs"])
@pytest.mark.parametrize("what", ["pause", "resume", "retry", "skip", "approve", "reject", "tree"])
async def test_what_is_not_there_is_not_found(still: PureBoot, prefix: str, what: str) -> None:
    async with serving(still) as client:
        method = "GET" if what == "tree" else "POST"
        body = {"step": "a", "reason": "b"} if what == "skip" else None
        (await client.ask(method, f"{prefix}/nothing/{what}", json=body)).problem(404)


async def test_a_failed_execution_is_retried_from_what_failed(still: PureBoot) -> None:
    async with asked(still, TWO_STEPS) as at:
        assert "nothing to retry yet" in await at.problem("retry", 409)
        await report(still, at.execution, "one")
        await report(still, at.execution, "two", "failed", exit_code=1)
        again = await at.post("retry")
        assert (again["status"], again["error"]) == ("running", None)
        assert await at.steps() == [("one", 1, "succeeded"), ("two", 1, "failed"), ("two", 2, "running")]


async def test_a_chosen_step_is_run_again(still: PureBoot) -> None:
    async with asked(still, TWO_STEPS) as at:
        await report(still, at.execution, "one")
        await report(still, at.execution, "two")
        assert "no step of it has to be retried" in await at.problem("retry", 409)
        await at.problem("retry", 404, {"step": "three"})
        await at.post("retry", {"step": "one"})
        assert (await at.steps())[-1] == ("one", 2, "running")
        attempts = (await at.client.get(f"{at.path}/steps")).data
        assert [each["visit"] for each in attempts] == [1, 1, 2]


async def test_a_step_is_skipped_with_a_reason_and_an_output(still: PureBoot) -> None:
    async with asked(still, TWO_STEPS) as at:
        skip = f"{at.path}/skip"
        assert set((await at.client.post(skip, {"step": "one"})).wrong()) == {"reason"}
        assert set((await at.client.post(skip, {"step": "one", "reason": "  "})).wrong()) == {"reason"}
        assert set((await at.client.post(skip, {"step": "one", "reason": "x", "output": 5})).wrong()) == {"output"}
        assert "has not begun" in await at.problem("skip", 409, {"step": "two", "reason": "x"})
        await at.post("skip", {"step": "one", "reason": "done by hand", "output": {"disk": "/dev/sdb"}})
        attempts = (await at.client.get(f"{at.path}/steps")).data
        [done] = [each for each in attempts if each["status"] == "skipped"]
        assert (done["output"], done["performer"]) == ({"disk": "/dev/sdb"}, "person")
        assert done["message"] == f"skipped by {BY}: done by hand"


async def test_a_step_that_waits_for_a_person_is_approved(pureboot: PureBoot) -> None:
    async with asked(pureboot, GATE, on_node=False) as at:
        await at.post("approve", {"comment": "go on"})
        assert "does not wait for an approval" in await at.problem("approve", 409)
        await event(pureboot, lambda each: each.kind == "execution.finished")
        attempts = (await at.client.get(f"{at.path}/steps")).data
        assert attempts[0]["output"] == {"approved": True, "by": BY, "comment": "go on"}
        assert attempts[1]["output"] == {"echo": "go on"}


@pytest.mark.parametrize(
    ("what", "body"), [("reject", {}), ("approve", {"approved": False})], ids=["reject", "approve"]
)
async def test_a_step_that_waits_for_a_person_is_rejected(still: PureBoot, what: str, body: dict[str, object]) -> None:
    async with asked(still, GATE, on_node=False) as at:
        rejected = await at.post(what, {**body, "comment": "wrong rack"})
        assert rejected["status"] == "failed"
        assert f"rejected by {BY}: wrong rack" in str(rejected["error"])
        [attempt] = (await at.client.get(f"{at.path}/steps")).data
        assert (attempt["failure"], attempt["output"]["approved"]) == ("rejected", False)


async def test_where_several_wait_the_step_is_named(pureboot: PureBoot) -> None:
    async with asked(pureboot, TWO_GATES, on_node=False) as at:
        for key in ("left", "right"):
            await event(pureboot, lambda each, key=key: (each.kind, each.step_key) == ("attempt.started", key))  # type: ignore[misc]
        assert "left, right; say which" in await at.problem("approve", 409)
        await at.problem("approve", 404, {"step": "middle"})
        await at.post("approve", {"step": "right"})
        assert ("right", 1, "succeeded") in await at.steps()
        assert set((await at.client.post(f"{at.path}/reject", {"approved": True})).wrong()) == {"approved"}


async def test_the_tree_shows_what_an_execution_started(still: PureBoot) -> None:
    async with asked(still, PARENT, SCRIPT) as at:
        [parent, child] = (await at.client.get(f"{at.path}/tree")).data
        assert (parent["id"], parent["parent_id"], parent["depth"]) == (at.execution.id, None, 0)
        assert (child["workflow_name"], child["parent_id"], child["depth"]) == ("on-node", parent["id"], 1)
        assert [each["id"] for each in (await at.client.get(f"{EXECUTIONS}/{child['id']}/tree")).data] == [child["id"]]


async def test_the_children_of_an_execution_are_listed(still: PureBoot) -> None:
    async with asked(still, PARENT, SCRIPT) as at:
        found = (await at.client.get(f"{EXECUTIONS}?parent_id={at.execution.id}")).data
        assert [each["workflow_name"] for each in found] == ["on-node"]


# --- many at once


async def rack(pureboot: PureBoot) -> list[str]:
    """Four nodes, of which three have the tag r4 and the last is locked; gives their ids."""
    group = await pureboot.groups.create({"name": "r4"}, by="user:test")
    made = [
        await node(pureboot, f"52:54:00:00:00:0{at}", hostname=f"n{at}", tags=["r4"] if at < 4 else [], locked=at == 3)
        for at in range(1, 5)
    ]
    await pureboot.nodes.update(made[3].id, {"group_id": group.id}, by="user:test")
    await published(pureboot, SCRIPT)
    return [each.id for each in made]


async def test_a_workflow_is_started_on_named_nodes(still: PureBoot) -> None:
    ids = await rack(still)
    async with serving(still) as client:
        answer = await client.post(f"{WORKFLOWS}/on-node/execute", {"nodes": ["n1", ids[0], "n3", "nobody", ids[3]]})
        assert answer.status == 202
        assert answer.json["message"] == "on-node: 2 started, 2 not"
        assert [(each["node"], each["error"] is None) for each in answer.data] == [
            ("n1", True),
            ("n3", False),
            ("nobody", False),
            ("n4", True),
        ]
        begun, locked, unknown, _ = answer.data
        assert (begun["node_id"], locked["execution_id"], unknown["node_id"]) == (ids[0], None, None)
        assert "is locked" in locked["error"]
        assert "nobody" in unknown["error"]
        execution = (await client.get(f"{EXECUTIONS}/{begun['execution_id']}")).data
        assert (execution["node_id"], execution["status"]) == (ids[0], "running")


async def test_a_workflow_is_started_on_what_a_filter_finds_and_once_for_a_request_id(still: PureBoot) -> None:
    await rack(still)
    async with serving(still) as client:
        body = {"filter": {"tag": "r4", "state": ["discovered", "pending"]}, "request_id": "monday"}
        first = await client.post(f"{WORKFLOWS}/on-node/execute", body)
        assert [each["node"] for each in first.data] == ["n1", "n2", "n3"]
        assert first.json["message"] == "on-node: 2 started, 1 not"
        again = await client.post(f"{WORKFLOWS}/on-node/execute", body)
        assert [each["execution_id"] for each in again.data] == [each["execution_id"] for each in first.data]
        group = await client.post(f"{WORKFLOWS}/on-node/execute", {"filter": {"group": "r4"}})
        assert [each["node"] for each in group.data] == ["n4"]
        nothing = await client.post(f"{WORKFLOWS}/on-node/execute", {"filter": {"state": "retired"}})
        assert (nothing.status, nothing.data, nothing.json["total"]) == (202, [], 0)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"state": "flying"}}, "filter.state"),
        ({"filter": {"stat": "active"}}, "filter.stat"),
        ({"filter": {"limit": "5"}}, "filter.limit"),
        ({"nodes": []}, "nodes"),
        ({"nodes": ["n1"], "node": "n2"}, ""),
        ({"nodes": ["n1"], "filter": {"tag": "r4"}}, ""),
        ({"nodes": ["n1"], "request_id": "x" * 161}, ""),
    ],
    ids=str,
)
async def test_many_that_make_no_sense_start_nothing(still: PureBoot, body: object, path: str) -> None:
    await rack(still)
    async with serving(still) as client:
        assert set((await client.post(f"{WORKFLOWS}/on-node/execute", body)).wrong()) == {path}
        assert (await client.get(EXECUTIONS)).json["total"] == 0


async def test_an_empty_value_of_a_filter_is_not_every_node(still: PureBoot) -> None:
    await rack(still)
    async with serving(still) as client:
        answer = await client.post(f"{WORKFLOWS}/on-node/execute", {"filter": {"tag": []}})
        answer.wrong()
        (await client.post(f"{WORKFLOWS}/nothing/execute", {"nodes": ["n1"]})).problem(404)
        assert (await client.get(EXECUTIONS)).json["total"] == 0

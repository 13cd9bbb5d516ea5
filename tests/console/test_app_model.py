"""What the console knows: kept up to date by what changed, and bounded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.model import MAX_ENDED, MOST_EVENTS, Changes, Model, changes_of
from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.nodes import NodeState
from tests import scenarios
from tests.story import ADA, published

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def execution(number: int, status: ExecutionStatus = ExecutionStatus.SUCCEEDED, node: str | None = None) -> Execution:
    return Execution(
        id=f"e{number}",
        workflow_id="w",
        workflow_name="debian-12",
        workflow_version="v1.0",
        version_id="v",
        node_id=node,
        status=status,
        created_at=NOW + timedelta(seconds=number),
    )


def event(number: int, kind: Kind, node: str | None = None, of: str | None = None) -> Event:
    return Event(id=number, kind=kind, at=NOW, principal="system", node_id=node, execution_id=of)


def test_what_events_are_about() -> None:
    changes = changes_of([event(7, Kind.NODE_UPDATED, "n1"), event(8, Kind.ATTEMPT_STARTED, "n2", "e1")], 6)
    assert changes.cursor == 8
    assert changes.nodes == {"n1", "n2"}
    assert changes.executions == {"e1"}
    assert changes.touches("node")
    assert changes.touches("attempt")
    assert not changes.touches("template")
    assert changes_of([], 6) == Changes(cursor=6)


def test_changes_add_up_and_of_very_many_events_the_newest_are_kept() -> None:
    total = Changes(cursor=0)
    for number in range(1, 8):
        batch = [event(1000 * number + each, Kind.NODE_UPDATED, f"n{number}") for each in range(1000)]
        total = total | changes_of(batch, 0)
    assert total.nodes == {f"n{number}" for number in range(1, 8)}
    assert len(total.events) == MOST_EVENTS
    assert total.events[-1].id == total.cursor == 7999


def test_counts_follow_the_states() -> None:
    model = Model()
    model.put_executions([execution(1, ExecutionStatus.RUNNING), execution(2, ExecutionStatus.PENDING)])
    assert model.running == 2
    model.put_executions([execution(1, ExecutionStatus.FAILED)])
    assert model.running == 1
    assert model.statuses[ExecutionStatus.FAILED] == 1


def test_the_newest_execution_of_a_node_is_its_execution() -> None:
    model = Model()
    model.put_executions([execution(2, node="n"), execution(1, node="n"), execution(3, node="other")])
    newest = model.execution_of("n")
    assert newest is not None
    assert newest.id == "e2"
    assert [each.id for each in model.executions_of("n")] == ["e2", "e1"]
    assert model.execution_of("unknown") is None


def test_old_executions_are_forgotten_but_never_live_ones() -> None:
    model = Model()
    model.put_executions([execution(0, ExecutionStatus.RUNNING, node="n")])
    model.put_executions([execution(number) for number in range(1, MAX_ENDED + 500)])
    assert len(model.executions) <= MAX_ENDED + MAX_ENDED // 10 + 1
    assert "e0" in model.executions
    assert f"e{MAX_ENDED + 499}" in model.executions
    assert "e1" not in model.executions
    assert sum(model.statuses.values()) == len(model.executions)


async def test_only_what_changed_is_read_again(pureboot: PureBoot) -> None:
    model = Model()
    first, second = [await scenarios.boot(pureboot, number, f"r4-0{number}") for number in (1, 2)]
    await model.load(pureboot)
    assert model.states[NodeState.DISCOVERED] == 2
    await pureboot.nodes.move(first.id, NodeState.PENDING, by=ADA)
    model.nodes[second.id] = stale = replace(second, vendor="stale")
    batch = await pureboot.events_after(model.cursor)
    await model.follow(pureboot, changes_of(batch, model.cursor))
    assert model.nodes[first.id].state is NodeState.PENDING
    assert model.nodes[second.id] is stale
    assert model.states[NodeState.DISCOVERED] == 1
    assert model.cursor == batch[-1].id


async def test_groups_are_known_by_name(pureboot: PureBoot) -> None:
    model = Model()
    node = await scenarios.boot(pureboot, 1, "r4-01")
    await model.load(pureboot)
    assert model.group_name(model.nodes[node.id]) == ""
    group = await pureboot.groups.create({"name": "r4"}, by=ADA)
    await pureboot.nodes.update(node.id, {"group_id": group.id}, by=ADA)
    await model.follow(pureboot, changes_of(await pureboot.events_after(model.cursor), model.cursor))
    assert model.group_name(model.nodes[node.id]) == "r4"
    assert model.node_view(node.id).group == "r4"


async def test_executions_find_their_nodes(pureboot: PureBoot) -> None:
    model = Model()
    await published(pureboot, scenarios.CHECK)
    node = await scenarios.boot(pureboot, 1, "r4-01")
    started = await pureboot.executions.start("burn-in", by=ADA, node=node.id)
    await model.load(pureboot)
    assert model.execution_view(started.id).node == "r4-01"
    assert model.nodes_of({started.id, "unknown"}) == {node.id}

"""When a machine is served anything but its disk: every state, locked or not, with and without a step that asks."""

from datetime import UTC, datetime

import pytest

from engine.core.boot import Local, Wait, decide_boot, no_work
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.nodes import Node, NodeState
from engine.core.sources import read_one
from engine.core.workflow_file import parse
from engine.core.workflows import Workflow

NOW = datetime(2026, 11, 21, tzinfo=UTC)
INSTALLS = parse(
    read_one(
        """
name: install
steps:
  - {key: boot, action: node.boot, with: {kernel: linux}, next_state: installing}
  - {key: write, action: node.script, with: {script: "true"}, next_state: installed}
"""
    )
)
LOOKS = parse(read_one("{name: look, steps: [{key: boot, action: node.boot, with: {kernel: linux}}]}"))

NEVER = {NodeState.INSTALLED, NodeState.ACTIVE, NodeState.RETIRED}
NOT_INSTALLED = NEVER | {
    NodeState.MIGRATING, NodeState.DEPROVISIONING, NodeState.DISCOVERED, NodeState.INSTALL_FAILED
}  # fmt: skip


def node(state: NodeState, locked: bool = False) -> Node:
    return Node(
        id="n", mac_address="52:54:00:00:00:01", state=state, locked=locked, state_changed_at=NOW, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip


def execution(status: ExecutionStatus, *attempts: Attempt) -> Execution:
    return Execution(
        id="e", workflow_id="w", workflow_name="install", workflow_version="v1.0", version_id="v", node_id="n",
        status=status, created_at=NOW, attempts=attempts,
    )  # fmt: skip


def attempt(action: str = "node.boot", status: AttemptStatus = AttemptStatus.RUNNING) -> Attempt:
    return Attempt(
        id="a", execution_id="e", step_id="s", step_key="boot", step_name="boot", action=action, attempt=1,
        status=status, performer=Performer.NODE, created_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", NodeState)
@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("workflow", [INSTALLS, LOOKS], ids=["installs", "looks"])
@pytest.mark.parametrize("status", ExecutionStatus)
def test_only_a_step_of_a_live_execution_is_served_and_never_where_the_disk_is_wanted(
    state: NodeState, locked: bool, workflow: Workflow, status: ExecutionStatus
) -> None:
    told = decide_boot(node(state, locked), execution(status, attempt()), workflow)
    wanted = NOT_INSTALLED if workflow is INSTALLS else NEVER
    may = not locked and state not in wanted and status in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
    assert isinstance(told, Attempt) is may
    if locked:
        assert isinstance(told, Local)
        assert (told.ask_again, told.reason) == (False, "locked")
    elif state in wanted and status not in (
        ExecutionStatus.SUCCEEDED,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELLED,
    ):
        assert isinstance(told, Local)
        assert (told.ask_again, told.reason) == (False, "state")


@pytest.mark.parametrize("state", NodeState)
@pytest.mark.parametrize("locked", [False, True])
def test_without_an_execution_there_is_nothing_but_the_disk(state: NodeState, locked: bool) -> None:
    told = no_work(node(state, locked))
    assert told.reason == ("locked" if locked else "state" if state in NEVER else "nothing")
    assert told.ask_again is (told.reason == "nothing")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], "wait"),
        ([attempt(status=AttemptStatus.RETRYING)], "wait"),
        ([attempt(status=AttemptStatus.SUCCEEDED)], "done"),
        ([attempt(status=AttemptStatus.FAILED)], "done"),
        ([attempt(status=AttemptStatus.SUCCEEDED), attempt("node.script")], "agent"),
    ],
    ids=["not begun", "tried again soon", "done", "failed", "agent"],
)
def test_a_step_that_is_over_is_not_served_again(attempts: list[Attempt], expected: str) -> None:
    told = decide_boot(node(NodeState.INSTALLING), execution(ExecutionStatus.RUNNING, *attempts), INSTALLS)
    if expected == "wait":
        assert isinstance(told, Wait)
    else:
        assert isinstance(told, Local)
        assert told.reason == expected

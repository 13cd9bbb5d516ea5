"""What operators do with executions from the command line, and a workflow on every node that fits."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from console.cli.bulk import filters
from engine.app import PureBoot
from engine.core.executions import Execution
from tests.conftest import Opener
from tests.console.cli_support import Commands, Terminal, environment
from tests.story import report

MAC = "52:54:00:00:00:0"

TWO_STEPS = """\
name: two
steps:
  - {key: one, name: The first, action: node.script, with: {script: "true"}}
  - {key: two, name: The second, action: node.script, with: {script: "true"}}
"""
GATE = """\
name: gate
steps:
  - {key: ask, name: Ask, action: core.approve, with: {message: "Wipe r4?"}}
  - {key: after, name: After, action: core.delay, with: {duration: 1h}}
"""
PARENT = """\
name: parent
steps:
  - {key: below, name: What is below, action: core.workflow, with: {workflow: two}}
"""
UNDONE = """\
name: undone
steps:
  - {key: make, name: Make it, action: node.script, with: {script: x}, rollback: wipe, edges: [{to: use}]}
  - {key: use, name: Use it, action: node.script, with: {script: x}, on_failure: rollback, edges: []}
  - {key: wipe, name: Wipe it, action: node.script, with: {script: x}, edges: []}
"""


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Commands:
    """A store with a rack of three nodes, of which r4-03 is locked and has no tag, and the workflows."""
    commands = Commands(sqlite_url, tmp_path)
    for at in (1, 2, 3):
        more = ["tags=r4"] if at < 3 else ["locked=true"]
        commands.ok("node", "add", f"{MAC}{at}", f"hostname=r4-0{at}", *more)
    path = tmp_path / "workflows.yaml"
    path.write_text("---\n".join((TWO_STEPS, GATE, PARENT, UNDONE)))
    commands.ok("workflow", "import", "--publish", str(path))
    return commands


@pytest.fixture
def work(sqlite_url: str, opener: Opener) -> Callable[[Callable[[PureBoot], Awaitable[object]]], object]:
    """Does something to the store as its engine or a node would, between two commands."""

    def do(deed: Callable[[PureBoot], Awaitable[object]]) -> object:
        async def opened() -> object:
            async with opener(sqlite_url) as pureboot:
                return await deed(pureboot)

        return asyncio.run(opened())

    return do


Work = Callable[[Callable[[PureBoot], Awaitable[object]]], object]


def told(id_: str, step: str, status: str = "success") -> Callable[[PureBoot], Awaitable[object]]:
    """A node's report about a step."""

    async def deed(pureboot: PureBoot) -> Execution:
        execution = await pureboot.executions.get(id_)
        await report(pureboot, execution, step, status, **({"exit_code": 1} if status == "failed" else {}))
        return await pureboot.executions.get(id_)

    return deed


def test_pause_and_resume(run: Commands) -> None:
    id_ = run.json("workflow", "run", "two", "--node", "r4-01")["id"]
    assert run.ok("execution", "pause", id_[:8], "--reason", "the switch") == f"execution {id_} is paused\n"
    assert run("execution", "pause", id_).exit_code == 4
    assert "‖ paused" in run.ok("execution", "list")
    assert "since" in next(line for line in run.ok("execution", "show", id_).splitlines() if line.startswith("paused"))
    assert run.json("execution", "resume", id_)["status"] == "running"
    assert run("execution", "resume", id_).exit_code == 4
    assert run("execution", "pause", "nothing").exit_code == 3


def test_retry_what_failed_or_a_chosen_step(run: Commands, work: Work) -> None:
    id_ = run.json("workflow", "run", "two", "--node", "r4-01")["id"]
    assert run("execution", "retry", id_).exit_code == 4
    work(told(id_, "one"))
    work(told(id_, "two", "failed"))
    assert "goes on (running)" in run.ok("execution", "retry", id_)
    attempts = run.json("execution", "show", id_)["attempts"]
    assert [(each["step_key"], each["attempt"]) for each in attempts] == [("one", 1), ("two", 1), ("two", 2)]
    assert run("execution", "retry", id_, "--step", "three").exit_code == 3
    run.ok("execution", "retry", id_, "--step", "one")
    assert "The first (visit 2)" in run.ok("execution", "show", id_)


def test_skip_a_step_with_its_reason_and_output(run: Commands) -> None:
    id_ = run.json("workflow", "run", "two", "--node", "r4-01")["id"]
    assert run("execution", "skip", id_, "one").exit_code == 2
    assert run("execution", "skip", id_, "one", "--reason", "x", "--output", "disk").exit_code == 2
    words = ("--reason", "by hand", "--output", "disk=/dev/sdb", "--output", "size=480", "--output", "day=2026-11-21")
    assert "step one of" in run.ok("execution", "skip", id_[:8], "one", *words)
    attempts = run.json("execution", "show", id_)["attempts"]
    [skipped] = [each for each in attempts if each["status"] == "skipped"]
    assert skipped["output"] == {"disk": "/dev/sdb", "size": 480, "day": "2026-11-21"}
    assert skipped["message"].endswith(": by hand")
    shown = run.ok("execution", "show", id_)
    assert "by a person" in shown
    assert run("execution", "skip", id_, "one", "--reason", "again").exit_code == 4


def test_approve_and_reject(run: Commands) -> None:
    id_ = run.json("workflow", "run", "gate")["id"]
    assert "● needs you" in run.ok("execution", "list")
    assert "needs you  ask: Wipe r4?" in run.ok("execution", "show", id_)
    assert run("execution", "approve", id_, "--step", "after").exit_code == 4
    assert "approved; execution" in run.ok("execution", "approve", id_, "--comment", "go on")
    [decided, _] = run.json("execution", "show", id_)["attempts"]
    assert (decided["output"]["approved"], decided["output"]["comment"]) == (True, "go on")
    assert "needs you" not in run.ok("execution", "list")
    other = run.json("workflow", "run", "gate")["id"]
    assert run.json("execution", "reject", other, "--step", "ask")["status"] == "failed"
    assert run("execution", "reject", other).exit_code == 4


def test_the_tree_of_what_was_started(run: Commands) -> None:
    id_ = run.json("workflow", "run", "parent", "--node", "r4-01")["id"]
    [parent, child] = run.json("execution", "tree", id_)
    assert child["parent_id"] == parent["id"] == id_
    shown = run.ok("execution", "tree", id_[:8]).splitlines()
    assert [line.split("  ")[0] for line in shown[1:]] == ["parent v1.0", "└─ two v1.0"]
    assert "└─ two v1.0" in run.ok("execution", "show", id_)
    below = run.ok("execution", "show", child["id"])
    assert f"{id_} (parent, step below)" in below
    assert "└─" not in below


def test_what_was_undone_says_so(run: Commands, work: Work) -> None:
    id_ = run.json("workflow", "run", "undone", "--node", "r4-01")["id"]
    work(told(id_, "make"))
    work(told(id_, "use", "failed"))
    assert "Wipe it (undoes make)" in run.ok("execution", "show", id_)
    work(told(id_, "wipe"))
    assert run.json("execution", "show", id_)["status"] == "failed"
    assert run("execution", "retry", id_).exit_code == 4


# --- many at once


def test_a_workflow_on_every_node_that_fits(run: Commands) -> None:
    result = run("workflow", "run", "two", "--where", "tag=r4", "--where", "state=discovered", "--yes")
    assert result.exit_code == 0
    assert "two on 2 nodes: r4-01, r4-02" in result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["r4-01", "execution"], ["r4-02", "execution"]]
    assert lines[2] == "2 started, 0 not"
    assert len(run.json("execution", "list")) == 2


def test_one_that_refuses_makes_it_1_and_stops_no_other(run: Commands) -> None:
    result = run("workflow", "run", "two", "--where", "state=discovered", "--yes", "--json")
    assert result.exit_code == 1
    listed = json.loads(result.stdout)
    assert [(each["node"], each["error"] is None) for each in listed] == [
        ("r4-01", True),
        ("r4-02", True),
        ("r4-03", False),
    ]
    assert "is locked" in listed[2]["error"]
    again = run("workflow", "run", "two", "--where", "tag=r4", "--yes")
    assert again.exit_code == 1
    assert "r4-01  not started: node r4-01 is busy" in again.stdout
    assert "0 started, 2 not" in again.stdout


def test_a_request_id_starts_once_on_each(run: Commands) -> None:
    words = ("workflow", "run", "two", "--where", "tag=r4", "--request-id", "monday", "--yes")
    assert run.ok(*words) == run.ok(*words)
    assert len(run.json("execution", "list")) == 2


def test_on_a_terminal_it_asks_first(run: Commands, sqlite_url: str, tmp_path: Path) -> None:
    words = ("workflow", "run", "two", "--where", "tag=r4")
    for answer, code, said in (("n", 1, "nothing was started"), ("y", 0, "2 started, 0 not")):
        with Terminal(*words, env=environment(sqlite_url, tmp_path)) as terminal:
            terminal.until("two on 2 nodes: r4-01, r4-02")
            terminal.until("start it?")
            assert run.json("execution", "list") == []
            terminal.press(f"{answer}\n")
            assert terminal.end() == code
            assert said in terminal.shown.decode()
    assert len(run.json("execution", "list")) == 2


def test_where_that_makes_no_sense_starts_nothing(run: Commands) -> None:
    for words, code in (
        (["--where", "nonsense=x"], 2),
        (["--where", "tag"], 2),
        (["--where", "tag="], 2),
        (["--where", "state=flying"], 2),
        (["--where", "tag=r4", "--node", "r4-01"], 2),
        (["--where", "tag=r9"], 3),
        (["--where", "group=r9"], 3),
    ):
        result = run("workflow", "run", "two", "--yes", *words)
        assert (result.exit_code, result.stdout) == (code, ""), words
    assert run("workflow", "run", "nothing", "--where", "tag=r4", "--yes").exit_code == 3
    assert run("workflow", "run", "two", "--where", "tag=r4", "--yes", "-p", "x=1").exit_code == 1
    assert run.json("execution", "list") == []


def test_values_of_one_field_are_alternatives() -> None:
    assert filters(["state=installed", "state=active", "tag=r4"]) == {"state": ("installed", "active"), "tag": ("r4",)}

"""All there is to know of one attempt: as lines, and on the screen of its execution."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from console.app import PureBootApp
from console.screens.execution import ExecutionScreen
from console.view import labels
from console.view.advice import advice
from console.view.detail_lines import detail_lines
from console.view.json_lines import DetailLine, Paper, tree_lines
from console.view.pieces import cells
from console.view.timeline_rows import Entry, entries
from engine.app import PureBoot
from engine.core.accounts import AttemptAccount, Way
from engine.core.conditions import Named
from engine.core.executions import Attempt, AttemptStatus, Failure, Performer
from engine.core.workflows import When
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened
from tests.console.test_timeline_view import at, attempt, execution, workflow
from tests.story import ADA, published, report

FAILED, RUNNING, TIMED_OUT = AttemptStatus.FAILED, AttemptStatus.RUNNING, AttemptStatus.TIMED_OUT


def paper(width: int = 70, *turned: str) -> Paper:
    return Paper(width=width, symbols=labels.UNICODE, turned=frozenset(turned))


def texts(lines: list[DetailLine]) -> list[str]:
    return [line.text.rstrip() for line in lines]


VALUES = {
    "script": "#!/bin/sh\n" + "echo hello\n" * 20,
    "env": {"A": "1", "deep": {"x": [1, {"y": {"z": True}}]}},
    "none": None,
    "empty": {},
    "text": "one line",
    "hostile": "a\x1b[2Jb",
}


def test_a_tree_of_values_is_folded_and_unfolded() -> None:
    lines = list(tree_lines(VALUES, "P", paper()))
    assert texts(lines) == [
        "  ▸ script: 21 lines",
        "      #!/bin/sh",
        "      echo hello",
        "      …",
        "  ▾ env:",
        "      A: 1",
        "    ▾ deep:",
        "      ▾ x:",
        "          0: 1",
        "        ▸ 1: 1 value",
        "    none: null",
        "    empty: {}",
        "    text: one line",
        "    hostile: a^[[2Jb",
    ]
    assert lines[0].copies == VALUES["script"], "all of it is copied, folded or not"
    assert [line.fold for line in lines if line.fold] == [
        "P.script",
        "P.env",
        "P.env.deep",
        "P.env.deep.x",
        "P.env.deep.x.1",
    ]
    turned = texts(list(tree_lines(VALUES, "P", paper(70, "P.script", "P.env"))))
    assert turned.count("      echo hello") == 20
    assert "  ▸ env: 2 values" in turned
    for width in (12, 30, 200):
        assert all(cells(line.text) <= max(width, 24) for line in tree_lines({"a": "x" * 300}, "P", paper(width)))


def account(one: Attempt, **more: object) -> AttemptAccount:
    return AttemptAccount(attempt=one, **more)  # type: ignore[arg-type]


def entry_of(one: Attempt) -> Entry:
    return entries(workflow(one.step_key), execution(one))[-1]


def test_everything_of_an_attempt_is_told() -> None:
    one = replace(
        attempt("probe", FAILED, 0, 30),
        error="no disk answers",
        exit_code=127,
        deadline_at=at(600),
        taken_by="boot-1",
        output={"disks": 1},
    )
    way = Way(
        to="many",
        name="Many disks",
        when=When.SUCCESS,
        if_="steps.probe.output.disks > 1",
        held=False,
        taken=False,
        values=(Named(name="steps.probe.output.disks", value="1"),),
    )
    told = account(one, ways=(way,), parameters={"script": "x"}, unfilled=("script: meta.none has no value",))
    lines = texts(detail_lines(entry_of(one), told, at(60), paper(100)))
    assert lines[0] == " ATTEMPT"
    for said in (
        "  status             ✗ failed",
        "  taken by           boot-1",
        "  deadline           12:10:00 UTC",
        "  idempotency key    probe-1",
        "  no disk answers",
        "  → exit code 127 means that the shell did not find a program: is it there on the machine?",
        "  ·  Many disks  on success, not taken  if steps.probe.output.disks > 1 → false",
        "      steps.probe.output.disks = 1",
        "    script: x",
        "  ! script: meta.none has no value",
        "    disks: 1",
    ):
        assert said in lines
    not_yet = entries(workflow("probe"), execution())[0]
    assert "  state              not reached yet" in texts(detail_lines(not_yet, None, at(0), paper()))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (attempt("a", RUNNING, 0), ""),
        (attempt("a", FAILED, 0, 1), "retry the execution when it is mended"),
        (replace(attempt("a", FAILED, 0, 1), failure=Failure.REJECTED), "a person said no"),
        (replace(attempt("a", TIMED_OUT, 0, 1), failure=Failure.LOST), "nothing was heard"),
        (replace(attempt("a", TIMED_OUT, 0, 1), heard_at=None), "its machine never took it"),
        (replace(attempt("a", TIMED_OUT, 0, 1), performer=Performer.ENGINE), "it did not end"),
        (replace(attempt("a", TIMED_OUT, 0, 1), performer=Performer.PERSON), "nobody decided in time"),
        (replace(attempt("a", FAILED, 0, 1), exit_code=137), "want of memory"),
        (replace(attempt("a", FAILED, 0, 1), exit_code=3), "before it ended with 3"),
        (replace(attempt("a", FAILED, 0, 1), performer=Performer.WORKFLOW), "look there first"),
    ],
)
def test_what_to_do_about_a_failure(one: Attempt, said: str) -> None:
    assert (said in advice(one, None)) if said else (advice(one, None) == "")


PROBE = """
name: probe
params: {disk: {type: string, default: /dev/vda}}
steps:
  - key: look
    name: Look at it
    action: node.script
    with: {script: "look at ${params.disk} as ${secret.bmc}", env: {A: "1", B: "2"}}
    edges: [{to: many, if: "steps.look.output.disks > 1"}, {to: one}]
  - {key: many, name: Many disks, action: node.script, with: {script: x}, edges: []}
  - {key: one, name: One disk, action: node.script, with: {script: x}, edges: []}
"""


async def test_the_details_of_an_attempt_are_read_folded_searched_and_copied(stage: Opened) -> None:
    async with stage(size=(100, 36), scene="nothing") as at:
        await at.pureboot.secrets.set("bmc", "hunter2-hunter2", by=ADA)
        await published(at.pureboot, PROBE)
        node = await at.pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "r4-01"}, by=ADA)
        execution = await at.pureboot.executions.start("probe", by=ADA, node=node.id)
        at.app.open_execution(execution.id)
        await at.sees("LOG  Look at it")
        await at.press("D")
        await at.sees("DETAILS  Look at it", "script: look at /dev/vda as ********", "▾ env:")
        await at.sees("?  Many disks  on success, not decided  if steps.look.output.disks > 1")
        await report(at.pureboot, execution, "look", output={"disks": 1})
        await at.sees("DETAILS  One disk")
        await at.press("home")
        await at.sees("if steps.look.output.disks > 1 → false", "steps.look.output.disks = 1", "→  One disk")
        screen = at.app.screen
        assert isinstance(screen, ExecutionScreen)
        await at.press("slash", *"env", "enter")
        await at.sees("1 of 1 found")
        assert screen.details.view.has_focus
        await at.press("enter")
        await at.sees("▸ env: 2 values")
        await at.press("y")
        assert at.app.clipboard == '{\n  "A": "1",\n  "B": "2"\n}'
        await at.press("Y")
        assert "idempotency key" in at.app.clipboard
        await at.pureboot.callbacks.append_log(execution.id, "one", "a long line " * 30 + "\n")
        await at.pilot.resize_terminal(60, 30)
        await at.press("escape", "l", "G", "D")
        await at.sees("LOG  One disk", "a long line a long line")
        assert not screen.details.display
        for key in "DDvDDv":
            await at.press(key)
        await at.pilot.resize_terminal(120, 30)
        await at.press("D")
        await at.pilot.resize_terminal(70, 30)
        await at.press("D")
        await at.sees("LOG  One disk", "a long line a long line")


def show(app: PureBootApp, clock: ManualClock, keys: str, shows: str) -> details.Show:
    """Brings an execution to its failing disk, and presses keys."""

    async def run(pilot: "Pilot[None]") -> None:
        await details.until(pilot, lambda: app.is_open)
        made = await details.node_with_execution(cast("PureBoot", app.pureboot))
        await details.to_the_failing_disk(cast("PureBoot", app.pureboot), clock, made)
        app.open_execution(made.id)
        await details.until(pilot, lambda: any("LOG  Partition the disk 3/3" in line for line in details.shown(app)))
        await pilot.press(*keys.split())
        await details.until(pilot, lambda: any(shows in line for line in details.shown(app)))

    return run


@pytest.mark.parametrize(
    ("size", "keys", "shows"),
    [
        ((80, 24), "v", "Write the boot loader"),
        ((80, 24), "k plus plus", "x4"),
    ],
    ids=["graph", "nearer"],
)
def test_the_picture(
    snap_compare: Callable[..., bool], sqlite_url: str, tmp_path: Path, size: tuple[int, int], keys: str, shows: str
) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    assert snap_compare(app, terminal_size=size, run_before=show(app, clock, keys, shows))

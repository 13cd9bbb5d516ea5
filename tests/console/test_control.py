"""Stories about what an operator does with one execution on its screen, and what the lists show of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.app import PureBootApp
from console.model import Changes
from console.screens.confirm import Confirm
from console.screens.execution import ExecutionScreen
from console.screens.say import SayScreen
from engine.core.executions import Execution, ExecutionStatus
from tests import scenarios
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened, Stage, screen_text
from tests.story import ADA, published, report

NARROW = (80, 24)

GATE = """\
name: gate
steps:
  - {key: ask, name: Ask the owner, action: core.approve, with: {message: "Wipe every disk of {{ node.hostname }}?"}}
  - {key: after, name: Wipe, action: node.script, with: {script: x}}
"""
TWO = """\
name: two
steps:
  - {key: one, name: The first, action: node.script, with: {script: x}, timeout: 5m}
  - {key: two, name: The second, action: node.script, with: {script: x}}
"""
PARENT = """\
name: provision
steps:
  - {key: below, name: Prepare it, action: core.workflow, with: {workflow: two}}
  - {key: wait, name: Let it cool, action: core.delay, with: {duration: 10m}}
"""
UNDONE = """\
name: undone
steps:
  - {key: make, name: Make it, action: node.script, with: {script: x}, rollback: wipe, edges: [{to: use}]}
  - {key: use, name: Use it, action: node.script, with: {script: x}, on_failure: rollback, edges: []}
  - {key: wipe, name: Wipe it, action: node.script, with: {script: x}, edges: []}
"""
ONE_AT_A_TIME = """\
name: narrow
concurrency: {key: power, limit: 1}
steps:
  - {key: one, name: The first, action: node.script, with: {script: x}}
"""


class Shown:
    """A console that shows an execution."""

    def __init__(self, at: Stage, execution: Execution) -> None:
        self.at = at
        self.execution = execution

    async def now(self) -> Execution:
        return await self.at.pureboot.executions.get(self.execution.id)

    async def statuses(self) -> list[tuple[str, str]]:
        return [(each.step_key, each.status.value) for each in (await self.now()).attempts]

    async def report(self, step: str, status: str = "success", **values: object) -> None:
        await report(self.at.pureboot, self.execution, step, status, **values)

    def row(self, text: str) -> str:
        return next((line for line in self.at.lines if line[4:].startswith(text)), "")

    async def dialog(self, *keys: str) -> None:
        """Press a key that opens a dialog."""
        await self.at.press(*keys)
        await self.at.until(lambda: isinstance(self.at.app.screen, Confirm | SayScreen))


@asynccontextmanager
async def shown(stage: Opened, text: str, *more: str, size: tuple[int, int] = NARROW) -> AsyncIterator[Shown]:
    """The execution of a workflow that has just been started on r4-01."""
    async with stage(size=size, scene="nothing") as at:
        for each in (*more, text):
            name = await published(at.pureboot, each)
        node = await scenarios.boot(at.pureboot, 1, "r4-01")
        execution = await at.pureboot.executions.start(name, by=ADA, node=node.id)
        await at.press("2")
        await at.sees(f"{name}@v1.0")
        at.app.open_execution(execution.id)
        await at.sees(f"{name}@v1.0 on r4-01", "LOG")
        yield Shown(at, execution)


async def test_what_waits_for_a_person_says_so_everywhere_and_is_approved(stage: Opened) -> None:
    async with shown(stage, GATE) as scene:
        at = scene.at
        await at.sees("● needs you: Wipe every disk of r4-01?", "a approve", "by a person")
        assert "needs you" in scene.row("Ask the owner")
        assert "● 1 needs you" in at.lines[1]
        await at.press("escape")
        await at.sees("STATUS")
        assert at.line_with("gate@v1.0").startswith("  ● needs you")
        await at.press("1")
        await at.sees("● needs you: Ask")
        await at.press("2", "enter")
        await scene.dialog("a")
        await at.sees("Ask the owner of gate on r4-01 needs you", "Wipe every disk of r4-01?")
        await at.type("yes, they are empty")
        await at.press("y", "x")
        assert isinstance(at.app.screen, SayScreen), "while a text is written, no key is an answer"
        await at.press("backspace", "backspace", "enter", "enter")
        assert isinstance(at.app.screen, SayScreen), "enter alone decides nothing"
        await at.press("y")
        await at.says("approved: Ask the owner of gate on r4-01")
        await at.sees_not("needs you")
        [decided, _] = (await scene.now()).attempts
        assert decided.output == {"approved": True, "by": ADA, "comment": "yes, they are empty"}
        await at.press("a")
        await at.says("nothing here waits for a person")


async def test_what_waits_for_a_person_is_rejected(stage: Opened) -> None:
    async with shown(stage, GATE) as scene:
        await scene.dialog("a")
        await scene.at.press("enter", "x")
        await scene.at.says("rejected: Ask the owner")
        await scene.at.sees("✗ failed", "rejected by user:ada", "r retry")
        assert (await scene.now()).status is ExecutionStatus.FAILED


async def test_pause_with_a_reason_and_resume_after_a_question(stage: Opened) -> None:
    async with shown(stage, TWO) as scene:
        at = scene.at
        assert "p pause" in at.lines[-1]
        await scene.dialog("p")
        await at.sees("Pause two on r4-01?", "The first goes on to its end; nothing new begins.")
        await at.type("the switch is replaced")
        await at.press("enter", "y")
        await at.sees("‖ paused", "paused since 12:00:00, p resumes it", "p resume")
        await scene.report("one")
        assert await scene.statuses() == [("one", "succeeded")]
        await at.press("5")
        await at.sees("two paused: the switch is replaced")
        await at.press("2")
        await scene.dialog("p")
        await at.sees("Resume two on r4-01?")
        await at.press("enter")
        assert (await scene.now()).status is ExecutionStatus.PAUSED, "enter is on the harmless answer"
        await scene.dialog("p")
        await at.press("y")
        await at.sees("p pause", "LOG  The second")
        assert await scene.statuses() == [("one", "succeeded"), ("two", "running")]


async def test_what_failed_is_retried(stage: Opened) -> None:
    async with shown(stage, TWO) as scene:
        at = scene.at
        await at.press("r")
        await at.says("it has not ended: R runs the selected step again")
        await scene.report("one")
        await scene.report("two", "failed", exit_code=1, message="no such disk")
        await at.sees("✗ failed", "r retry")
        assert "p pause" not in at.lines[-1]
        assert "c cancel" not in at.lines[-1]
        await scene.dialog("r")
        await at.sees("Retry two on r4-01?", "Tries again: The second.", "What succeeded is kept.")
        await at.press("y")
        await at.says("retried: two on r4-01")
        await at.sees("The second 2/2", "p pause")
        assert await scene.statuses() == [("one", "succeeded"), ("two", "failed"), ("two", "running")]


async def test_a_chosen_step_is_run_again(stage: Opened) -> None:
    async with shown(stage, TWO) as scene:
        at = scene.at
        await at.press("R")
        await at.says("The first is running: there is nothing to run again yet")
        await scene.report("one")
        await scene.report("two")
        await at.sees("✓ succeeded")
        await at.press("r")
        await at.says("it has succeeded: there is nothing to retry")
        await at.press("home")
        await scene.dialog("R")
        await at.sees("Run The first again?", "What follows it in the workflow runs again")
        await at.press("y")
        await at.sees("The first x1", "The first x2")
        await at.press("j")
        await at.sees("visit 2")
        assert (await scene.now()).attempts[-1].visit == 2


async def test_a_step_is_skipped_with_a_reason(stage: Opened) -> None:
    async with shown(stage, TWO) as scene:
        at = scene.at
        await at.press("j", "s")
        await at.says("this step has not begun yet: there is nothing to skip")
        await at.press("k")
        await scene.dialog("s")
        await at.sees("Skip The first?", "What runs of it is stopped.")
        await at.press("enter", "y")
        await at.sees("Say why it is skipped: a reason is needed.")
        await at.type("done by hand")
        await at.press("enter", "y")
        await at.says("skipped: The first of two on r4-01")
        assert await scene.statuses() == [("one", "cancelled"), ("one", "skipped"), ("two", "running")]
        await at.press("5")
        await at.sees("The first skipped: done by hand")


async def test_a_decision_that_came_too_late_is_refused_in_words(stage: Opened) -> None:
    async with shown(stage, GATE) as scene:
        await scene.dialog("a")
        await scene.at.pureboot.control.approve(scene.execution.id, by="user:grace")
        await scene.at.press("enter", "y")
        await scene.at.says("does not wait for an approval")


async def test_what_a_step_started_is_opened_and_says_what_started_it(stage: Opened) -> None:
    async with shown(stage, PARENT, TWO) as scene:
        at = scene.at
        await at.sees("└ two@v1.0  ▸ running", "at The first  enter opens it", "by a workflow of its own")
        assert "child" in scene.row("Prepare it")
        await at.press("enter")
        await at.sees("two@v1.0 on r4-01", "└ started by step Prepare it of provision@v1.0  u opens it")
        screen = at.app.screen
        assert isinstance(screen, ExecutionScreen)
        child = await at.pureboot.executions.get(screen.execution_id)
        await at.press("u")
        await at.sees("provision@v1.0 on r4-01")
        await at.press("u")
        await at.says("no other execution started this one")
        await at.press("2", "2")
        await at.sees("└ two@v1.0")
        rows = [line.split()[2:4] for line in at.lines[3:5]]
        assert rows == [["provision@v1.0", "r4-01"], ["└", "two@v1.0"]], "a child stands below what started it"
        await at.press("slash")
        await at.type(f"parent:{scene.execution.id[:8]}")
        await at.press("enter")
        await at.sees_not("provision@v1.0")
        for step in ("one", "two"):
            await report(at.pureboot, child, step)
        await at.press("escape", "1")
        await at.press("e")
        await at.sees("provision@v1.0 on r4-01")
        await at.until(lambda: "waits" in scene.row("Let it cool"))
        await at.sees("by the clock", "until 12:10:00")
        await at.press("home", "enter")
        await at.sees("two@v1.0 on r4-01", "✓ succeeded")


async def test_what_is_undone_says_so(stage: Opened) -> None:
    async with shown(stage, UNDONE) as scene:
        await scene.report("make")
        await scene.report("use", "failed", exit_code=1, message="no space")
        await scene.at.sees("undoes Make it", "Wipe it undoes Make it")
        await scene.at.press("5")
        await scene.at.sees("undone is rolled back")
        await scene.at.press("2")
        await scene.report("wipe")
        await scene.at.sees("✗ failed", "rolled back: Make it")
        await scene.at.press("r")
        await scene.at.says("it was rolled back: there is nothing to retry")


async def test_what_waits_for_its_turn_says_for_what(stage: Opened) -> None:
    async with shown(stage, ONE_AT_A_TIME) as scene:
        at = scene.at
        other = await scenarios.boot(at.pureboot, 2, "r4-02")
        second = await at.pureboot.executions.start("narrow", by=ADA, node=other.id)
        await at.press("escape")
        await at.sees("waits: a place:")
        assert "◌ pending" in at.line_with("r4-02")
        at.app.open_execution(second.id)
        await at.sees("waits: a place: 1 of 1 run with the key 'power'", "asked for 12:00:00 UTC by ada")
        assert "p pause" not in at.lines[-1]
        await at.press("p")
        await at.says("it is pending: only what runs can be paused")


async def test_the_palette_has_what_can_be_done(stage: Opened) -> None:
    async with shown(stage, GATE, size=(120, 36)) as scene:
        at = scene.at
        await at.press("colon")
        await at.sees("Approve or reject what waits", "Pause the execution", "Retry what failed", "Skip the step")
        await at.type("reject")
        await at.press("down", "enter")
        await at.sees("Ask the owner of gate on r4-01 needs you")


async def test_the_answers_are_in_view_on_the_smallest_terminal(stage: Opened) -> None:
    async with shown(stage, GATE, size=(60, 16)) as scene:
        await scene.dialog("a")
        await scene.at.sees("Wipe every disk of r4-01?", "y  approve", "x  reject", "n  leave", "comment")


async def test_the_mouse_answers_too(stage: Opened) -> None:
    async with shown(stage, GATE) as scene:
        await scene.dialog("a")
        await scene.at.pilot.click("#answer-x")
        await scene.at.says("rejected: Ask the owner")


async def test_a_store_that_cannot_be_written_is_told_of_on_every_screen(stage: Opened) -> None:
    async with stage(size=NARROW) as at:
        database = at.pureboot.context.database
        database.trouble = "the store cannot be written: disk is full"
        at.clock.advance(1)
        await at.sees("! STORE: cannot be written: disk is full")
        await at.press("2")
        database.trouble = "the store cannot be written: disk is full"  # whoever writes meanwhile finds that it can be
        at.clock.advance(1)
        await at.sees("! STORE: cannot be written: disk is full")
        database.trouble = None
        at.clock.advance(1)
        await at.sees_not("STORE:")


async def test_what_changed_without_an_event_is_no_reason_to_forget_who_asks(stage: Opened) -> None:
    async with shown(stage, GATE) as scene:
        scene.at.app.changed.publish(Changes(cursor=scene.at.app.model.cursor))
        await scene.at.sees("● 1 needs you")
        assert scene.at.app.model.asking == 1


def set_out(app: PureBootApp, clock: ManualClock, keys: str, shows: str) -> details.Show:
    """Brings about one execution of each kind that waits, and presses keys."""

    async def run(pilot: "Pilot[None]") -> None:
        await details.until(pilot, lambda: app.is_open)
        for text in (TWO, PARENT, ONE_AT_A_TIME, UNDONE, GATE):
            await published(details.here(app), text)
        made = {}
        for at, name in enumerate(("provision", "narrow", "narrow", "two", "undone", "gate"), 1):
            node = await scenarios.boot(details.here(app), at, f"r4-{at:02}")
            made[name] = await app.pureboot.executions.start(name, by=ADA, node=node.id)
            clock.advance(20)
        await app.pureboot.control.pause(made["two"].id, by=ADA)
        await report(details.here(app), made["undone"], "make")
        clock.advance(15)
        await report(details.here(app), made["undone"], "use", "failed", exit_code=1, message="no space left")
        clock.advance(10)
        await pilot.press("2")
        await details.until(pilot, lambda: "waits: a place" in screen_text(app) and "Wipe it" in screen_text(app))
        await pilot.press(*keys.split())
        await details.until(pilot, lambda: shows in screen_text(app))

    return run


@pytest.mark.parametrize(
    ("name", "keys", "shows"),
    [
        ("list", "home", "needs you"),
        ("decide", "home enter a", "Wipe every disk"),
        ("undone", "home j enter", "undoes Make it"),
        ("child", "G enter", "started by step"),
    ],
    ids=["list", "decide", "undone", "child"],
)
def test_the_picture(
    snap_compare: Callable[..., bool], sqlite_url: str, tmp_path: Path, name: str, keys: str, shows: str
) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    assert snap_compare(app, terminal_size=NARROW, run_before=set_out(app, clock, keys, shows)), name

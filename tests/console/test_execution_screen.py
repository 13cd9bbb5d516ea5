"""Stories about one execution, watched on its screen while its machine works."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from console import keys
from console.model import Changes
from console.screens.execution import ExecutionScreen
from console.screens.template import TemplateScreen
from console.screens.templates import TemplatesScreen
from engine.core.executions import Execution, ExecutionStatus
from engine.store import schema
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened, Stage
from tests.story import ADA, report

WIDE, NARROW = (120, 36), (80, 24)


class Watched:
    """A console that shows an execution which has just begun."""

    def __init__(self, at: Stage, execution: Execution) -> None:
        self.at = at
        self.execution = execution

    async def report(self, step: str, status: str = "success", **values: object) -> None:
        await report(self.at.pureboot, self.execution, step, status, **values)

    async def log(self, step: str, text: str) -> None:
        await details.log(self.at.pureboot, self.execution, step, text)

    @property
    def screen(self) -> ExecutionScreen:
        screen = self.at.app.screen
        assert isinstance(screen, ExecutionScreen)
        return screen

    def row(self, text: str) -> str:
        """The row of the timeline that begins with a step's name, and an attempt where there are several."""
        return next((line for line in self.at.lines if line[4:].startswith(text)), "")

    async def runs(self, text: str) -> None:
        """Wait until a row says that it has begun."""
        await self.at.until(lambda: "running" in self.row(text) or "not taken" in self.row(text))


@asynccontextmanager
async def watched(stage: Opened, size: tuple[int, int] = WIDE) -> AsyncIterator[Watched]:
    async with stage(size=size, scene="nothing") as at:
        execution = await details.node_with_execution(at.pureboot)
        at.app.open_execution(execution.id)
        await at.sees("debian-12@v1.0 on r4-07", "Boot the installer", "no lines")
        yield Watched(at, execution)


async def test_the_bar_of_what_runs_grows_with_time(stage: Opened) -> None:
    async with watched(stage) as scene:
        assert scene.row("Boot the installer").split()[-2:] == ["taken", "0s"]
        assert scene.row("Boot the installer").count(":") == 1, "waiting for its machine looks so"
        await scene.log("netboot", "here I am\n")
        await scene.report("netboot", "progress")
        await scene.at.until(lambda: "running" in scene.row("Boot the installer"))
        assert scene.row("Reboot into the disk").split() == ["◌", "Reboot", "into", "the", "disk"]
        before = scene.row("Boot the installer").count("▒")
        scene.at.clock.advance(3)
        scene.screen.ticked()
        await scene.at.pilot.pause()
        assert scene.row("Boot the installer").count("▒") > before
        assert scene.row("Boot the installer").endswith("3s")
        scene.at.clock.advance(1)
        await scene.at.until(lambda: scene.row("Boot the installer").endswith("4s"))
        assert "4s" in scene.at.line_with("started 12:00:00 UTC by ada")


async def test_progress_and_log_arrive_while_a_step_runs(stage: Opened) -> None:
    async with watched(stage) as scene:
        scene.at.clock.advance(30)
        await scene.report("netboot")
        await scene.at.sees("LOG  Partition the disk")
        scene.at.clock.advance(60)
        await scene.report("partition", "progress", progress_percent=42, message="writing the table")
        await scene.at.until(lambda: " 42% " in scene.row("Partition the disk"))
        await scene.at.sees("writing the table", "28%")
        await scene.log("partition", "first line\nsecond ")
        await scene.at.sees("first line", "second", "2 lines · following")
        await scene.log("partition", "line, now whole\n\x1b[2Jthird\n")
        await scene.at.sees("second line, now whole", "[2Jthird")
        assert "\x1b" not in scene.at.text


async def test_a_retry_waits_and_then_begins_by_itself(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.report("netboot")
        scene.at.clock.advance(4)
        await scene.log("partition", "the first disk\n")
        await scene.report("partition", "failed", exit_code=1, message="Input/output error")
        await scene.at.sees("Partition the disk 1/3", "Partition the disk 2/3", "retry in")
        assert "·····" in scene.row("Partition the disk 2/3")
        assert "begins at 12:00:24" in scene.at.text
        scene.at.clock.advance(20)
        await scene.runs("Partition the disk 2/3")
        await scene.at.sees("LOG  Partition the disk 2/3", "no lines")
        await scene.at.press("k")
        await scene.at.sees("LOG  Partition the disk 1/3", "the first disk", "exit code 1", "Input/output error")


async def test_a_failure_is_told_in_full(stage: Opened) -> None:
    error = "the disk does not answer: " + "sector by sector it was read again, and " * 4 + "that was all"
    async with watched(stage, NARROW) as scene:
        await scene.report("netboot")
        for attempt in range(1, 4):
            await scene.report("partition", "failed", exit_code=5, message=error, attempt=attempt)
            scene.at.clock.advance(20)
            if attempt < 3:
                await scene.runs(f"Partition the disk {attempt + 1}/3")
        await scene.at.sees("✗ failed", "was all")
        said = re.sub(r"\s+", " ", scene.at.text)
        assert said.count(error) == 1, "the title says it; the attempt does not say it again"
        assert "not run" in scene.row("Install packages")
        assert "c cancel" not in scene.at.text, "there is nothing to cancel any more"


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_cancelling_asks_first(stage: Opened, size: tuple[int, int]) -> None:
    async with watched(stage, size) as scene:
        await scene.at.press("c")
        await scene.at.sees("Cancel debian-12 on r4-07?")
        await scene.at.press("enter")
        await scene.at.sees_not("Cancel debian-12 on r4-07?")
        assert not (await scene.at.pureboot.executions.get(scene.execution.id)).ended
        await scene.at.press("c")
        await scene.at.sees("Cancel debian-12 on r4-07?")
        await scene.at.press("y")
        await scene.at.sees("⊘ cancelled", "cancelled by user:ada")
        ended = await scene.at.pureboot.executions.get(scene.execution.id)
        assert ended.status is ExecutionStatus.CANCELLED


async def test_what_another_console_cancels_is_seen_here(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.at.pureboot.executions.cancel(scene.execution.id, by="user:grace", reason="wrong machine")
        await scene.at.sees("cancelled by user:grace: wrong machine")


async def test_columns_without_events_are_read_again(stage: Opened) -> None:
    async with watched(stage) as scene:
        statement = update(schema.attempt).values(progress_percent=77, message="nearly there")
        await scene.at.pureboot.context.database.write(lambda tx: tx.execute(statement))
        scene.at.app.changed.publish(Changes(cursor=scene.at.app.model.cursor))
        await scene.at.sees("nearly there", "77%")


async def in_a_log(scene: Watched, lines: int) -> None:
    await scene.log("netboot", "".join(f"line {number}\n" for number in range(lines)))
    await scene.at.sees(f"{lines} lines · following", f"line {lines - 1}")


async def test_a_log_that_is_read_stands_still(stage: Opened) -> None:
    async with watched(stage) as scene:
        await in_a_log(scene, 60)
        await scene.at.press("l", "k", "k")
        await scene.at.sees("› line 57", "60 lines · paused")
        await scene.log("netboot", "line 60\nline 61\n")
        await scene.at.sees("62 lines · paused, 2 new")
        assert "line 61" not in scene.at.text
        await scene.at.press("f")
        await scene.at.sees("62 lines · following", "line 61")
        await scene.at.press("f")
        await scene.at.sees("› line 61", "paused")


async def test_a_log_is_searched_while_typing(stage: Opened) -> None:
    async with watched(stage) as scene:
        await in_a_log(scene, 60)
        await scene.at.press("slash")
        await scene.at.sees("search in the log")
        await scene.at.press(*"line 1")
        await scene.at.sees("11 of 11 found", "› line 19")
        await scene.at.press("enter", "N")
        await scene.at.sees("10 of 11 found", "› line 18")
        await scene.at.press("n", "n")
        await scene.at.sees("1 of 11 found", "› line 1")
        await scene.at.press("escape")
        await scene.at.sees_not("found")
        await scene.at.press("slash", *"xyz", "enter")
        await scene.at.sees("nothing found")


async def test_lines_are_copied_as_they_are_seen(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.at.press("y")
        await scene.at.sees("there is no log to copy here yet")
        await in_a_log(scene, 60)
        await scene.at.press("y")
        await scene.at.sees("copied 60 lines")
        assert scene.at.app.clipboard == "".join(f"line {number}\n" for number in range(60))
        await scene.at.press("space", "k", "k")
        await scene.at.sees("3 lines marked")
        await scene.at.press("y")
        assert scene.at.app.clipboard == "line 57\nline 58\nline 59\n"
        await scene.at.press("escape")
        await scene.at.sees_not("marked")
        await scene.at.press("y")
        assert scene.at.app.clipboard == "line 57\n"
        await scene.at.press("Y")
        assert len(scene.at.app.clipboard) > 400


async def test_the_log_takes_the_whole_screen_and_gives_it_back(stage: Opened) -> None:
    async with watched(stage, NARROW) as scene:
        await in_a_log(scene, 60)
        few = len(re.findall(r"line \d+", scene.at.text))
        await scene.at.press("enter")
        await scene.at.sees_not("Reboot into the disk")
        assert len(re.findall(r"line \d+", scene.at.text)) > few
        assert scene.screen.is_zoomed
        await scene.at.press("escape")
        await scene.at.sees("Reboot into the disk")
        await scene.at.press("tab")
        assert scene.screen.log_view.has_focus
        await scene.at.press("tab")
        assert scene.screen.timeline.has_focus
        await scene.at.press("l", "escape")
        assert scene.screen.timeline.has_focus
        await scene.at.press("escape")
        await scene.at.until(lambda: not isinstance(scene.at.app.screen, ExecutionScreen))


async def test_long_lines_are_wrapped_or_cut(stage: Opened) -> None:
    async with watched(stage, NARROW) as scene:
        await scene.log("netboot", "the beginning " + "and on and on " * 8 + "the end\n")
        await scene.at.sees("the beginning", "the end")
        await scene.at.press("w")
        await scene.at.sees_not("the end")
        await scene.at.press("l", *["right"] * 8)
        await scene.at.sees("the end")


async def test_the_node_is_one_key_away(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.at.press("o")
        await scene.at.sees("PowerEdge R650", "52:54:00:12:34:07")


async def test_behind_another_screen_nothing_is_shown_and_nothing_is_missed(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.at.press("o")
        await scene.at.sees("PowerEdge R650")
        execution = scene.at.app.screen_stack[-2]
        assert isinstance(execution, ExecutionScreen)
        await scene.log("netboot", "said unseen\n")
        await scene.at.until(lambda: execution.log_view.waiting)
        await scene.report("netboot")
        await scene.log("partition", "said unseen\n")
        await scene.at.until(lambda: scene.at.app.model.executions[scene.execution.id].latest("partition"))
        await scene.at.pilot.pause(0.3)
        assert execution.log_view.lines == 0
        assert [row.attempt is None for row in execution.timeline.rows] == [False, True, True, True, True]
        await scene.at.press("escape")
        await scene.at.sees("LOG  Partition the disk", "said unseen")
        assert "succeeded" in scene.row("Boot the installer")


async def test_an_execution_without_a_node_says_so(stage: Opened) -> None:
    workflow = "name: hello\nsteps:\n  - {key: hi, name: Say hello, action: core.echo, with: {message: hello}}\n"
    async with stage(scene="nothing") as at:
        [(known, _)] = await at.pureboot.workflows.import_(workflow, by=ADA)
        await at.pureboot.workflows.publish(known.name, by=ADA)
        execution = await at.pureboot.executions.start("hello", by=ADA)
        at.app.open_execution(execution.id)
        await at.sees("Say hello", "✓ succeeded", "output  echo hello")
        await at.press("o")
        await at.sees("this execution is not for a node")
        await at.press("c")
        await at.sees("nothing runs here that could be cancelled")


async def test_an_execution_that_is_not_there_is_an_error(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        at.app.open_execution("nowhere")
        await at.sees("there is no execution nowhere")
        await at.press("y", "c", "o", "n", "enter", "escape", "escape")


def test_every_key_has_what_it_does_and_means_one_thing() -> None:
    for screen in (ExecutionScreen, TemplateScreen, TemplatesScreen):
        assert not keys.clashes((screen.CONTEXTS[0], "everywhere"))
        for key in keys.KEYS[screen.CONTEXTS[0]]:
            assert callable(getattr(screen, f"action_{key.action}")), key
        assert len(keys.footer(screen.CONTEXTS[0])) <= 6


async def test_the_help_names_the_keys(stage: Opened) -> None:
    async with watched(stage) as scene:
        await scene.at.press("question_mark")
        await scene.at.sees("Keys: one execution", "follow the end of the log, or stand still")


async def test_forty_steps_leave_room_for_the_log_at_80_by_24(stage: Opened) -> None:
    steps = "".join(
        f"  - {{key: s{n}, name: Step number {n}, action: core.delay, with: {{duration: 30s}}}}\n" for n in range(40)
    )
    async with stage(size=NARROW, scene="nothing") as at:
        [(known, _)] = await at.pureboot.workflows.import_(f"name: long\nsteps:\n{steps}", by=ADA)
        await at.pureboot.workflows.publish(known.name, by=ADA)
        execution = await at.pureboot.executions.start("long", by=ADA)
        at.app.open_execution(execution.id)
        await at.sees("Step number 0", "LOG  Step number 0")
        screen = at.app.screen
        assert isinstance(screen, ExecutionScreen)
        assert screen.timeline.size.height <= 12
        assert screen.log_view.size.height >= 3
        await at.press("G")
        await at.sees("Step number 39", "core.delay · not reached yet")


async def test_the_log_is_in_view_on_the_smallest_terminal(stage: Opened) -> None:
    async with watched(stage, (60, 16)) as scene:
        await scene.at.sees("LOG", "c cancel")
        screen = scene.at.app.screen
        assert isinstance(screen, ExecutionScreen)
        assert screen.log_view.region.bottom <= 15
        assert screen.log_view.size.height >= 3


@pytest.mark.parametrize(
    ("size", "failed"), [(WIDE, False), (NARROW, False), (NARROW, True)], ids=["wide", "narrow", "failed"]
)
def test_the_picture(
    snap_compare: Callable[..., bool], sqlite_url: str, tmp_path: Path, size: tuple[int, int], failed: bool
) -> None:
    clock = ManualClock()
    app = details.console_at(sqlite_url, tmp_path, clock)
    assert snap_compare(app, terminal_size=size, run_before=details.show_execution(app, clock, failed=failed))

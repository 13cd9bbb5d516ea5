"""Stories about the dashboard: what needs a person, what runs, what was; and the dead letters. The pictures beside."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from textual.pilot import Pilot

from console.screens.dashboard import DashboardScreen
from console.screens.execution import ExecutionScreen
from console.screens.letters import LettersScreen
from console.screens.node import NodeScreen
from console.screens.nodes import NodesScreen
from console.screens.plots import PlotsScreen
from console.screens.trace import TraceScreen
from console.view.labels import ASCII, UNICODE
from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import DeadLetter, of_execution, of_start
from engine.core.executions import Execution, ExecutionStatus
from engine.services.letters import lay
from tests import scenarios
from tests.console import details
from tests.console.conftest import Opened, Set, Setter, Stage, screen_text
from tests.console.test_trace import heard
from tests.story import ADA, begun, ended, published

ASKS = """\
name: hand-over
steps: [{key: ask, name: Hand it over, action: core.approve, with: {message: Is it labelled?}}]
"""
KEYED = "name: keyed\nconcurrency: {key: one, limit: 1}\nsteps: [{key: a, action: core.approve}]"
FAILS = """\
name: fails
params: {disk: {type: string, default: /dev/vda}}
steps: [{key: a, action: core.echo}, {key: b, name: Always, action: core.fail, with: {message: gone}}]
"""
PATIENCE = 15.0


async def laid(pureboot: PureBoot, letter: DeadLetter) -> DeadLetter:
    return await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def dead(pureboot: PureBoot, reason: str, letter_id: str | None = None) -> tuple[Execution, DeadLetter]:
    """An execution that has failed for good, and its letter."""
    execution = await ended(pureboot, await pureboot.executions.start("fails", by=ADA))
    letter = of_execution(letter_id or new_id(), execution, execution.latest("b"), reason, pureboot.context.now())
    return execution, await laid(pureboot, letter)


async def refused(pureboot: PureBoot, number: int, letter_id: str | None = None) -> DeadLetter:
    start = {
        "workflow": "fails",
        "node": None,
        "params": {"disk": "/dev/sda"},
        "trigger": "nightly",
        "request_id": None,
    }
    return await laid(
        pureboot, of_start(letter_id or new_id(), "t1", start, f"refused for reason {number}", pureboot.context.now())
    )


async def until_screen(at: Stage, kind: type[object]) -> None:
    await at.until(lambda: isinstance(at.app.screen, kind))


async def test_what_needs_a_person_comes_first_and_each_row_leads_to_it(
    stage: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.screens.stuck.LOOK_SECONDS", 1)
    async with stage(size=(120, 36)) as at:
        await at.press("0")
        await until_screen(at, DashboardScreen)
        await at.sees("NEEDS YOU  1  1 failed", "r4-07", "medium err", "r retry", "RUNNING  4")
        assert "━" in at.line_with("Install packages")
        assert "about" in at.line_with("Partition the disk"), "earlier installations tell how long it takes"
        assert "is late" in at.line_with("Install packages")
        assert "about" not in at.line_with("Load memory"), "a burn-in has never succeeded"
        assert "install failed      1    +1" in at.text

        await published(at.pureboot, ASKS)
        asks = await at.pureboot.executions.start("hand-over", by=ADA, node=at.made.nodes["r4-01"].id)
        await at.sees("Hand it over: Is it lab", "1 to approve, 1 failed", "a approve")
        at.clock.advance(400)
        heard(at, "r4-04", "callback/current", "callback")
        at.clock.advance(400)
        await at.sees("! hangs", "t trace", "nothing was heard")

        await at.press("home", "a")
        await at.sees("needs you", "Is it labelled?", "approve")
        await at.press("enter", "y")
        await at.says("approved: Hand it over")
        await at.sees_not("Is it lab")
        assert (await ended(at.pureboot, asks)).status is ExecutionStatus.SUCCEEDED

        await at.press("home", "r")
        await at.sees("Retry debian-12 on r4-07?")
        await at.press("n", "enter")
        await until_screen(at, NodeScreen)
        await at.press("escape")
        await at.press("G", "t")
        await until_screen(at, TraceScreen)
        await at.press("escape", "tab", "enter")
        await until_screen(at, ExecutionScreen)
        await at.press("escape", "p")
        await at.sees("Pause burn-in on r5-02?")
        await at.press("enter", "y")
        await at.says("paused")
        await at.sees("‖ paused", "p resume")


async def test_what_waits_for_its_turn_is_one_row_and_nothing_is_painted_while_nothing_changes(stage: Opened) -> None:
    async with stage(size=(80, 24), scene="nothing") as at:
        await at.press("0")
        await at.sees("NEEDS YOU  nothing", "Nothing needs a person", "Nothing runs", "NODES  0")
        await published(at.pureboot, KEYED)
        for _ in range(4):
            await at.pureboot.executions.start("keyed", by=ADA)
        await at.sees("3 runs", "for a place", "RUNNING  1", "3 wait for their turn", "1 to approve")
        screen = at.app.screen
        assert isinstance(screen, DashboardScreen)
        await at.pilot.pause(0.3)
        painted = screen.table.lines_painted, screen._at_work.lines_painted
        for _ in range(3):
            screen.ticked()
            await at.pilot.pause()
        assert (screen.table.lines_painted, screen._at_work.lines_painted) == painted
        await at.press("G", "enter")
        await at.sees("keyed@v1.0", "STATUS")
        assert all(len(line) <= 80 for line in at.lines)


async def test_dead_letters_are_read_replayed_and_discarded(stage: Opened) -> None:
    async with stage(size=(80, 24), scene="nothing") as at:
        await published(at.pureboot, FAILS)
        execution, _ = await dead(at.pureboot, "retries used up: the disk is gone")
        for number in (1, 2, 3):
            at.clock.advance(60)
            await refused(at.pureboot, number)
        await at.press("0")
        await at.sees("4 dead letters", "the disk is", "r replay", "not started: refused for")
        await at.press("enter")
        await until_screen(at, LettersScreen)
        await at.sees("refused for reason 1", "PAYLOAD", '"disk": "/dev/sda"', "asked for by nightly")
        await at.press("G")
        await at.sees('"workflow_version": "v1.0"')
        await at.press("r")
        await at.sees("Replay fails?", "goes on from what failed")
        await at.press("y")
        await at.says("goes on: fails")
        assert (await at.pureboot.executions.get(execution.id)).latest("b") != execution.latest("b")
        await at.sees_not("retries used up")
        await at.press("home", "space", "space", "r")
        await at.sees("Replay 2 dead letters?")
        await at.press("y")
        await at.says("goes on: fails, fails")
        await at.sees_not("reason 3", "reason 2")
        await at.press("D", *"not now", "enter", "y")
        await at.says("discarded: fails")
        await at.sees("No dead letters.")
        assert await at.pureboot.dead_letters.count_open() == 0
        await at.press("enter", "r")
        await at.says("there is no dead letter here to replay")
        await at.press("escape")
        await at.sees("NEEDS YOU  nothing")


async def test_the_plots_show_boots_and_how_long_steps_take(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("0", "v")
        await until_screen(at, PlotsScreen)
        await at.sees("BOOTS AN HOUR", "in the last 24 hours", "workflow 1 of 2")
        await at.press("n")
        await at.sees("debian-12  4 runs, workflow 2 of 2", "Partition the disk", "45s", "█ p50", "the whole run")
        total = int(at.line_with("BOOTS AN HOUR").split()[3])
        await scenarios.boot(at.pureboot, 77)
        await at.until(lambda: int(at.line_with("BOOTS AN HOUR").split()[3]) == total + 1)
        assert all(len(line) <= 80 for line in at.lines)
        await at.press("v")
        await until_screen(at, DashboardScreen)
        await at.press("1")
        await until_screen(at, NodesScreen)


def showing(set_: Set, keys: str, shows: str) -> details.Show:
    """Fill in what the pictures tell, press keys, and wait until the screen shows a text."""

    async def run(pilot: "Pilot[None]") -> None:
        async with asyncio.timeout(PATIENCE):
            while not set_.app.is_open:
                await pilot.pause(0.02)
            pureboot = cast("PureBoot", set_.app.pureboot)
            await published(pureboot, ASKS)
            await published(pureboot, FAILS)
            asks = await pureboot.executions.start("hand-over", by=ADA, node=set_.made.nodes["r4-01"].id)
            await begun(pureboot, asks, "ask")
            await dead(pureboot, "retries used up: the disk is gone", "22222222-0000-7000-8000-000000000000")
            await refused(pureboot, 1, "11111111-0000-7000-8000-000000000000")
            await pilot.press(*keys.split())
            while shows not in screen_text(set_.app):
                await pilot.pause(0.02)
        await pilot.pause()

    return run


PICTURES = [
    ("dashboard", (80, 24), "0", "about", "pureboot"),
    ("dashboard", (120, 36), "0", "about", "pureboot"),
    ("dashboard-ascii", (80, 24), "0", "about", "pureboot-16"),
    ("letters", (80, 24), "0 L", "PAYLOAD", "pureboot"),
    ("letters", (120, 36), "0 L space k", "PAYLOAD", "pureboot-light"),
]


@pytest.mark.parametrize(
    ("name", "size", "keys", "shows", "theme"),
    PICTURES,
    ids=[f"{name}-{width}x{height}" for name, (width, height), *_ in PICTURES],
)
def test_picture(
    snap_compare: Callable[..., bool],
    console_on: Setter,
    name: str,
    size: tuple[int, int],
    keys: str,
    shows: str,
    theme: str,
) -> None:
    set_ = console_on("rack", theme=theme, symbols=ASCII if name.endswith("ascii") else UNICODE)
    assert snap_compare(set_.app, terminal_size=size, run_before=showing(set_, keys, shows))

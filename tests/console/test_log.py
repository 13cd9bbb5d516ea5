"""Stories about the log: it follows what happens, stands still when asked, and keeps what went wrong."""

import asyncio

import pytest

from console.screens.log import MOST, LogScreen
from engine.core.events import Kind
from engine.core.page import Page
from tests import scenarios
from tests.console.conftest import Opened, Stage
from tests.story import ADA, report


def log(at: Stage) -> LogScreen:
    screen = at.app.screen
    assert isinstance(screen, LogScreen)
    return screen


async def test_an_empty_log_says_what_it_is_for(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("5")
        await at.sees("Nothing has happened yet.")


async def test_the_newest_event_is_at_the_bottom_and_followed(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("5")
        await at.sees("Load memory and disks started", "following")
        await scenarios.boot(at.pureboot, 77, "r4-77")
        await at.sees("discovered: 52:54:00:4a:00:4d")
        assert "52:54:00:4a:00:4d is new here" in at.lines[-3]


async def test_it_stands_still_when_the_cursor_leaves_the_end(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("5")
        await at.sees("following")
        await at.press("k")
        await at.sees("standing still")
        before = [line[:70] for line in at.lines[3:20]]
        await scenarios.boot(at.pureboot, 77, "r4-77")
        await at.sees("standing still, 2 newer: f follows the newest")
        assert [line[:70] for line in at.lines[3:20]] == before
        await at.press("f")
        await at.sees("following", "52:54:00:4a:00:4d is new here")
        await at.press("f")
        await at.sees("standing still")
        await at.press("G")
        await at.sees("following")


async def test_filter_and_only_problems(stage: Opened) -> None:
    async with stage() as at:
        await at.press("5")
        await at.sees("following")
        await at.press("slash")
        await at.type("node:r4-05 kind:state")
        await at.sees("pending -> installing")
        assert "r4-04" not in at.text
        await at.press("enter", "escape", "x")
        await at.sees(
            "/ level:problem", "install failed (3 of 3)", "Partition the disk failed: /dev/vda: device is busy"
        )
        assert "Boot the installer" not in at.text
        await at.press("x")
        await at.sees("Load memory and disks started")


async def test_the_progress_of_steps_is_listed_when_asked_for(stage: Opened) -> None:
    async with stage() as at:
        await at.press("5")
        await at.sees("Load memory and disks started")
        await report(at.pureboot, at.made.executions["r5-02"], "load", "progress", progress_percent=35)
        await report(at.pureboot, at.made.executions["r5-02"], "load")
        await at.sees("Load memory and disks succeeded")
        assert "35%" not in at.text
        await at.press("p")
        await at.sees("Load memory and disks 20%: 12 of 60 minutes", "Load memory and disks 35%", "following")
        await at.press("p")
        await at.sees_not("35%")


async def test_a_text_that_is_cut_is_told_in_full_below(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("5")
        await at.sees("following")
        await at.press("x")
        await at.sees("/ level:problem", "Partition the disk failed: /dev/vda: device is busy")
        await at.press("k", "k")
        await at.until(lambda: "medium error, sector 1953525160" in " ".join(line.strip() for line in at.lines[-6:]))


async def test_the_node_is_named_on_the_smallest_terminal(stage: Opened) -> None:
    async with stage(size=(60, 16)) as at:
        await at.press("5", "x")
        await at.sees("level:problem", "NODE", "r4-07")


async def test_enter_opens_what_an_event_is_about(stage: Opened) -> None:
    async with stage() as at:
        await at.press("5")
        await at.sees("following")
        await at.press("enter")
        await at.sees("burn-in@v1.0 on r5-02")
        await at.press("escape")
        for typed, seen in (
            ("kind:node.discovered node:r4-08", "nothing has run here yet"),
            ("kind:template.version", "debian-preseed"),
            ("kind:workflow.published debian", "timeout 40m, then installing"),
        ):
            await at.press("5")
            log(at).pane.search(typed)
            await at.pilot.pause()
            await at.press("G", "enter")
            await at.sees(seen)
            await at.press("5", "5")


async def test_what_this_session_said_is_kept(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        await at.press("e", "escape")
        at.app.complain("the disk of the server is full; delete old images")
        at.app.tell("by the way")
        await at.press("escape", "5", "x")
        await at.sees("the disk of the server is full; delete old images", "this console")
        assert "by the way" not in at.text
        at.app.complain("and another thing")
        await at.sees("and another thing")


async def test_what_was_said_stands_among_the_events_by_its_time(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await scenarios.boot(at.pureboot, 1, "r4-01")
        await at.sees("r4-01")
        at.clock.advance(5)
        at.app.complain("said in between")
        at.clock.advance(5)
        await scenarios.boot(at.pureboot, 2, "r4-02")
        await at.press("5")
        await at.sees("is new here", "said in between")
        times = [entry.at for entry in log(at)._entries.values()]
        assert times == sorted(times)
        assert at.text.index("said in between") < at.text.rindex("is new here")


async def test_what_happens_while_the_log_is_read_hides_nothing(stage: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as at:
        read, told = at.pureboot.events, asyncio.Event()

        async def slowly(page: Page) -> object:
            found = await read(page)
            await told.wait()
            return found

        monkeypatch.setattr(at.pureboot, "events", slowly)
        await at.press("5")
        await scenarios.boot(at.pureboot, 77, "r4-77")
        await at.until(lambda: any(node.hostname == "r4-77" for node in at.app.model.nodes.values()))
        told.set()
        await at.sees("Load memory and disks started", "52:54:00:4a:00:4d is new here")
        told_of = [entry.text for entry in log(at)._entries.values()]
        assert sum("52:54:00:4a:00:4d is new here" in text for text in told_of) == 1


async def test_it_holds_no_more_than_it_should(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("5")
        await at.sees("Nothing has happened yet.")
        for _ in range(6):
            await many_events(at, 1000)
        await at.until(lambda: len(log(at).table.keys) == MOST)
        await at.until(lambda: "number 5999" in at.lines[-3])


async def test_nothing_is_lost_while_another_screen_is_in_front(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("5")
        await at.sees("Nothing has happened yet.")
        await at.press("1")
        await many_events(at, 30)
        await at.until(lambda: at.app.model.cursor == 30)
        await at.press("5")
        await at.sees("number 0", "number 29")


async def many_events(at: Stage, count: int) -> None:
    """So many events in one transaction."""
    from engine.core.events import NewEvent
    from engine.store import events

    begin = await at.pureboot.feed.cursor()
    facts = [
        NewEvent(kind=Kind.GROUP_CREATED, at=at.clock.now(), principal=ADA, data={"name": f"number {begin + number}"})
        for number in range(count)
    ]
    await at.pureboot.context.database.write(lambda tx: events.append(tx, facts))

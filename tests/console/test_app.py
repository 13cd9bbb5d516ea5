"""Stories about the console as a whole: opening, following, tabs, help, palette, small terminals, leaving."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from console import follower, keys
from console.app import PureBootApp
from console.places import PLACES
from console.pureboot import PureBoot as SomePureBoot
from console.screens.help import HelpScreen
from console.screens.nodes import NodesScreen
from console.screens.palette import Palette
from console.screens.small import TooSmall
from console.view.heading import tab_places
from console.widgets.table import Table
from engine.app import PureBoot
from engine.core.events import Kind, NewEvent
from engine.errors import Unavailable
from engine.store import events
from tests import scenarios
from tests.console.conftest import Opened, Setter, Stage, screen_text
from tests.story import ADA, report


async def test_the_first_frame_is_there_before_the_store_is_open(console_on: Setter) -> None:
    made = console_on("rack")
    may_open = asyncio.Event()
    open_ = made.app._open

    @asynccontextmanager
    async def slowly() -> AsyncIterator[SomePureBoot]:
        await may_open.wait()
        async with open_() as pureboot:
            yield pureboot

    app = PureBootApp(slowly, user=ADA)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "1 Nodes  2" in screen_text(app)
        assert "opening the store" in screen_text(app)
        with pytest.raises(Unavailable, match="not open yet"):
            _ = app.pureboot
        await pilot.press("2", "r", "c", "enter", "slash", "1", "m", "question_mark", "escape")
        assert "opening the store" in screen_text(app)
        may_open.set()
        async with asyncio.timeout(10):
            while "r4-07" not in screen_text(app):
                await pilot.pause(0.02)


class Closed:
    """A store that cannot be opened."""

    async def __aenter__(self) -> PureBoot:
        raise Unavailable("the store /data/pureboot.db is of a newer PureBoot; use that one, or another store")

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_a_store_that_cannot_be_opened_is_said_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    app = PureBootApp(Closed, user=ADA)
    async with app.run_test() as pilot:
        async with asyncio.timeout(10):
            while app.return_code is None:
                await pilot.pause(0.02)
    assert app.return_code == 1
    assert isinstance(app.failure, Unavailable)
    assert "newer PureBoot" in capsys.readouterr().err


async def test_what_the_start_had_to_say_is_shown_and_kept(console_on: Setter) -> None:
    made = console_on("rack")
    app = PureBootApp(made.app._open, user=ADA, notices=lambda: ["port 69 is not allowed: TFTP is on 6969"])
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        async with asyncio.timeout(10):
            while "port 69 is not allowed" not in screen_text(app):
                await pilot.pause(0.02)
        await pilot.press("escape", "5")
        await pilot.pause(0.3)
        assert "port 69 is not allowed: TFTP is on 6969" in screen_text(app)


async def test_the_heading_tells_how_things_stand(stage: Opened) -> None:
    async with stage(size=(160, 48)) as at:
        await at.sees("r4-07")
        assert at.lines[0].startswith(
            "  ".join([" PureBoot", *(f"{each.number} {each.name}" for each in PLACES if each.number)])
        )
        assert at.lines[0].endswith("http://10.0.4.1:8080")
        assert at.lines[1].split("   ")[:3] == [" ✗ 1 install failed", "▸ 2 installing", "○ 4 discovered"]
        assert at.lines[1].endswith("▸ 4 running   pureboot.db   host")


async def test_tabs_by_number_and_by_mouse(stage: Opened) -> None:
    async with stage() as at:
        for key, seen in (("2", "STARTED"), ("3", "debian-preseed"), ("4", "burn-in"), ("5", "EVENT"), ("1", "SINCE")):
            await at.press(key)
            await at.sees(seen)
        first, _ = tab_places(at.app.facts(), at.app.size.width)["executions"]
        await at.pilot.click("Header", offset=(first + 3, 0))
        await at.sees("STARTED")


async def test_a_tab_keeps_what_was_open_in_it(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        await at.press("enter")
        await at.sees("MACHINE")
        await at.press("2", "1")
        assert at.app.screen.query("#node-title")
        await at.press("1")
        assert at.app.screen.query("#nodes"), "the number again leads to the tab's first screen"


async def test_help_lists_the_keys_of_the_screen_and_scrolls(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("question_mark")
        await at.sees("Keys: nodes", "run a workflow on the marked nodes")
        assert "install failed" not in at.text.split("Keys")[1]
        await at.press("G")
        await at.sees("node install failed", "node retired", "step cancelled")
        await at.press("escape", "5", "question_mark")
        await at.sees("Keys: log", "follow the newest event")
        await at.press("question_mark")
        assert not isinstance(at.app.screen, HelpScreen)


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_does_what_the_keys_do(stage: Opened, key: str) -> None:
    async with stage() as at:
        await at.press(key)
        await at.sees("Go to Executions  (2)", "Run a workflow on the marked nodes, or on this one  (r)")
        await at.type("executions")
        await at.sees_not("Quit")
        await at.press("enter")
        await at.sees("STARTED")


@pytest.mark.parametrize(
    ("typed", "chosen", "seen"),
    [
        ("r4-05", "Node r4-05  installing", "MACHINE"),
        ("004a000c", "Node 52:54:00:4a:00:0c", "MACHINE"),
        ("burn", "Execution burn-in on r5-02  running", "Load memory and disks"),
        ("debian-pre", "Template debian-preseed", "debian-preseed"),
    ],
)
async def test_the_palette_finds_everything_by_name(stage: Opened, typed: str, chosen: str, seen: str) -> None:
    async with stage() as at:
        await at.press("colon")
        await at.type(typed)
        await at.sees(chosen)
        await at.press("enter")
        await at.until(lambda: not isinstance(at.app.screen, Palette))
        await at.sees(seen)


async def test_the_palette_finds_a_workflow(stage: Opened) -> None:
    async with stage() as at:
        await at.press("colon")
        await at.type("wipe")
        await at.sees("Workflow wipe-disks")
        await at.press("enter")
        await at.sees("Overwrite the disks  node.script")


async def test_a_terminal_that_is_too_small_says_so_and_recovers(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.sees("r4-07")
        await at.pilot.resize_terminal(50, 12)
        await at.sees("PureBoot needs a larger terminal:", "at least 60x16; this is 50x12.")
        await at.press("r", "m", "2", "enter", "slash")
        assert isinstance(at.app.screen, TooSmall), "no key reaches what cannot be seen"
        await at.pilot.resize_terminal(20, 3)
        await at.until(lambda: "larger" in at.text)
        await at.pilot.resize_terminal(120, 36)
        await at.sees("r4-07", "MAC", "SINCE")
        await at.pilot.resize_terminal(60, 16)
        await at.sees("r4-07", "STEP")


async def test_it_may_begin_in_a_terminal_that_is_too_small(stage: Opened) -> None:
    async with stage(size=(40, 10)) as at:
        await at.sees("PureBoot needs a larger")
        await at.pilot.resize_terminal(80, 24)
        await at.sees("r4-07")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (80, 50), (120, 36), (250, 60)])
async def test_every_screen_fits_every_terminal(stage: Opened, size: tuple[int, int]) -> None:
    async with stage(size=size) as at:
        for key in ("1", "enter", "escape", "2", "3", "4", "5", "1", "r", "escape", "m", "escape", "question_mark"):
            await at.press(key)
            assert len(at.lines) == size[1], key
            assert not isinstance(at.app.screen, TooSmall), key


async def test_a_burst_of_events_costs_few_repaints(stage: Opened) -> None:
    async with stage(size=(120, 36)) as at:
        await at.sees("r4-07")
        screen = at.app.screen
        assert isinstance(screen, NodesScreen)
        arranged: list[int] = []
        at.app.changed.subscribe(screen, lambda changes: arranged.append(len(changes.events)))
        screen.table.lines_painted = 0
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(burst(at, 20, f"name-{number}") for number in range(25)))
        await at.until(lambda: sum(arranged) == 500)
        seconds = asyncio.get_running_loop().time() - begun
        assert len(arranged) <= seconds / follower.REPAINT_SECONDS + 2, "four pictures a second"
        assert screen.table.lines_painted <= len(arranged) * screen.table.size.height


async def burst(at: Stage, count: int, name: str) -> None:
    """So many events about a node in one transaction."""
    node = at.made.nodes["r4-08"]
    fact = NewEvent(kind=Kind.NODE_UPDATED, at=at.clock.now(), principal=ADA, node_id=node.id, data={"name": name})
    await at.pureboot.context.database.write(lambda tx: events.append(tx, [fact] * count))


async def test_a_change_after_quiet_is_shown_at_once(stage: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "REPAINT_SECONDS", 3600.0)
    async with stage() as at:
        await at.sees("r4-08")
        await scenarios.boot(at.pureboot, 60, "r9-02")
        await at.sees("r9-02")
        await scenarios.boot(at.pureboot, 61, "r9-03")
        await asyncio.sleep(0.3)
        assert "r9-03" not in at.text, "the next one waits for its turn"


async def test_nothing_is_painted_while_nothing_changes(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        await asyncio.sleep(0.6)
        table = at.app.screen.query_one(Table)
        table.lines_painted = 0
        for _ in range(3):
            at.app._tick()
            await at.pilot.pause()
        assert table.lines_painted == 0


async def test_an_unexpected_fault_behind_a_key_does_not_end_the_console(
    stage: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    async def fault(_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with stage() as at:
        at.app.perform(fault)
        await at.says("unexpected ZeroDivisionError: a bug")
    assert "failed unexpectedly" in caplog.text


async def test_leaving_asks_while_machines_are_at_work(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        await at.press("q")
        await at.sees("Leave PureBoot?", "This console serves the machines, and 4 executions run.")
        await at.press("q")
        assert at.app.return_code is None
        await at.press("n", "ctrl+q")
        await at.sees("Leave PureBoot?")
        await at.press("y")
        await at.until(lambda: at.app.return_code == 0)


async def test_leaving_does_not_ask_when_nothing_runs(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("q")
        await at.until(lambda: at.app.return_code == 0)


async def test_what_is_done_carries_the_name_of_who_did_it(stage: Opened) -> None:
    async with stage() as at:
        await report(at.pureboot, at.made.executions["r4-04"], "install", "progress", progress_percent=80)
        at.app.perform(lambda pureboot: pureboot.nodes.tag("r4-08", add=["gold"], by=at.app.user), done="tagged")
        await at.says("tagged")
        newest = await at.pureboot.events_after(at.app.model.cursor - 1)
        assert newest[-1].principal == "user:ada"


async def test_every_action_of_the_table_of_keys_exists(stage: Opened) -> None:
    async with stage() as at:
        for key, context in (
            ("1", "nodes"),
            ("enter", "node"),
            ("2", "executions"),
            ("enter", "execution"),
            ("3", "templates"),
            ("enter", "template"),
            ("4", "workflows"),
            ("5", "log"),
        ):
            await at.press(key)
            await at.until(lambda context=context: context in getattr(at.app.screen, "CONTEXTS", ()))  # type: ignore[misc]
            for each in (*keys.KEYS[context], *keys.KEYS["everywhere"]):
                name = each.action.partition("(")[0]
                owner = at.app if name.startswith("app.") else at.app.screen
                assert hasattr(owner, f"action_{name.removeprefix('app.')}"), f"{context}: {each.action}"


async def test_the_clock_of_the_store_is_the_clock_of_the_screen(stage: Opened) -> None:
    async with stage() as at:
        before = at.app.now()
        at.clock.advance(90)
        assert at.app.now() - before == timedelta(seconds=90)

"""The timeline on a screen: what is painted, and where the cursor goes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from console.view import labels
from console.view.differing import difference
from console.view.pieces import Piece, cells
from console.widgets.timeline import Timeline
from engine.core.executions import AttemptStatus, Execution
from engine.core.workflows import Workflow
from tests.console.test_timeline_view import at, attempt, execution, workflow

RUNNING, SUCCEEDED, FAILED = AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED, AttemptStatus.FAILED


class TimelineApp(App[None]):
    """Nothing but a timeline."""

    CSS = "Timeline { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline(labels.UNICODE)
        self.selected: list[str] = []
        self.opened: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.timeline

    def on_mount(self) -> None:
        self.timeline.focus()

    def on_timeline_selected(self, event: Timeline.Selected) -> None:
        assert event.control is self.timeline
        self.selected.append(f"{event.entry.name}{event.entry.number}")

    def on_timeline_opened(self, event: Timeline.Opened) -> None:
        assert event.control is self.timeline
        self.opened.append(event.entry.name)


class Shown:
    """A timeline on a screen of 80 by 10."""

    def __init__(self, app: TimelineApp, pilot: "Pilot[None]") -> None:
        self.app = app
        self.timeline = app.timeline
        self.pilot = pilot

    async def show(self, steps: Workflow, shown: Execution, now: float) -> None:
        self.timeline.show(steps, shown, at(now))
        await self.pilot.pause()

    async def painted(self, now: float) -> int:
        """How many lines are painted anew when it is a later time."""
        before = self.timeline.lines_painted
        self.timeline.tick(at(now))
        await self.pilot.pause()
        return self.timeline.lines_painted - before

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def line(self, y: int) -> str:
        return self.timeline.render_line(y).text.rstrip()

    @property
    def selected(self) -> str:
        entry = self.timeline.selected
        return "" if entry is None else f"{entry.name}{entry.number}"


@asynccontextmanager
async def shown(height: int = 10) -> AsyncIterator[Shown]:
    app = TimelineApp()
    async with app.run_test(size=(80, height)) as pilot:
        await pilot.pause()
        yield Shown(app, pilot)


STEPS = workflow("boot", "disk", "packages")


async def test_only_the_line_that_runs_is_painted_again_while_time_goes_by() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("boot", SUCCEEDED, 0, 20), attempt("disk", RUNNING, 20)), 30.5)
        before = scene.line(2)
        assert await scene.painted(31.5) == 1
        assert scene.line(2) != before
        assert await scene.painted(31.5) == 0


async def test_all_lines_are_painted_again_when_the_axis_becomes_longer() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("boot", SUCCEEDED, 0, 20), attempt("disk", RUNNING, 20)), 44)
        assert await scene.painted(46) == 3  # the ruler and two bars; the step that was not reached looks the same


async def test_nothing_is_painted_when_nothing_runs() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("boot", SUCCEEDED, 0, 20), ended=20), 20)
        assert [await scene.painted(now) for now in (21, 60, 999)] == [0, 0, 0]
        assert not scene.timeline.moves


async def test_only_the_window_of_two_hundred_steps_is_painted() -> None:
    names = [f"step {number}" for number in range(200)]
    done = [attempt(name, SUCCEEDED, n, n + 1) for n, name in enumerate(names[:150])]
    async with shown(height=12) as scene:
        before = scene.timeline.lines_painted
        await scene.show(workflow(*names), execution(*done, attempt("step 150", RUNNING, 150)), 160)
        assert scene.selected == "step 150"
        assert "step 150" in scene.line(11)
        assert scene.timeline.lines_painted - before <= 3 * 12
        assert await scene.painted(161) <= 12


async def test_the_cursor_goes_along_with_what_runs_until_somebody_moves_it() -> None:
    async with shown() as scene:
        boot = attempt("boot", RUNNING, 0)
        await scene.show(STEPS, execution(boot), 5)
        assert scene.selected == "boot"
        done, disk = attempt("boot", SUCCEEDED, 0, 20), attempt("disk", RUNNING, 20)
        await scene.show(STEPS, execution(done, disk), 21)
        assert scene.selected == "disk"
        await scene.press("k")
        tries = (attempt("disk", FAILED, 20, 30), attempt("disk", RUNNING, 30, number=2))
        await scene.show(STEPS, execution(done, *tries), 31)
        assert scene.selected == "boot"
        await scene.press("G", "k")
        assert scene.selected == "disk 2/3"
        over = (tries[0], attempt("disk", SUCCEEDED, 30, 40, number=2))
        await scene.show(STEPS, execution(done, *over, attempt("packages", RUNNING, 40)), 41)
        assert scene.selected == "packages"
        assert scene.app.selected[-1] == "packages"


async def test_a_cursor_that_was_moved_stays_with_its_attempt_when_others_are_added_above() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("disk", FAILED, 0, 1)), 2)
        await scene.press("G")
        assert scene.selected == "packages"
        tries = [attempt("disk", FAILED, n, n + 1, number=n + 1) for n in range(3)]
        await scene.show(STEPS, execution(*tries), 4)
        assert scene.selected == "packages"


async def test_keys_and_clicks_select_and_open() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("boot", RUNNING, 0)), 5)
        await scene.press("j", "enter")
        assert scene.app.opened == ["disk"]
        await scene.pilot.click(Timeline, offset=(10, 3))
        assert scene.selected == "packages"
        await scene.pilot.click(Timeline, offset=(10, 3))
        await scene.pilot.click(Timeline, offset=(10, 0))
        await scene.pilot.click(Timeline, offset=(10, 8))
        await scene.pilot.pause()
        assert scene.app.opened == ["disk", "packages"]
        for key, name in {
            "home": "boot",
            "ctrl+f": "packages",
            "ctrl+u": "boot",
            "ctrl+d": "packages",
            "ctrl+b": "boot",
        }.items():
            await scene.press(key)
            assert scene.selected == name


async def test_an_empty_timeline_does_nothing() -> None:
    async with shown() as scene:
        await scene.press("j", "G", "enter")
        assert scene.selected == ""
        assert scene.app.opened == []
        assert await scene.painted(5) == 0


async def test_a_new_size_keeps_the_cursor_in_the_window() -> None:
    async with shown() as scene:
        names = [f"step {number}" for number in range(30)]
        await scene.show(workflow(*names), execution(attempt("step 0", RUNNING, 0)), 5)
        await scene.press("G")
        await scene.pilot.resize_terminal(50, 5)
        await scene.pilot.pause()
        assert any("step 29" in scene.line(y) for y in range(5))
        assert {cells(scene.timeline.render_line(y).text) for y in range(5)} == {scene.timeline.size.width}


async def test_time_is_seen_nearer_and_goes_along_with_the_cursor() -> None:
    async with shown() as scene:
        ran = execution(
            attempt("boot", SUCCEEDED, 0, 10),
            attempt("disk", SUCCEEDED, 10, 50),
            attempt("packages", SUCCEEDED, 50, 60),
            ended=60,
        )
        await scene.show(STEPS, ran, 60)
        scene.timeline.action_nearer()
        scene.timeline.action_nearer()
        assert scene.line(0).split()[0] == "x4"
        assert "‹" in scene.line(1), "what lies before is marked"
        await scene.press("home")
        assert scene.line(1).count("█") > 20, "the step that was selected is in view"
        assert "›" in scene.line(3)
        await scene.press("G")
        assert "█" in scene.line(3)
        scene.timeline.action_earlier()
        scene.timeline.action_farther()
        scene.timeline.action_later()
        assert scene.line(0).split()[0] == "x2"
        scene.timeline.fit()
        assert scene.timeline.window is None
        await scene.press("home")
        await scene.pilot._post_mouse_events([MouseScrollUp], Timeline, offset=(30, 1), control=True)
        await scene.pilot.pause()
        assert scene.line(0).split()[0] == "x2", "with ctrl the wheel does the same"


async def test_seen_nearer_bars_grow_in_place_and_the_present_stays_in_view() -> None:
    async with shown() as scene:
        await scene.show(STEPS, execution(attempt("boot", SUCCEEDED, 0, 50), attempt("disk", RUNNING, 50)), 58)
        scene.timeline.action_nearer()
        scene.timeline.action_nearer()
        await scene.pilot.pause()
        assert await scene.painted(59) == 1
        assert await scene.painted(90) > 1, "the window has moved on"
        assert "▒" in scene.line(2)


PIECES = st.lists(st.builds(Piece, st.text("ab日é", max_size=4), st.sampled_from("xy")), max_size=5)


@given(PIECES, PIECES)
def test_the_difference_of_two_lines_holds_every_cell_that_differs(before: list[Piece], now: list[Piece]) -> None:
    first, last = difference(before, now)
    old, new = _cells(before), _cells(now)
    if len(old) == len(new):
        assert all(first <= place < last for place in range(len(old)) if old[place] != new[place])
    else:
        assert (first, last) == (0, max(len(old), len(new)))


def _cells(line: list[Piece]) -> list[tuple[str, str]]:
    return [(char, piece.look) for piece in line for char in piece.text for _ in range(cells(char))]

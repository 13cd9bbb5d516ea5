"""A log: its lines as they come, and the widget that shows them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from console.view import labels
from console.view.log_buffer import MAX_LINE, LogBuffer
from console.view.pieces import printable
from console.widgets.log_view import PAINT_SECONDS, LogView
from console.widgets.wrapped_rows import WrappedRows

# The buffer


def lines(buffer: LogBuffer) -> list[str]:
    return [buffer.line(number) for number in range(buffer.first, buffer.end)]


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a\nb"], ["a", "b"]),
        (["a", "b", "c\n", "d"], ["abc", "d"]),
        (["a\n", "\n", "b"], ["a", "", "b"]),
        (["10%\r20%\r30%\n"], ["10%", "20%", "30%"]),
        (["a\r\nb\r\n"], ["a", "b"]),
        (["\x1b[2J\x1b]0;owned\x07\n"], ["^[[2J^[]0;owned^G"]),
        ([""], []),
    ],
)
def test_pieces_become_lines(pieces: list[str], shown: list[str]) -> None:
    buffer = LogBuffer()
    for piece in pieces:
        buffer.append(piece)
    assert lines(buffer) == shown


@given(st.lists(st.text("ab\n\t日\x1b", max_size=8), max_size=20))
def test_it_does_not_matter_how_a_log_is_cut_into_pieces(pieces: list[str]) -> None:
    whole, cut = LogBuffer(), LogBuffer()
    whole.append("".join(pieces))
    for piece in pieces:
        cut.append(piece)
    assert lines(cut) == lines(whole)
    assert all(line.isprintable() for line in lines(whole))


@given(st.lists(st.text("ab\n", max_size=12), max_size=30), st.integers(1, 10))
def test_the_oldest_lines_are_dropped_and_the_others_keep_their_numbers(pieces: list[str], limit: int) -> None:
    every, few = LogBuffer(), LogBuffer(limit)
    few.search("b")
    for piece in pieces:
        every.append(piece)
        few.append(piece)
        assert len(few) <= limit + limit // 10
    assert few.end == every.end
    assert lines(few) == lines(every)[few.first :]
    assert few.matches == sum("b" in line for line in lines(few))


def test_a_line_without_end_goes_on_in_the_next() -> None:
    buffer = LogBuffer()
    for _ in range(25):
        buffer.append("x" * 1000)
    buffer.append("y\n")
    assert [len(line) for line in lines(buffer)] == [MAX_LINE] * 6 + [1001]


@given(st.lists(st.text("abAB日İ \n", max_size=10), max_size=20), st.text("abAB日", min_size=1, max_size=2))
def test_matches_are_found_while_the_log_grows(pieces: list[str], needle: str) -> None:
    before, after = LogBuffer(), LogBuffer()
    before.search(needle)
    for piece in pieces:
        before.append(piece)
        after.append(piece)
    after.search(needle)
    minds_case = needle != needle.lower()
    expected = [at for at, line in enumerate(lines(after)) if needle in (line if minds_case else line.lower())]
    for buffer in (before, after):
        assert buffer.matches == len(expected)
        assert [buffer.rank(at) for at in expected] == list(range(1, len(expected) + 1))
    for at in expected:
        line = after.line(at)
        places = list(after.found_in(line))
        assert [printable(line[a:b]).lower() for a, b in places] == [needle.lower()] * len(places)


def test_the_next_match_after_the_last_is_the_first() -> None:
    buffer = LogBuffer()
    buffer.append("x\n1\nx\n2\nx\n")
    buffer.search("x")
    assert [buffer.next_match(at) for at in range(-1, 5)] == [0, 2, 2, 4, 4, 0]
    assert [buffer.previous_match(at) for at in range(6)] == [4, 0, 0, 2, 2, 4]
    buffer.search("nowhere")
    assert buffer.next_match(0) is buffer.previous_match(0) is None


# The widget


class LogApp(App[None]):
    """Nothing but a log."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.log_view = LogView(labels.UNICODE, limit=limit)

    def compose(self) -> ComposeResult:
        yield self.log_view

    def on_mount(self) -> None:
        self.log_view.focus()


class Shown:
    """A log on a screen of 40 by 10."""

    def __init__(self, app: LogApp, pilot: "Pilot[None]") -> None:
        self.log = app.log_view
        self.pilot = pilot

    async def append(self, text: str) -> None:
        """Add text, and wait until it is shown."""
        self.log.append(text)
        await self.until(lambda: not self.log.waiting)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await self.pilot.pause(0.01)
        await self.pilot.pause()

    def follows(self) -> bool:
        return self.log.follows

    @property
    def window(self) -> list[str]:
        """What stands on the screen."""
        return [self.log.render_line(y).text.rstrip() for y in range(self.log.size.height)]


@asynccontextmanager
async def shown(limit: int = 50_000) -> AsyncIterator[Shown]:
    app = LogApp(limit)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        yield Shown(app, pilot)


def numbered(first: int, end: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, end))


async def test_the_end_is_followed_until_somebody_goes_up() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        assert at.window == [f"  line {number}" for number in range(40, 50)]
        await at.append(numbered(50, 60))
        assert at.window[-1] == "  line 59"
        await at.pilot.press("up")
        assert not at.follows()
        await at.append(numbered(60, 70))
        assert at.window[-1] == "  line 59"
        assert at.log.unseen == 10
        await at.pilot.press("G")
        assert at.follows()
        assert at.log.unseen == 0
        assert at.window[-1] == "  line 69"


async def test_the_wheel_stops_following_too_and_back_at_the_end_goes_on() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        at.log.scroll_to(y=20, animate=False)
        await at.pilot.pause()
        assert not at.follows()
        at.log.scroll_to(y=at.log.max_scroll_y, animate=False)
        await at.pilot.pause()
        assert at.follows()


async def test_what_is_read_stays_in_place_while_the_oldest_lines_go() -> None:
    async with shown(limit=100) as at:
        await at.append(numbered(0, 100))
        await at.pilot.press("k", "k", "k")
        top = at.window[0]
        await at.append(numbered(100, 150))
        assert at.log.dropped == 50
        assert at.window[0] == top
        assert at.log.lines == 150


async def test_lines_that_are_read_and_go_make_room_for_the_oldest_that_is_left() -> None:
    async with shown(limit=100) as at:
        await at.append(numbered(0, 100))
        await at.pilot.press("home")
        await at.append(numbered(100, 400))
        assert at.window[0].endswith(f"line {at.log.dropped}")
        assert at.log.chosen == (at.log.dropped, at.log.dropped + 1)


async def test_long_lines_wrap_or_are_cut_and_moved() -> None:
    async with shown() as at:
        await at.append("the quick brown fox jumps over the lazy dog and runs away\nshort\n")
        assert at.window[:3] == ["  the quick brown fox jumps over the laz", "↳ y dog and runs away", "  short"]
        at.log.action_wrap()
        await at.pilot.pause()
        assert at.window[:2] == ["  the quick brown fox jumps over the la…", "  short"]
        await at.pilot.press("right")
        assert at.window[0] == "  … brown fox jumps over the lazy dog a…"
        await at.pilot.press("left", "left")
        assert at.window[0].startswith("  the quick")


async def test_wrapping_keeps_the_line_that_is_read() -> None:
    async with shown() as at:
        await at.append("".join(f"{number} {'x' * 50}\n" for number in range(40)))
        at.log.go_to(20)
        at.log.move_to(at.log.line_of(20))
        await at.pilot.pause()
        for _ in range(2):
            at.log.action_wrap()
            await at.pilot.pause()
            assert at.window[0].startswith("› 20 xxx")


async def test_matches_are_shown_and_gone_to() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        at.log.search("line 1")
        assert at.log.matches == (11, 11)
        assert any(line == "› line 19" for line in at.window)
        at.log.action_next()
        await at.pilot.pause()
        assert at.log.matches == (1, 11)
        assert "› line 1" in at.window
        at.log.action_previous()
        at.log.action_previous()
        await at.pilot.pause()
        assert "› line 18" in at.window
        await at.append("line 1000\n")
        assert at.log.matches == (10, 12)
        at.log.search("nowhere")
        assert at.log.matches == (0, 0)


async def test_lines_are_marked_from_where_the_cursor_stood() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        assert at.log.chosen == (0, 50)
        await at.pilot.press("k")
        assert at.log.text(*at.log.chosen) == "line 48\n"
        at.log.action_mark()
        await at.pilot.press("k", "k")
        assert at.log.marked == 3
        assert at.log.text(*at.log.chosen) == "line 46\nline 47\nline 48\n"
        await at.pilot.press("G")
        assert not at.follows()
        assert at.log.text(*at.log.chosen) == "line 48\nline 49\n"
        at.log.action_mark()
        assert at.log.marked == 0


async def test_a_terminal_is_never_steered_by_a_log() -> None:
    async with shown() as at:
        await at.append("\x1b[2J\x1b[31mred\x07 \x9b1m \u202egnp\n")
        text = "".join(at.window)
        assert text.isprintable()
        assert "^[[2J^[[31mred^G" in text


async def test_ten_thousand_lines_in_a_burst_cost_a_few_paintings() -> None:
    async with shown() as at:
        await at.append("first\n")
        before = at.log.paints
        for number in range(10_000):
            at.log.append(f"line {number} of a burst\n")
        await at.until(lambda: not at.log.waiting and at.log.lines == 10_001)
        assert at.window[-1] == "  line 9999 of a burst"
        assert at.log.paints - before <= 6 * at.log.size.height


async def test_a_stream_of_lines_is_painted_a_few_times_a_second() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        before, begin = at.log.paints, asyncio.get_running_loop().time()
        for number in range(100):
            at.log.append(f"line {number}\n")
            await at.pilot.pause()
        paintings = (at.log.paints - before) / at.log.size.height
        assert paintings <= 2 + (asyncio.get_running_loop().time() - begin) / PAINT_SECONDS


async def test_nothing_is_painted_for_lines_below_the_window() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        await at.pilot.press("home")
        before = at.log.paints
        await at.append(numbered(50, 60))
        assert at.log.paints == before


async def test_another_log_begins_at_its_end_again_and_is_searched_for_the_same() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        at.log.search("line 2")
        at.log.clear()
        await at.append("another line 2\n")
        assert at.follows()
        assert at.log.matches == (0, 1)
        assert at.window[0] == "  another line 2"


async def test_a_smaller_screen_still_shows_the_end() -> None:
    async with shown() as at:
        await at.append(numbered(0, 50))
        await at.pilot.resize_terminal(20, 5)
        await at.pilot.pause()
        assert at.window[-1] == "  line 49"
        assert at.follows()


def test_rows_can_only_be_shown_by_who_says_what_they_are() -> None:
    bare = WrappedRows(labels.UNICODE)
    for ask in (bare.row_count, bare.row_heights, lambda: bare.paint_row(0, 0)):
        with pytest.raises(NotImplementedError):
            ask()

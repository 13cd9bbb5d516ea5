"""Texts and diffs on a screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from console.looks import FOUND, FOUND_HERE, look, segments
from console.paint import CURSOR, DARK, LIGHT, SIXTEEN
from console.view import labels
from console.view.diff_lines import Mark, compare, numbered
from console.view.labels import Symbols
from console.view.pieces import Piece
from console.widgets.diff_view import DiffView

OLD = "".join(f"line {number}\n" for number in range(1, 61))
NEW = OLD.replace("line 5\n", "line five\n").replace("line 30\n", "line 30\nnew line\n").replace("line 55\n", "")


class DiffApp(App[None]):
    """Nothing but a labels."""

    def __init__(self, symbols: Symbols) -> None:
        super().__init__()
        self.view = DiffView(symbols)
        self.moves = 0

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def on_diff_view_moved(self, event: DiffView.Moved) -> None:
        assert event.control is self.view
        self.moves += 1


class Shown:
    """A view on a screen."""

    def __init__(self, app: DiffApp, pilot: "Pilot[None]") -> None:
        self.app = app
        self.view = app.view
        self.pilot = pilot

    async def diff(self, left: str, right: str) -> None:
        self.view.show_comparison(compare(left, right))
        await self.pilot.pause()

    @property
    def window(self) -> list[str]:
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]

    def line_with(self, text: str) -> str:
        return next(line for line in self.window if text in line)


@asynccontextmanager
async def shown(width: int, height: int = 20, symbols: Symbols = labels.UNICODE) -> AsyncIterator[Shown]:
    app = DiffApp(symbols)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        yield Shown(app, pilot)


async def test_two_versions_stand_side_by_side_when_there_is_room() -> None:
    async with shown(120) as at:
        await at.diff(OLD, NEW)
        assert at.view.is_beside
        left, right = at.line_with("five").split("│")
        assert left.split() == ["5", "~", "line", "5"]
        assert right.split() == ["5", "~", "line", "five"]
        assert at.line_with("new line").split("│")[0].strip() == ""
        assert at.line_with("… 18 lines")


async def test_they_stand_one_below_the_other_where_it_is_narrow() -> None:
    async with shown(119) as at:
        await at.diff(OLD, NEW)
        assert not at.view.is_beside
        assert at.line_with("five").split() == ["5", "+", "line", "five"]
        assert any(line.split() == ["5", "-", "line", "5"] for line in at.window)


async def test_it_changes_with_the_terminal_unless_somebody_chose() -> None:
    async with shown(120) as at:
        await at.diff(OLD, NEW)
        await at.pilot.resize_terminal(80, 20)
        await at.pilot.pause()
        assert at.line_with("five").split() == ["5", "+", "line", "five"]
        at.view.action_layout()
        await at.pilot.pause()
        assert "│" in at.line_with("five")
        await at.pilot.resize_terminal(100, 20)
        await at.pilot.pause()
        assert "│" in at.line_with("five")


async def test_changes_are_gone_through_round_and_round() -> None:
    async with shown(80, height=8) as at:
        await at.diff(OLD, NEW)
        seen = [at.view.change]
        for _ in range(3):
            at.view.action_next()
            await at.pilot.pause()
            seen.append(at.view.change)
        assert seen == [(1, 3), (2, 3), (3, 3), (1, 3)]
        at.view.action_previous()
        await at.pilot.pause()
        assert at.view.change == (3, 3)
        assert at.line_with("line 55").split() == ["55", "-", "line", "55"]


async def test_scrolling_tells_which_change_is_in_the_middle() -> None:
    async with shown(80, height=8) as at:
        await at.diff(OLD, NEW)
        await at.pilot.press("G")
        await at.pilot.pause()
        assert at.view.change == (3, 3)
        await at.pilot.press("home")
        await at.pilot.pause()
        assert at.view.change == (1, 3)


async def test_the_same_change_is_shown_the_other_way() -> None:
    async with shown(130, height=8) as at:
        await at.diff(OLD, NEW)
        at.view.action_next()
        at.view.action_layout()
        await at.pilot.pause()
        assert at.view.change == (2, 3)
        assert at.line_with("new line").split() == ["31", "+", "new", "line"]


async def test_long_lines_go_on_below_behind_a_mark_or_are_cut_with_one() -> None:
    long = "d-i pkgsel/include string " + " ".join(f"package-{n}" for n in range(12))
    async with shown(60) as at:
        await at.diff("a\n", f"a\n{long}\n")
        assert at.window[1].endswith("package-0 package-1")
        assert at.window[2].split()[:2] == ["↳", "package-2"]
        at.view.action_wrap()
        await at.pilot.pause()
        assert at.window[1].endswith("…")
        assert at.window[2] == ""
        await at.pilot.press("right", "right")
        assert "+ …" in at.window[1]


async def test_ascii_terminals_get_nothing_else() -> None:
    async with shown(120, symbols=labels.ASCII) as at:
        await at.diff(OLD, NEW + "x" * 200)
        await at.pilot.press("G")
        assert all(line.isascii() for line in at.window)
        assert any(line.split()[0] == "|" and "\\" in line.split() and line.endswith("xxx") for line in at.window)


async def test_equal_texts_say_so_by_a_fold() -> None:
    async with shown(80) as at:
        await at.diff(OLD, OLD)
        assert at.window[0].strip() == "… 60 lines"
        assert at.view.change == (0, 0)
        at.view.action_next()
        at.view.action_layout()


async def test_a_text_alone_is_numbered_and_marked() -> None:
    async with shown(60) as at:
        at.view.show_lines(numbered("one\ntwo ${x}\n", [Mark(line=2, column=5, length=4)]))
        await at.pilot.pause()
        assert at.window[:3] == ["  1 one", "  2 two ${x}", ""]
        marked = [segment.text for segment in at.view.render_line(1) if segment.style and segment.style.underline]
        assert marked == ["${x}"]
        at.view.action_layout()
        assert not at.view.is_beside


async def test_an_empty_text_is_empty() -> None:
    async with shown(60) as at:
        at.view.show_lines(numbered(""))
        await at.pilot.pause()
        assert set(at.window) == {""}


async def test_a_terminal_is_never_steered_by_a_text() -> None:
    async with shown(60) as at:
        await at.diff("\x1b[2Jold\n", "\x1b]0;x\x07new\n")
        assert "".join(at.window).isprintable()


def test_what_changed_has_more_than_a_colour_in_every_theme() -> None:
    for theme in (DARK, LIGHT, SIXTEEN):
        for word in ("removed-word", "added-word"):
            assert look(theme, word).underline
            assert look(theme, word).bold
        assert look(theme, "") != look(theme, "found")


def test_what_was_found_is_seen_under_the_cursor_too() -> None:
    for theme in (DARK, LIGHT, SIXTEEN):
        over = look(theme, CURSOR)
        for name in (FOUND, FOUND_HERE):
            plain, found = segments([Piece("a", "plain"), Piece("b", name)], theme, over)
            assert plain.style is not None
            assert found.style is not None
            assert (plain.style.bgcolor, plain.style.reverse) != (found.style.bgcolor, found.style.reverse)

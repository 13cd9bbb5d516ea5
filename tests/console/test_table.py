"""The table alone: cursor and marks by key, moving about, and that only what changes is painted."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown
from textual.message import Message
from textual.pilot import Pilot

from console.paint import DARK, THEMES
from console.view.columns import Column, fitted
from console.view.labels import FILL, UNICODE, Cell, Role, Row, cell
from console.view.pieces import Piece
from console.widgets.marking import MarkingTable
from console.widgets.table import Table

COLUMNS = (
    Column(key="name", title="NAME", width=10, keep=2),
    Column(key="text", title="TEXT", width=10, flex=1, keep=1),
)


class Shown(App[None]):
    """A table of rows that are made from their keys."""

    def __init__(self, keys: Sequence[str], values: dict[str, str] | None = None) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK
        self.listed = keys
        self.values = values or {}
        self.told: list[Message] = []
        self.made: list[str] = []

    def compose(self) -> ComposeResult:
        self.table = MarkingTable(COLUMNS, self.row, symbols=UNICODE, empty="nothing here\nyet")
        yield self.table

    def on_mount(self) -> None:
        self.table.show(self.listed)
        self.table.focus()

    def row(self, key: str) -> Row:
        self.made.append(key)
        return (cell(key), cell(self.values.get(key, f"row {key}")))

    @on(Table.Highlighted)
    @on(Table.Opened)
    @on(Table.HeadingClicked)
    def note(self, message: Message) -> None:
        self.told.append(message)

    @property
    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


@asynccontextmanager
async def shown(count: int = 5, size: tuple[int, int] = (40, 10)) -> AsyncIterator[tuple[Shown, "Pilot[None]"]]:
    app = Shown([f"k{number}" for number in range(count)])
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def test_heading_and_rows() -> None:
    async with shown() as (app, _):
        assert app.lines[:3] == ["  NAME       TEXT", "  k0         row k0", "  k1         row k1"]


async def test_an_empty_table_says_what_to_do() -> None:
    async with shown(0) as (app, _):
        assert app.lines[2:4] == ["  nothing here", "  yet"]
        assert app.table.cursor_key is None
        assert app.table.chosen == []


async def test_what_an_empty_table_says_is_wrapped() -> None:
    async with shown(0) as (app, pilot):
        app.table.empty = "one line that is longer than the forty cells there are"
        app.table.repaint()
        await pilot.pause()
        assert [line.strip() for line in app.lines[2:4]] == [
            "one line that is longer than the",
            "forty cells there are",
        ]


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [
        ("j", "k1"),
        ("j j k", "k1"),
        ("down down up", "k1"),
        ("k", "k0"),
        ("G", "k49"),
        ("end home", "k0"),
        ("G home", "k0"),
        ("ctrl+d", "k4"),
        ("ctrl+d ctrl+u", "k0"),
        ("pagedown", "k9"),
        ("pagedown pageup", "k0"),
        ("ctrl+f ctrl+f ctrl+b", "k9"),
        ("G j", "k49"),
    ],
)
async def test_moving_about(keys: str, cursor: str) -> None:
    async with shown(50) as (app, pilot):
        await pilot.press(*keys.split())
        assert app.table.cursor_key == cursor
        assert cursor in app.table.window


async def test_the_cursor_stays_with_its_row_when_others_come_and_go() -> None:
    async with shown(50) as (app, pilot):
        await pilot.press(*["j"] * 20)
        before = app.lines.index(next(line for line in app.lines if "k20" in line))
        app.table.show([f"new{n}" for n in range(30)] + [f"k{n}" for n in range(50)])
        await pilot.pause()
        assert app.table.cursor_key == "k20"
        assert "k20" in app.lines[before], "the row under the cursor does not jump on the screen"


async def test_the_cursor_goes_to_a_neighbour_when_its_row_goes() -> None:
    async with shown(5) as (app, pilot):
        await pilot.press("j", "j")
        app.table.show(["k0", "k1", "k3", "k4"])
        assert app.table.cursor_key == "k3"
        app.table.show(["k0"])
        assert app.table.cursor_key == "k0"
        await pilot.pause()
        keys = [message.key for message in app.told if isinstance(message, Table.Highlighted)]
        assert keys == ["k0", "k1", "k2", "k3", "k0"]


async def test_marks_stay_with_their_rows_and_are_chosen_in_order() -> None:
    async with shown(5) as (app, pilot):
        await pilot.press("j", "space", "k", "k", "space")
        assert app.table.chosen == ["k0", "k1"]
        assert app.lines[1].startswith("◆ k0")
        app.table.show(["k4", "k1", "k0"])
        assert app.table.chosen == ["k1", "k0"]
        app.table.show(["k4"], known={"k4", "k0"}.__contains__)
        assert app.table.chosen == ["k0"], "hidden by a filter it is still marked; gone it is not"


async def test_marking_all_that_is_shown() -> None:
    async with shown(3) as (app, pilot):
        await pilot.press("a")
        assert app.table.chosen == ["k0", "k1", "k2"]
        await pilot.press("a")
        assert app.table.chosen == ["k0"], "none is marked: the one under the cursor"


async def test_enter_and_mouse_open_and_choose() -> None:
    async with shown(5) as (app, pilot):
        await pilot.click(Table, offset=(5, 3))
        assert app.table.cursor_key == "k2"
        await pilot.click(Table, offset=(5, 3))
        await pilot.press("enter")
        await pilot.click(Table, offset=(3, 0))
        opened = [message.key for message in app.told if isinstance(message, Table.Opened)]
        headings = [message.column for message in app.told if isinstance(message, Table.HeadingClicked)]
        assert (opened, headings) == (["k2", "k2"], ["name"])


async def test_the_wheel_scrolls() -> None:
    async with shown(50) as (app, pilot):
        for _ in range(5):
            await pilot._post_mouse_events([MouseScrollDown], Table, offset=(5, 5))
        await pilot.pause()
        assert app.table.scroll_offset.y > 0
        assert app.table.cursor_key == "k0", "the cursor stays where it is"


async def test_nothing_is_painted_when_nothing_changed() -> None:
    async with shown(50) as (app, pilot):
        app.table.lines_painted = 0
        app.table.repaint()
        app.table.show([f"k{number}" for number in range(50)])
        await pilot.pause()
        assert app.table.lines_painted == 0


async def test_only_the_line_that_changed_is_painted() -> None:
    async with shown(50) as (app, pilot):
        app.table.lines_painted = 0
        app.values["k3"] = "changed"
        app.values["k30"] = "not on the screen"
        app.table.repaint()
        await pilot.pause()
        assert app.table.lines_painted == 1
        assert "changed" in app.lines[4]


async def test_ten_times_as_many_rows_cost_no_more() -> None:
    async with shown(100_000) as (app, pilot):
        app.made.clear()
        begun = time.perf_counter()
        await pilot.press("G")
        assert "k99999" in app.lines[-1]
        assert len(app.made) < 100, "only rows on the screen are made"
        assert time.perf_counter() - begun < 2.0


async def test_resizing_keeps_the_cursor_in_view() -> None:
    async with shown(50, size=(40, 30)) as (app, pilot):
        await pilot.press(*["j"] * 25)
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert "k25" in app.table.window
        assert any("k25" in line for line in app.lines)


@pytest.mark.parametrize(
    ("given", "width", "right", "text"),
    [
        (cell("abc"), 5, False, "abc  "),
        (cell("abc"), 5, True, "  abc"),
        (cell("abcdef"), 4, False, "abc…"),
        (cell("abcd"), 4, False, "abcd"),
        (cell("日本語"), 4, False, "日… "),
        (cell("日本語"), 2, False, "… "),
        (cell("日本語"), 1, False, "…"),
        ((Piece("ab", Role.PLAIN), Piece("cd", Role.BAD)), 3, False, "ab…"),
        ((*cell("name"), FILL, *cell("50%")), 10, False, "name   50%"),
        ((*cell("a long name"), FILL, *cell("50%")), 10, False, "a lon… 50%"),
        ((*cell("name"), FILL, *cell("50%")), 3, False, "na…"),
        ((), 3, False, "   "),
    ],
)
def test_a_cell_takes_exactly_its_width(given: Cell, width: int, right: bool, text: str) -> None:
    assert "".join(piece.text for piece in fitted(given, width, right, "…")) == text

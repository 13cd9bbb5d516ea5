"""Going about by two keys: `g` and a letter, back and forward."""

from textual import events

from console.places import PLACES
from console.screens.base import PureBootScreen
from console.screens.executions import ExecutionsScreen
from console.screens.node import NodeScreen
from console.screens.nodes import NodesScreen
from console.screens.run import RunScreen
from console.screens.templates import TemplatesScreen
from console.view import hints
from console.view.labels import plain
from console.visits import Made, Visit, Visits
from console.widgets.hint import Hint
from tests.console.conftest import Opened, Stage, choose, table
from tests.console.test_typeahead import burst


def test_every_place_has_a_letter_of_its_own() -> None:
    letters = [place.letter for place in PLACES]
    assert len({*letters, hints.TOP}) == len(letters) + 1
    assert all(len(letter) == 1 for letter in letters)
    numbers = [place.number for place in PLACES if place.number]
    assert len(set(numbers)) == len(numbers)


def test_the_letters_stand_in_columns_and_each_is_found_where_it_stands() -> None:
    for width in (60, 80, 120, 200):
        rows = hints.placed(hints.entries(jumps=True), width)
        assert [entry for row in rows for _, entry in row] == hints.entries(jumps=True)
        for row in rows:
            text = plain(tuple(hints.line(row, "nodes")))
            assert len(text) <= width
            for first, entry in row:
                assert text[first:].startswith(f"{entry[0]} {entry[1]}")
                assert hints.entry_at(row, first) == entry


def visit(name: str) -> Visit:
    return Visit(mode=name, screens=(Made(str, (name,)),))


def test_visits_are_a_browsers() -> None:
    visits = Visits(most=3)
    assert visits.go(-1) is None
    for name in "abb":
        visits.note(visit(name))
    visits.remember({"cursor": "x"})
    assert visits.go(-1) == visit("a")
    assert visits.go(-1) is None
    assert (visits.go(1) or visit("")).memory == {"cursor": "x"}
    visits.go(-1)
    visits.note(visit("c"))
    assert visits.go(1) is None, "what lay ahead is forgotten"
    for name in "def":
        visits.note(visit(name))
    assert [visits.go(-1), visits.go(-1), visits.go(-1)] == [visit("e"), visit("d"), None]


def made(at: Stage) -> Made:
    screen = at.app.screen
    assert isinstance(screen, PureBootScreen)
    return screen.made


async def test_a_letter_after_g_leads_to_a_place(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("g")
        await at.sees("g first row", "n Nodes", "e Executions", "l Log")
        await at.press("e")
        await at.until(lambda: isinstance(at.app.screen, ExecutionsScreen))
        await at.sees_not("g first row")
        burst(at, "g", "t")
        await at.until(lambda: isinstance(at.app.screen, TemplatesScreen))
        burst(at, "g", "n", "j", "j", "g", "g", "enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        await at.sees("r4-07")
        burst(at, "escape", "j", "g", "Q", "g", "escape", "g", "down", "enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        await at.sees("r4-0")
        assert not at.app.screen.query(Hint)
        await at.press("escape", "slash", "g", "e", "enter")
        assert table(at).pane.filter.text == "ge", "in a field it is a letter"


async def test_what_else_may_come_after_g(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("r")
        await at.until(lambda: isinstance(at.app.screen, RunScreen))
        await at.press("down", "g")
        await at.sees("g first row")
        assert "e Executions" not in at.text
        await at.press("e")
        assert isinstance(at.app.screen, RunScreen), "a dialog is not left by the way"
        await at.press("escape", "g")
        hint = at.app.screen.query_one(Hint)
        row, (first, _) = next(
            (y, each) for y, row in enumerate(hints.placed(hint._entries, 120)) for each in row if each[1][0] == "e"
        )
        await at.pilot.click(Hint, offset=(first, row))
        await at.until(lambda: isinstance(at.app.screen, ExecutionsScreen))
        at.app.post_message(events.Key("g", "g"))
        at.app.post_message(events.Paste("e"))
        await at.sees_not("g first row")


async def test_back_and_forward_through_what_was_visited(stage: Opened) -> None:
    async with stage() as at:
        await at.press("ctrl+o")
        await at.says("there is no screen to go back to")
        await at.press("slash", *"r4", "enter", "s", "j", "j")
        left = table(at).table.cursor_key
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        shown = made(at)
        await at.press("e", "g", "t", "enter", "escape", "escape", "g", "l")
        await at.press("alt+left")
        await at.until(lambda: isinstance(at.app.screen, TemplatesScreen))
        while at.app.current_mode != "nodes" or not isinstance(at.app.screen, NodesScreen):
            await at.press("ctrl+o")
        assert table(at).table.cursor_key == left
        assert table(at).pane.listing.text == "r4"
        await at.press("alt+right")
        assert made(at) == shown
        await at.press("escape", "ctrl+o")
        assert made(at) == shown, "what was left by escape is visited again"
        await at.press("1", "escape", "escape", "g", "l", "ctrl+o", "ctrl+n")
        assert at.app.current_mode == "log"

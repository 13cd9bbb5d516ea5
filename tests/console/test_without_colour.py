"""Whatever a colour says is said by a symbol or a word as well: all that is told stays told without colours."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from console import looks, paint
from console.paint import THEMES
from console.view import labels
from console.view.diff_lines import Look
from console.view.labels import ASCII, UNICODE, Role, Symbols, plain
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.nodes import NodeState

TOLD: list[tuple[type[StrEnum], str, Mapping[StrEnum, Role]]] = [
    (NodeState, "node", labels.NODE_ROLES),  # type: ignore[list-item]
    (ExecutionStatus, "execution", labels.EXECUTION_ROLES),  # type: ignore[list-item]
    (AttemptStatus, "attempt", labels.ATTEMPT_ROLES),  # type: ignore[list-item]
]


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize(("states", "table", "roles"), TOLD, ids=[each[1] for each in TOLD])
def test_every_state_has_a_symbol_of_its_own_and_a_word(
    states: type[StrEnum], table: str, roles: Mapping[StrEnum, Role], symbols: Symbols
) -> None:
    known: Mapping[StrEnum, str] = getattr(symbols, table)
    assert set(known) == set(states) == set(roles), "a new state needs its symbol and its role"
    signs = [known[state] for state in states]
    assert len(set(signs)) == len(signs), "two states that only their colour would tell apart"
    assert all(len(sign) == 1 for sign in signs)
    assert symbols is UNICODE or all(sign.isascii() for sign in signs)
    assert len({labels.words(state) for state in states}) == len(signs)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_cells_of_states_are_distinct_texts(symbols: Symbols) -> None:
    texts = [plain(labels.state_cell(state, symbols)) for state in NodeState]
    texts += [f"execution {plain(labels.status_cell(status, symbols))}" for status in ExecutionStatus]
    texts += [f"step {plain(labels.attempt_cell(status, symbols))}" for status in AttemptStatus]
    assert len(set(texts)) == len(NodeState) + len(ExecutionStatus) + len(AttemptStatus)
    for text in texts:
        assert any(char.isalpha() for char in text.split(" ", 1)[1])
    done, rest = labels.bar(40, 10, symbols)
    assert set(done.text).isdisjoint(rest.text), "what is done differs in shape"


def test_every_symbol_of_ascii_is_ascii() -> None:
    for name in ASCII.__slots__:
        value = getattr(ASCII, name)
        assert all(sign.isascii() for sign in (value.values() if isinstance(value, Mapping) else [value])), name


def test_every_theme_has_a_look_for_everything() -> None:
    assert {theme.name for theme in THEMES} == set(paint.LOOKS) == set(looks.LOOKS)
    for theme in THEMES:
        for role in (*Role, paint.CURSOR, paint.CURSOR_BLURRED, paint.MARKED, paint.HEADING, paint.CURRENT_TAB):
            paint.look(theme.name, role)
        assert set(looks.LOOKS[theme.name]) == set(looks.LOOKS[paint.DARK])


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_what_only_a_look_tells_is_told_by_more_than_its_colour(theme: str) -> None:
    """Words that changed within a line are marked by weight or underline; the row under the cursor, the tab in front
    and what was found by reverse or by a background; changed lines have signs as well.
    """
    for word in (Look.REMOVED_WORD, Look.ADDED_WORD):
        style = looks.look(theme, word)
        assert style.bold
        assert style.underline
    tab = paint.look(theme, paint.CURRENT_TAB)
    assert tab.bold
    assert paint.look(theme, Role.BAD).bold, "what is wrong is bold as well"
    cursor = paint.look(theme, paint.CURSOR)
    assert cursor.reverse or cursor.bgcolor is not None

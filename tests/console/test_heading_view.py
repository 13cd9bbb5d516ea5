"""The heading, as wide as the screen, without one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.places import PLACES, Place
from console.view import heading
from console.view.heading import Facts
from console.view.labels import UNICODE, plain
from console.view.pieces import cells
from engine.core.nodes import NodeState


@given(st.integers(30, 200), st.dictionaries(st.sampled_from(list(NodeState)), st.integers(0, 9999)), st.booleans())
def test_the_heading_is_exactly_as_wide_as_the_screen(width: int, states: dict[NodeState, int], is_host: bool) -> None:
    facts = Facts(states=states, running=12, server_url="http://10.0.0.1", store="x.db", is_open=True, is_host=is_host)
    for line in (heading.first_line(facts, width), heading.second_line(facts, width, UNICODE)):
        assert cells(plain(line)) == width


def test_the_heading_counts_what_there_is() -> None:
    facts = Facts(states={NodeState.ACTIVE: 3, NodeState.INSTALL_FAILED: 1, NodeState.PENDING: 0}, is_open=True)
    line = plain(heading.second_line(facts, 120, UNICODE))
    assert line.startswith(" ✗ 1 install failed   ● 3 active")
    assert "pending" not in line
    assert "nothing runs" in line


def test_the_heading_says_aloud_that_it_is_cut_off() -> None:
    facts = Facts(is_open=True, cut_seconds=75.0, store="x.db")
    assert "! store unreachable for 1m 15s" in plain(heading.second_line(facts, 80, UNICODE))


def test_a_guest_says_so() -> None:
    facts = Facts(is_open=True, is_host=False, store="x.db")
    assert "guest: another PureBoot serves" in plain(heading.second_line(facts, 80, UNICODE))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////var/lib/pureboot/pureboot.db", "pureboot.db"),
        ("postgresql+asyncpg://ada:secret@db.example/boot?ssl=on", "db.example/boot"),
    ],
)
def test_what_a_store_is_called(url: str, name: str) -> None:
    assert heading.store_name(url) == name


def place(number: str, name: str) -> Place:
    return Place(mode=name.lower(), number=number, letter=name[0].lower(), name=name, help="", screen="")


TEN = ("Dashboard", "Nodes", "Executions", "Templates", "Workflows", "Log", "Traffic", "Triggers", "Packs", "Agents")
MANY = [*(place(str(number), name) for number, name in enumerate(TEN)), place("", "Secrets")]


@pytest.mark.parametrize("width", [200, 120, 80, 60])
@pytest.mark.parametrize("places", [PLACES, MANY], ids=["ours", "ten"])
def test_tabs_are_where_they_are_drawn(width: int, places: Sequence[Place]) -> None:
    for front in places:
        facts = Facts(mode=front.mode)
        line = plain(heading.first_line(facts, width, places))
        found = heading.tab_places(facts, width, places)
        assert len(line) == width
        for each in places:
            if each.number or each is front:
                assert line[slice(*found[each.mode])] in (each.number, f"{each.number} {each.name}".strip())
            else:
                assert each.mode not in found
        assert line[slice(*found[front.mode])].endswith(front.name)


def test_as_many_tabs_have_names_as_there_is_room_for() -> None:
    line = plain(heading.first_line(Facts(mode="packs"), 80, MANY)).rstrip()
    assert line == " PureBoot  0 Dashboard  1 Nodes  2 Executions  3  4  5 Log  6  7  8 Packs  9"
    assert "9 Agents" in plain(heading.first_line(Facts(mode="packs"), 140, MANY))
    assert plain(heading.first_line(Facts(mode="secrets"), 80, MANY)).rstrip().endswith("9  Secrets")

"""What the palette finds, in which order, and how soon."""

import re
from datetime import UTC, datetime
from time import thread_time

import pytest

from console.screens.nodes import NodesScreen
from console.screens.palette import Palette
from console.view import finding
from console.view.finding import Offer, find, node_offer, offer
from engine.core.nodes import Node
from tests.console.conftest import Opened, choose, table

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def node(number: int, **more: object) -> Node:
    mac = ":".join(re.findall("..", f"525400{number:06x}"))
    values = {
        "hostname": f"r{number // 48}-{number % 48:02}",
        "ip_address": f"10.{number >> 8}.{number & 255}.7",
    } | more
    return Node(
        id=f"n{number}", mac_address=mac, state_changed_at=NOW, created_at=NOW, updated_at=NOW, **values  # type: ignore[arg-type]
    )  # fmt: skip


ACTIONS = [
    offer("action:nodes.run", "Run a workflow on the marked nodes  (r)", "Run a workflow on the marked nodes", "run"),
    offer("place:nodes", "Go to Nodes  (1)", "Go to Nodes"),
    offer("place:log", "Go to Log  (5)", "Go to Log"),
]
NODES = [
    node_offer(node(0xABC, hostname="log-server", serial_number="SN-4711", tags=("gold", "edge"))),
    node_offer(node(2, hostname="catalogue")),
    node_offer(node(3, hostname="log")),
]
GROUPS = [ACTIONS, NODES]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("log", ["Node log  ", "Node log-server", "Go to Log", "Node catalogue"]),
        ("525400000abc", ["Node log-server"]),
        ("52:54:00:00:0A:BC", ["Node log-server"]),
        ("52-54-00-00-0a-bc", ["Node log-server"]),
        ("5254.0000.0abc", ["Node log-server"]),
        ("10.10.188.7", ["Node log-server"]),
        ("sn-47", ["Node log-server"]),
        ("gold", ["Node log-server"]),
        ("log edge", ["Node log-server"]),
        ("rwf", ["Run a workflow"]),
        ("run", ["Run a workflow"]),
        ("gtn", ["Go to Nodes"]),
        ("no such thing", []),
    ],
)
def test_what_fits_best_comes_first(typed: str, first: list[str]) -> None:
    labels = [each.label for each in find(GROUPS, typed)]
    assert len(labels) >= len(first)
    assert [label.startswith(begin) for label, begin in zip(labels, first, strict=False)] == [True] * len(first), labels
    if not first:
        assert labels == []


def test_what_was_used_last_comes_first() -> None:
    recent = ["place:log", "gone:x", NODES[1].id]
    assert [each.id for each in find(GROUPS, "log", recent)][:2] == ["place:log", NODES[1].id]
    assert [each.id for each in find(GROUPS, "", recent)] == [
        "place:log",
        NODES[1].id,
        "action:nodes.run",
        "place:nodes",
    ]


def test_ten_thousand_nodes_are_searched_within_fifty_milliseconds_a_key() -> None:
    nodes = [node_offer(node(number)) for number in range(10_000)]
    groups: list[list[Offer]] = [ACTIONS, nodes]
    for typed in ("r", "r104-1", "52:54:00:00:1f", "10.12.4.7", "r1 0a", "zzzz", "r2041"):
        took = []
        for _ in range(3):
            begun = thread_time()
            find(groups, typed)
            took.append(thread_time() - begun)
        assert min(took) < 0.05, typed


async def test_the_palette_finds_and_does(stage: Opened) -> None:
    async with stage(size=(100, 30)) as at:
        await choose(at, "r4-08")
        await at.press("colon")
        await at.sees("Run a workflow on the marked nodes, or on this one  (r)", "Go to Executions  (2)")
        await at.type("52-54-00-4a-00-05")
        await at.until(lambda: at.text.count("Node r4-05") == 1 and "Go to" not in at.text)
        await at.press("enter")
        await at.sees("MACHINE", "r4-05")
        await at.press("escape", "ctrl+p")
        await at.until(lambda: isinstance(at.app.screen, Palette))
        lines = [line for line in at.lines if "Node r4-05  installing" in line]
        assert lines, "what was used last stands there already"
        await at.press("down", "up", "escape")
        await at.press("colon", *"group r5")
        await at.sees("Group r5")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, NodesScreen))
        await at.sees('group="r5"')
        await at.press("escape", "colon", *"mark every", "enter")
        await at.until(lambda: len(table(at).table.marked) == len(at.app.model.nodes))
        await at.press("colon", *"sort other", "enter")
        await at.until(lambda: table(at).pane.listing.reversed)
        await at.press("colon", *"xqxq")
        await at.sees("Nothing fits")
        assert finding.MOST == 60

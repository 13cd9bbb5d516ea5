"""A console that shows everything and changes nothing, and the list of who else looks."""

from typing import Any, cast

import pytest

from console import guarded
from console.view import heading, who_lines
from console.view.heading import Facts
from console.view.labels import ASCII, UNICODE, plain
from console.view.pieces import cells
from engine.core.consoles import ConsoleSession
from engine.core.nodes import NodeState
from engine.errors import Forbidden
from tests.clock import ManualClock
from tests.console.conftest import Opened, Setter, Stage
from tests.story import ADA

NOW = ManualClock().now()


async def test_a_read_only_console_changes_nothing(console_on: Setter) -> None:
    set_ = console_on("rack")
    set_.app.read_only = True
    async with set_.app.run_test(size=(80, 24), notifications=True) as pilot:
        at = Stage(set_, pilot)
        await at.sees("r4-07", "read-only")
        assert " run" not in at.lines[-1]
        await at.press("r")
        await at.says("this console is read-only")
        pureboot = at.app.pureboot
        node = at.made.nodes["r5-03"]
        with pytest.raises(Forbidden, match="read-only"):
            await pureboot.nodes.move(node.id, NodeState.PENDING, by=ADA)
        with pytest.raises(Forbidden):
            await pureboot.secrets.names()
        assert (await pureboot.nodes.get(node.id)).state is node.state
        assert (await pureboot.snapshot()).nodes


async def test_another_console_on_the_store_is_named(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.pureboot.consoles.renew("12345678-x", by="user:bob", place="noc2 pts/1", looks_at="node r4-07")
        await at.sees("1 other")
        await at.press("W")
        await at.sees("Open consoles", "ada (you)", "bob", "noc2 pts/1", "node r4-07")
        await at.press("escape")
        await at.sees_not("Open consoles")
        await at.pureboot.consoles.leave("12345678-x", by="user:bob")
        await at.sees_not("1 other")


def test_what_is_a_change_is_refused_and_what_is_not_goes_through() -> None:
    class Services:
        nodes = type("Nodes", (), {"get": lambda self: "read", "own": "value"})()
        settings = "settings"

    shown: Any = guarded.guarded(cast("Any", Services()))
    assert shown.settings == "settings"
    assert shown.nodes.get() == "read"


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_cut_line_takes_the_place_of_what_is_as_old(width: int, symbols: object) -> None:
    facts = Facts(is_open=True, cut_seconds=125.0, remote="pb.example:8443", states={NodeState.ACTIVE: 5}, running=3)
    line = plain(heading.cut_line(facts, width, symbols))  # type: ignore[arg-type]
    assert "pb.example:8443 unreachable for 2m 05s" in line
    assert "running" not in line
    assert cells(line) <= width


def test_the_heading_says_where_it_is_who_else_looks_and_that_it_only_looks() -> None:
    facts = Facts(is_open=True, is_host=False, remote="pb.example", others=2, read_only=True, store="x.db")
    line = plain(heading.second_line(facts, 80, UNICODE))
    assert "read-only   2 others   nothing runs   at pb.example" in line
    assert "guest" not in line
    assert "1 other " in plain(heading.second_line(Facts(is_open=True, others=1), 80, UNICODE))


def test_consoles_stand_in_columns() -> None:
    def session(name: str, **more: object) -> ConsoleSession:
        given = {"id": name, "place": "vm pts/1", "looks_at": "log", "since": NOW, "seen_at": NOW, **more}
        return ConsoleSession(name=f"user:{name}", **given)  # type: ignore[arg-type]

    sessions = [session("ada"), session("bob", is_read_only=True, is_remote=True, looks_at="node \x1b[31mr4\n")]
    lines = [plain(line) for line in who_lines.lines(sessions, "ada", NOW)]
    assert [line.index("vm") for line in lines[1:]] == [lines[0].index("where")] * 2
    assert "ada (you)" in lines[1]
    assert "bob read-only" in lines[2]
    assert "by the API" in lines[2]
    assert "\x1b" not in lines[2]

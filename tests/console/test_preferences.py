"""How the console is wanted: other keys, looks, alarms, and where it was left."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console import keys, paint
from console.alarms import Alarms, failed, through
from console.app import PureBootApp
from console.cli.options import check_keys
from console.keys import remap
from console.keys.names import key_named
from console.paint import LIGHT, SAFE
from console.preferences import Preferences, has_few_colours, preferences
from console.screens.node import NodeScreen
from console.screens.nodes import NodesScreen
from console.session import MOST_STORES, Session
from console.view.labels import ASCII, UNICODE
from engine.core.executions import Execution, ExecutionStatus
from engine.errors import Invalid
from engine.settings import read
from engine.settings_console import Console
from tests.console.cli_support import Commands
from tests.console.conftest import Setter, Stage, table
from tests.story import report

NOW = datetime(2026, 3, 1, tzinfo=UTC)

# Keys


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("x", "x"),
        ("X", "X"),
        (" ctrl+X ", "ctrl+x"),
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        ("Esc", "escape"),
        ("F5", "f5"),
        ("+", "plus"),
        ("ctrl++", "ctrl+plus"),
        ("shift+alt+left", "alt+shift+left"),
        ("9", "9"),
    ],
)
def test_keys_are_named_as_people_write_them(written: str, name: str) -> None:
    assert key_named(written) == name


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "names no key"),
        ("crtl+x", "is no key; write such as"),
        ("hyper", "is no key"),
        ("ctrl+i", "arrives as tab"),
        ("shift+a", "arrives as A"),
        ("alt+j", "arrives as escape and j"),
    ],
)
def test_keys_that_no_terminal_sends_are_refused(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        key_named(written)


def test_actions_get_other_keys() -> None:
    keymap, wrong = remap.read({"nodes": {"cancel": "x, ctrl+k"}, "everywhere": {"go_to": "comma"}}, keys.KEYS)
    assert wrong == []
    cancel = next(key for key in keys.KEYS["nodes"] if key.name == "cancel")
    assert (keymap.of(cancel).keys, keymap.of(cancel).first) == ("x,ctrl+k", "x")
    assert keymap.keys["list.go_to"] == keymap.keys["everywhere.go_to"] == "comma"
    other = next(key for key in keys.KEYS["executions"] if key.name == "cancel")
    assert keymap.of(other) is other
    swapped, wrong = remap.read({"nodes": {"cancel": "m", "move": "c"}}, keys.KEYS)
    assert wrong == []
    assert len(swapped.keys) == 2


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ({"nods": {}}, ("nods",), "no context of this name (did you mean nodes?); there are everywhere, list"),
        ({"nodes": {"cancl": "x"}}, ("nodes", "cancl"), "no action of this name (did you mean cancel?); nodes has"),
        ({"nodes": {"cancel": "crtl+x"}}, ("nodes", "cancel"), "is no key"),
        ({"nodes": {"cancel": "m"}}, ("nodes", "cancel"), "m is the key of nodes.move as well"),
        ({"nodes": {"cancel": "j"}}, ("nodes", "cancel"), "j is the key of list.down as well"),
        ({"nodes": {"cancel": "space"}}, ("nodes", "cancel"), "space is the key of marks.mark as well"),
        ({"everywhere": {"quit": "r"}}, ("everywhere", "quit"), "r is the key of"),
    ],
)
def test_keys_that_cannot_be_are_named(given: remap.Given, path: tuple[str, ...], said: str) -> None:
    wrong = remap.read(given, keys.KEYS)[1]
    assert any(each.path == path and said in each.message for each in wrong), wrong


def test_a_conflict_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    file.write_text("http: {port: 1}\nconsole:\n  keys:\n    nodes:\n      run: f12\n      cancel: [x, m]\n")
    reading = read(config=file, environ={})
    assert reading.settings.console.keys["nodes"] == {"run": "f12", "cancel": "x,m"}
    with pytest.raises(Invalid) as refused:
        check_keys(reading)
    assert f"{file}:6: console.keys.nodes.cancel: m is the key of nodes.move as well" in str(refused.value)
    reading = read(config=file, environ={"PUREBOOT_CONSOLE__KEYS__NODES__CANCEL": "x"})
    check_keys(reading)
    assert str(reading.origins["http", "port"]) == f"{file}:1"
    assert str(reading.origins["console", "keys", "nodes", "cancel"]) == "PUREBOOT_CONSOLE__KEYS__NODES__CANCEL"


def test_every_command_refuses_such_keys(pureboot_command: Commands) -> None:
    result = pureboot_command("node", "list", "--set", "console.keys.nodes.cancel=m")
    assert result.exit_code == 2
    assert "console.keys.nodes.cancel: m is the key of nodes.move as well" in result.output


# Looks


def test_what_the_settings_say_of_looks() -> None:
    wanted = preferences(Console(theme="safe", ascii="on", bell=True))
    assert (wanted.theme, wanted.symbols, wanted.alarms.bell) == (SAFE, ASCII, True)
    assert preferences(Console(ascii="off")).symbols is UNICODE
    assert preferences(Console()).symbols is None


@pytest.mark.parametrize(
    ("environ", "few"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "linux"}, True),
        ({"TERM": "screen"}, True),
        ({}, False),
    ],
)
def test_which_terminals_have_few_colours(environ: dict[str, str], few: bool) -> None:
    assert has_few_colours(environ) is few


# Alarms


@pytest.mark.parametrize(
    ("alarms", "environ", "written"),
    [
        (Alarms(), {}, ""),
        (Alarms(bell=True), {}, "\a"),
        (Alarms(notify="on"), {"TERM": "xterm"}, "\x1b]9;a; b\x1b\\"),
        (Alarms(notify="on"), {"TERM": "foot"}, "\x1b]777;notify;PureBoot;a, b\x1b\\"),
        (Alarms(notify="osc777"), {"TMUX": "/x"}, "\x1bPtmux;\x1b\x1b]777;notify;PureBoot;a, b\x1b\x1b\\\x1b\\"),
        (Alarms(notify="osc9"), {"STY": "1"}, "\x1bP\x1b]9;a; b\x1b\\\x1bP\x1b\x1b\\\x1bP\\\x1b\\"),
    ],
)
def test_how_a_terminal_is_told(alarms: Alarms, environ: dict[str, str], written: str) -> None:
    assert alarms.sequence("a; b", environ) == written


def test_nothing_of_a_name_reaches_the_terminal_as_a_command() -> None:
    written = Alarms(notify="osc9").sequence("x\x1b]52;c;evil\a\n\x9b", {})
    assert written.count("\x1b") == 2
    assert not set(written[1:-2]) & set("\x1b\a\n\x9b")
    assert through("a", {}) == "a"


def execution(status: ExecutionStatus, parent: str | None = None) -> Execution:
    return Execution(
        id="e", workflow_id="w", workflow_name="debian-12", workflow_version="v1.0", version_id="v", node_id="n",
        status=status, created_at=NOW, parent_id=parent,
    )  # fmt: skip


def test_what_is_told_of_executions() -> None:
    bad, child = execution(ExecutionStatus.FAILED), execution(ExecutionStatus.FAILED, "e0")
    assert failed([(execution(ExecutionStatus.SUCCEEDED), "r4"), (child, "r4")]) == ""
    assert failed([(bad, "r4-07")]) == "debian-12 failed on r4-07"
    assert failed([(bad, ""), (bad, "r4"), (child, "r4")]) == "debian-12 failed, and 1 more"


async def test_a_failure_rings_once(console_on: Setter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    made = console_on("rack")
    wanted = Preferences(alarms=Alarms(bell=True, notify="on"))
    app = PureBootApp(made.app._open, user="user:ada", symbols=UNICODE, theme=SAFE, preferences=wanted)
    async with app.run_test(size=(120, 36)) as pilot:
        at = Stage(replace(made, app=app), pilot)
        await at.until(lambda: app.is_open)
        assert app._driver is not None
        written: list[str] = []
        monkeypatch.setattr(app._driver, "write", written.append)
        running = made.made.executions["r5-02"]
        _, workflow = await at.pureboot.executions.workflow(running.id)
        for _ in range(8):
            now = app.model.executions[running.id]
            if now.ended:
                break
            key = next((each.step_key for each in now.attempts if each.is_open), workflow.steps[0].key)
            await report(at.pureboot, running, key, "failed", exit_code=1, message="bad memory")
            at.clock.advance(60)
            await at.pureboot.executions.advance_due()
            await at.pilot.pause(0.1)
        await at.until(lambda: app.model.executions[running.id].status is ExecutionStatus.FAILED)
        await at.until(lambda: any("failed" in text for text in written))
        told = [text for text in written if "failed" in text]
        assert told == ["\a\x1b]9;PureBoot: burn-in failed on r5-02\x1b\\"]


# Where it was left


def test_a_session_is_kept_for_each_store_and_survives_whatever_is_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "console.json"
    first = Session(path, "sqlite:///a.db")
    assert (first.mode, first.lists, first.recent, first.theme) == ("", {}, [], "")
    first.mode, first.lists, first.recent, first.theme = "log", {"log": {"filter": "x"}}, ["node:1"], LIGHT
    assert first.save()
    again, other = Session(path, "sqlite:///a.db"), Session(path, "postgresql://ada:secret@db/boot")
    assert (again.mode, again.lists, again.recent) == ("log", {"log": {"filter": "x"}}, ["node:1"])
    assert (other.mode, other.theme) == ("", LIGHT)
    for number in range(MOST_STORES + 5):
        assert Session(path, f"sqlite:///{number}").save()
    assert "secret" not in path.read_text()
    assert len(json.loads(path.read_text())["stores"]) == MOST_STORES
    for broken in ("{", "[]", '{"stores": 7, "theme": 3}', '{"stores": {"x": []}}', "\0", "x" * 300_000):
        path.write_text(broken)
        assert Session(path, "sqlite:///a.db").mode == ""
    path.unlink()
    path.mkdir()
    assert not Session(path, "sqlite:///a.db").save(), "it cannot be written, and nobody minds"
    assert [each.name for each in path.parent.iterdir()] == ["console.json"]


async def test_the_console_opens_where_it_was_left_with_the_keys_that_were_asked_for(
    console_on: Setter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    path = tmp_path / "console.json"
    keymap, wrong = remap.read({"nodes": {"run": "x", "execution": "r"}, "everywhere": {"help": "f2"}}, keys.KEYS)
    assert wrong == []
    wanted = Preferences(keymap=keymap, session=Session(path, "s"), theme=SAFE)
    made = console_on("rack")
    app = PureBootApp(made.app._open, user="user:ada", symbols=UNICODE, preferences=wanted)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        at = Stage(replace(made, app=app), pilot)
        await at.sees("r4-07", "x run", "f2 help")
        await at.press("slash", *"r4", "enter", "s", "home", "j", "j", "j")
        key, shown = table(at).table.cursor_key, table(at).pane.listing.sort
        await at.press("r")
        await at.until(lambda: not isinstance(at.app.screen, NodesScreen))
        await at.press("escape", "x")
        await at.says("it is busy with debian-12")
        await at.press("f2")
        await at.sees("Keys: nodes")
        assert re.search(r" x +run a workflow on the marked nodes", at.text)
        await at.press("escape", "enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        assert app.theme == SAFE
        app.theme = LIGHT
    made = console_on("rack")
    wanted = Preferences(session=Session(path, "s"))
    app = PureBootApp(made.app._open, user="user:ada", symbols=UNICODE, preferences=wanted)
    async with app.run_test(size=(120, 36)) as pilot:
        at = Stage(replace(made, app=app), pilot)
        await at.sees("r4-07", "r run")
        await at.until(lambda: table(at).table.cursor_key == key)
        assert (table(at).pane.filter.text, table(at).pane.listing.sort) == ("r4", shown)
        assert app.theme == LIGHT
        await at.press("g", "t")
    assert Session(path, "s").mode == "templates"


# Nothing is said by colour alone


@pytest.mark.parametrize("theme", [SAFE, paint.SAFE_LIGHT])
def test_safe_colours_differ_to_every_eye(theme: str) -> None:
    roles = ("good", "busy", "warn", "bad")
    background = {SAFE: "#12161c", paint.SAFE_LIGHT: "#fbfbfa"}[theme]
    for seen_by in ("red", "green"):
        seen = {role: _seen(str(paint.LOOKS[theme][role]).split()[-1], seen_by) for role in roles}
        for one in roles:
            assert _contrast(seen[one], _seen(background, seen_by)) >= 4.5, (one, seen_by)
            for other in roles:
                if {one, other} in ({"good", "bad"}, {"good", "warn"}, {"busy", "bad"}, {"busy", "warn"}):
                    assert _distance(seen[one], seen[other]) > 60, (one, other, seen_by)


Colour = tuple[float, float, float]
# How colours look without the cones for red, and for green (Viénot, Brettel and Mollon 1999, in linear RGB).
_WITHOUT = {
    "red": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "green": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def _seen(colour: str, by: str) -> Colour:
    linear = [_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    red, green, blue = (sum(f * v for f, v in zip(row, linear, strict=True)) for row in _WITHOUT[by])
    return max(0.0, red), max(0.0, green), max(0.0, blue)


def _linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def _contrast(one: Colour, other: Colour) -> float:
    """As WCAG 2 has it."""
    lights = sorted(0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] for c in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _distance(one: Colour, other: Colour) -> float:
    """How far apart, of 255 for each colour, as the eye weighs light."""
    return float(sum((255 * (a ** (1 / 2.2) - b ** (1 / 2.2))) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)

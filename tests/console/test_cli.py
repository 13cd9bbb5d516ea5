"""The command line as a whole: help at once, settings, exit codes, who did it, the store and the terminal."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from console.cli import options
from console.cli.lazy import exit_code, lines
from console.cli.main import COMMANDS, cli
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Problem, PureBootError, Unavailable
from engine.settings import known_keys, load
from tests.console.cli_support import MAC, ROOT, Commands


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    heavy = [
        "sqlalchemy",
        "pydantic",
        "aiohttp",
        "textual",
        "alembic",
        "jinja2",
        "rich",
        "yaml",
        "tftpy",
        "jsonschema",
        "engine.settings",
        "asyncio",
    ]
    program = (
        "import sys\n"
        "from console.cli.main import cli\n"
        "try:\n    cli(['--help'], prog_name='pureboot')\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert asked.stderr.strip() == "[]"
    for name in COMMANDS:
        assert f"\n  {name} " in asked.stdout


def walk(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += walk(child, (*path, name))
    return found


EVERY = walk(cli)


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=" ".join)
def test_every_command_says_what_it_is_for(path: tuple[str, ...], pureboot_command: Commands) -> None:
    shown = pureboot_command.ok(*path, "--help")
    assert shown.startswith("Usage: pureboot")


def test_every_listing_takes_json() -> None:
    for path, command in EVERY:
        if path and path[-1] in ("list", "versions", "history", "events", "doctor", "show"):
            assert any("--json" in parameter.opts for parameter in command.params), path


def test_every_flag_is_a_setting() -> None:
    assert set(options.FLAGS) <= set(known_keys())
    for key, choices in options.CHOICES.items():
        for choice in choices:
            load(environ={}, flags={key: choice})


def test_version(pureboot_command: Commands) -> None:
    assert pureboot_command.ok("--version").startswith("pureboot 0.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), 3),
        (Conflict("x"), 4),
        (Invalid("x"), 1),
        (Forbidden("x"), 1),
        (Unavailable("x"), 1),
    ],
)
def test_exit_codes(error: PureBootError, code: int) -> None:
    assert exit_code(error) == code


def test_every_problem_is_a_line_of_its_own_with_its_place() -> None:
    problems = [Problem(message="one", file="w.yaml", line=2, column=3), Problem(message="two\nlines", path="steps[0]")]
    assert lines(Invalid(problems)) == ["w.yaml:2:3: one", "steps[0]: two lines"]


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["node", "nonsense"],
        ["node", "list", "--nonsense"],
        ["node", "show"],
        ["node", "state", "x", "nonsense"],
        ["node", "add", MAC, "hostname"],
        ["node", "add", MAC, "locked=perhaps"],
        ["node", "tag", "x"],
        ["--set", "http.port", "node", "list"],
        ["--set", "htp.port=1", "node", "list"],
        ["--http-port", "many", "node", "list"],
        ["--log-level", "loud", "node", "list"],
        ["--set", "log.level=loud", "node", "list"],
        ["--config", "/nowhere/pureboot.yaml", "node", "list"],
        ["token", "create", "x", "--expires-in", "soon"],
        ["workflow", "run", "x", "--node", "a", "--node", "b", "--request-id", "r"],
        ["sim", "--server", "nonsense"],
        ["demo", "--nodes", "0"],
        ["demo", "--config", __file__],
        [],
        ["demo"],
    ],
    ids=" ".join,
)
def test_usage_errors(pureboot_command: Commands, words: list[str]) -> None:
    result = pureboot_command(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


@pytest.mark.parametrize(("words", "instead"), [([], "pureboot serve"), (["demo"], "pureboot demo --no-screen")])
def test_without_a_terminal_the_console_names_what_to_use_instead(
    pureboot_command: Commands, words: list[str], instead: str
) -> None:
    assert instead in pureboot_command(*words).stderr


def test_a_misspelt_setting_is_named_with_a_hint(pureboot_command: Commands) -> None:
    assert "did you mean http" in pureboot_command("node", "list", "--set", "htp.port=1").stderr


def test_flags_win_over_environment_over_file(tmp_path: Path, pureboot_command: Commands) -> None:
    stores = {name: tmp_path / f"{name}.db" for name in ("flag", "environment", "file")}
    config = tmp_path / "pureboot.yaml"
    config.write_text(f"database: {{url: 'sqlite:///{stores['file']}'}}\n")
    pureboot_command.ok("--config", str(config), "node", "list")  # the environment's is there already
    assert not stores["file"].exists()
    pureboot_command.ok("node", "list", "--config", str(config), "--database-url", f"sqlite:///{stores['flag']}")
    assert stores["flag"].exists()
    assert not stores["file"].exists()


def test_tokens(pureboot_command: Commands) -> None:
    run = pureboot_command
    result = run("token", "create", "ci", "--role", "viewer", "--expires-in", "30d")
    assert result.stdout.startswith("pb_")
    assert "only now" in result.stderr
    assert run.json("token", "create", "other")["token"].startswith("pb_")
    assert run("token", "create", "ci").exit_code == 4
    listed = run.json("token", "list")
    assert {token["name"]: token["role"] for token in listed} == {"ci": "viewer", "other": "admin"}
    assert all("token" not in token for token in listed)
    assert result.stdout.strip() not in run.ok("token", "list")
    run.ok("token", "revoke", "ci")
    assert len(run.json("token", "list")) == 1


def test_events(pureboot_command: Commands) -> None:
    run = pureboot_command
    run.ok("node", "add", MAC, "hostname=r1-01")
    run.ok("node", "state", "r1-01", "pending")
    found = run.json("events")
    assert [event["kind"] for event in found] == ["node.created", "node.state_changed"]
    assert [event["kind"] for event in run.json("events", "--after", str(found[0]["id"]))] == ["node.state_changed"]
    assert run.json("events", "--limit", "1") == found[1:]
    assert "r1-01 discovered -> pending" in run.ok("events")


def test_the_store_is_upgraded_and_checked(tmp_path: Path) -> None:
    run = Commands(f"sqlite:///{tmp_path / 'new.db'}", tmp_path)
    assert run("db", "check").exit_code == 1
    assert "was upgraded" in run.ok("db", "upgrade")
    assert "already" in run.ok("db", "upgrade")
    findings = run.json("db", "check")
    assert {finding["verdict"] for finding in findings} == {"ok"}


def test_the_doctor_ends_with_1_if_something_has_to_be_fixed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    run = Commands(f"sqlite:///{tmp_path / 'file' / 'pureboot.db'}", tmp_path)
    result = run("doctor", "--http-port", "1", "--json")
    assert result.exit_code == 1
    store = next(finding for finding in json.loads(result.stdout) if finding["name"] == "store")
    assert (store["verdict"], bool(store["fix"])) == ("problem", True)


def test_the_doctors_marks_are_ascii_where_nothing_else_can_be_shown(pureboot_command: Commands) -> None:
    from console.cli.doctor import judge_terminal

    assert "UTF-8" in judge_terminal((120, 40), "utf-8", {"TERM": "xterm-256color"}).message
    assert judge_terminal((120, 40), "ascii", {}).verdict == "warning"
    assert judge_terminal((60, 20), "utf-8", {}).verdict == "warning"
    assert judge_terminal(None, "ascii", {}).verdict == "ok"


def test_texts_of_machines_cannot_command_the_terminal(pureboot_command: Commands) -> None:
    pureboot_command.ok("node", "add", MAC, "vendor=Evil\x1b]0;title\x07", "hostname=\x1b[2Jx")
    for words in (["node", "list"], ["node", "show", MAC], ["events"]):
        assert "\x1b" not in pureboot_command.ok(*words)


def test_a_store_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result = Commands(f"sqlite:///{tmp_path / 'file' / 'p.db'}", tmp_path)("node", "list")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "database.url" in result.stderr


def test_settings_can_stand_before_and_behind_the_command(tmp_path: Path, pureboot_command: Commands) -> None:
    for at, words in enumerate((["--database-url", "{}", "node", "list"], ["node", "list", "--database-url", "{}"])):
        store = tmp_path / f"{at}.db"
        pureboot_command.ok(*(word.format(f"sqlite:///{store}") for word in words))
        assert store.exists()


def test_the_command_says_who_did_it(pureboot_command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    pureboot_command.ok("node", "add", MAC)
    assert pureboot_command.json("events")[0]["principal"] == "user:ada"

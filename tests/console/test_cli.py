"""The command line as a whole: help at once, settings, exit codes, and each noun's commands."""

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
from tests.console.cli_support import ROOT, Commands

MAC = "52:54:00:00:00:01"


@pytest.fixture
def pureboot_command(sqlite_url: str, tmp_path: Path) -> Commands:
    return Commands(sqlite_url, tmp_path)


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


def test_nodes(pureboot_command: Commands) -> None:
    run = pureboot_command
    run.ok("group", "add", "rack-1", "description=First", "metadata.ntp=10.0.0.1")
    assert "r1-01 added" in run.ok("node", "add", "5254.0000.0001", "hostname=r1-01", "group=rack-1", "tags=b,a")
    node = run.json("node", "show", "r1-01")
    assert (node["mac_address"], node["tags"], node["state"]) == (MAC, ["a", "b"], "discovered")
    run.ok("node", "set", MAC, "metadata.role=web", "metadata.room=2", "locked=true", "vendor=Dell Inc.")
    run.ok("node", "set", MAC, "metadata.room=", "tags=")
    node = run.json("node", "show", MAC)
    assert (node["metadata"], node["locked"], node["tags"], node["vendor"]) == ({"role": "web"}, True, [], "Dell Inc.")
    run.ok("node", "tag", "r1-01", "x", "y")
    run.ok("node", "tag", "r1-01", "--remove", "x")
    assert run.json("node", "show", "r1-01")["tags"] == ["y"]
    assert "is pending" in run.ok("node", "state", "r1-01", "pending", "--comment", "go on")
    (row,) = run.json("node", "history", "r1-01")
    assert (row["from_state"], row["to_state"], row["comment"]) == ("discovered", "pending", "go on")
    assert row["principal"].startswith("user:")
    assert "go on" in run.ok("node", "history", "r1-01")


def test_node_lists(pureboot_command: Commands) -> None:
    run = pureboot_command
    run.ok("group", "add", "rack-1")
    for at in range(3):
        run.ok("node", "add", f"52:54:00:00:00:0{at + 1}", f"hostname=n-{at}", *(["group=rack-1"] if at else []))
    run.ok("node", "state", "n-0", "pending")
    assert [node["hostname"] for node in run.json("node", "list")] == ["n-0", "n-1", "n-2"]
    assert [node["hostname"] for node in run.json("node", "list", "--state", "pending")] == ["n-0"]
    assert [node["hostname"] for node in run.json("node", "list", "--group", "rack-1")] == ["n-1", "n-2"]
    assert [node["hostname"] for node in run.json("node", "list", "--sort", "-hostname")] == ["n-2", "n-1", "n-0"]
    assert run.json("node", "list", "--tag", "none") == []
    table = run.ok("node", "list").splitlines()
    assert table[0].split()[:2] == ["NODE", "STATE"]
    assert len({line.index("52:54") for line in table[1:]}) == 1
    assert run("node", "list", "--group", "rack-9").exit_code == 3
    assert run("node", "list", "--sort", "nonsense").exit_code == 1


def test_a_list_of_nothing_is_empty_on_standard_output(pureboot_command: Commands) -> None:
    result = pureboot_command("node", "list")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "no nodes\n", 0)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["node", "show", "nobody"], 3, "there is no node nobody"),
        (["node", "add", MAC], 4, "already"),
        (["node", "add", "zz:zz"], 1, "not a MAC address"),
        (["node", "set", MAC, "colour=red"], 1, "colour: cannot be set"),
        (["node", "state", MAC, "active"], 4, "from discovered it can become pending"),
        (["node", "retire", MAC], 4, "cannot become retired"),
        (["group", "show", "none"], 3, "no group"),
        (["group", "add", "Bad Name"], 1, "is no name"),
        (["group", "delete", "full"], 4, "1 nodes"),
        (["template", "show", "none"], 3, "no template"),
        (["workflow", "show", "none"], 3, "no workflow"),
        (["workflow", "run", "none"], 3, "no workflow"),
        (["execution", "show", "ffff"], 3, "no execution"),
        (["token", "revoke", "none"], 3, "none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(pureboot_command: Commands, words: list[str], code: int, text: str) -> None:
    pureboot_command.ok("group", "add", "full")
    pureboot_command.ok("node", "add", MAC, "group=full")
    result = pureboot_command(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert all(line.startswith("pureboot: ") for line in result.stderr.splitlines())


def test_a_node_is_retired_by_way_of_its_states(pureboot_command: Commands) -> None:
    pureboot_command.ok("node", "add", MAC)
    for state in ("pending", "installing", "installed", "active", "deprovisioning"):
        pureboot_command.ok("node", "state", MAC, state)
    assert "is retired" in pureboot_command.ok("node", "retire", MAC, "--comment", "old")
    assert pureboot_command.json("node", "history", MAC)[0]["comment"] == "old"


def test_groups(pureboot_command: Commands) -> None:
    run = pureboot_command
    assert run.json("group", "add", "a", "metadata.x=1")["metadata"] == {"x": "1"}
    run.ok("group", "set", "a", "name=b", "description=Other")
    assert [(group["name"], group["description"]) for group in run.json("group", "list")] == [("b", "Other")]
    assert "Other" in run.ok("group", "show", "b")
    run.ok("group", "delete", "b")
    assert run.json("group", "list") == []


def test_templates(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    text = tmp_path / "t.sh"
    text.write_text("echo ${node.hostname} ${params.x|y} ${node.ip}\n")
    assert run.json("template", "add", "t", str(text), "--type", "script", "-m", "first")["current_version"] == "v1.0"
    run.ok("template", "new-version", "t", "-", "-m", "second", input_="echo two\n")
    run.ok("template", "new-version", "t", "-", "--bump", "major", input_="echo three\n")
    assert run("template", "new-version", "t", "-", input_="echo three\n").exit_code == 4
    versions = run.json("template", "versions", "t")
    assert [version["version_string"] for version in versions] == ["v2.0", "v1.1", "v1.0"]
    assert run.ok("template", "show", "t", "--version", "v1") == "echo two\n"
    shown = run.ok("template", "diff", "t", "v1.1", "v2.0")
    assert "-echo two\n+echo three\n" in shown
    assert run.json("template", "diff", "t", "v1.1")["added"] == 1
    run.ok("template", "set-current", "t", "v1.0")
    assert run.json("template", "list")[0]["current_version"] == "v1.0"
    run.ok("node", "add", MAC, "hostname=r1-01")
    result = run("template", "render", "t", "--node", "r1-01")
    assert result.stdout == "echo r1-01 y ${node.ip}\n"
    assert "t:1:" in result.stderr
    assert run("template", "render", "t", "--node", "r1-01", "--strict").exit_code == 1
    assert run.ok("template", "render", "t", "--node", MAC, "-p", "x=z").startswith("echo r1-01 z")
    run.ok("template", "archive", "t")
    assert run.ok("template", "list", "--type", "preseed") == ""


def test_a_template_is_edited_in_an_editor(
    pureboot_command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "echo edited" > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    pureboot_command.ok("template", "add", "t", "-", input_="echo one\n")
    assert "v1.1" in pureboot_command.ok("template", "edit", "t", "-m", "by hand")
    assert pureboot_command.ok("template", "show", "t") == "echo edited\n"
    assert "nothing changed" in pureboot_command("template", "edit", "t").stderr


WORKFLOW = """\
name: w
params:
  who: {type: string, default: world}
  count: {type: integer, default: 1}
steps:
  - {key: a, name: Say it, action: core.echo, with: {message: "{{ params.who }} {{ params.count }}"}}
"""
BAD = """\
name: w
steps:
  - {key: a, action: core.nonsense}
  - {key: b, action: core.delay, with: {duration: soon}}
"""


def test_workflow_files(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(WORKFLOW)
    bad.write_text(BAD)
    assert "valid" in run.ok("workflow", "validate", str(good))
    result = run("workflow", "validate", str(good), str(bad))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{bad}:3:" in result.stderr
    assert f"{bad}:4:" in result.stderr
    problems = json.loads(run("workflow", "validate", str(bad), "--json").stdout)
    assert [problem["line"] for problem in problems] == [3, 4]
    assert run("workflow", "import", str(bad)).exit_code == 1
    assert run.json("workflow", "list") == []
    assert "imported as v1.0 (draft)" in run.ok("workflow", "import", str(good))
    assert "unchanged" in run.ok("workflow", "import", str(good))
    assert run("workflow", "run", "w").exit_code == 4
    assert "v1.0 is active" in run.ok("workflow", "publish", "w")
    assert run.json("workflow", "show", "w")["is_active"]
    assert "who" in run.ok("workflow", "show", "w")
    again = tmp_path / "again.yaml"
    again.write_text(run.ok("workflow", "export", "w"))
    assert "valid" in run.ok("workflow", "validate", str(again))
    run.ok("workflow", "archive", "w")
    assert run("workflow", "run", "w").exit_code == 4


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"name: [\n", "is not YAML"), (b"\xff\xfe", "not text in UTF-8"), (b"", "holds no workflow"), (b"[]", "mapping")],
)
def test_files_that_are_no_workflow(pureboot_command: Commands, tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(content)
    result = pureboot_command("workflow", "validate", str(path))
    assert result.exit_code == 1
    assert text in result.stderr


def test_executions(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    path = tmp_path / "w.yaml"
    path.write_text(WORKFLOW)
    run.ok("workflow", "import", "--publish", str(path))
    first = run.json("workflow", "run", "w", "-p", "who=1", "-p", "count=3", "--request-id", "r")
    assert first["params"] == {"who": "1", "count": 3}
    assert run.json("workflow", "run", "w", "--request-id", "r")["id"] == first["id"]
    assert "params.count" in run("workflow", "run", "w", "-p", "count=many").stderr
    assert [each["id"] for each in run.json("execution", "list")] == [first["id"]]
    assert run.json("execution", "list", "--status", "failed") == []
    assert run.json("execution", "list", "--until", "2020-01-01") == []
    shown = run.json("execution", "show", first["id"][:6])
    assert [attempt["step_key"] for attempt in shown["attempts"]] == ["a"]
    assert "Say it" in run.ok("execution", "show", first["id"])
    assert run.ok("execution", "logs", first["id"]) == ""
    assert "cancelled" in run.ok("execution", "cancel", first["id"][:8], "--reason", "no need")
    assert run("execution", "cancel", first["id"]).exit_code == 4
    assert "no need" in run.json("execution", "show", first["id"])["error"]


def test_a_draft_runs_if_that_is_asked_for(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    path = tmp_path / "w.yaml"
    path.write_text(WORKFLOW)
    run.ok("workflow", "import", "--publish", str(path))
    path.write_text(WORKFLOW.replace("count: {type: integer, default: 1}", "count: {type: string}"))
    run.ok("workflow", "import", str(path))
    assert run.json("workflow", "run", "w", "-p", "count=2")["params"]["count"] == 2
    draft = run.json("workflow", "run", "w", "--draft", "-p", "count=2")
    assert (draft["workflow_version"], draft["params"]["count"]) == ("v1.1", "2")


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

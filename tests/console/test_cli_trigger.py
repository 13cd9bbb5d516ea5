"""`pureboot trigger`."""

import json
from pathlib import Path

import pytest

from engine.core.rendering import MASK
from tests.console.cli_support import Commands

HELLO = """\
name: hello
params: {who: {type: string, default: world}}
steps: [{key: a, action: core.echo, with: {message: "hello {{ params.who }}"}}]
"""


@pytest.fixture
def pureboot_command(sqlite_url: str, tmp_path: Path) -> Commands:
    """Commands on a store that knows the workflow hello."""
    commands = Commands(sqlite_url, tmp_path)
    file = tmp_path / "hello.yaml"
    file.write_text(HELLO)
    commands.ok("workflow", "import", str(file))
    commands.ok("workflow", "publish", "hello")
    return commands


def test_a_schedule_is_made_shown_changed_and_deleted(pureboot_command: Commands) -> None:
    made = pureboot_command.json(
        *("trigger", "add", "weekly", "--workflow", "hello", "--cron", "30 4 * * 1", "--timezone", "Europe/Berlin"),
        *("--missed", "skip", "--param", "who=rack", "--description", "patch day"),
    )
    assert (made["type"], made["params"]) == ("schedule", {"who": "rack"})
    assert made["config"] == {"cron": "30 4 * * 1", "timezone": "Europe/Berlin", "missed": "skip"}
    shown = pureboot_command.ok("trigger", "show", "weekly")
    for text in ("patch day", "30 4 * * 1", "Europe/Berlin", "skip", "who=rack", "never"):
        assert text in shown
    times = [line for line in shown.splitlines() if line.startswith("Mon ")]
    assert len(times) == 5
    assert all("04:30 CE" in line for line in times)
    assert pureboot_command.json("trigger", "show", "weekly") == made
    changed = pureboot_command.json("trigger", "set", "weekly", "--missed", "all", "--name", "monday")
    assert (changed["name"], changed["config"]) == ("monday", {**made["config"], "missed": "all"})
    assert pureboot_command.json("trigger", "disable", "monday")["next_at"] is None
    listed = pureboot_command.ok("trigger", "list")
    assert listed.splitlines()[0].split() == [
        *("TRIGGER", "TYPE", "WORKFLOW", "ON", "ENABLED", "NEXT", "LAST", "FIRED", "FIRED", "LAST", "ERROR")
    ]
    assert "30 4 * * 1 Europe/Berlin" in listed
    assert " no " in listed
    assert pureboot_command.ok("trigger", "enable", "monday") == "trigger monday enabled\n"
    assert pureboot_command.json("trigger", "list", "--type", "event") == []
    pureboot_command.ok("trigger", "delete", "monday")
    assert pureboot_command("trigger", "show", "monday").exit_code == 3


def test_the_options_say_what_type_it_is(pureboot_command: Commands) -> None:
    def made(*options: str) -> dict[str, object]:
        found = pureboot_command.json("trigger", "add", f"t{len(options)}", "--workflow", "hello", *options)
        return {name: found[name] for name in ("type", "config")}

    assert made() == {"type": "manual", "config": {}}
    assert made("--event", "node.discovered") == {
        "type": "event",
        "config": {"event": "node.discovered", "filters": {}},
    }
    several = ("--event", "node.installed", "--event", "execution.failed", "--filter", "workflow=x")
    assert made(*several)["config"] == {
        "event": ["node.installed", "execution.failed"],
        "filters": {"workflow": "x"},
    }
    assert made("--path", "build", "--secret", "hunter2") == {
        "type": "webhook",
        "config": {"path": "build", "secret": MASK},
    }


def test_a_webhook_says_where_to_send_and_hides_its_secret(pureboot_command: Commands) -> None:
    add = ("--set", "server.url=http://10.0.0.1", "trigger", "add", "build", "--workflow", "hello")
    said = pureboot_command.ok(*add, "--type", "webhook", "--secret", "-", input_="hunter2\n")
    assert "send POST requests to http://10.0.0.1/hooks/" in said
    for words in (("show", "build"), ("show", "build", "--json"), ("list",), ("list", "--json")):
        assert "hunter2" not in pureboot_command.ok("trigger", *words)
    assert MASK in pureboot_command.ok("trigger", "show", "build")


def test_a_trigger_is_fired(pureboot_command: Commands) -> None:
    pureboot_command.ok(
        *("trigger", "add", "t", "--workflow", "hello", "--param", "who={{ trigger.body.who }}"),
        *("--condition", "trigger.body.who != 'nobody'"),
    )
    words = ("trigger", "fire", "t", "--body", json.dumps({"who": "rack"}), "--request-id", "1")
    fired = pureboot_command.json(*words)
    assert (fired["params"], fired["trigger"]) == ({"who": "rack"}, "t")
    assert pureboot_command.json(*words)["id"] == fired["id"]
    assert "does not hold" in pureboot_command.ok("trigger", "fire", "t", "--body", '{"who": "nobody"}')
    assert pureboot_command("trigger", "fire", "t").exit_code == 1
    assert "has no value" in pureboot_command.json("trigger", "show", "t")["last_error"]
    pureboot_command.ok("trigger", "disable", "t")
    assert pureboot_command("trigger", "fire", "t").exit_code == 4
    assert pureboot_command("trigger", "fire", "gone").exit_code == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "t"), 2),
        (("add", "t", "--workflow", "hello", "--missed", "some"), 2),
        (("add", "t", "--workflow", "hello", "--param", "who"), 2),
        (("set", "t"), 2),
        (("fire", "t", "--body", "{"), 2),
        (("add", "t", "--workflow", "gone"), 3),
        (("add", "t", "--workflow", "hello", "--cron", "x"), 1),
        (("show", "t"), 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_wrong_has_its_exit_code(pureboot_command: Commands, words: tuple[str, ...], code: int) -> None:
    result = pureboot_command("trigger", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr

"""`pureboot secret`."""

import stat
from pathlib import Path

import pytest

from tests.console.cli_support import Commands, Terminal, environment

VALUE = "correct horse battery staple"


@pytest.fixture
def command(sqlite_url: str, tmp_path: Path) -> Commands:
    return Commands(sqlite_url, tmp_path)


def test_a_secret_is_set_listed_used_and_deleted(command: Commands, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text(f"{VALUE}\n")
    assert command.json("secret", "list") == []
    assert command.ok("secret", "set", "root-password", "--value-file", str(file)) == "secret root-password set\n"
    again = command.ok("secret", "set", "root-password", "--value-file", "-", input_=VALUE)
    assert again == "secret root-password has another value\n"
    [listed] = command.json("secret", "list")
    assert set(listed) == {"name", "created_at", "updated_at", "updated_by"}
    table = command.ok("secret", "list").splitlines()
    assert [line.split()[0] for line in table] == ["SECRET", "root-password"]
    template = tmp_path / "answers"
    template.write_text("pw ${secret.root-password}\n${secret.nope}")
    command.ok("template", "add", "answers", str(template))
    preview = command("template", "render", "answers")
    assert preview.stdout.splitlines()[0] == "pw ********"
    assert "answers:2:1" in preview.stderr
    assert "there is no secret nope" in preview.stderr
    rotated = command.json("secret", "rotate")
    assert (rotated["secrets"], rotated["dropped"]) == (1, 1)
    told = command.ok("events", "--limit", "100")
    assert [line.split()[3] for line in told.splitlines() if "secret." in line] == [
        "secret.set",
        "secret.set",
        "secret.rotated",
    ]
    assert VALUE not in told + preview.output + "".join(table)
    command.ok("secret", "delete", "root-password")
    assert command("secret", "delete", "root-password").exit_code == 3


def test_a_value_is_never_an_argument(command: Commands) -> None:
    assert command("secret", "set", "x", VALUE).exit_code == 2
    no_terminal = command("secret", "set", "x")
    assert (no_terminal.exit_code, "--value-file -" in no_terminal.output) == (2, True)


def test_a_file_is_read_as_it_is_but_for_one_line_break(command: Commands, tmp_path: Path) -> None:
    for name, content, code, said in (
        ("latin", "pässwörd".encode("latin-1"), 1, "is not text in UTF-8"),
        ("large", b"x" * 70_000, 1, "a secret may have 65536"),
        ("short", b"abc\n", 1, "at least 4 characters"),
        ("whole", b"x" * 65_536 + b"\n", 0, "set"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        done = command("secret", "set", name, "--value-file", str(file))
        assert (done.exit_code, said in done.output) == (code, True), done.output
    missing = command("secret", "set", "x", "--value-file", str(tmp_path / "nothing"))
    assert (missing.exit_code, "cannot be read" in missing.output) == (1, True)
    assert "it is short" in command("secret", "set", "pin", "--value-file", "-", input_="4711\n").stderr


def test_it_asks_twice_and_shows_nothing(command: Commands, sqlite_url: str, tmp_path: Path) -> None:
    with Terminal("secret", "set", "asked", env=environment(sqlite_url, tmp_path)) as terminal:
        terminal.until("Value of asked")
        terminal.press(f"{VALUE}\n")
        terminal.until("Repeat for confirmation")
        terminal.press(f"{VALUE}\n")
        assert terminal.end() == 0
        assert VALUE.encode() not in terminal.shown
    assert [each["name"] for each in command.json("secret", "list")] == ["asked"]


def test_the_keys_go_along_when_the_store_is_copied(command: Commands, tmp_path: Path) -> None:
    command.ok("secret", "set", "x", "--value-file", "-", input_=VALUE)
    target = tmp_path / "copied" / "new.db"
    said = command.ok("db", "copy", "--to", f"sqlite:///{target}")
    key = target.with_name("new.db.secret.key")
    assert str(key) in said
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    copied = Commands(f"sqlite:///{target}", tmp_path)
    assert copied.json("secret", "rotate")["secrets"] == 1
    assert VALUE.encode() not in target.read_bytes()

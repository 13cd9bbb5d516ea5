"""`pureboot db prune` and `copy`, and the commands for dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import of_start
from engine.core.events import Kind
from engine.services.letters import lay
from tests.conftest import settings_for
from tests.console.cli_support import Commands
from tests.story import ADA, ended, published

ECHO = "name: echo\nsteps: [{key: a, action: core.echo, with: {message: hi}}]"


@pytest.fixture
def command(sqlite_url: str, tmp_path: Path) -> Commands:
    return Commands(sqlite_url, tmp_path)


def beforehand(command: Commands, work: Callable[[PureBoot], Awaitable[Any]], *, host: bool = True) -> Any:
    """What happened on the store before the command."""

    async def run() -> Any:
        async with PureBoot(settings_for(command.url, Path(command.url).parent), host=host) as pureboot:
            return await work(pureboot)

    return asyncio.run(run())


async def ran_three_times(pureboot: PureBoot) -> None:
    await published(pureboot, ECHO)
    for _ in range(3):
        await ended(pureboot, await pureboot.executions.start("echo", by=ADA))


def test_a_dry_run_says_what_would_go_and_changes_nothing(command: Commands) -> None:
    beforehand(command, ran_three_times)
    events = command.json("events", "--limit", "1000")
    would = command.json("db", "prune", "--dry-run", "--keep", "1")
    assert (would["executions"], would["attempts"], would["dry_run"]) == (2, 2, True)
    shown = command.ok("db", "prune", "--dry-run", "--keep", "1").splitlines()
    assert [line.split() for line in shown[:2]] == [["WHAT", "WOULD", "GO"], ["executions", "2"]]
    assert len(command.json("execution", "list")) == 3
    assert command.json("events", "--limit", "1000") == events


def test_what_the_options_say_goes(command: Commands) -> None:
    beforehand(command, ran_three_times)
    went = command.json("db", "prune", "--keep", "1")
    assert (went["executions"], went["total"] >= 4) == (2, True)
    assert len(command.json("execution", "list")) == 1
    assert command.json("db", "prune", "--executions", "30d", "--logs", "7d", "--events", "90d")["total"] == 0
    pruned = [each for each in command.json("events", "--limit", "1000") if each["kind"] == Kind.STORE_PRUNED]
    assert len(pruned) == 1
    assert pruned[0]["principal"].startswith("user:")


def test_without_a_rule_nothing_goes_and_that_is_said(command: Commands) -> None:
    result = command("db", "prune")
    assert result.exit_code == 0
    assert "nothing may go: set retention.*, or give --executions" in result.stderr


@pytest.mark.parametrize("words", [("--executions", "long"), ("--keep", "-1"), ("--keep", "some"), ("--events", "0")])
def test_a_rule_that_cannot_be_is_a_usage_error(command: Commands, words: tuple[str, str]) -> None:
    result = command("db", "prune", *words)
    assert result.exit_code == 2
    assert f"retention.{words[0].removeprefix('--')}" in result.stderr


def test_a_store_is_copied_with_its_key(command: Commands, postgres_url: str, tmp_path: Path) -> None:
    beforehand(command, ran_three_times)
    said = command.ok("db", "copy", "--to", postgres_url)
    assert f"copied and compared; set database.url to {postgres_url}" in said
    key = tmp_path / "data" / "pureboot" / "pureboot.key"
    assert f"is in {key} now" in said
    assert key.read_bytes() == (tmp_path / "pureboot.db.key").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    there = Commands(postgres_url, tmp_path)
    assert there.json("execution", "list") == command.json("execution", "list")
    back = f"sqlite:///{tmp_path / 'back.db'}"
    told = there.json("db", "copy", "--to", back)
    assert {each["table"]: each["rows"] for each in told["tables"]}["execution"] == 3
    assert (told["to"], told["key"]["to"]) == (back, str(tmp_path / "back.db.key"))
    assert Commands(back, tmp_path).json("execution", "list") == command.json("execution", "list")


def test_a_target_with_something_in_it_is_a_conflict(command: Commands, tmp_path: Path) -> None:
    beforehand(command, ran_three_times)
    there = tmp_path / "there.db"
    there.write_text("mine")
    result = command("db", "copy", "--to", f"sqlite:///{there}")
    assert (result.exit_code, there.read_text()) == (4, "mine")
    assert "already; move it away" in result.stderr
    assert not (tmp_path / "there.db.key").exists()
    (tmp_path / "other.db.key").write_bytes(b"x" * 32)
    result = command("db", "copy", "--to", f"sqlite:///{tmp_path / 'other.db'}")
    assert (result.exit_code, (tmp_path / "other.db").exists()) == (4, False)
    assert "belongs to another store" in result.stderr


def test_a_key_that_cannot_be_copied_is_left_to_the_user(command: Commands, tmp_path: Path) -> None:
    beforehand(command, ran_three_times)
    key = tmp_path / "pureboot.db.key"
    key.unlink()
    said = command.ok("db", "copy", "--to", f"sqlite:///{tmp_path / 'one.db'}")
    assert f"there is no key file {key}: the new store makes a key of its own" in said
    key.mkdir()
    said = command.ok("db", "copy", "--to", f"sqlite:///{tmp_path / 'two.db'}")
    assert f"do so yourself before you start: install -m 600 {key} {tmp_path / 'two.db.key'}" in said


def test_only_a_store_that_is_there_and_at_rest_is_copied(command: Commands, tmp_path: Path) -> None:
    missing = Commands(f"sqlite:///{tmp_path / 'missing.db'}", tmp_path)
    assert missing("db", "copy", "--to", f"sqlite:///{tmp_path / 'new.db'}").exit_code == 3
    assert not (tmp_path / "missing.db").exists()
    assert command("db", "copy", "--to", "mysql://x/y").exit_code == 2
    assert command("db", "copy").exit_code == 2

    async def copied(_pureboot: PureBoot) -> Any:
        return await asyncio.to_thread(command, "db", "copy", "--to", f"sqlite:///{tmp_path / 'new.db'}")

    result = beforehand(command, copied)
    assert result.exit_code == 1
    assert "stop it first" in result.stderr


async def refused(pureboot: PureBoot) -> list[str]:
    await published(pureboot, ECHO)
    ids = []
    for params in ({}, {"no": 1}, {}):
        values = {"workflow": "echo", "params": params, "trigger": "nightly"}
        letter = of_start(new_id(), "t1", values, "it was\nrefused", pureboot.context.now())
        ids.append((await pureboot.context.database.write(lambda tx, letter=letter: lay(tx, letter))).id)  # type: ignore[misc]
    return ids


def test_dead_letters_are_listed_replayed_and_discarded(command: Commands) -> None:
    assert "no dead letters" in command("execution", "dead-letters").stderr
    good, bad, other = beforehand(command, refused, host=False)
    assert {each["id"] for each in command.json("execution", "dead-letters")} == {good, bad, other}
    shown = command.ok("execution", "dead-letters")
    assert f"{good[:8]}" in shown
    assert "it was refused" in shown
    assert "goes on" in command.ok("execution", "replay", good[:8])
    again = command("execution", "replay", good)
    assert (again.exit_code, "was replayed by user:" in again.stdout) == (1, True)
    result = command("execution", "replay", "--all", "--json")
    assert result.exit_code == 1
    assert len(command.json("execution", "dead-letters")) == 1
    assert "is discarded" in command.ok("execution", "discard", bad, "--reason", "obsolete")
    assert command("execution", "discard", bad, "--reason", "again").exit_code == 4
    assert "discarded by" in command.ok("execution", "dead-letters", "--resolved")
    assert "no dead letters" in command("execution", "replay", "--all").stderr
    assert command("execution", "replay").exit_code == 2
    assert command("execution", "replay", good, "--all").exit_code == 2
    assert command("execution", "discard", "nothing", "--reason", "x").exit_code == 3


def test_a_backup_is_made_and_restored(command: Commands, tmp_path: Path) -> None:
    beforehand(command, ran_three_times)
    file = tmp_path / "backups" / "today.db"
    file.parent.mkdir()
    made = command.ok("db", "backup", str(file))
    assert f"backed up to {file}: " in made
    assert "keep apart from it: " in made
    assert "pureboot.db.key" in made
    assert command.json("db", "backup", str(file.parent))["path"].startswith(f"{file.parent}/pureboot-")
    again = command("db", "backup", str(file))
    assert (again.exit_code, f"there is a file {file} already" in again.output) == (4, True)
    there = Commands(f"sqlite:///{tmp_path / 'new' / 'pureboot.db'}", tmp_path)
    assert "is the store of" in there.ok("db", "restore", str(file))
    assert len(there.json("execution", "list")) == 3
    assert there("db", "restore", str(file)).exit_code == 4
    assert there("db", "restore", str(tmp_path / "gone.db")).exit_code == 3

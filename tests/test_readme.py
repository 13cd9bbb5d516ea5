"""The README says what is so: its commands, settings, pictures, states and its example are those of the code."""

import re
from pathlib import Path

import click
import pytest

from console.cli.main import cli
from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.app import PureBoot
from engine.core.nodes import NodeState
from engine.settings import Settings, known_keys

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def named(text: str) -> set[str]:
    """What stands in backquotes."""
    return set(re.findall(r"`([^`\n]+)`", text))


def test_every_command_is_named_and_no_other() -> None:
    commands = {name for name in named(section("Commands")) if re.fullmatch(r"[a-z]+", name)} - {"pureboot"}
    assert commands == set(cli.list_commands(click.Context(cli)))


def test_every_setting_is_listed_and_no_other() -> None:
    rows = [line.split("|")[1] for line in section("Settings").splitlines() if line.startswith("| `")]
    assert sorted(key for row in rows for key in named(row)) == sorted(known_keys())


@pytest.mark.parametrize("row", [line for line in section("Settings").splitlines() if line.startswith("| `")])
def test_the_defaults_are_those_of_the_code(row: str) -> None:
    """Where a default is said as a value; others are said in words."""
    _, keys, default, _, _ = row.split("|")
    settings = Settings()
    for key, said in zip(sorted(named(keys)), default.strip().split(", "), strict=False):
        group, _, name = key.partition(".")
        value = getattr(getattr(settings, group), name)
        if re.fullmatch(r"`[^`]+`|\d+|true|false", said):
            assert said.strip("`") == str(value).lower() if isinstance(value, bool) else str(value)


def test_every_state_is_named() -> None:
    assert set(NodeState) <= set(re.findall(r"[a-z_]+", section("What a machine is told")))


def test_every_action_is_named() -> None:
    assert {name for name in named(section("Workflows")) if "." in name} >= set(Registry(BUILTIN))


async def test_the_example_is_a_valid_workflow(pureboot: PureBoot) -> None:
    text = re.search(r"```yaml\n(.*?)```", section("Workflows"), re.DOTALL)
    assert text is not None
    assert await pureboot.workflows.validate(text[1]) == []


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 4
    assert [each for each in pictures if not (ROOT / each).is_file()] == []


def test_every_file_it_points_to_is_there() -> None:
    paths = {name for name in named(README) if re.fullmatch(r"(console|engine|bootsrv|tests)/[\w./-]+", name)}
    assert paths
    assert [each for each in sorted(paths) if not (ROOT / each).exists()] == []

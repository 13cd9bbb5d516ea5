"""A monkey at the keyboard, for a while; `python -m tests.bench.console.monkey` lets it stay longer."""

import random
from pathlib import Path

import pytest

from tests.bench.console import monkey
from tests.console.conftest import Opened

KEYS = 150
FIXED = 7


@pytest.mark.parametrize("seed", [FIXED, random.randrange(1_000_000)], ids=["fixed", "random"])
async def test_whatever_is_pressed_nothing_breaks(
    stage: Opened, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    print(f"seed {seed}")
    async with stage() as at:
        found = await monkey.rampage(at.app, at.pilot, KEYS, seed)
        found.problems += await monkey.inconsistencies(at.pureboot, at.app, tmp_path / "pureboot.db")
        assert found.problems == [], f"seed {seed}: {' '.join(found.last)}"
        assert await monkey.leaves(at.app, at.pilot)


async def test_the_palette_does_not_open_where_nothing_can_be_shown(stage: Opened) -> None:
    async with stage() as at:
        await at.press("ctrl+p")
        await at.pilot.resize_terminal(30, 8)
        await at.press("ctrl+p")
        await at.pilot.resize_terminal(120, 36)
        await at.press("escape")
        await at.sees("r4-07")

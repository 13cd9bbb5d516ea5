"""A monkey at the keyboard: `python -m tests.bench.console.monkey [--keys 10000] [--seed N]`.

It presses whatever there is, in any order, types, clicks and resizes, on a store with a rack in it. Nothing may be
raised; afterwards `?` still opens the help and `q` still leaves; and the store must be whole: what the console knows is
what stands there, every state is the last of its log, and every reference leads somewhere. The seed is printed: the
same seed presses the same keys.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from console import keys
from console.app import PureBootApp
from engine.app import PureBoot
from engine.core.page import EVERYTHING, Page
from tests import scenarios
from tests.clock import ManualClock
from tests.conftest import settings_for

# What leaves the console, stops it, or starts another program; they are pressed at the end, or not at all.
LEFT_OUT = frozenset({"q", "ctrl+q", "ctrl+c", "ctrl+z", "ctrl+e"})
TYPED = (
    *"abcdefghijklmnoprstuvwxyzABEGMRSVY0123456789",
    "space",
    "enter",
    "escape",
    "tab",
    "shift+tab",
    "backspace",
    "slash",
    "colon",
    "equals_sign",
    "minus",
    "exclamation_mark",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pageup",
    "pagedown",
    "ctrl+a",
    "ctrl+k",
    "ctrl+s",
    "é",
)
SIZES = ((80, 24), (120, 36), (160, 48), (60, 16), (30, 8))
ESCAPES = 30


@dataclass(slots=True)
class Found:
    """What came of it: the keys pressed last, and what is wrong."""

    last: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    problems: list[str] = field(default_factory=list)
    pressed: int = 0


def every_key() -> list[str]:
    """Every key that does something somewhere, and those that people type."""
    bound = {each for context in keys.KEYS.values() for key in context for each in key.keys.split(",")}
    return sorted((bound | set(TYPED)) - LEFT_OUT)


async def rampage(app: PureBootApp, pilot: "Pilot[None]", count: int, seed: int, found: Found | None = None) -> Found:
    """Press so many keys; gives what is wrong afterwards, in `found` if it is given. Whatever is raised is raised."""
    chance, choices = random.Random(seed), every_key()
    found = Found() if found is None else found
    for _ in range(count):
        what = chance.random()
        if what < 0.93:
            said = chance.choice(choices)
            await pilot.press(said)
        elif what < 0.99:
            x, y = chance.randrange(app.size.width), chance.randrange(app.size.height)
            said = f"click {x},{y}"
            found.last.append(said)
            await pilot.click(offset=(x, y))
        else:
            size = chance.choice(SIZES)
            said = f"resize {size}"
            await pilot.resize_terminal(*size)
        found.last.append(said)
        found.pressed += 1
        if not app.is_running or app.return_code is not None:
            found.problems.append("the console has ended")
            return found
    await _still_works(app, pilot, found)
    return found


async def _still_works(app: PureBootApp, pilot: "Pilot[None]", found: Found) -> None:
    """The way back, the help, and what was said to be unexpected."""
    from console.screens.help import HelpScreen

    await pilot.resize_terminal(120, 36)
    for _ in range(ESCAPES):
        await pilot.press("escape")
    await pilot.press("question_mark")
    await pilot.pause()
    if not isinstance(app.screen, HelpScreen):
        found.problems.append(f"? does not open the help, in front is {app.screen!r}")
    await pilot.press("escape")
    found.problems += [notice.text for notice in app.said if notice.text.startswith("unexpected ")]


async def leaves(app: PureBootApp, pilot: "Pilot[None]") -> bool:
    """Whether `q` leaves, after its question if it has one."""
    await pilot.press("q")
    await pilot.pause()
    if app.return_code is None and len(app.screen_stack) > 1:
        await pilot.press("y")
        await pilot.pause()
    return not app.is_running or app._exit


async def inconsistencies(pureboot: PureBoot, app: PureBootApp, path: Path) -> list[str]:
    """What does not fit together, in the store and in what the console knows of it."""
    cursor = await pureboot.feed.cursor()
    for _ in range(200):
        if app.model.cursor >= cursor:
            break
        await asyncio.sleep(0.05)
    problems = []
    nodes, _ = await pureboot.nodes.find(EVERYTHING)
    for node in nodes:
        known = app.model.nodes.get(node.id)
        same = known is not None and replace(known, last_seen_at=None) == replace(node, last_seen_at=None)
        if not same:
            problems.append(f"the console knows {known} where there is {node}")
        rows, _ = await pureboot.nodes.history(node.id, Page(limit=1))
        if rows and rows[0].to_state is not node.state:
            problems.append(f"{node.name} is {node.state}, by its log {rows[0].to_state}")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        problems += [f"broken reference: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        [(checked,)] = connection.execute("PRAGMA integrity_check")
        problems += [] if checked == "ok" else [checked]
    return problems


@contextlib.asynccontextmanager
async def cage(folder: Path) -> AsyncIterator[tuple[PureBootApp, "Pilot[None]", Path]]:
    """A console on a rack of its own."""
    store, clock = folder / "pureboot.db", ManualClock()
    settings = settings_for(f"sqlite:///{store}", folder)
    async with PureBoot(settings, clock=clock) as pureboot:
        await scenarios.rack(pureboot, clock)

    @contextlib.asynccontextmanager
    async def opener() -> AsyncIterator[PureBoot]:
        async with PureBoot(settings, clock=clock) as pureboot:
            yield pureboot

    app = PureBootApp(opener, user="user:monkey")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        while not app.is_open:
            await pilot.pause(0.02)
        yield app, pilot, store


async def _run(count: int, seed: int) -> Found:
    with _folder() as folder:
        async with cage(folder) as (app, pilot, store):
            began, found = time.monotonic(), Found()
            try:
                await rampage(app, pilot, count, seed, found)
                found.problems += await inconsistencies(cast("PureBoot", app.pureboot), app, store)
                if not await leaves(app, pilot):
                    found.problems.append("q does not leave")
            finally:
                print(f"{found.pressed} keys in {time.monotonic() - began:.0f} s; the last: {' '.join(found.last)}")
    return found


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Where nothing of the person's own is touched: not their views, nor the folder they are in."""
    with tempfile.TemporaryDirectory(prefix="pureboot-monkey-") as name:
        before = Path.cwd()
        os.environ.update({"HOME": name, "XDG_STATE_HOME": f"{name}/state", "XDG_DATA_HOME": f"{name}/data"})
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def main() -> int:
    """Let it loose."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console.monkey")
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    found = asyncio.run(_run(options.keys, options.seed))
    for problem in found.problems:
        print(problem)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())

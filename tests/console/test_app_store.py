"""Stories about the console and its store: shared with others, slow, replaced, not to be read."""

import asyncio
import contextlib
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from console.app import PureBootApp
from engine.core.events import Kind
from engine.errors import Unavailable
from tests import scenarios
from tests.conftest import Opener
from tests.console.conftest import Opened, Setter, Stage
from tests.story import ADA


async def test_a_change_by_another_console_on_the_same_store_appears(stage: Opened, opener: Opener) -> None:
    async with stage() as at, opener(at.url, clock=at.clock) as other:
        assert not other.is_host
        await scenarios.boot(other, 50, "r9-01")
        await at.sees("r9-01")
        await other.executions.cancel(at.made.executions["r4-06"].id, by="user:bob")
        await at.until(lambda: at.app.model.running == 3)


async def test_a_guest_shows_and_changes_the_same(stage: Opened, console_on: Setter, opener: Opener) -> None:
    made = console_on("rack", host=False)
    async with opener(made.url, clock=made.clock) as host, made.app.run_test(size=(120, 36)) as pilot:
        at = Stage(made, pilot)
        await at.sees("guest: another PureBoot serves", "r4-07")
        await scenarios.boot(host, 50, "r9-01")
        await at.sees("r9-01")


async def test_a_guest_that_takes_the_place_of_the_host_says_so_on_every_tab(
    console_on: Setter, opener: Opener
) -> None:
    made = console_on("rack")
    async with AsyncExitStack() as host:
        await host.enter_async_context(opener(made.url, clock=made.clock))
        async with made.app.run_test(size=(120, 36), notifications=True) as pilot:
            at = Stage(made, pilot)
            await at.sees("guest: another PureBoot serves", "r4-07")
            await at.press("2")
            await at.sees("guest: another PureBoot serves", "burn-in@v1.0")
            await host.aclose()
            await at.says("this console serves the machines from now on")
            assert "guest" not in at.text
            await at.press("1")
            assert "guest" not in at.text, "a tab that was behind knows it at once"


async def test_what_comes_up_later_is_said_as_well(console_on: Setter) -> None:
    made, notices = console_on("rack"), ["the first"]
    app = PureBootApp(made.app._open, user=ADA, notices=lambda: notices)
    async with app.run_test(size=(120, 36), notifications=True) as pilot, asyncio.timeout(10):
        while not app.said:
            await pilot.pause(0.02)
        notices.append("the second")
        while len(app.said) < 2:
            await pilot.pause(0.02)
    assert [notice.text for notice in app.said] == ["the first", "the second"]


async def test_a_store_that_takes_its_time_is_said_to(stage: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.app.SLOW_SECONDS", 0.05)
    answered = asyncio.Event()

    async def slow(_: object) -> None:
        await answered.wait()

    async with stage() as at:
        at.app.perform(slow, done="at last")
        await at.says("still at it: the store takes its time")
        answered.set()
        await at.says("at last")


async def test_when_the_store_cannot_be_read_it_is_said_until_it_can(
    stage: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        read = at.pureboot.context.database.read
        is_cut = True

        async def cut(work: object) -> object:
            if is_cut:
                raise Unavailable("the disk is gone")
            return await read(work)  # type: ignore[arg-type]

        monkeypatch.setattr(at.pureboot.context.database, "read", cut)
        await scenarios.boot(at.pureboot, 61, "r9-03") if not is_cut else at.pureboot.feed.stir()
        await at.sees("! store unreachable for")
        is_cut = False
        await at.sees_not("unreachable")
        await scenarios.boot(at.pureboot, 61, "r9-03")
        await at.sees("r9-03")


async def test_a_store_that_another_took_the_place_of_is_said_to(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        path = Path(at.url.removeprefix("sqlite:///"))
        older = path.with_name("backup.db")
        with contextlib.closing(sqlite3.connect(path)) as store, contextlib.closing(sqlite3.connect(older)) as copy:
            store.backup(copy)
        older.rename(path)
        with pytest.raises(Unavailable, match="was replaced"):
            await at.pureboot.note(Kind.NODE_UPDATED)
        await at.sees("another store is in its place now")

"""What every test may ask for: empty stores of both kinds, a clock to move, an open PureBoot."""

import asyncio
import gc
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from engine.app import PureBoot
from engine.clock import Clock
from engine.store.database import open_database
from engine.store.migrate import migrate
from tests import postgres
from tests.clock import ManualClock
from tests.store_settings import settings_for as settings_for  # known from here to most tests

_LONG = frozenset({"test_bench.py", "test_house.py"})

# A machine that is busy makes no property false; what takes for ever is ended by pytest's own time limit.
hypothesis_settings.register_profile("pureboot", deadline=None)
hypothesis_settings.load_profile("pureboot")

Opener = Callable[..., AbstractAsyncContextManager[PureBoot]]


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test is named after its parameters, but not after a megabyte of them."""
    return f"{val[:40]!r}..{len(val)}" if isinstance(val, str | bytes) and len(val) > 200 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes half a minute in one piece is begun first: at the end, the other workers would wait for it."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays for the whole run: the garbage collector need not look through it, then or ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


async def _migrated(url: str) -> None:
    database = await open_database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "pureboot.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    """An empty SQLite store of this test's own."""
    path = tmp_path / "pureboot.db"
    shutil.copy(empty_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server with a migrated template database."""
    with postgres.cluster() as server:
        asyncio.run(_sql(f"{server}/postgres", "CREATE DATABASE empty"))
        asyncio.run(_migrated(f"{server}/empty"))
        yield server


async def _sql(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL store of this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(_sql(f"{postgres_server}/postgres", postgres.copying(name, "empty")))
    yield f"{postgres_server}/{name}"
    asyncio.run(_sql(f"{postgres_server}/postgres", f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty store: the test runs once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's data folder for all tests: keys of stores that are on a server belong there."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        yield folder


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until the test moves it."""
    return ManualClock()


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    """Opens a PureBoot: `async with opener(url, clock=clock, http__port=0) as pureboot`."""

    @asynccontextmanager
    async def open_(
        url: str, *, clock: Clock | None = None, host: bool = True, **flags: Any
    ) -> AsyncIterator[PureBoot]:
        async with PureBoot(settings_for(url, tmp_path, **flags), clock=clock, host=host) as pureboot:
            yield pureboot

    return open_


@pytest.fixture
async def pureboot(sqlite_url: str, opener: Opener) -> AsyncIterator[PureBoot]:
    """A PureBoot on an empty SQLite store, with the machine's clock."""
    async with opener(sqlite_url) as opened:
        yield opened

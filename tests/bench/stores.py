"""Fresh stores for the benches: a folder for an SQLite file, a database on a server of our own."""

import asyncio
import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import postgres

NO_POSTGRES = "PostgreSQL is not installed (apt-get install postgresql)"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender works: the URL of a store that does not exist yet or is empty, and a folder for files."""

    url: str
    folder: Path


@contextlib.contextmanager
def sqlite_place() -> Iterator[Place]:
    """A folder of its own, with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="pureboot-bench-") as folder:
        yield Place(f"sqlite:///{folder}/store.db", Path(folder))


@contextlib.contextmanager
def server(env: Mapping[str, str] | None = None) -> Iterator[str | None]:
    """A PostgreSQL server that flushes, with `env` put into its environment; None if it is not installed."""
    if postgres.binaries() is None:
        yield None
        return
    with _environment(env or {}), postgres.cluster(durable=True) as url:
        yield url


@contextlib.contextmanager
def postgres_place(server_url: str) -> Iterator[Place]:
    """A database of its own on a server."""
    name = f"bench_{uuid.uuid4().hex}"
    asyncio.run(_sql(server_url, f"CREATE DATABASE {name}"))
    try:
        with tempfile.TemporaryDirectory(prefix="pureboot-bench-") as folder:
            yield Place(f"{server_url}/{name}", Path(folder))
    finally:
        asyncio.run(_sql(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _sql(server_url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(f"{server_url}/postgres".replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(env)
    try:
        yield
    finally:
        for name in env:
            del os.environ[name]

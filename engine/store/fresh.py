"""Making a new store that is there whole or not at all: one transaction on PostgreSQL, on SQLite a file beside the real
place that gets its name when it is complete. And its key.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sqlalchemy import func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from engine.errors import Conflict, NotFound, Unavailable
from engine.store import migrate
from engine.store.postgres import Postgres
from engine.store.schema import metadata, writer


def shown(url: str) -> str:
    """A store's URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def sqlite_path(url: str) -> Path | None:
    """The file of a store; None for PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


@contextlib.asynccontextmanager
async def empty_store(url: str) -> AsyncIterator[AsyncConnection]:
    """A store with all tables and nothing in them, to be written to; it is there once this is left without an error.

    Raises:
        Conflict: there is something already.
        Unavailable: it cannot be made.
    """
    path = sqlite_path(url)
    if path is not None:
        async with _new_file(path) as connection:
            yield connection
        return
    backend = await Postgres.connect(url)
    try:
        async with backend.reader.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            async with connection.begin():
                await connection.run_sync(migrate.upgrade)
                # Whoever starts on the target just now waits with its first event until the copy is there.
                await connection.execute(text("LOCK TABLE event IN ACCESS EXCLUSIVE MODE"))
                await _refuse_rows(connection, shown(url))
                yield connection
    finally:
        await backend.close()


async def _refuse_rows(connection: AsyncConnection, name: str) -> None:
    for table in metadata.sorted_tables:
        if table is not writer and (await connection.execute(select(func.count()).select_from(table))).scalar_one():
            raise Conflict(f"the store {name} holds rows already ({table.name}); give an empty database")


@contextlib.asynccontextmanager
async def _new_file(path: Path) -> AsyncIterator[AsyncConnection]:
    with workshop(path) as folder:
        fresh = folder / path.name
        engine = create_async_engine(f"sqlite+aiosqlite:///{fresh}", poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
                await connection.run_sync(migrate.upgrade)
                yield connection
                await connection.commit()
        finally:
            await engine.dispose()
        named(fresh, path)


@contextlib.contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """A folder beside a file that is to be made; what a copy that was killed left there is thrown away.

    Raises:
        Conflict: there is such a file, or another process is about to make it.
        Unavailable: the folder cannot be made.
    """
    if path.exists():
        raise Conflict(f"there is a file {path} already; move it away, or give another place")
    folder = path.parent / f".{path.name}.copying"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise Unavailable(f"the folder {folder} cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.iterdir():
            left.unlink()
        yield folder
        shutil.rmtree(folder)
    except BlockingIOError:
        raise Conflict(f"another copy to {path} is under way") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def named(fresh: Path, path: Path) -> None:
    """Give a file that is complete its place, for good.

    Raises:
        Conflict: another file has come there meanwhile.
    """
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # unlike a rename, this never replaces what somebody made there just now
    except FileExistsError:
        raise Conflict(f"there is a file {path} now; move it away, or give another place") from None
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let names that were given in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_key(source: Path, target: Path) -> bool:
    """Put a store's key where that of another belongs, readable for its owner only; False if it is there already.

    Raises:
        NotFound: there is no such key.
        Conflict: there is another key.
        Unavailable: it cannot be read or written.
    """
    try:
        key = source.read_bytes()
        if target.exists():
            if target.read_bytes() == key:
                return False
            raise Conflict(f"the key file {target} belongs to another store; move it away first")
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(target.parent)
    except FileNotFoundError:
        raise NotFound(f"there is no key file {source}") from None
    except OSError as error:
        raise Unavailable(f"the key file {source} cannot be copied to {target}: {error.strerror}") from None
    return True

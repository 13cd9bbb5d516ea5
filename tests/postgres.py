"""A private PostgreSQL cluster from Debian's package, on a free port, for as long as the tests run.

Each test has a database of its own, a copy of one with all tables: a thousand small files that are made and removed
again. On a disk that costs a third of a second of processor time, in memory a tenth of that.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port
from tests.programs import lacking

SERVER_USER = "postgres"  # made by Debian's package; PostgreSQL refuses to run as root
_MEMORY = Path("/dev/shm")
_ROOM = 2**30  # bytes that must be free in memory for a cluster


def binaries() -> Path | None:
    """The folder with initdb and postgres of the newest version installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return folders[-1].parent if folders else None


def copying(name: str, template: str) -> str:
    """The statement that makes a database as a copy of another, the quickest way the server knows."""
    found = binaries()
    whole_files = found is not None and int(found.parts[4]) >= 15  # older ones know no other way
    return f"CREATE DATABASE {name} TEMPLATE {template}{' STRATEGY FILE_COPY' if whole_files else ''}"


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster; gives the URL of its server without a database name. Only a `durable` one is on a disk, and
    flushes to it.
    """
    found = binaries()
    if found is None:
        lacking("PostgreSQL is missing: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pureboot-pg-", dir=None if durable else _in_memory()))
    as_user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam(SERVER_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = ["runuser", "-u", SERVER_USER, "--"]
    port = free_port()
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
    options += f" -c fsync={'on' if durable else 'off'}"
    try:
        _run(*as_user, found / "initdb", "-D", data, "-A", "trust", "-U", SERVER_USER, "-E", "UTF8", "--no-sync")
        _run(*as_user, found / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            yield f"postgresql+asyncpg://{SERVER_USER}@127.0.0.1:{port}"
        finally:
            _run(*as_user, found / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    """A folder in memory, if this machine has one with room."""
    return _MEMORY if _MEMORY.is_mount() and shutil.disk_usage(_MEMORY).free >= _ROOM else None


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stdout}{done.stderr}")

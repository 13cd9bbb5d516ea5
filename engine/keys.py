"""Keys in files, and the store's key, from which capability tokens are derived: 32 random bytes beside the store.

A key file is its owner's alone (mode 0600); one that others may read is refused. `PUREBOOT_SECRET_KEY` (text of any
length from 16 characters) takes the place of all key files, as it must where several hosts share a PostgreSQL store. It
may hold several keys with commas between them, the newest first, while one takes the place of another (see
`engine.keyring`). Tokens are derived from the last: what nodes were told stays true until the old key is taken away.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.errors import Invalid, Unavailable

VARIABLE = "PUREBOOT_SECRET_KEY"
_MIN_LENGTH = 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load_key(path: Path, environ: Mapping[str, str] | None = None) -> bytes:
    """The key from which capability tokens are derived; made at first use.

    Raises:
        Invalid: `PUREBOOT_SECRET_KEY` is too short.
        Unavailable: the file cannot be read or made, or others may read it.
    """
    given = given_keys(environ)
    if given:
        return hashlib.sha256(given[-1].encode()).digest()
    with readable(path):
        if not path.exists():
            make_file(path, secrets.token_bytes(32))
        key = read_file(path)
    if len(key) != 32:
        raise Unavailable(f"the key file {path} is damaged: it has {len(key)} bytes, not 32; restore it from a backup")
    return key


def given_keys(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The keys in `PUREBOOT_SECRET_KEY`, the newest first; none if it is not set.

    Raises:
        Invalid: one is too short.
    """
    given = (os.environ if environ is None else environ).get(VARIABLE)
    if given is None:
        return ()
    keys = tuple(part.strip() for part in given.split(","))
    if any(len(key) < _MIN_LENGTH for key in keys):
        which = "each key in " if len(keys) > 1 else ""
        raise Invalid(f"{which}{VARIABLE} must have at least {_MIN_LENGTH} characters")
    return keys


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of what goes wrong with a key file which one it is."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be used: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    """What is in a key file.

    Raises:
        Unavailable: others than its owner may read or write it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & _OTHERS:
            raise Unavailable(
                f"the key file {path} is open to others (mode {stat.S_IMODE(mode):04o}): run `chmod 600 {path}`; "
                "if somebody else may have read it, its key is known"
            )
        return file.read()


def make_file(path: Path, content: bytes) -> None:
    """Make a key file; one that another process made just now stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _written(path, f"{os.getpid()}", content)
    try:
        os.link(fresh, path)  # unlike a rename, this never replaces a key that another process made just now
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    _sync(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Put a key file in the place of the one that is there, whole or not at all; one process at a time may.

    Raises:
        OSError: it cannot be written.
    """
    _written(path, "new", content).replace(path)
    _sync(path.parent)


def _written(path: Path, suffix: str, content: bytes) -> Path:
    fresh = path.with_name(f".{path.name}.{suffix}")
    fresh.unlink(missing_ok=True)  # of a process that was killed
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

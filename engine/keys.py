"""The store's key, from which capability tokens are derived: 32 random bytes in a file of mode 0600 beside the store.

`PUREBOOT_SECRET_KEY` (text of any length from 16 characters) takes its place, as it must where several hosts share a
PostgreSQL store.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from engine.errors import Invalid, Unavailable

VARIABLE = "PUREBOOT_SECRET_KEY"
_MIN_LENGTH = 16


def load_key(path: Path, environ: Mapping[str, str] | None = None) -> bytes:
    """The key; made at first use.

    Raises:
        Invalid: `PUREBOOT_SECRET_KEY` is too short.
        Unavailable: the file cannot be read or made.
    """
    given = (os.environ if environ is None else environ).get(VARIABLE)
    if given is not None:
        if len(given) < _MIN_LENGTH:
            raise Invalid(f"{VARIABLE} must have at least {_MIN_LENGTH} characters")
        return hashlib.sha256(given.encode()).digest()
    try:
        return _read(path) if path.exists() else _make(path)
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be used: {error.strerror}") from None


def _make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # unlike a rename, this never replaces a key that another process made just now
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != 32:
        raise Unavailable(f"the key file {path} is damaged: it has {len(key)} bytes, not 32; restore it from a backup")
    return key

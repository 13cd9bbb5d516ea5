"""The keys that seal secrets: of `PUREBOOT_SECRET_KEY`, and of a key file beside the store.

The file has a key a line, 32 random bytes as base64, the newest first. Those of the environment come before those of
the file, which still open what was sealed with them: so a site can go over from one to the other. A rotation adds a key
to the file, and takes the others out once nothing is sealed with them any more; it holds the file's lock all the while,
which a process that is killed lets go.
"""

import base64
import binascii
import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from engine.errors import Unavailable
from engine.keys import VARIABLE, given_keys, make_file, read_file, readable, replace_file
from engine.sealing import KEY_BYTES, SealingKey, key_of_bytes, key_of_text

_HEADER = """\
# The keys to PureBoot's secrets, the newest first. Without them nobody can read the secrets in the store:
# keep a copy of this file in a safe place, apart from the backups of the store.
"""


class Keyring:
    """The keys at hand. Reading them takes a while: whatever is not a plain look at them is no work for the event loop.

    `path` is where the key file is, or would be.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._environ = os.environ if environ is None else environ
        self._given: tuple[SealingKey, ...] | None = None
        self._of_file: tuple[SealingKey, ...] = ()
        self._seen: object = None

    @property
    def is_given(self) -> bool:
        """Whether the environment holds the keys."""
        return VARIABLE in self._environ

    @property
    def place(self) -> str:
        """Where the newest key is, for people."""
        return VARIABLE if self.is_given else f"the key file {self.path}"

    def all(self) -> tuple[SealingKey, ...]:
        """All keys, the newest first; the file is read again if it was changed.

        Raises:
            Invalid: `PUREBOOT_SECRET_KEY` is too short.
            Unavailable: the file cannot be read, is damaged, or others may read it.
        """
        if self._given is None:
            self._given = tuple(key_of_text(text) for text in given_keys(self._environ))
        seen = self._stamp()
        if seen != self._seen:
            self._of_file = () if seen is None else tuple(key_of_bytes(each) for each in self._lines())
            self._seen = seen
        return (*self._given, *(key for key in self._of_file if key not in self._given))

    def ensure(self) -> None:
        """Make a key if there is none.

        Raises:
            Invalid: as `all`.
            Unavailable: as `all`, or the file cannot be made.
        """
        if not self.all():
            with readable(self.path):
                make_file(self.path, _content([secrets.token_bytes(KEY_BYTES)]))

    def add(self) -> SealingKey:
        """Make a key that is newer than all of the file; to be called while it is locked.

        Raises:
            Unavailable: the file cannot be read or written.
        """
        with readable(self.path):
            before = self._lines() if self.path.exists() else []
            fresh = secrets.token_bytes(KEY_BYTES)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, _content([fresh, *before]))
        return key_of_bytes(fresh)

    def keep_only(self, wanted: Callable[[SealingKey], bool]) -> int:
        """Take the other keys out of the file; gives how many those were. To be called while it is locked.

        Raises:
            Unavailable: the file cannot be read or written.
        """
        with readable(self.path):
            before = self._lines() if self.path.exists() else []
            kept = [each for each in before if wanted(key_of_bytes(each))]
            if kept and len(kept) < len(before):
                replace_file(self.path, _content(kept))
                return len(before) - len(kept)
            if before and not kept:
                self.path.unlink()
        return len(before) - len(kept)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While entered, no other process of this machine changes the file.

        Raises:
            Unavailable: there is no place for its lock.
        """
        with readable(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _stamp(self) -> object:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"the key file {self.path} cannot be used: {error.strerror}") from None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode

    def _lines(self) -> list[bytes]:
        with readable(self.path):
            lines = read_file(self.path).splitlines()
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines if line and not line.startswith(b"#")]
        except binascii.Error:
            keys = []
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise Unavailable(f"the key file {self.path} is damaged; restore it from its copy")
        return keys


def _content(keys: list[bytes]) -> bytes:
    return _HEADER.encode() + b"".join(base64.b64encode(key) + b"\n" for key in keys)

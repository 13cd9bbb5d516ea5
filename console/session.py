"""Where the console was left, kept in a small file of the XDG state folder: a comfort, so nothing fails over it."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

MOST_STORES = 20
MOST_RECENT = 20
_MOST_BYTES = 256 * 1024


def default_path() -> Path:
    """The file, in the XDG state folder."""
    return user_state_path("pureboot") / "console.json"


class Session:
    """What is kept for one store, and what for all: the theme."""

    def __init__(self, path: Path, store: str) -> None:
        """`store` is the URL of the store; only a digest of it is written, since there may be a password in it."""
        self._path = path
        self._store = hashlib.sha256(store.encode()).hexdigest()[:16]
        whole = self._read()
        own = _mapping(_mapping(whole.get("stores")).get(self._store))
        self.theme = str(whole.get("theme") or "")
        self.mode = str(own.get("mode") or "")
        self.lists = {str(mode): _mapping(memory) for mode, memory in _mapping(own.get("lists")).items()}
        self.recent = [str(each) for each in own.get("recent") or [] if isinstance(each, str)][:MOST_RECENT]

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            if self._path.stat().st_size <= _MOST_BYTES:
                return _mapping(json.loads(self._path.read_text(encoding="utf-8")))
        return {}

    def save(self) -> bool:
        """Write it down, whole or not at all; False if it cannot be written."""
        whole = self._read()
        stores = _mapping(whole.get("stores"))
        stores.pop(self._store, None)
        stores[self._store] = {"mode": self.mode, "lists": self.lists, "recent": self.recent[:MOST_RECENT]}
        kept = dict(list(stores.items())[-MOST_STORES:])
        text = json.dumps({"theme": self.theme, "stores": kept}, indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".console-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            return False
        return True


def _mapping(value: object) -> dict[str, Any]:
    """A mapping, whatever somebody has written into the file."""
    return dict(value) if isinstance(value, Mapping) else {}

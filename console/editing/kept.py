"""Texts that are being written, kept on this machine until they are saved: a crash or a lost link takes nothing.

One file a document, below the XDG state folder, which only its owner may read.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.core.documents import DocumentKind
from engine.core.editing import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A text that was not saved: since when, which version it was begun with, and what its author had seen."""

    text: str
    at: datetime
    base: str = ""
    seen: Seen = field(default_factory=Seen)


def state_folder() -> Path:
    """The folder for them (XDG state folder)."""
    root = os.environ.get("XDG_STATE_HOME", "")
    home = Path(root) if root.startswith("/") else Path.home() / ".local" / "state"
    return home / "pureboot" / "edits"


@dataclass(frozen=True, slots=True)
class Keeper:
    """The file of one document of one store; every method blocks, for as long as the disk takes."""

    path: Path

    @classmethod
    def of(cls, store: str, kind: DocumentKind, name: str) -> "Keeper":
        """That of a store (its URL), kind and name (empty: of a new one)."""
        digest = hashlib.sha256("\0".join((store, kind.value, name)).encode()).hexdigest()[:16]
        plain = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)[:60]
        return cls(state_folder() / f"{kind}-{plain or 'new'}-{digest}.json")

    def read(self) -> Kept | None:
        """What is kept; None if nothing is, or nothing that can be read."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            seen = Seen(current=data["current"], latest=data["latest"])
            at = datetime.fromisoformat(data["at"])
            return Kept(text=str(data["text"]), at=at, base=str(data["base"]), seen=seen)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, kept: Kept) -> None:
        """Keep a text instead of the one before; either is there whole at any time.

        Raises:
            OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = {"at": kept.at.isoformat(), "base": kept.base, "current": kept.seen.current, "latest": kept.seen.latest}
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.path.parent, delete=False) as file:
            try:
                json.dump({**data, "text": kept.text}, file)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(self.path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def drop(self) -> None:
        """Keep nothing any more."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

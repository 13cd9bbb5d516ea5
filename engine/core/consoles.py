"""Who has a console open, and what they look at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.errors import Invalid, Problem

LEASE = timedelta(seconds=45)
"""After so long without a sign a console is taken for gone."""

LONGEST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSession:
    """One open console. `name` is its principal, `place` the host and terminal it is on, `looks_at` the screen in
    front.
    """

    id: str
    name: str
    place: str
    looks_at: str
    is_remote: bool = False
    is_read_only: bool = False
    since: datetime
    seen_at: datetime

    def is_gone(self, now: datetime) -> bool:
        """Whether it was silent for too long."""
        return now - self.seen_at > LEASE


def told(text: str) -> str:
    """What a console says of itself, on one line of bounded length."""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:LONGEST]


def check_id(session_id: str) -> str:
    """Refuse what is no id of a session.

    Raises:
        Invalid: it is none.
    """
    if not 8 <= len(session_id) <= 36 or not session_id.isascii() or not session_id.isprintable():
        raise Invalid([Problem(path="session_id", message="is no id of a console")])
    return session_id

"""What the engine forgives a clock that jumped, and itself for having been away.

Deadlines are times of day: they are the same after a restart. Two things would make them unjust. A clock that is set
forward by hours (a machine that slept, a first answer of a time server) would let everything expire at once, although
nobody had the hours. And nobody can be heard while no engine listens, so silence then is no silence.

The rule: a deadline that a jump of the clock passed over counts from the jump on as if it were `engine.grace` later;
and the time of silence before a heartbeat is missed begins at the earliest when the engine began to listen, or when the
clock jumped.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """Since when the engine has listened; from when the clock jumped, and until when what it passed over is held."""

    listening_since: datetime | None = None
    jumped_from: datetime | None = None
    until: datetime | None = None

    def held(self, deadline: datetime) -> datetime:
        """When a deadline really counts as passed."""
        if self.until is None or self.jumped_from is None:
            return deadline
        return self.until if self.jumped_from < deadline < self.until else deadline

    def heard(self, at: datetime) -> datetime:
        """Since when an attempt counts as silent that was last heard of at a time."""
        return at if self.listening_since is None else max(at, self.listening_since)


NO_GRACE = Grace()

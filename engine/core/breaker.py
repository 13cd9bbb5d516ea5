"""A circuit breaker: who did not answer some times in a row is left alone for a while, and then asked once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES = 5
"""So many in a row open it."""

PAUSE = timedelta(seconds=30)
"""How long it stays open before one call is let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is remembered of the last calls. `tried_at` is when the one call was let through that decides."""

    failures: int = 0
    opened_at: datetime | None = None
    tried_at: datetime | None = None

    def closed_at(self, now: datetime) -> datetime | None:
        """Until when nothing is asked; None if a call may be made."""
        if self.opened_at is None:
            return None
        last = max(self.opened_at, self.tried_at or self.opened_at)
        return last + PAUSE if now < last + PAUSE else None

    def trying(self, now: datetime) -> "Breaker":
        """As a call begins."""
        return self if self.opened_at is None else replace(self, tried_at=now)

    def failed(self, now: datetime) -> "Breaker":
        """After a call that was not answered."""
        failures = self.failures + 1
        opened = now if failures >= FAILURES else None
        return Breaker(failures=failures, opened_at=opened)

    def answered(self) -> "Breaker":
        """After a call that was answered, whatever the answer."""
        return Breaker()

"""Noticing that the clock jumped, and what is forgiven then (the rule is in `engine.core.grace`)."""

import logging
from datetime import datetime, timedelta

from engine.clock import Clock
from engine.core.grace import Grace

_log = logging.getLogger(__name__)

JUMP = timedelta(seconds=10)
"""By how much the time of day may run ahead of the steady clock before it counts as a jump; less is a correction."""


class Patience:
    """Compares the time of day with the steady clock whenever the time is asked for."""

    def __init__(self, clock: Clock, grace_seconds: float) -> None:
        self._clock = clock
        self._grace = timedelta(seconds=grace_seconds)
        self._now = clock.now()
        self._steady = clock.monotonic()
        self.grace = Grace()

    def listen(self) -> None:
        """Note that the engine listens from now on: silence before is no silence."""
        self.grace = Grace(
            listening_since=self._clock.now(), jumped_from=self.grace.jumped_from, until=self.grace.until
        )

    def now(self) -> datetime:
        """The time; a jump of the clock is noticed here."""
        now, steady = self._clock.now(), self._clock.monotonic()
        expected = self._now + timedelta(seconds=steady - self._steady)
        self._now, self._steady = now, steady
        if now - expected > JUMP:
            self._jumped(expected, now)
        return now

    def _jumped(self, expected: datetime, now: datetime) -> None:
        _log.warning("the clock jumped from %s to %s; deadlines between are held for %s", expected, now, self._grace)
        held = self.grace
        first = expected if held.until is None or held.until < expected else held.jumped_from or expected
        self.grace = Grace(listening_since=now, jumped_from=min(first, expected), until=now + self._grace)

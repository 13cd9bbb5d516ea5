"""What is kept of the past, and what went of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What may go: what ended or happened before a time (None: no such bound), and ended executions beyond a count."""

    executions: datetime | None = None
    keep: int | None = None
    logs: datetime | None = None
    events: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How much went, or would go, of each kind; `logs` are pieces of logs."""

    SHOWN: ClassVar = ("total",)

    executions: int = 0
    attempts: int = 0
    logs: int = 0
    events: int = 0
    dry_run: bool = False

    @property
    def counts(self) -> Mapping[str, int]:
        """The counts by kind."""
        return {
            "executions": self.executions,
            "attempts": self.attempts,
            "logs": self.logs,
            "events": self.events,
        }

    @property
    def total(self) -> int:
        """How many rows in all."""
        return sum(self.counts.values())

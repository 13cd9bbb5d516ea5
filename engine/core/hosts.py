"""What a host is: a process that performs steps, known by a lease that it renews."""

from dataclasses import dataclass
from datetime import datetime, timedelta

PATIENCE = timedelta(seconds=1)
"""By how much a renewal may be late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A process that performs steps until `lease_until`; `name` is its machine and process id."""

    id: str
    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    lease_until: datetime

    @property
    def overdue_at(self) -> datetime:
        """When it should have renewed its lease: it does so three times within one."""
        return self.seen_at + (self.lease_until - self.seen_at) / 3 + PATIENCE

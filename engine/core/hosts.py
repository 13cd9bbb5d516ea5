"""What a host is: a process that performs steps, known by a lease that it renews."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A process that performs steps until `lease_until`; `name` is its machine and process id."""

    id: str
    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    lease_until: datetime

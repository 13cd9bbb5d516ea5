"""What goes through the boot doors: transfers under way and lately ended, and how much in all. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

SERIES_STEP = 5
"""Seconds."""


class Carrier(StrEnum):
    """By which protocol a file is sent."""

    TFTP = "tftp"
    HTTP = "http"


class Ending(StrEnum):
    """How a transfer ended. `probed`: the machine only wanted to know the size; `refused`: it got nothing."""

    DONE = "done"
    PROBED = "probed"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A file on its way to a machine, or that was.

    `size` and `sent` are bytes; of TFTP those count that the machine has acknowledged, of HTTP those that the kernel
    has taken. `rate` is in bytes a second: lately while it is under way, in all once it has ended. `mac_address` is
    whose the address is, where that is known; `node_id` its node.
    """

    SHOWN: ClassVar = ("left_seconds",)

    id: str
    kind: Carrier
    address: str
    port: int = 0
    path: str
    size: int | None = None
    sent: int = 0
    rate: float = 0.0
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Ending | None = None
    message: str = ""
    mac_address: str | None = None
    node_id: str | None = None

    @property
    def left_seconds(self) -> float | None:
        """How long the rest takes at the rate it has; None where nobody can tell."""
        if self.outcome is not None or self.size is None or self.rate <= 0:
            return None
        return round(max(0, self.size - self.sent) / self.rate, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What went by one protocol since the doors were opened: bytes, and transfers by how they ended.

    `rate` is bytes a second over the last `SERIES_STEP` seconds, `series` the same of each such span of the last ten
    minutes, oldest first.
    """

    bytes: int = 0
    ended: Mapping[Ending, int] = field(default_factory=dict)
    rate: float = 0.0
    series: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What there is to see: transfers under way, oldest first; lately ended ones, newest first; and totals.

    `is_served` is whether this process has doors: what another one serves is seen on its own screen.
    """

    is_served: bool = False
    transfers: tuple[Transfer, ...] = ()
    ended: tuple[Transfer, ...] = ()
    totals: Mapping[Carrier, Total] = field(default_factory=dict)


def mean_rate(sent: int, seconds: float) -> float:
    """Bytes a second over all of a transfer; a moment counts as a millisecond."""
    return sent / max(seconds, 0.001)

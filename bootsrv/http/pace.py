"""How much one address may take: bytes a second, and files at once (`files.max_rate`, `files.max_per_node`).

Who takes the same address twice shares its rate; an address that takes nothing is not remembered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bootsrv.http.errors import Refusal

RETRY_AFTER_SECONDS = 2
SLICES_A_SECOND = 8
LEAST = 64 * 1024
TOGETHER = 1024 * 1024


class TooMany(Refusal):
    """An address takes as many files at once as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            503,
            f"this machine takes {most} files at once already (files.max_per_node); ask again",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


@dataclass(slots=True)
class Taker:
    """One address: how many files it takes now, and until when it has used its rate up."""

    files: int = 0
    busy_until: float = 0.0

    def reserve(self, count: int, rate: int, now: float) -> float:
        """Reserve bytes at a rate; gives for how many seconds to wait before they are sent."""
        begins = max(self.busy_until, now)
        self.busy_until = begins + count / rate
        return begins - now


@dataclass(slots=True)
class Pace:
    """Every address that takes something now."""

    takers: dict[str, Taker] = field(default_factory=dict)
    transfers: int = 0

    @contextmanager
    def taking(self, address: str, most: int) -> Iterator[Taker]:
        """Count one file more for an address while it is sent.

        Raises:
            TooMany: it takes `most` already; 0 is no bound.
        """
        taker = self.takers.setdefault(address, Taker())
        if most and taker.files >= most:
            raise TooMany(most)
        taker.files += 1
        self.transfers += 1
        try:
            yield taker
        finally:
            taker.files -= 1
            self.transfers -= 1
            if not taker.files:
                self.takers.pop(address, None)


def slice_of(rate: int, transfers: int) -> int:
    """How many bytes the kernel is asked to send at once: it does so without a look at anybody else, so that together
    the transfers may hold up the event loop for `TOGETHER` bytes.
    At a rate (0: none) it is a part of a second's bytes as well.
    """
    fair = max(LEAST, TOGETHER // max(1, transfers))
    return fair if not rate else min(fair, max(LEAST, rate // SLICES_A_SECOND))

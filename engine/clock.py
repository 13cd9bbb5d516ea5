"""The clock and the source of ids, made once and handed down, so that tests can hold them in their hands."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait for a later one."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `now()` has reached `moment`."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep in pieces, so that a clock that was set is noticed within half a minute."""
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(min(left, 30.0))


def new_id() -> str:
    """A fresh id: a random UUID."""
    return str(uuid.uuid4())

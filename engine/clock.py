"""The clock and the source of ids, made once and handed down, so that tests can hold them in their hands."""

import asyncio
import os
import random
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait for a later one."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that nobody sets, from any moment on."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `now()` has reached `moment`."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the machine started, without those it slept."""
        return time.monotonic()

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep in pieces, so that a clock that was set is noticed within half a minute."""
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(min(left, 30.0))


_CHUNKS: deque[bytes] = deque()
os.register_at_fork(after_in_child=_CHUNKS.clear)


def _random_bytes() -> bytes:
    """16 random bytes of the kernel's. It is asked for many at once: each time it is, Python's lock is given away for a
    moment, and another thread that waits for it loses its turn. (Measured: beside a thread that asks for a random UUID
    every 200 µs, one that waited for the lock got it after 30 ms, otherwise after 0.7.)
    """
    try:
        return _CHUNKS.popleft()
    except IndexError:
        many = os.urandom(16 * 256)
        _CHUNKS.extend(many[at : at + 16] for at in range(16, len(many), 16))
        return many[:16]


def new_id() -> str:
    """A fresh id: a random UUID (RFC 9562, version 4)."""
    return str(uuid.UUID(bytes=_random_bytes(), version=4))


_RANDOM = random.Random(os.urandom(32))  # noqa: S311 - nobody must not guess these; asking the kernel takes longer


def growing_id() -> str:
    """A fresh id that sorts after those made before: a UUID of version 7 (RFC 9562, section 5.7).

    Rows that come in the order of their key touch few pages of an index. It is not for what people write down: ids made
    in the same minute begin with the same eight digits.
    """
    text = f"{time.time_ns() // 1_000_000:012x}{_RANDOM.getrandbits(80):020x}"
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


_TICKS = 16  # a second; who makes more ids than that runs ahead of the time, which does no harm
_latest = 0


def counted_id() -> str:
    """A fresh id whose first eight digits are a number that grows: a UUID of version 8 (RFC 9562, section 5.8).

    As with `growing_id`, rows of a large store come where the last ones came (measured with half a million events: 1.3
    times the workflows); and yet people can tell ids that were made at once by their first eight digits. The number
    follows the time, so that a new process goes on above the last.
    """
    global _latest  # noqa: PLW0603 - a counter; should two threads get the same number, the rest still differs
    _latest = max(_latest + 1, int(time.time() * _TICKS))
    text = _random_bytes().hex()
    head = f"{_latest & 0xFFFFFFFF:08x}"
    return f"{head}-{text[8:12]}-8{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"

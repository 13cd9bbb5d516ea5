"""Work in threads that is never left behind: who is cancelled waits for the thread, which may be writing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import ParamSpec, TypeVar

from engine.blobs.depot import Depot

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """What a function gives, run in a thread. When this returns or raises, the function has ended."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **more))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        raise


@asynccontextmanager
async def held(depot: Depot, *, exclusive: bool) -> AsyncIterator[None]:
    """Hold the lock of the blobs.

    Raises:
        Conflict: others hold it for too long.
    """
    lock = depot.lock(exclusive=exclusive)
    try:
        await in_thread(lock.__enter__)
        yield
    finally:
        lock.__exit__()

"""The event log of a PureBoot far away, followed over its stream of server-sent events.

Each event comes once and in order: whoever was cut off begins again after the last one that it has. A line that says
nothing for three heartbeats is cut, however long TCP still hopes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import aiohttp

from console.remote.link import SILENCE_SECONDS, Link
from console.remote.sse import Parser, Told
from engine.core.codec import decode
from engine.core.events import Event
from engine.errors import Conflict, Invalid, Unavailable

if TYPE_CHECKING:
    from engine.services.executions import Executions
    from engine.store.logs import LogChunk

_LOOK_SECONDS = 2.0  # how long a log is late at most, if nothing tells of it


class RemoteFeed:
    """The live event log."""

    def __init__(
        self, link: Link, executions: "Executions", *, back: Callable[[], Awaitable[None]], gone: Callable[[], None]
    ) -> None:
        """`back` is called when the line is there (again), before anything is told; `gone` when the log turns out to be
        another one.
        """
        self._link = link
        self._executions = executions
        self._back = back
        self._gone = gone
        self._stirred = asyncio.Event()

    async def follow(self, after: int) -> AsyncIterator[list[Event]]:
        """Yield the events with ids above `after` as they are written, in order, none missing, none twice; an empty
        batch when the line is there, and when something changed that is no event.

        Raises:
            Cut: nothing is heard any more; call it again with the last id to go on.
        """
        try:
            await self._back()
            async with self._link.events(after) as content:
                self._link.is_back()
                yield []
                async for batch in self._batches(content):
                    self._stir()
                    yield batch
        except Conflict as error:
            self._gone()
            raise self._link.is_lost(f"another store is there now: {error}") from None
        except Unavailable as error:
            raise self._link.is_lost(str(error)) from None
        raise self._link.is_lost("the other side ended the stream of events")

    async def _batches(self, content: aiohttp.StreamReader) -> AsyncIterator[list[Event]]:
        parser = Parser()
        while piece := await self._piece(content):
            self._link.is_back()
            told = parser.feed(piece)
            if events := events_of(told):
                yield events
            elif any(each.comment == "columns" for each in told):
                yield []

    async def _piece(self, content: aiohttp.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await content.readany()
        except TimeoutError:
            raise Unavailable(f"{self._link.place} is silent") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unavailable(f"the line to {self._link.place} broke ({type(error).__name__})") from None

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = asyncio.Event()

    async def follow_log(
        self, execution_id: str, *, attempt_id: str | None = None, after: int = 0
    ) -> AsyncIterator[list["LogChunk"]]:
        """Yield the pieces of an execution's log (or of one attempt's) as they arrive; never an empty batch. While the
        line is cut, none arrive.
        """
        while True:
            stirred = self._stirred
            try:
                batch = await self._executions.log(execution_id, attempt_id=attempt_id, after=after)
            except Unavailable:
                if not self._link.is_cut:
                    raise
                batch = []
            if batch:
                after = batch[-1].id
                yield batch
            else:
                await _either(stirred, _LOOK_SECONDS)


def events_of(told: Iterable[Told]) -> list[Event]:
    """The events in what was told.

    Raises:
        Unavailable: the other side ends the stream, and says why; or what it sends is no event.
    """
    found: list[Event] = []
    for each in told:
        if each.event == "end" and not each.id:
            if found:
                return found  # the end is told again: nothing comes after it
            raise Unavailable(_why(each.data))
        if each.id:
            found.append(_event(each))
    return found


def _event(told: Told) -> Event:
    try:
        data: dict[str, Any] = json.loads(told.data)
        event: Event = decode(Event, data)
    except (ValueError, Invalid) as error:
        raise Unavailable(f"the other side tells of an event that this console cannot read: {error}") from None
    return event


def _why(data: str) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return "the other side ended the stream of events"


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

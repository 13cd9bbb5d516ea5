"""QEMU's control socket: commands to a machine, and what happens to it (QEMU Machine Protocol, JSON lines)."""

import asyncio
import json
from typing import Any

_GONE: dict[str, Any] = {}


class Qmp:
    """One connection. `events` are the names of all events so far: RESET, SHUTDOWN, POWERDOWN, STOP, …"""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[str] = []
        self._reader = reader
        self._writer = writer
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._pump = asyncio.create_task(self._follow())

    async def command(self, name: str, **arguments: Any) -> Any:
        """Have a command done, and give what it returns.

        Raises:
            RuntimeError: QEMU refused it, or is gone.
        """
        self._writer.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        answer = await self._answers.get()
        if not answer:
            self._answers.put_nowait(_GONE)  # for the next command, too
            raise RuntimeError(f"QEMU did not do {name}: it has ended")
        if "return" not in answer:
            raise RuntimeError(f"QEMU refused {name}: {answer['error']['desc']}")
        return answer["return"]

    async def wait_for(self, event: str, *, count: int = 1, timeout: float) -> None:
        """Wait until an event has happened `count` times in all.

        Raises:
            TimeoutError: it has not in `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while self.events.count(event) < count:
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()
        await self._pump

    async def _follow(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self._answers.put_nowait(_GONE)

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self.events.append(message["event"])
            self._changed.set()
        elif "QMP" not in message:
            self._answers.put_nowait(message)

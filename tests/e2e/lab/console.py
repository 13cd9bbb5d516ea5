"""What a machine or a program prints, followed as it comes: wait for a text instead of sleeping."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

_TAIL_LINES = 40
# Firmware draws its screen with terminal sequences. A jump of the cursor separates what it separates on a screen.
_JUMP = re.compile(rb"\x1b\[[0-9;]*[Hf]|\x1b\[2J")
_SEQUENCE = re.compile(rb"\x1b\[[0-9;?=]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[78=>c]|[\x00-\x08\x0e-\x1a]")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-9;?=]*|[()])?$")


class Console:
    """A growing text. Each `wait_for` begins where the last one found something, as a reader's eye does.

    `path`, if given, gets every byte as it came.
    """

    def __init__(self, name: str, path: Path | None = None) -> None:
        self.name = name
        self.text = ""
        self.closed = False
        self._log = path.open("ab", buffering=0) if path else None
        self._pending = b""
        self._seen = 0
        self._changed = asyncio.Event()
        self._reply: tuple[str, Callable[[], None]] | None = None
        self._answered = 0

    def feed(self, data: bytes) -> None:
        """Take what was printed, in pieces cut anywhere."""
        if self._log:
            self._log.write(data)
        data = self._pending + data
        unfinished = _UNFINISHED.search(data)
        cut = unfinished.start() if unfinished else len(data)
        self._pending = data[cut:]
        plain = _SEQUENCE.sub(b"", _JUMP.sub(b"\n", data[:cut])).replace(b"\r", b"")
        self.text += plain.decode(errors="replace")
        self._answer()
        self._changed.set()

    def reply(self, text: str, answer: Callable[[], None]) -> None:
        """Have something done whenever a text is printed, whoever waits for what meanwhile."""
        self._reply = (text, answer)

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Read until whoever prints is gone."""
        try:
            while data := await reader.read(65536):
                self.feed(data)
        except ConnectionError:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Nothing more will come: whoever still waits is told so."""
        self.closed = True
        if self._log:
            self._log.close()
            self._log = None
        self._changed.set()

    async def wait_for(self, *texts: str, timeout: float) -> str:
        """Wait until one of the texts is printed, and say which one came first.

        Raises:
            TimeoutError: none came within `timeout` seconds.
            EOFError: whoever prints has gone before.
        """
        try:
            async with asyncio.timeout(timeout):
                while (found := self._take(texts)) is None:
                    if self.closed:
                        raise EOFError(self._complaint(texts, "it ended without"))
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(self._complaint(texts, f"in {timeout:g} s it did not print")) from None
        return found

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """The last lines that are not empty."""
        return "\n".join([line for line in self.text.splitlines() if line.strip()][-lines:])

    def _answer(self) -> None:
        while self._reply and (at := self.text.find(self._reply[0], self._answered)) >= 0:
            self._answered = at + len(self._reply[0])
            self._reply[1]()

    def _take(self, texts: tuple[str, ...]) -> str | None:
        places = [(at, text) for text in texts if (at := self.text.find(text, self._seen)) >= 0]
        if not places:
            return None
        at, text = min(places)
        self._seen = at + len(text)
        return text

    def _complaint(self, texts: tuple[str, ...], what: str) -> str:
        wanted = " or ".join(map(repr, texts))
        return f"{self.name}: {what} {wanted}; its last lines:\n{self.tail()}"

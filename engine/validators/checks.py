"""Rendered texts checked for machines that boot: each once, however many ask, off the event loop."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from engine.core.findings import Findings
from engine.validators import registry
from engine.validators.facts import Facts

_KEPT = 2000
_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A text to check. Two texts that differ only in what no syntax looks at have the same one."""

    type_: str
    text: str
    name: str = ""
    interpreter: str = ""

    @property
    def key(self) -> bytes:
        """What it is known by."""
        head = f"{self.type_}\0{self.interpreter}\0{self.name}\0".encode()
        return hashlib.sha256(head + self.text.encode("utf-8", "surrogatepass")).digest()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to check: a document that was rendered is no Jinja2 any more."""
        return self.type_ in registry.BY_TYPE and self.type_ not in registry.PROGRAMS


class Checks:
    """The verdicts on the last 2,000 texts. Of one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Findings] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[Findings]] = {}
        self._place = asyncio.Semaphore(_AT_ONCE)
        self.made = 0
        """How many texts have been checked, and not only looked up."""

    def known(self, job: Job) -> Findings | None:
        """The verdict on a text, None if it was not checked yet."""
        if not job.is_needed:
            return ()
        key = job.key
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    async def check(self, job: Job) -> Findings:
        """The verdict on a text; whoever asks for it while it is being checked waits for the same."""
        found = self.known(job)
        if found is not None:
            return found
        key = job.key
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._check(job, key), name="check-template")
        # Whoever hangs up does not end it for the others.
        return await asyncio.shield(running)

    async def _check(self, job: Job, key: bytes) -> Findings:
        try:
            async with self._place:
                facts = Facts(name=job.name, interpreter=job.interpreter)
                found = await asyncio.to_thread(registry.check, job.type_, job.text, facts)
            self.made += 1
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return found
        finally:
            del self._running[key]

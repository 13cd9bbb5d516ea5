"""The engine's loops: perform what this host performs, and plan again what is due.

They hold nothing that the store does not: when the process is killed, the next one goes on from the same rows. What
this process writes itself it is told of by notices; what others write it finds when the store has changed.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from engine.actions.registry import ActionFailed, Call
from engine.core.executions import AttemptStatus
from engine.errors import PureBootError, Unavailable
from engine.feed import Feed
from engine.outbound import Guard
from engine.services.agents import Agents
from engine.services.artifacts import Artifacts
from engine.services.context import Context
from engine.services.executions import Executions
from engine.services.links import Links
from engine.services.notices import Notice, Over, Queued, Stop, Task, Wake

T = TypeVar("T")

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_LOG_SECONDS = 0.2  # how long lines of a log are gathered


class Runtime:
    """The loops and the attempts in work. `chores` are what else a host does, each again and again."""

    def __init__(
        self,
        context: Context,
        executions: Executions,
        links: Links,
        artifacts: Artifacts,
        agents: Agents,
        feed: Feed,
        chores: Mapping[str, Callable[[], Awaitable[None]]],
    ) -> None:
        self._context = context
        self._executions = executions
        self._links = links
        self._artifacts = artifacts
        self._agents = agents
        self._feed = feed
        self._chores = chores
        self._working: dict[str, asyncio.Task[None]] = {}
        self._next: datetime | None = None
        self._sooner = asyncio.Event()
        self._someone_waits = True
        self._place_free = asyncio.Event()
        self._host_id = ""

    @property
    def working(self) -> int:
        """How many attempts this engine performs now."""
        return len(self._working)

    async def run(self, host_id: str) -> None:
        """Work as a host until cancelled; attempts in work are then left to the next one, which repeats them."""
        self._host_id = host_id
        self._context.database.on_told(self._hear)
        self._context.host_id = host_id
        loops = {"engine-follow": self._follow, "engine-wake": self._wake, "engine-admit": self._admit}
        try:
            async with asyncio.TaskGroup() as group:
                for name, loop in {**loops, **self._chores}.items():
                    group.create_task(_again_and_again(loop), name=name)
        finally:
            self._context.host_id = None
            self._context.database.off_told(self._hear)
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)

    def _hear(self, notices: list[Notice]) -> None:
        for notice in notices:
            match notice:
                case Task():
                    self._start(notice)
                case Stop():
                    work = self._working.get(notice.attempt_id)
                    if work is not None:
                        work.cancel()
                case Wake():
                    if self._next is None or notice.at < self._next:
                        self._next = notice.at
                        self._sooner.set()
                case Over():
                    if self._someone_waits:
                        self._place_free.set()
                case Queued():
                    self._someone_waits = True
                    self._place_free.set()

    def _start(self, task: Task) -> None:
        attempt = task.attempt
        if attempt.taken_by == self._host_id and attempt.id not in self._working:
            work = asyncio.create_task(self._work(task), name=f"attempt-{attempt.id}")
            self._working[attempt.id] = work
            work.add_done_callback(lambda _: self._working.pop(attempt.id, None))

    async def _follow(self) -> None:
        """Find what other processes left to do, and what this one forgot in an outage."""
        while True:
            seen = self._feed.outside_stirs
            await self._drop_ended()
            while await self._executions.claim(self._host_id):
                pass
            self._someone_waits = True
            self._place_free.set()
            self._next = None
            self._sooner.set()
            await self._feed.changed_outside(seen)

    async def _drop_ended(self) -> None:
        """Really stop what another process cancelled; give back what a lost answer of the store took for nobody."""
        before = dict(self._working)
        mine = await self._executions.taken_by(self._host_id)
        for attempt_id, work in before.items():
            if attempt_id not in mine:
                work.cancel()
        if mine - set(self._working):
            await self._context.database.settle()  # what was committed meanwhile has been told after this
            unknown = mine - set(self._working)  # only these: what begins from now on is told later
            if unknown:
                await self._executions.drop(self._host_id, unknown)

    async def _admit(self) -> None:
        """Give free places to those that wait for one."""
        while True:
            self._place_free.clear()
            look_again = await self._executions.admit()
            self._someone_waits = await self._executions.is_anyone_waiting()
            await _either(self._place_free, None if look_again is None else self._sleep(look_again))

    def _sleep(self, moment: datetime) -> Awaitable[None]:
        return self._context.clock.sleep_until(moment)

    async def _wake(self) -> None:
        """Plan what is due although nothing happens."""
        while True:
            self._sooner.clear()
            await self._executions.advance_due()
            self._next = await self._executions.next_wake()
            await _either(self._sooner, None if self._next is None else self._sleep(self._next))

    async def _work(self, task: Task) -> None:
        attempt = task.attempt
        if task.error is not None:
            await self._finish(task, AttemptStatus.FAILED, error=task.error)
            return
        action = self._context.actions[attempt.action]
        log = _Log(self._executions, task)
        try:
            if action.run is None:
                raise ActionFailed(f"this engine cannot perform {action.name}")
            outcome = await action.run(self._call(task, log))
        except ActionFailed as error:
            await self._finish(task, AttemptStatus.FAILED, error=error.told(self._clean), log=log.take())
        except PureBootError as error:
            await self._finish(task, AttemptStatus.FAILED, error=str(error), log=log.take())
        except Exception as error:
            _log.error(
                "action %s failed unexpectedly\n%s", action.name, self._trace(error), extra={"attempt": attempt.id}
            )
            told = f"unexpected {type(error).__name__}: {error}"
            await self._finish(task, AttemptStatus.FAILED, error=told, log=log.take())
        else:
            if outcome.handed_to is not None:
                await kept(lambda: self._executions.hand_over(task, self._host_id, outcome.handed_to or "", log.take()))
                return
            await self._finish(
                task,
                AttemptStatus.SUCCEEDED,
                output=outcome.output,
                message=outcome.message,
                next_state=outcome.next_state,
                log=log.take(),
            )
        finally:
            log.close()

    def _trace(self, error: Exception) -> str:
        """Where an error came from, for the log; it may quote what the action was given."""
        return self._clean("".join(traceback.format_exception(error)).rstrip())

    def _clean(self, text: str) -> str:
        redactor = self._context.vault.latest
        return text if redactor is None else redactor.text(text)

    def _call(self, task: Task, log: "_Log") -> Call:
        attempt = task.attempt
        return Call(
            parameters=task.parameters,
            execution_id=attempt.execution_id,
            step_id=attempt.step_id,
            step_key=attempt.step_key,
            attempt=attempt.attempt,
            idempotency_key=attempt.idempotency_key,
            started_at=attempt.started_at or self._context.now(),
            clock=self._context.clock,
            log=log.add,
            deadline_at=attempt.deadline_at,
            link=lambda *made: kept(
                lambda: self._links.record(*made, execution_id=attempt.execution_id, attempt_id=attempt.id)
            ),
            linked=lambda *named: kept(lambda: self._links.known(*named)),
            render=lambda template, name: kept(lambda: self._artifacts.render(attempt, template, name)),
            agent=lambda name: kept(lambda: self._agents.door(name, attempt)),
            guard=Guard(self._context.settings.outbound.allow),
        )

    async def _finish(self, task: Task, status: AttemptStatus, **details: Any) -> None:
        """Report the end of an attempt: a result that is known must not be lost to a busy disk."""
        try:
            await kept(lambda: self._executions.finish(task, self._host_id, status, **details))
        except Exception as error:
            _log.exception("the result of %s cannot be kept", task.attempt.action, extra={"attempt": task.attempt.id})
            await self._fail(task, f"the result of step {task.attempt.step_name} cannot be kept: {error}")

    async def _fail(self, task: Task, reason: str) -> None:
        """Let an attempt fail whose result nothing can keep or, where not even that can be, its execution."""
        try:
            await kept(lambda: self._executions.finish(task, self._host_id, AttemptStatus.FAILED, error=reason))
        except Exception:
            await kept(lambda: self._executions.give_up(task.attempt.execution_id, reason))


class _Log:
    """What an attempt logs, gathered for a moment: many lines are few writes, and the last go with the result."""

    def __init__(self, executions: Executions, task: Task) -> None:
        self._executions = executions
        self._task = task
        self._lines: list[str] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, text: str) -> None:
        """Log a text."""
        self._lines.append(text)
        if self._writing is None and self._lines:
            self._writing = asyncio.create_task(self._write(), name="attempt-log")

    async def _write(self) -> None:
        while self._lines:
            await asyncio.sleep(_LOG_SECONDS)
            text = self.take()
            if text:
                await kept(lambda text=text: self._executions.append_log(self._task.attempt, text))  # type: ignore[misc]
        self._writing = None

    def take(self) -> str:
        """What is not written yet; it is the caller's now."""
        text = "".join(self._lines)
        self._lines.clear()
        return text

    def close(self) -> None:
        """End."""
        if self._writing is not None and not self._lines:
            self._writing.cancel()


async def _either(event: asyncio.Event, other: Awaitable[None] | None) -> None:
    """Wait until an event is set or something else is over."""
    if other is None:
        await event.wait()
        return
    waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def kept(store: Callable[[], Awaitable[T]]) -> T:
    """Try until the store takes it."""
    while True:
        try:
            return await store()
        except Unavailable as error:
            _log.debug("a result cannot be stored yet: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)


async def _again_and_again(loop: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop going over times when the store cannot be used, and over faults: others wait for the engine too."""
    while True:
        try:
            await loop()
        except Unavailable as error:
            _log.debug("the engine waits for the store: %s", error)  # which says so itself, once
        except Exception:
            _log.exception("the engine stumbled and goes on")
        await asyncio.sleep(_RETRY_SECONDS)

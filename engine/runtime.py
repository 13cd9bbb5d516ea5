"""The engine's loops: perform what this engine performs, and plan again what is due.

Both follow the store and hold nothing that it does not: when the process is killed, the next one goes on from the same
rows. Only the process that hosts the store runs them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.actions.registry import ActionFailed, Call
from engine.clock import new_id
from engine.core.events import Event, Kind
from engine.core.executions import AttemptStatus
from engine.errors import PureBootError, Unavailable
from engine.feed import Feed
from engine.services.context import Context
from engine.services.executions import Executions, Task

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_STARTS = frozenset({Kind.ATTEMPT_STARTED})


class Runtime:
    """The two loops and the attempts in work."""

    def __init__(self, context: Context, executions: Executions, feed: Feed) -> None:
        self._context = context
        self._executions = executions
        self._feed = feed
        self._owner = f"engine:{new_id()}"
        self._working: dict[str, asyncio.Task[None]] = {}
        self._cursor: int | None = None

    @property
    def working(self) -> int:
        """How many attempts this engine performs now."""
        return len(self._working)

    async def run(self) -> None:
        """Work until cancelled; attempts in work are then left to the next engine, which repeats them."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_again_and_again(self._perform), name="engine-perform")
                group.create_task(_again_and_again(self._wake), name="engine-wake")
        finally:
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _perform(self) -> None:
        if self._cursor is None:
            self._cursor = await self._feed.cursor()
        else:
            # After an outage nobody knows whether a claim was stored that was never answered.
            await self._executions.release(self._owner, keep=set(self._working))
        await self._take()
        async for batch in self._feed.follow(self._cursor):
            self._stop_ended(batch)
            if any(event.kind in _STARTS for event in batch):
                await self._take()
            if batch:
                self._cursor = batch[-1].id

    async def _take(self) -> None:
        while tasks := await self._executions.claim(self._owner):
            for task in tasks:
                work = asyncio.create_task(self._work(task), name=f"attempt-{task.attempt.id}")
                self._working[task.attempt.id] = work
                work.add_done_callback(lambda _, done=task.attempt.id: self._working.pop(done, None))  # type: ignore[misc]

    def _stop_ended(self, batch: Sequence[Event]) -> None:
        """Really stop what was cancelled or took too long."""
        for event in batch:
            if event.kind is Kind.ATTEMPT_FINISHED:
                work = self._working.get(str(event.data.get("attempt_id")))
                if work is not None and event.data.get("status") in (AttemptStatus.CANCELLED, AttemptStatus.TIMED_OUT):
                    work.cancel()

    async def _work(self, task: Task) -> None:
        attempt = task.attempt
        if task.error is not None:
            await self._finish(task, AttemptStatus.FAILED, error=task.error)
            return
        action = self._context.actions[attempt.action]
        try:
            if action.run is None:
                raise ActionFailed(f"this engine cannot perform {action.name}")
            outcome = await action.run(self._call(task))
        except (ActionFailed, PureBootError) as error:
            await self._finish(task, AttemptStatus.FAILED, error=str(error))
        except Exception as error:
            _log.exception("action %s failed unexpectedly", action.name, extra={"attempt": attempt.id})
            await self._finish(task, AttemptStatus.FAILED, error=f"unexpected {type(error).__name__}: {error}")
        else:
            await self._finish(
                task,
                AttemptStatus.SUCCEEDED,
                output=outcome.output,
                message=outcome.message,
                next_state=outcome.next_state,
            )

    def _call(self, task: Task) -> Call:
        attempt = task.attempt
        return Call(
            parameters=self._context.actions[attempt.action].complete(task.config),
            execution_id=attempt.execution_id,
            step_key=attempt.step_key,
            attempt=attempt.attempt,
            idempotency_key=attempt.idempotency_key,
            started_at=attempt.started_at or self._context.now(),
            clock=self._context.clock,
            log=lambda text: _kept(lambda: self._executions.append_log(attempt, text)),
        )

    async def _finish(self, task: Task, status: AttemptStatus, **details: Any) -> None:
        """Report the end of an attempt: a result that is known must not be lost to a busy disk."""
        try:
            await _kept(lambda: self._executions.finish(task, self._owner, status, **details))
        except Exception as error:
            _log.exception("the result of %s cannot be kept", task.attempt.action, extra={"attempt": task.attempt.id})
            await self._fail(task, f"the result of step {task.attempt.step_name} cannot be kept: {error}")

    async def _fail(self, task: Task, reason: str) -> None:
        """Let an attempt fail whose result nothing can keep or, where not even that can be, its execution."""
        try:
            await _kept(lambda: self._executions.finish(task, self._owner, AttemptStatus.FAILED, error=reason))
        except Exception:
            await _kept(lambda: self._executions.give_up(task.attempt.execution_id, reason))

    async def _wake(self) -> None:
        while True:
            seen = self._feed.stirs
            await self._executions.advance_due()
            due = await self._executions.next_wake()
            waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._feed.changed(seen))]
            if due is not None:
                waits.append(asyncio.ensure_future(self._context.clock.sleep_until(due)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()


async def _kept(store: Callable[[], Awaitable[Any]]) -> None:
    """Try until the store takes it."""
    while True:
        try:
            await store()
        except Unavailable as error:
            _log.warning("a result cannot be stored yet: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def _again_and_again(loop: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop going over times when the store cannot be used, and over faults: others wait for the engine too."""
    while True:
        try:
            await loop()
        except Unavailable as error:
            _log.warning("the engine waits for the store: %s", error)
        except Exception:
            _log.exception("the engine stumbled and goes on")
        await asyncio.sleep(_RETRY_SECONDS)

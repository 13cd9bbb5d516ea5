"""/api/v1/executions, and the same under /api/v1/runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import NO_STORE, listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import integer, moment, one_of, text
from engine.core.executions import Attempt, Execution, ExecutionStatus
from engine.core.page import MAX_LIMIT, Page
from engine.core.shape import as_data
from engine.errors import NotFound
from engine.store.logs import LogChunk

FILTERS = {
    "status": one_of(ExecutionStatus),
    **dict.fromkeys(("workflow", "workflow_id", "node", "node_id", "trigger", "request_id", "parent_id"), text),
}
TIME_QUERY = {"since": moment, "until": moment}
LOG_QUERY = {"after": integer(), "limit": integer(1, MAX_LIMIT), "step": text, "attempt": integer(1)}

_PIECES = 500


class Why(Body):
    """Why."""

    reason: Prose | None = None


class Nothing(Body):
    """There is nothing to say."""


class Retry(Body):
    """Which step to run again, by key or id; without it, what failed."""

    step: Line | None = None


class Skip(Body):
    """Which step is taken as done, why, and what it gives to those after it."""

    step: Line
    reason: Prose
    output: dict[str, Any] = Field(default={})


class Reject(Body):
    """Which step is rejected, where several wait."""

    step: Line | None = None
    comment: Prose | None = None


class Approve(Reject):
    """Which step is decided on, where several wait, and how."""

    approved: bool = True


async def list_(call: Call) -> web.Response:
    """A page of the executions, newest first."""
    times = call.own_query()
    found, total = await call.pureboot.executions.find(call.page(), since=times.get("since"), until=times.get("until"))
    return listed(found, total)


async def get(call: Call) -> web.Response:
    """An execution."""
    return ok(await call.pureboot.executions.get(call.part("id")))


async def steps(call: Call) -> web.Response:
    """An execution's attempts, in the order in which they started."""
    execution = await call.pureboot.executions.get(call.part("id"))
    attempts = sorted(execution.attempts, key=lambda attempt: attempt.started_at or attempt.created_at)
    return listed(attempts, len(attempts))


async def events(call: Call) -> web.Response:
    """A page of an execution's events, oldest first unless sorted otherwise."""
    page = call.page()
    page = Page(limit=page.limit, offset=page.offset, sort=page.sort or "id")
    found, total = await call.pureboot.executions.events(call.part("id"), page)
    return listed(found, total)


async def cancel(call: Call) -> web.Response:
    """An execution that is stopped."""
    why = await call.body(Why)
    execution = await call.pureboot.executions.cancel(call.part("id"), by=call.by, reason=why.reason)
    return ok(execution, f"{execution.workflow_name} is cancelled")


async def tree(call: Call) -> web.Response:
    """An execution and all that its steps have started, each before those it started itself."""
    found = await call.pureboot.executions.tree(call.part("id"))
    return listed(found, len(found))


async def pause(call: Call) -> web.Response:
    """An execution that starts no new attempts; those that run go on to their end."""
    why = await call.body(Why)
    execution = await call.pureboot.control.pause(call.part("id"), by=call.by, reason=why.reason)
    return ok(execution, f"{execution.workflow_name} is paused")


async def resume(call: Call) -> web.Response:
    """An execution that goes on where it was paused."""
    await call.body(Nothing)
    execution = await call.pureboot.control.resume(call.part("id"), by=call.by)
    return ok(execution, f"{execution.workflow_name} goes on")


async def retry(call: Call) -> web.Response:
    """An execution that goes on from what failed, or from the step that is named."""
    which = await call.body(Retry)
    execution = await call.pureboot.control.retry(call.part("id"), by=call.by, step=which.step)
    return ok(execution, f"{execution.workflow_name} is retried")


async def skip(call: Call) -> web.Response:
    """An execution that goes on as if a step had succeeded."""
    given = await call.body(Skip)
    execution = await call.pureboot.control.skip(
        call.part("id"), given.step, by=call.by, reason=given.reason, output=given.output
    )
    return ok(execution, f"step {given.step} of {execution.workflow_name} is skipped")


async def approve(call: Call) -> web.Response:
    """An execution of which a step that waited for a person was approved, or else rejected."""
    answer = await call.body(Approve)
    return await _decide(call, answer, approved=answer.approved)


async def reject(call: Call) -> web.Response:
    """An execution of which a step that waited for a person was rejected."""
    return await _decide(call, await call.body(Reject), approved=False)


async def _decide(call: Call, answer: Reject, *, approved: bool) -> web.Response:
    execution = await call.pureboot.control.approve(
        call.part("id"), by=call.by, step=answer.step, approved=approved, comment=answer.comment
    )
    return ok(execution, "approved" if approved else "rejected")


async def logs(call: Call) -> web.StreamResponse:
    """An execution's log, or that of one step or attempt: in pieces, or as text if that is preferred."""
    wanted = call.query()
    execution = await call.pureboot.executions.get(call.part("id"))
    attempts = _attempts(execution, wanted.get("step"), wanted.get("attempt"))
    after = wanted.get("after", 0)
    if call.prefers("text/plain", "application/json"):
        return await _as_text(call, execution, attempts, after)
    pieces = await _read(call, execution, attempts, after, wanted.get("limit", 50))
    told = {attempt.id: attempt for attempt in execution.attempts}
    return listed((_piece(piece, told) for piece in pieces), len(pieces), cursor=pieces[-1].id if pieces else after)


def _attempts(execution: Execution, step: str | None, number: int | None) -> Sequence[str] | None:
    """The ids of the attempts that are meant; None for all of them.

    Raises:
        NotFound: there is no such attempt.
    """
    if step is None and number is None:
        return None
    meant = [
        attempt.id
        for attempt in execution.attempts
        if step in (None, attempt.step_key, attempt.step_id) and number in (None, attempt.attempt)
    ]
    if not meant:
        raise NotFound(f"execution {execution.id} has no such step or attempt")
    return meant


async def _read(
    call: Call, execution: Execution, attempts: Sequence[str] | None, after: int, limit: int
) -> list[LogChunk]:
    log = call.pureboot.executions.log
    if attempts is None:
        return await log(execution.id, after=after, limit=limit)
    found = [piece for each in attempts for piece in await log(execution.id, attempt_id=each, after=after, limit=limit)]
    return sorted(found, key=lambda piece: piece.id)[:limit]


def _piece(piece: LogChunk, attempts: Mapping[str, Attempt]) -> dict[str, Any]:
    attempt = attempts.get(piece.attempt_id)
    more = {} if attempt is None else {"step_key": attempt.step_key, "attempt": attempt.attempt}
    return {**as_data(piece), **more}


async def _as_text(call: Call, execution: Execution, attempts: Sequence[str] | None, after: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8", **NO_STORE})
    await response.prepare(call.request)
    if call.request.method == "HEAD":
        return response
    async for text_ in _texts(call, execution, attempts, after):
        async with asyncio.timeout(call.site.limits.stall_seconds):
            await response.write(text_.encode("utf-8", "replace"))
    await response.write_eof()
    return response


async def _texts(call: Call, execution: Execution, attempts: Sequence[str] | None, after: int) -> AsyncIterator[str]:
    while pieces := await _read(call, execution, attempts, after, _PIECES):
        yield "".join(piece.text for piece in pieces)
        after = pieces[-1].id

"""/api/v1/callback/{execution}: what a node asks and reports with its execution's token."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.agent import as_assignments
from bootsrv.http.answers import nothing, ok, text
from bootsrv.http.bodies import Body, check, read_json
from bootsrv.http.call import Call
from bootsrv.http.queries import integer, member
from bootsrv.http.queries import text as any_text
from engine.core.reports import ReportStatus, StepReport
from engine.services.callbacks import Callbacks, CurrentStep

_LOOK_SECONDS = 5.0  # how soon a client that has hung up is noticed, and how late a bell that did not ring is made good


class Form(StrEnum):
    """How the current step is written: JSON, or assignments for a shell."""

    JSON = "json"
    SH = "sh"


CURRENT_QUERY = {"wait": integer(0, 3600), "agent": any_text, "format": member(Form)}
LOG_QUERY = {"attempt": integer(1, 10_000), "offset": integer()}


class Report(Body):
    """What a performer says of a step."""

    status: ReportStatus
    message: str | None = None
    exit_code: Annotated[int, Field(ge=-(2**31), lt=2**32)] | None = None
    logs: str | None = None
    progress_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    output: dict[str, Any] = Field(default_factory=dict)
    attempt: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Logs(Body):
    """A piece of log as JSON carries it."""

    logs: str


async def current(call: Call) -> web.Response:
    """The step that waits for the node; 204 if none does within `wait` seconds, 410 when the execution has ended."""
    wanted = call.query()
    seconds = min(wanted.get("wait", 0), call.site.limits.longest_wait)
    step = await _awaited(call, seconds, wanted.get("agent") or None)
    if step is None:
        return nothing()
    if wanted.get("format") is Form.SH:
        return text(as_assignments(step, call.pureboot.context.now()))
    return ok(step)


async def _awaited(call: Call, seconds: float, agent: str | None) -> CurrentStep | None:
    execution_id, bells = call.part("execution"), call.site.bells
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    node_id = (await call.pureboot.executions.get(execution_id)).node_id  # whose step may be another execution's, below
    with bells.heard(*(each for each in (execution_id, node_id) if each)) as bell:
        while True:
            bell.clear()
            step = await call.pureboot.callbacks.current(execution_id, server=call.server, agent=agent)
            left = deadline - loop.time()
            if step is not None or left <= 0 or bells.closing.is_set():
                return step
            try:
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    await bell.wait()
            except TimeoutError:
                pass
            if call.is_gone:  # what nobody is there to take must not be handed out
                return None


async def report(call: Call) -> web.Response:
    """A report about a step: recorded, or recorded before."""
    said = await call.body(Report)
    return ok(*await taken(call.pureboot.callbacks, call.part("execution"), call.part("step"), said))


async def taken(callbacks: Callbacks, execution: str, step: str, said: Report) -> tuple[dict[str, str], str]:
    """What became of a report: value and message of the answer."""
    outcome = await callbacks.report(execution, step, StepReport(**vars(said)))
    return {"result": outcome}, f"the report was {outcome}"


async def logs(call: Call) -> web.Response:
    """More of a step's log, as plain text or `{"logs": …}`.

    With `offset`, the bytes before it in the attempt's log, a piece that is sent again is not taken twice.
    """
    wanted = call.query()
    execution_id, step, attempt = call.part("execution"), call.part("step"), wanted.get("attempt")
    body = await call.read()
    if call.is_json:
        said: Logs = check(Logs, read_json(body, lenient=True))
        body = said.logs.encode()

    async def keep(piece: bytes) -> None:
        text_ = piece.decode("utf-8", "replace")
        await call.pureboot.callbacks.append_log(execution_id, step, text_, attempt=attempt)

    if "offset" in wanted:
        await call.site.received.take((execution_id, step, str(attempt)), wanted["offset"], body, keep)
    else:
        await keep(body)
    return ok(None)


async def heartbeat(call: Call) -> web.Response:
    """A sign of life; what is in the body, if anything, is not looked at."""
    await call.read()
    await call.pureboot.callbacks.heartbeat(call.part("execution"))
    return ok(None)

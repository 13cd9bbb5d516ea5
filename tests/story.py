"""Small words for stories about executions: import a workflow, wait for an event, speak as a node."""

import asyncio
from collections.abc import Callable

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import Execution
from engine.core.reports import ReportStatus, StepReport
from engine.core.scopes import Server

ADA = "user:ada"
SERVER = Server(url="http://10.0.0.1:8080")
PATIENCE = 20.0  # seconds until a test gives up waiting for what never comes


async def published(pureboot: PureBoot, text: str) -> str:
    """Import and publish a workflow; gives its name."""
    [(workflow, _)] = await pureboot.workflows.import_(text, by=ADA)
    await pureboot.workflows.publish(workflow.name, by=ADA)
    return workflow.name


async def event(pureboot: PureBoot, fits: Callable[[Event], bool], after: int = 0) -> Event:
    """The first event that fits, past or to come."""
    async with asyncio.timeout(PATIENCE):
        async for batch in pureboot.feed.follow(after):
            for each in batch:
                if fits(each):
                    return each
    raise AssertionError("the feed ended")


async def ended(pureboot: PureBoot, execution: Execution) -> Execution:
    """The execution after its end."""
    await event(pureboot, lambda each: each.kind is Kind.EXECUTION_FINISHED and each.execution_id == execution.id)
    return await pureboot.executions.get(execution.id)


async def begun(pureboot: PureBoot, execution: Execution, step_key: str, times: int = 1) -> Execution:
    """The execution once a step has begun so many times."""
    seen = 0

    def fits(each: Event) -> bool:
        nonlocal seen
        seen += (each.kind, each.execution_id, each.step_key) == (Kind.ATTEMPT_STARTED, execution.id, step_key)
        return seen >= times

    await event(pureboot, fits)
    return await pureboot.executions.get(execution.id)


async def report(pureboot: PureBoot, execution: Execution, step: str, status: str = "success", **values: object) -> str:
    """Report about a step as its node would."""
    value = StepReport(status=ReportStatus(status), **values)  # type: ignore[arg-type]
    return await pureboot.callbacks.report(execution.id, step, value)


def statuses(execution: Execution) -> list[tuple[str, int, str]]:
    """Step, attempt and status of each attempt, in their order."""
    return [(each.step_key, each.attempt, each.status.value) for each in execution.attempts]

"""Watching executions from a terminal until they have ended: a line for each thing that happens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import styled
from console.view.labels import ATTEMPT_ROLES, EXECUTION_ROLES, Role, safe, words
from engine.core.events import Event, Kind
from engine.core.executions import AttemptStatus, Execution, ExecutionStatus

if TYPE_CHECKING:
    from engine.app import PureBoot

_SHOWN = frozenset({Kind.ATTEMPT_STARTED, Kind.ATTEMPT_SCHEDULED, Kind.ATTEMPT_FINISHED, Kind.EXECUTION_FINISHED})


async def watch(pureboot: "PureBoot", begun: Sequence[Execution], cursor: int, *, quiet: bool) -> list[Execution]:
    """Follow executions from `cursor` on until all have ended; gives them as they are then."""
    ids = {execution.id for execution in begun}
    several = len(ids) > 1
    open_ = {execution.id for execution in begun if not execution.ended}
    async for batch in pureboot.feed.follow(cursor):
        for event in batch:
            if event.execution_id in ids and event.kind in _SHOWN:
                if not quiet:
                    click.echo(line(event, several=several))
                if event.kind is Kind.EXECUTION_FINISHED:
                    open_.discard(event.execution_id)
        if not open_:
            break
    known = {execution.id: execution for execution in await pureboot.executions_by_ids(ids)}
    return [known[execution.id] for execution in begun]


def line(event: Event, *, several: bool) -> str:
    """An event of an execution, for a person."""
    status = str(event.data.get("status", ""))
    reason = event.data.get("error") or event.data.get("message") or ""
    about = [f"{event.at:%H:%M:%S}"]
    if several:
        about.append(str(event.execution_id)[:8])
    if event.kind is Kind.EXECUTION_FINISHED:
        role = EXECUTION_ROLES[ExecutionStatus(status)]
        about += [styled(f"{words(status):<10}", role), safe(str(event.data.get("workflow", "")))]
    else:
        role = ATTEMPT_ROLES[AttemptStatus(status)]
        number = event.data.get("attempt", 1)
        again = f" (attempt {number})" if number != 1 else ""
        about += [styled(f"{words(status):<10}", role), safe(f"{event.data.get('step', event.step_key)}{again}")]
    text = "  ".join(about)
    return f"{text}  {styled(safe(str(reason)), Role.MUTED)}" if reason else text

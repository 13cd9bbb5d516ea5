"""`pureboot execution`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask, follow

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution
    from engine.core.nodes import Node
    from engine.store.executions import LogChunk

_STATUSES = ("pending", "running", "paused", "succeeded", "failed", "cancelled")
_ID_LENGTH = 36
_RECENT = 1000


@click.group()
def execution() -> None:
    """Executions: runs of workflows. An id may be cut short as long as it is clear which is meant."""


@command(execution, "list")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Only those with this status.")
@click.option("--workflow", multiple=True, metavar="WORKFLOW", help="Only those of this workflow.")
@click.option("--node", multiple=True, metavar="NODE", help="Only those for this node.")
@click.option("--since", type=click.DateTime(), help="Only those made since this time (UTC).")
@click.option("--until", type=click.DateTime(), help="Only those made before this time (UTC).")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many.")
@json_option
def list_(
    ctx: click.Context,
    status: Sequence[str],
    workflow: Sequence[str],
    node: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the executions, newest first."""
    from datetime import UTC

    from console.cli import output
    from console.view.labels import clock, lasted, node_label, status_cell
    from engine.core.page import Page

    filters = {"status": tuple(status), "workflow": tuple(workflow), "node": tuple(node)}
    page = Page(limit=limit, filters={name: values for name, values in filters.items() if values})
    first = since.replace(tzinfo=UTC) if since else None
    last = until.replace(tzinfo=UTC) if until else None

    async def find(pureboot: "PureBoot") -> "tuple[list[Execution], dict[str, Node]]":
        found, _ = await pureboot.executions.find(page, since=first, until=last)
        nodes = await pureboot.nodes_by_ids({each.node_id for each in found if each.node_id})
        return found, {each.id: each for each in nodes}

    found, nodes = ask(ctx, find)
    if as_json:
        output.show_json(found)
        return
    now, symbols = output.now(), output.symbols()
    output.show_table(
        ("id", "status", "workflow", "node", "step", "done", "started", "took"),
        (
            (
                each.id[:8],
                status_cell(each.status, symbols),
                f"{each.workflow_name} {each.workflow_version}",
                node_label(nodes.get(each.node_id or ""), each.node_id),
                ", ".join(each.current_steps),
                f"{each.progress_percent}%",
                clock(each.started_at, now),
                lasted(each, now),
            )
            for each in found
        ),
        empty="no executions",
    )


async def _found(pureboot: "PureBoot", reference: str) -> "Execution":
    """The execution with this id, or the one whose id begins so among the newest."""
    from engine.core.page import Page
    from engine.errors import Conflict

    if len(reference) < _ID_LENGTH:
        recent, _ = await pureboot.executions.find(Page(limit=_RECENT))
        fitting = [each for each in recent if each.id.startswith(reference.lower())]
        if len(fitting) > 1:
            raise Conflict(f"{len(fitting)} executions begin with {reference}; write more of the id")
        if fitting:
            return fitting[0]
    return await pureboot.executions.get(reference)


@command(execution, "show")
@click.argument("id_", metavar="ID")
@json_option
def show(ctx: click.Context, id_: str, as_json: bool) -> None:
    """Show an execution and its attempts."""
    from console.cli import output
    from console.view.labels import attempt_cell, clock, lasted, node_label, status_cell, who
    from engine.core.shape import as_data

    async def find(pureboot: "PureBoot") -> "tuple[Execution, Node | None]":
        found = await _found(pureboot, id_)
        nodes = await pureboot.nodes_by_ids({found.node_id}) if found.node_id else []
        return found, nodes[0] if nodes else None

    found, node = ask(ctx, find)
    if as_json:
        output.show_json(as_data(found) | {"attempts": as_data(found.attempts)})
        return
    now, symbols = output.now(), output.symbols()
    output.show_facts(
        (
            ("execution", found.id),
            ("workflow", f"{found.workflow_name} {found.workflow_version}"),
            ("node", node_label(node, found.node_id)),
            ("status", status_cell(found.status, symbols)),
            ("done", f"{found.progress_percent}%"),
            ("error", found.error),
            ("started", f"{clock(found.started_at, now)} by {who(found.principal)} ({found.trigger})"),
            ("took", lasted(found, now)),
            ("inputs", " ".join(f"{key}={value}" for key, value in found.params.items())),
        )
    )
    click.echo()
    output.show_table(
        ("step", "attempt", "status", "started", "took", "message"),
        (
            (
                each.step_name,
                str(each.attempt),
                attempt_cell(each.status, symbols),
                clock(each.started_at, now),
                lasted(each, now),
                each.error or each.message,
            )
            for each in found.attempts
        ),
        empty="no attempts yet",
    )


@command(execution, "logs")
@click.argument("id_", metavar="ID")
@click.option("--step", metavar="STEP", help="Only the log of this step.")
@click.option("--follow", "-f", "follow_", is_flag=True, help="Go on until the execution has ended.")
@json_option
def logs(ctx: click.Context, id_: str, step: str | None, follow_: bool, as_json: bool) -> None:
    """Print what an execution's steps have logged."""

    async def show_all(pureboot: "PureBoot") -> None:
        found = await _found(pureboot, id_)
        printer = _Printer(pureboot, found, step, as_json=as_json)
        await printer.print_all()
        if follow_:
            await printer.print_until_end()
        printer.close()

    follow(ctx, show_all)


class _Printer:
    """Prints an execution's log as it grows."""

    def __init__(self, pureboot: "PureBoot", execution: "Execution", step: str | None, *, as_json: bool) -> None:
        self._pureboot = pureboot
        self._execution = execution
        self._step = step
        self._as_json = as_json
        self._after = 0
        self._last: LogChunk | None = None

    async def print_all(self) -> None:
        """Print what there is."""
        while chunks := await self._pureboot.executions.log(self._execution.id, after=self._after):
            self._after = chunks[-1].id
            wanted = await self._wanted(chunks)
            for chunk in wanted:
                self._print(chunk)

    async def _wanted(self, chunks: "list[LogChunk]") -> "list[LogChunk]":
        if self._step is None:
            return chunks
        execution = await self._pureboot.executions.get(self._execution.id)
        attempts = {each.id for each in execution.attempts if self._step in (each.step_key, each.step_id)}
        return [chunk for chunk in chunks if chunk.attempt_id in attempts]

    def _print(self, chunk: "LogChunk") -> None:
        from console.cli.output import show_line

        if self._as_json:
            show_line(chunk)
            return
        if self._last is not None and self._last.attempt_id != chunk.attempt_id and not self._last.text.endswith("\n"):
            click.echo()
        click.echo(_harmless(chunk.text), nl=False)
        self._last = chunk

    def close(self) -> None:
        """End the last line."""
        if self._last is not None and not self._last.text.endswith("\n"):
            click.echo()

    async def print_until_end(self) -> None:
        """Print what comes until the execution has ended."""
        feed = self._pureboot.feed
        while True:
            seen = feed.stirs
            execution = await self._pureboot.executions.get(self._execution.id)
            await self.print_all()
            if execution.ended:
                return
            await feed.changed(seen)


def _harmless(text: str) -> str:
    """A machine's text, line by line without what would command the terminal."""
    from console.view.pieces import printable

    return "\n".join(printable(line) for line in text.replace("\r", "").split("\n"))


@command(execution, "cancel")
@click.argument("id_", metavar="ID")
@click.option("--reason", help="Why; it is kept with the execution.")
@json_option
def cancel(ctx: click.Context, id_: str, reason: str | None, as_json: bool) -> None:
    """Stop an execution at once."""
    from console.cli import output

    async def stop(pureboot: "PureBoot") -> "Execution":
        found = await _found(pureboot, id_)
        return await pureboot.executions.cancel(found.id, by=principal(), reason=reason)

    ended = ask(ctx, stop)
    output.done(ended, f"execution {ended.id} is {ended.status}", as_json=as_json)

"""`pureboot execution`: looking at executions. What is done with them is in `console.cli.control`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from console.cli import found
from console.cli.control import DEEDS
from console.cli.options import command, json_option
from console.cli.session import ask, follow

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution
    from engine.core.nodes import Node
    from engine.store.logs import LogChunk

_STATUSES = ("pending", "running", "paused", "succeeded", "failed", "cancelled")


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
    from console.view.labels import clock, lasted, node_label
    from console.view.waiting import standing_cell, waits
    from engine.core.page import Page

    filters = {"status": tuple(status), "workflow": tuple(workflow), "node": tuple(node)}
    page = Page(limit=limit, filters={name: values for name, values in filters.items() if values})
    first = since.replace(tzinfo=UTC) if since else None
    last = until.replace(tzinfo=UTC) if until else None

    async def find(pureboot: "PureBoot") -> "tuple[list[Execution], dict[str, Node]]":
        listed, _ = await pureboot.executions.find(page, since=first, until=last)
        nodes = await pureboot.nodes_by_ids({each.node_id for each in listed if each.node_id})
        return listed, {each.id: each for each in nodes}

    listed, nodes = ask(ctx, find)
    if as_json:
        output.show_json(listed)
        return
    now, symbols = output.now(), output.symbols()
    output.show_table(
        ("id", "status", "workflow", "node", "step", "done", "started", "took"),
        (
            (
                each.id[:8],
                standing_cell(each, symbols),
                f"{each.workflow_name} {each.workflow_version}",
                node_label(nodes.get(each.node_id or ""), each.node_id),
                waits(each) or ", ".join(each.current_steps),
                f"{each.progress_percent}%",
                clock(each.started_at, now),
                lasted(each, now),
            )
            for each in listed
        ),
        empty="no executions",
    )


@command(execution, "show")
@click.argument("id_", metavar="ID")
@json_option
def show(ctx: click.Context, id_: str, as_json: bool) -> None:
    """Show an execution, its attempts, and what it started."""
    from console.cli import output
    from console.cli.facts import attempt_row, facts
    from engine.core.shape import as_data

    async def find(pureboot: "PureBoot") -> "tuple[list[Execution], Execution | None, Node | None]":
        meant = await found.execution(pureboot, id_)
        nodes = await pureboot.nodes_by_ids({meant.node_id}) if meant.node_id else []
        parent = await pureboot.executions.get(meant.parent_id) if meant.parent_id else None
        return await pureboot.executions.tree(meant.id), parent, nodes[0] if nodes else None

    [shown, *below], parent, node = ask(ctx, find)
    if as_json:
        output.show_json(as_data(shown) | {"attempts": as_data(shown.attempts)})
        return
    now, symbols = output.now(), output.symbols()
    output.show_facts(facts(shown, parent, node, now, symbols))
    click.echo()
    output.show_table(
        ("step", "attempt", "status", "started", "took", "performed", "message"),
        (attempt_row(each, shown, now, symbols) for each in shown.attempts),
        empty="no attempts yet",
    )
    if below:
        click.echo()
        _show_tree([shown, *below])


@command(execution, "tree")
@click.argument("id_", metavar="ID")
@json_option
def tree(ctx: click.Context, id_: str, as_json: bool) -> None:
    """Show an execution and all that its steps have started."""
    from console.cli import output

    async def find(pureboot: "PureBoot") -> "list[Execution]":
        return await pureboot.executions.tree((await found.execution(pureboot, id_)).id)

    listed = ask(ctx, find)
    if as_json:
        output.show_json(listed)
    else:
        _show_tree(listed)


def _show_tree(listed: "Sequence[Execution]") -> None:
    from console.cli import output
    from console.view.labels import lasted
    from console.view.tree import branches
    from console.view.waiting import standing_cell

    now, symbols = output.now(), output.symbols()
    output.show_table(
        ("execution", "id", "status", "done", "took"),
        (
            (
                f"{lead}{each.workflow_name} {each.workflow_version}",
                each.id[:8],
                standing_cell(each, symbols),
                f"{each.progress_percent}%",
                lasted(each, now),
            )
            for lead, each in branches(listed, symbols)
        ),
        empty="no executions",
    )


@command(execution, "logs")
@click.argument("id_", metavar="ID")
@click.option("--step", metavar="STEP", help="Only the log of this step.")
@click.option("--follow", "-f", "follow_", is_flag=True, help="Go on until the execution has ended.")
@json_option
def logs(ctx: click.Context, id_: str, step: str | None, follow_: bool, as_json: bool) -> None:
    """Print what an execution's steps have logged."""

    async def show_all(pureboot: "PureBoot") -> None:
        meant = await found.execution(pureboot, id_)
        printer = _Printer(pureboot, meant, step, as_json=as_json)
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


for _name, _command in DEEDS.commands.items():
    execution.add_command(_command, _name)


from console.cli import artifacts as _artifacts  # noqa: E402, F401 - its commands are of this group
from console.cli import dead_letters as _dead_letters  # noqa: E402, F401
from console.cli import report as _report  # noqa: E402, F401

"""`pureboot events`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import json_option, settings_options
from console.cli.session import ask, follow

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.events import Event

_BRIEF = ("from_state", "to_state", "status", "workflow", "step", "name", "version", "message", "error")


@click.command()
@click.option("--follow", "-f", "follow_", is_flag=True, help="Go on as things happen, until Ctrl+C.")
@click.option("--after", type=click.IntRange(0), metavar="N", help="Only events with an id above N.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many of the past.")
@json_option
@settings_options()
@click.pass_context
def events(ctx: click.Context, follow_: bool, after: int | None, limit: int, as_json: bool) -> None:
    """Show the event log, oldest first; with --follow and --json one event a line."""
    from console.cli import output

    async def past(pureboot: "PureBoot") -> "list[Event]":
        from engine.core.page import Page

        if after is not None:
            return await pureboot.events_after(after, limit)
        newest, _ = await pureboot.events(Page(limit=limit))
        return newest[::-1]

    async def live(pureboot: "PureBoot") -> None:
        found = await past(pureboot)
        _print(found, await _names(pureboot, found), as_json=as_json)
        await follow_events(pureboot, found[-1].id if found else (after or 0), as_json=as_json)

    if follow_:
        follow(ctx, live)
        return

    async def once(pureboot: "PureBoot") -> "tuple[list[Event], dict[str, str]]":
        found = await past(pureboot)
        return found, await _names(pureboot, found)

    found, names = ask(ctx, once)
    if as_json:
        output.show_json(found)
    elif found:
        _print(found, names, as_json=False)
    else:
        click.echo("no events", err=True)


async def follow_events(pureboot: "PureBoot", cursor: int, *, as_json: bool) -> None:
    """Print the events after `cursor` as they are written, for ever."""
    names: dict[str, str] = {}
    async for batch in pureboot.feed.follow(cursor):
        # A machine gets its hostname only with a later report, so names are never taken for settled.
        names |= await _names(pureboot, batch)
        _print(batch, names, as_json=as_json)


async def _names(pureboot: "PureBoot", found: "Iterable[Event]") -> dict[str, str]:
    ids = {event.node_id for event in found if event.node_id}
    return {node.id: node.name for node in await pureboot.nodes_by_ids(ids)} if ids else {}


def _print(found: "Iterable[Event]", names: Mapping[str, str], *, as_json: bool) -> None:
    import sys

    from console.cli.output import show_line

    for event in found:
        if as_json:
            show_line(event)
        else:
            click.echo(_line(event, names.get(event.node_id or "", "")))
    sys.stdout.flush()


def _line(event: "Event", node: str) -> str:
    from console.cli.output import styled
    from console.view.labels import Role, safe, who

    about = " ".join(part for part in (node, _about(event.data)) if part)
    number = styled(f"{event.id:>6}", Role.MUTED)
    return f"{number}  {event.at:%Y-%m-%d %H:%M:%S}  {event.kind:<24}  {who(event.principal):<24}  {safe(about)}"


def _about(data: Mapping[str, Any]) -> str:
    """What a kind of event is about, in a few words."""
    if "from_state" in data:
        comment = f": {data['comment']}" if data.get("comment") else ""
        return f"{data['from_state']} -> {data['to_state']}{comment}"
    return " ".join(str(data[name]) for name in _BRIEF if data.get(name) is not None)

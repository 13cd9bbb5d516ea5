"""`pureboot group`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.fields import fields
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.groups import Group


@click.group()
def group() -> None:
    """Groups: named sets of nodes with defaults."""


@command(group, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the groups."""
    from console.cli import output
    from engine.core.page import EVERYTHING

    async def find(pureboot: "PureBoot") -> "tuple[list[Group], dict[str, int]]":
        found, _ = await pureboot.groups.find(EVERYTHING)
        nodes, _ = await pureboot.nodes.find(EVERYTHING)
        counts: dict[str, int] = {}
        for node in nodes:
            counts[node.group_id or ""] = counts.get(node.group_id or "", 0) + 1
        return found, counts

    found, counts = ask(ctx, find)
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ("group", "nodes", "description", "metadata"),
        ((each.name, str(counts.get(each.id, 0)), each.description, _metadata(each)) for each in found),
        empty="no groups",
    )


def _metadata(group: "Group") -> str:
    return " ".join(f"{key}={value}" for key, value in group.metadata.items())


@command(group, "show")
@click.argument("name")
@json_option
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show a group."""
    from console.cli import output

    found = ask(ctx, lambda pureboot: pureboot.groups.get(name))
    if as_json:
        output.show_json(found)
        return
    output.show_facts(
        (
            ("group", found.name),
            ("id", found.id),
            ("description", found.description),
            ("workflow", found.workflow_id),
            ("metadata", json.dumps(dict(found.metadata), default=str) if found.metadata else None),
        )
    )


@command(group, "add")
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@json_option
def add(ctx: click.Context, name: str, values: Sequence[str], as_json: bool) -> None:
    """Make a group. Fields: description, workflow, metadata.KEY."""
    from console.cli import output

    wanted = {"name": name, **fields(pairs(values, "field"), {})}
    made = ask(ctx, lambda pureboot: pureboot.groups.create(wanted, by=principal()))
    output.done(made, f"group {made.name} added ({made.id})", as_json=as_json)


@command(group, "set")
@click.argument("name")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE...")
@json_option
def set_(ctx: click.Context, name: str, values: Sequence[str], as_json: bool) -> None:
    """Set fields of a group: name, description, workflow, metadata.KEY; `FIELD=` empties one."""
    from console.cli import output

    wanted = pairs(values, "field")

    async def change(pureboot: "PureBoot") -> "Group":
        before = await pureboot.groups.get(name)
        return await pureboot.groups.update(before.id, fields(wanted, before.metadata), by=principal())

    changed = ask(ctx, change)
    output.done(changed, f"group {changed.name} changed", as_json=as_json)


@command(group, "delete")
@click.argument("name")
def delete(ctx: click.Context, name: str) -> None:
    """Forget a group that has no nodes."""
    from console.cli import output

    gone = ask(ctx, lambda pureboot: pureboot.groups.delete(name, by=principal()))
    output.say(f"group {gone.name} deleted")

"""`pureboot node`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.fields import fields
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.nodes import Node

_STATES = (
    "discovered",
    "pending",
    "installing",
    "install_failed",
    "installed",
    "active",
    "reprovision",
    "deprovisioning",
    "migrating",
    "retired",
)


@click.group()
def node() -> None:
    """Nodes: the machines."""


@command(node, "list")
@click.option("--state", multiple=True, type=click.Choice(_STATES), help="Only nodes in this state.")
@click.option("--group", multiple=True, metavar="GROUP", help="Only nodes of this group.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only nodes with this tag.")
@click.option("--sort", default="hostname", show_default=True, metavar="FIELD", help="A field; -field for descending.")
@json_option
def list_(
    ctx: click.Context, state: Sequence[str], group: Sequence[str], tag: Sequence[str], sort: str, as_json: bool
) -> None:
    """List the nodes."""
    from console.cli import output
    from console.view.labels import ago, state_cell
    from engine.core.page import EVERYTHING, Page

    filters = {"state": tuple(state), "group": tuple(group), "tag": tuple(tag)}
    page = Page(limit=None, sort=sort, filters={name: values for name, values in filters.items() if values})

    async def find(pureboot: "PureBoot") -> "tuple[list[Node], dict[str, str]]":
        found, _ = await pureboot.nodes.find(page)
        groups, _ = await pureboot.groups.find(EVERYTHING)
        return found, {each.id: each.name for each in groups}

    found, groups = ask(ctx, find)
    if as_json:
        output.show_json(found)
        return
    now, symbols = output.now(), output.symbols()
    output.show_table(
        ("node", "state", "group", "mac address", "ip address", "model", "seen", "tags"),
        (
            (
                each.name,
                state_cell(each.state, symbols),
                groups.get(each.group_id or ""),
                each.mac_address,
                each.ip_address,
                " ".join(part for part in (each.vendor, each.model) if part),
                ago(each.last_seen_at, now),
                ("locked " if each.locked else "") + " ".join(each.tags),
            )
            for each in found
        ),
        empty="no nodes",
    )


@command(node, "show")
@click.argument("name")
@json_option
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show a node: by hostname, MAC address or id."""
    from console.cli import output
    from console.view.labels import Role, ago, cell, state_cell

    found = ask(ctx, lambda pureboot: pureboot.nodes.get(name))
    if as_json:
        output.show_json(found)
        return
    now, symbols = output.now(), output.symbols()
    since = ago(found.state_changed_at, now)
    plain = ("hostname", "mac_address", "ip_address", "vendor", "model", "serial_number", "system_uuid", "arch")
    output.show_facts(
        (
            ("node", found.name),
            ("id", found.id),
            ("state", (*state_cell(found.state, symbols), *cell(f"  ({since})", Role.MUTED))),
            *((field.replace("_", " "), getattr(found, field)) for field in (*plain, "boot_mode", "group_id")),
            ("tags", " ".join(found.tags)),
            ("metadata", json.dumps(dict(found.metadata), default=str) if found.metadata else None),
            ("locked", "yes" if found.locked else None),
            ("identity", cell(found.identity_conflict, Role.WARN) if found.identity_conflict else None),
            ("install attempts", str(found.install_attempts) if found.install_attempts else None),
            ("last install error", found.last_install_error),
            ("seen", ago(found.last_seen_at, now)),
        )
    )


@command(node, "add")
@click.argument("mac_address")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@json_option
def add(ctx: click.Context, mac_address: str, values: Sequence[str], as_json: bool) -> None:
    """Make a node known before it has asked.

    Fields: hostname, ip_address, vendor, model, serial_number, system_uuid, arch, boot_mode, group, workflow, tags
    (a,b), locked (true or false), metadata.KEY.
    """
    from console.cli import output

    wanted = fields(pairs(values, "field"), {})
    made = ask(ctx, lambda pureboot: pureboot.nodes.create(mac_address, wanted, by=principal()))
    output.done(made, f"node {made.name} added ({made.id})", as_json=as_json)


@command(node, "set")
@click.argument("name")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE...")
@json_option
def set_(ctx: click.Context, name: str, values: Sequence[str], as_json: bool) -> None:
    """Set fields of a node, as for `node add`; `FIELD=` empties one."""
    from console.cli import output

    wanted = pairs(values, "field")

    async def change(pureboot: "PureBoot") -> "Node":
        before = await pureboot.nodes.get(name)
        return await pureboot.nodes.update(before.id, fields(wanted, before.metadata), by=principal())

    changed = ask(ctx, change)
    output.done(changed, f"node {changed.name} changed", as_json=as_json)


@command(node, "state")
@click.argument("name")
@click.argument("state", type=click.Choice(_STATES))
@click.option("--comment", help="Why; it stays in the state log.")
@click.option("--force", is_flag=True, help="Try again although the install attempts are used up.")
@json_option
def state_(ctx: click.Context, name: str, state: str, comment: str | None, force: bool, as_json: bool) -> None:
    """Move a node to another state."""
    from console.cli import output
    from engine.core.nodes import NodeState

    goal = NodeState(state)
    moved = ask(ctx, lambda pureboot: pureboot.nodes.move(name, goal, by=principal(), comment=comment, force=force))
    output.done(moved, f"node {moved.name} is {moved.state}", as_json=as_json)


@command(node, "history")
@click.argument("name")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many rows.")
@json_option
def history(ctx: click.Context, name: str, limit: int, as_json: bool) -> None:
    """Show a node's state log, newest first."""
    from console.cli import output
    from console.view.labels import clock, state_cell, who
    from engine.core.page import Page

    rows, _ = ask(ctx, lambda pureboot: pureboot.nodes.history(name, Page(limit=limit)))
    if as_json:
        output.show_json(rows)
        return
    now, symbols = output.now(), output.symbols()
    output.show_table(
        ("when", "from", "to", "by", "comment"),
        (
            (
                clock(row.created_at, now),
                state_cell(row.from_state, symbols),
                state_cell(row.to_state, symbols),
                f"{who(row.principal)} ({row.triggered_by})",
                row.comment,
            )
            for row in rows
        ),
        empty=f"node {name} has not changed its state yet",
    )


@command(node, "explain")
@click.argument("name")
@click.option("--trace", "whole", is_flag=True, help="Every line of the boot trace, not only the newest.")
@json_option
def explain(ctx: click.Context, name: str, whole: bool, as_json: bool) -> None:
    """Say how far a machine came in its boot, what was expected next, the likely cause, and what to do.

    NAME is a node, or the MAC or IP address of a machine that is none yet.
    """
    from console.cli import explained, output

    found = ask(ctx, lambda pureboot: pureboot.traces.explain(name))
    if as_json:
        output.show_json(found.as_data())
    else:
        explained.show(found, whole)


@command(node, "tag")
@click.argument("name")
@click.argument("tags", nargs=-1)
@click.option("--remove", multiple=True, metavar="TAG", help="Remove this tag.")
@json_option
def tag_(ctx: click.Context, name: str, tags: Sequence[str], remove: Sequence[str], as_json: bool) -> None:
    """Add tags to a node, or remove some."""
    from console.cli import output

    if not tags and not remove:
        raise click.UsageError("name a tag to add, or one to --remove")
    changed = ask(ctx, lambda pureboot: pureboot.nodes.tag(name, add=tags, remove=remove, by=principal()))
    output.done(changed, f"node {changed.name} has tags: {', '.join(changed.tags) or 'none'}", as_json=as_json)


@command(node, "retire")
@click.argument("name")
@click.option("--comment", help="Why; it stays in the state log.")
@json_option
def retire(ctx: click.Context, name: str, comment: str | None, as_json: bool) -> None:
    """Retire a node that is `deprovisioning`. It stays listed with its history, and boots its disk."""
    from console.cli import output
    from engine.core.nodes import NodeState

    goal = NodeState.RETIRED
    retired = ask(ctx, lambda pureboot: pureboot.nodes.move(name, goal, by=principal(), comment=comment))
    output.done(retired, f"node {retired.name} is {retired.state}", as_json=as_json)

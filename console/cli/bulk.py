"""`pureboot workflow run --where …`: a workflow on every node that fits, with a question first."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution
    from engine.core.nodes import Node

FIELDS = (
    *("state", "tag", "group", "hostname", "mac_address", "ip_address", "vendor", "model", "serial_number"),
    *("system_uuid", "arch", "boot_mode"),
)
"""What nodes can be chosen by."""


def filters(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What `--where` words say: of one field either value, of several fields all.

    Raises:
        click.UsageError: one is not of the form FIELD=VALUE, or no such field or state is known.
    """
    from engine.core.nodes import NodeState

    read: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value or name not in FIELDS:
            raise click.UsageError(f"{word!r} is no filter; write FIELD=VALUE with one of {', '.join(FIELDS)}")
        if name == "state" and value not in tuple(NodeState):
            raise click.UsageError(f"{value!r} is no state; there are {', '.join(NodeState)}")
        read[name] = (*read.get(name, ()), value)
    return read


def meant(ctx: click.Context, where: Mapping[str, tuple[str, ...]]) -> "list[Node]":
    """The nodes that fit.

    Raises:
        NotFound: there is none.
    """
    from engine.core.page import Page
    from engine.errors import NotFound

    nodes, _ = ask(ctx, lambda pureboot: pureboot.nodes.find(Page(limit=None, filters=where)))
    if not nodes:
        said = " and ".join(f"{name}={' or '.join(values)}" for name, values in where.items())
        raise NotFound(f"no node has {said}")
    return nodes


def agreed(name: str, nodes: "Sequence[Node]", *, yes: bool) -> bool:
    """Say on how many nodes it would start; whether that is meant is asked where there is a terminal to ask on."""
    from console.view.labels import names, safe

    count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    click.echo(f"{name} on {count}: {safe(names([node.name for node in nodes], 5))}", err=True)
    return yes or not sys.stdin.isatty() or click.confirm("start it?", err=True)


async def start(
    pureboot: "PureBoot",
    name: str,
    nodes: "Sequence[Node]",
    params: Mapping[str, Any],
    *,
    request_id: str | None,
    draft: bool,
    as_json: bool,
) -> "tuple[list[Execution], list[dict[str, Any]]]":
    """Start on exactly these nodes, one after the other, with a line for each; gives what began, and all as data."""
    from console.cli import output
    from engine.errors import PureBootError

    begun: list[Execution] = []
    told: list[dict[str, Any]] = []
    for node in nodes:
        one: dict[str, Any] = {"node_id": node.id, "node": node.name, "execution_id": None, "error": None}
        try:
            execution = await pureboot.executions.start(
                name,
                by=principal(),
                node=node.id,
                params=params,
                request_id=f"{request_id}:{node.id}" if request_id else None,
                draft=draft,
            )
        except PureBootError as error:
            one["error"] = str(error)
            line = f"{node.name}  not started: {error}"
        else:
            one["execution_id"] = execution.id
            begun.append(execution)
            line = f"{node.name}  execution {execution.id}"
        told.append(one)
        if not as_json:
            output.say(line)
    if not as_json:
        output.say(f"{len(begun)} started, {len(told) - len(begun)} not")
    return begun, told

"""`pureboot workflow run --where …`: a workflow on every node that fits, with a question first."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.nodes import Node
    from engine.services.control import Started

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
) -> "list[Started]":
    """Start on exactly these nodes, with a line for each."""
    from console.cli import output

    results = await pureboot.control.start_many(
        name,
        [node.id for node in nodes],
        by=principal(),
        params=params,
        request_id=request_id,
        draft=draft,
    )
    if as_json:
        return results
    for result in results:
        how = f"execution {result.execution_id}" if result.execution_id else f"not started: {result.error}"
        output.say(f"{result.node}  {how}")
    begun = sum(result.error is None for result in results)
    output.say(f"{begun} started, {len(results) - begun} not")
    return results

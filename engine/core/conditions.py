"""What a condition was worth, and why: the values that it names. Pure.

`steps.probe.output.disks > 1` names one value, `steps.probe.output.disks`; told with the condition it says why an edge
was taken or not.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateError, nodes

from engine.core import expressions
from engine.core.rendering import MASK
from engine.errors import Invalid

MOST_VALUES = 8
MOST_TEXT = 200
"""Characters of one value that are told."""

_SYNTAX = Environment(autoescape=False)  # noqa: S701 - it only ever parses


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A value that a condition names: as it is written there, and as JSON. `known` is False where it has none."""

    name: str
    value: str
    known: bool = True


def values_of(condition: str, names: expressions.Names) -> tuple[Named, ...]:
    """The values that a condition names, in the order in which they stand there, each once. Secrets are masked."""
    try:
        parsed = _SYNTAX.parse("{{ " + condition + " }}")
    except TemplateError:
        return ()
    found = list(dict.fromkeys(_paths(parsed)))[:MOST_VALUES]
    return tuple(_named(path, names) for path in found)


def _named(path: str, names: expressions.Names) -> Named:
    if path == "secret" or path.startswith(("secret.", "secret[")):
        return Named(name=path, value=MASK)
    try:
        value = expressions.unescaped(expressions.values("{{ " + path + " }}", names))
    except Invalid:
        return Named(name=path, value="no value", known=False)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return Named(name=path, value=text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…")


def _paths(node: nodes.Node) -> Iterator[str]:
    """The longest names in an expression: `a.b['c']`, but of a call only what it is called on."""
    path = _path(node)
    if path is not None:
        yield path
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        yield from _paths(node.node.node)
        children: Iterator[Any] = node.iter_child_nodes(exclude=("node",))
    else:
        children = node.iter_child_nodes()
    for child in children:
        yield from _paths(child)


def _path(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        base = _path(node.node)
        return None if base is None else f"{base}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        base = _path(node.node)
        return None if base is None else f"{base}[{node.arg.value!r}]"
    return None

"""The values of variables: how one is found by its key, and what it is as text."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from engine.core.placeholders import Variable

Scopes = Mapping[str, Mapping[str, object]]
"""Namespace to key to value; a namespace that is not there has no values."""


def find(scopes: Scopes, variable: "Variable") -> object:
    """The value of a variable, or None where there is none.

    In `meta`, `secret` and `params` the whole key is looked up first (`{"a.b": 1}` has `meta.a.b`), then part by part:
    into mappings by name, into lists by index from 0 (`params.disks.0`). The other namespaces have the keys of their
    table and nothing below them, whatever the scopes hold.
    """
    if variable.fault is not None:
        return None
    values = scopes.get(variable.namespace)
    if values is None:
        return None
    value = values.get(variable.key)
    if value is None and "." in variable.key:
        return _nested(values, variable.key)
    return value


def as_text(value: object) -> str:
    """Text as it is; `true`, `false`; numbers as Python has them; mappings and lists as compact JSON; else `str()`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_list(value) or isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return str(value)


def _nested(values: object, key: str) -> object:
    for part in key.split("."):
        if isinstance(values, Mapping):
            values = values.get(part)
        elif is_list(values):
            values = _item(values, part)
        else:
            return None
    return values


def _item(values: Sequence[object], part: str) -> object:
    # The bound on its length keeps int() away from numbers that it refuses to read.
    if not (part.isascii() and part.isdecimal() and len(part) < 10):
        return None
    index = int(part)
    return values[index] if index < len(values) else None


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value is a list (or tuple); text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _plain(value: object) -> object:
    """What JSON is told of a value that it does not know, such as a read-only mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if is_list(value) else str(value)

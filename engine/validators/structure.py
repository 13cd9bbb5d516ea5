"""A tree against a JSON schema, each error with its place; messages for people."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.findings import Finding
from engine.core.sources import Path, Source

_MOST = 50
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def check(source: Source, validator: Any, below: Path = ()) -> Iterator[Finding]:
    """Everything in a tree that does not fit; `validator` is one of jsonschema's, `below` where its tree begins."""
    tree: Any = source.tree
    for part in below:
        tree = tree[part]
    told = 0
    for error in validator.iter_errors(tree):
        for finding in _told(source, _leaf(error), below):
            yield finding
            told += 1
            if told == _MOST:
                return


def _leaf(error: Any) -> Any:
    """The error that says most where several ways to write something all fail: that of the way it got furthest in."""
    while error.context:
        branches: dict[Any, list[Any]] = {}
        for each in error.context:
            branches.setdefault(each.schema_path[0] if each.schema_path else 0, []).append(each)
        fitting = [found for found in branches.values() if not _wrong_type_at_top(found)]
        if len(fitting) != 1 and len(branches) != 1:
            deepest = max(error.context, key=lambda each: len(each.absolute_path))
            if len(deepest.absolute_path) <= len(error.absolute_path):
                return error
            error = deepest
            continue
        error = max((fitting or list(branches.values()))[0], key=lambda each: len(each.absolute_path))
    return error


def _wrong_type_at_top(found: list[Any]) -> bool:
    return any(each.validator == "type" and not each.path for each in found)


def _told(source: Source, error: Any, below: Path) -> Iterator[Finding]:
    path: Path = (*below, *error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known and not _matches(key, error.schema.get("patternProperties", {})):
                yield _finding(source, (*path, key), f"there is no key {key!r} here{_near(key, known)}", at_key=True)
        return
    yield _finding(source, path, _message(error), at_key=error.validator in ("required", "type") and bool(path))


def _matches(key: str, patterns: Mapping[str, Any]) -> bool:
    import re

    return any(re.search(pattern, key) for pattern in patterns)


def _near(key: str, known: Mapping[str, Any]) -> str:
    found = difflib.get_close_matches(str(key), [str(each) for each in known], n=1)
    if found:
        return f"; did you mean {found[0]!r}?"
    return f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""


def _finding(source: Source, path: Path, message: str, *, at_key: bool) -> Finding:
    problem = source.problem(path, message, at_key=at_key)
    return Finding(message=problem.message, path=problem.path, line=problem.line, column=problem.column)


def _message(error: Any) -> str:
    given, wanted = error.instance, error.validator_value
    shown = repr(given) if isinstance(given, str | int | float | bool) and len(repr(given)) < 60 else ""
    match error.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_TYPES.get(kind, kind) for kind in kinds)}, not {_kind(given)}"
        case "required":
            missing = [key for key in wanted if isinstance(given, Mapping) and key not in given]
            return f"lacks {', '.join(repr(key) for key in missing)}"
        case "enum":
            near = difflib.get_close_matches(str(given), [str(each) for each in wanted], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return f"is {shown or _kind(given)}, not one of {', '.join(map(str, wanted[:20]))}{hint}"
        case "pattern" | "format":
            return f"is {shown or _kind(given)}, which has not the form {wanted}"
        case "minItems" | "minProperties" | "minLength":
            return "is empty" if not given else f"has fewer than {wanted}"
        case "oneOf" | "anyOf":
            return f"{shown or _kind(given)} fits none of the ways in which this can be written"
    return str(error.message)[:300]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return f"{str(value).lower()}"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)[:60]

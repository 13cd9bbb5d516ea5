"""What somebody who writes a workflow or a template can name, and what they have seen of others' changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A key that can be written; `hint` says what stands under it, `values` which texts can if they are few."""

    name: str
    hint: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionWords:
    """An action: what it does, and the parameters that stand under `with`."""

    summary: str
    parameters: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What there is to be named: actions, and templates, workflows and secrets by name."""

    actions: Mapping[str, ActionWords]
    templates: Sequence[str]
    workflows: Sequence[str]
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The versions of a document that were there when somebody began to write: the current and the newest one."""

    current: str | None = None
    latest: str | None = None


def words_of(schema: Mapping[str, Any]) -> tuple[Word, ...]:
    """The parameters that a JSON Schema of an object has, needed ones first."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    needed = set(schema.get("required", ()))
    defined: Mapping[str, Any] = schema.get("$defs", {})
    found = [_word(name, each, name in needed, defined) for name, each in properties.items()]
    return tuple(sorted(found, key=lambda word: word.name not in needed))


def _word(name: str, schema: Mapping[str, Any], needed: bool, defined: Mapping[str, Any]) -> Word:
    forms = [_resolved(each, defined) for each in (schema.get("anyOf") or [schema])]
    kinds = [str(form["type"]) for form in forms if form.get("type") not in (None, "null")]
    hint = " or ".join(dict.fromkeys(kinds))
    if schema.get("default") not in (None, "", [], {}):
        hint = f"{hint} = {schema['default']}".lstrip()
    hint = f"{hint}, needed".lstrip(", ") if needed else hint
    return Word(name=name, hint=hint, values=tuple(value for form in forms for value in _values(form)))


def _resolved(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = defined.get(name, schema)
    return found


def _values(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("type") == "boolean":
        yield from ("true", "false")
    yield from (str(each) for each in schema.get("enum", ()))
    if "const" in schema:
        yield str(schema["const"])

"""What a person types to change a node: tags, and metadata a key a line. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Invalid, Problem

_WORD = re.compile(r'(?:[^\s,"]|"[^"]*"?)+')
_KEY = re.compile(r"[^\s=\"']+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Tags to add, and to take away."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def read_tags(text: str) -> Tags:
    """Read `lab "two words" -old`: a word with a minus is taken away; blanks or commas stand between."""
    words = [word.replace('"', "").strip().lower() for word in _WORD.findall(text)]
    add = tuple(word.removeprefix("+") for word in words if word not in ("", "+") and word[0] != "-")
    remove = tuple(word[1:] for word in words if word[:1] == "-" and len(word) > 1)
    return Tags(add=tuple(tag for tag in dict.fromkeys(add) if tag not in remove), remove=tuple(dict.fromkeys(remove)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Keys with their values, and keys to take away."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


def read_metadata(text: str) -> Metadata:
    """Read `key=value` a line: a value is JSON, or else the text as it stands; `-key` takes a key away.

    Raises:
        Invalid: a line is neither; each such line is named.
    """
    values: dict[str, Any] = {}
    unset: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        said = line.strip()
        key, equals, given = (part.strip() for part in said.partition("="))
        if not said or said.startswith("#"):
            continue
        if not equals and said.startswith("-") and _KEY.fullmatch(said[1:]):
            unset.append(said[1:])
        elif not equals or not _KEY.fullmatch(key):
            message = f"{said[:40]!r} is no key=value, and no -key to take one away"
            problems.append(Problem(path=f"line {number}", message=message))
        elif key in values:
            problems.append(Problem(path=f"line {number}", message=f"{key} stands in a line above already"))
        else:
            try:
                values[key] = _value(given)
            except ValueError as error:
                problems.append(Problem(path=f"line {number}", message=str(error)))
    if problems:
        raise Invalid(problems)
    return Metadata(values=values, unset=tuple(unset))


def _value(text: str) -> Any:
    """JSON, or the text as it stands.

    Raises:
        ValueError: it begins as JSON does and is none.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        if text[:1] in ("{", "[", '"'):
            raise ValueError(f"{text[:40]} is not JSON: {error}") from None
        return text


def _no_number(text: str) -> str:
    """`NaN` and the like are no JSON: they are taken for text."""
    raise ValueError(text)


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """Metadata as `read_metadata` reads it back, a key a line."""
    return "".join(f"{key}={value_text(value)}\n" for key, value in sorted(metadata.items()))


def value_text(value: Any) -> str:
    """A value as it is typed: a text without quotes wherever it reads back as the same text."""
    if isinstance(value, str) and value == value.strip() and value.isprintable():
        try:
            same = bool(_value(value) == value) and value != ""
        except ValueError:
            same = False
        if same:
            return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)

"""Request bodies: JSON read with care, then checked by a Pydantic model that knows every field."""

import difflib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from engine.core.sources import spell
from engine.errors import Invalid, Problem

MAX_DEPTH = 64
MAX_VALUES = 200_000


class Body(BaseModel):
    """The base of the models of bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def given(self) -> dict[str, Any]:
        """The fields that were given, and no others."""
        return self.model_dump(exclude_unset=True)


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("may hold only printable characters, on one line")
    return value


Line = Annotated[str, StringConstraints(max_length=255), AfterValidator(_printable)]
"""A short text on one line."""

Word = Annotated[str, StringConstraints(max_length=32), AfterValidator(_printable)]
"""A very short one, such as an architecture."""

Prose = Annotated[str, StringConstraints(max_length=10_000)]
"""A text of some lines."""

T = TypeVar("T")


def read_json(body: bytes, *, lenient: bool = False) -> Any:
    """The value of a JSON text. `lenient` replaces what is not UTF-8: a machine's last words are not lost over it.

    Raises:
        Invalid: it is not JSON (with line and column), too deep or too large, or a text in it cannot be stored.
    """
    if _is_harmless(body) and not _LONG_NUMBER.search(body):  # which orjson would round
        with suppress(ValueError):  # the slow way can say what is wrong
            return orjson.loads(body)
    try:
        text = body.decode("utf-8", "replace" if lenient else "strict")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        message = f"is not UTF-8: byte {error.start} is wrong"
        raise Invalid([Problem(message=message, line=line, column=column)]) from None
    except json.JSONDecodeError as error:
        raise Invalid([Problem(message=f"is not JSON: {error.msg}", line=error.lineno, column=error.colno)]) from None
    except RecursionError:
        raise Invalid([Problem(message=f"is nested deeper than {MAX_DEPTH} levels")]) from None
    except ValueError as error:
        raise Invalid([Problem(message=f"is not JSON: {error}")]) from None
    if problems := list(_unfit(value)):
        raise Invalid(problems)
    return value


@lru_cache(maxsize=256)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def check(model: Any, value: Any) -> Any:
    """A value as a model (or any type that Pydantic knows) has it.

    Raises:
        Invalid: it does not fit; every error is named with its path.
    """
    try:
        return _adapter(model).validate_python(value)
    except ValidationError as error:
        raise Invalid([_problem(detail, model) for detail in error.errors()]) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_harmless(body: bytes) -> bool:
    """Whether nothing that `_unfit` looks for can be in a body: it is not large, and escapes and brackets little."""
    return len(body) < MAX_VALUES and b"\\u" not in body and body.count(b"{") + body.count(b"[") < MAX_DEPTH


def _unfit(value: Any) -> Iterator[Problem]:
    """Texts that no store takes (NUL, lone surrogates), and trees that are meant to exhaust whoever walks them."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    seen = 0
    while stack:
        path, item = stack.pop()
        seen += 1
        if seen > MAX_VALUES or len(path) > MAX_DEPTH:
            yield Problem(message=f"has more than {MAX_VALUES} values, or more than {MAX_DEPTH} levels")
            return
        if isinstance(item, str) and not _is_text(item):
            yield Problem(path=spell(path), message="holds a NUL character or half a surrogate pair")
        elif isinstance(item, dict):
            stack += [((*path, key), inner) for key, inner in item.items()]
            if not all(_is_text(key) for key in item):
                yield Problem(path=spell(path), message="has a key with a NUL character or half a surrogate pair")
        elif isinstance(item, list):
            stack += [((*path, at), inner) for at, inner in enumerate(item)]


def _is_text(value: str) -> bool:
    return "\0" not in value and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))


_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def _problem(detail: Any, model: Any) -> Problem:
    path, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        message = f"is no field here{_hint(str(path[-1]), model)}"
    elif kind in ("enum", "literal_error"):
        message = f"is {str(detail['input'])[:60]!r}, not one of {detail['ctx']['expected']}"
    else:
        message = _MESSAGES.get(kind) or str(detail["msg"]).removeprefix("Value error, ")
    return Problem(path=spell(path), message=message)


def _hint(name: str, model: Any) -> str:
    fields = list(getattr(model, "model_fields", {}))
    near = difflib.get_close_matches(name, fields, n=1)
    return f"; did you mean {near[0]}?" if near else ""

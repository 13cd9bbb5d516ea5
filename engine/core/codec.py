"""Values as JSON and back, by their type hints: how a console far away talks to the services.

Unlike `engine.core.shape`, which shows values to people and programs, this gives back what it was given: decoding what
was encoded is the identity. What a type may hold is read from its hints alone. Nothing on the wire names a module or a
class that the hints do not name, so whoever sends something decides about nothing but values.

A dataclass is an object of its fields (those that have their default are left out), a choice between types an object of
`is`, the name of one of them, and `value`. A class lists in `MASKED` the fields that never leave the process: in their
place goes a mask, so that it is known that there is something.
"""

import dataclasses
import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from engine.core.codec_many import MANY, MAPPINGS, fixed, many, mapping, union
from engine.core.codec_plain import PLAIN, Codec, Wrong, enum, literal, told, within
from engine.core.findings import Finding
from engine.core.rendering import MASK
from engine.core.sources import spell
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Problem, PureBootError, Unavailable

MAX_DEPTH = 64

# Of a class that others extend, what may stand in its place.
_FAMILIES: Mapping[type, tuple[type, ...]] = {Problem: (Problem, Finding)}
_BARE: Mapping[Any, Any] = {dict: dict[str, Any], list: list[Any], tuple: tuple[Any, ...]}
ERRORS: Mapping[str, type[PureBootError]] = {
    "not_found": NotFound,
    "conflict": Conflict,
    "forbidden": Forbidden,
    "unavailable": Unavailable,
    "invalid": Invalid,
}
"""The kinds of errors by what they are called on the wire; one of a kind of its own is told as the one above it."""

_EMPTY = (dict, list, tuple, set, frozenset)


def encode(hint: Any, value: Any) -> Any:
    """A value of a type, as what JSON can carry.

    Raises:
        Invalid: it is not of the type; the text says where.
    """
    return _placed(codec_of(hint).encode, value)


def decode(hint: Any, data: Any) -> Any:
    """What `encode` was given.

    Raises:
        Invalid: it is not of the type, or deeper than `MAX_DEPTH`; the text says where.
    """
    if _depth(data) > MAX_DEPTH:
        raise Invalid([Problem(message=f"has more than {MAX_DEPTH} levels")])
    return _placed(codec_of(hint).decode, data)


def to_text(data: Any) -> str:
    """What was encoded, as JSON in ASCII."""
    return json.dumps(data, allow_nan=False, separators=(",", ":"))


def from_text(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        Invalid: it is no JSON, or too deep.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Invalid([Problem(message=f"has more than {MAX_DEPTH} levels")]) from None
    except ValueError as error:
        raise Invalid([Problem(message=f"is not JSON: {error}")]) from None


def _placed(function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except Wrong as error:
        raise Invalid([Problem(path=spell(error.path[::-1]), message=str(error))]) from None


def _depth(data: Any) -> int:
    deepest, level = 0, [data]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        level = [inner for item in level if isinstance(item, dict | list) for inner in _inside(item)]
    return deepest


def _inside(item: Any) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


@lru_cache(maxsize=4096)
def codec_of(hint: Any) -> Codec:
    """How values of a type go over the wire.

    Raises:
        TypeError: it is a type of which that is not known here: a function, a file, a class of no fields.
    """
    hint = type(None) if hint is None else hint
    if hint in PLAIN:
        return PLAIN[hint]
    origin = get_origin(hint)
    if origin is Annotated:
        return codec_of(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return _choice(hint)
    if origin is Literal:
        return literal(get_args(hint))
    if origin is not None:
        return _container(hint, origin, get_args(hint))
    return _of_class(hint)


def _of_class(hint: Any) -> Codec:
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return enum(hint)
        if hint in _FAMILIES:
            return union([_record(each) for each in _FAMILIES[hint]], hint.__name__)
        if dataclasses.is_dataclass(hint) or (issubclass(hint, tuple) and hasattr(hint, "_fields")):
            return _record(hint)
        if hint in _BARE:
            return codec_of(_BARE[hint])
        if hint is PureBootError:
            return Codec("PureBootError", error_data, error_of, lambda value: isinstance(value, PureBootError))
    raise TypeError(f"{hint!r} cannot go over the wire")


def _choice(hint: Any) -> Codec:
    given = [each for each in get_args(hint) if each is not type(None)]
    if Any in given or object in given:
        return PLAIN[Any]
    chosen = codec_of(given[0]) if len(given) == 1 else union([codec_of(each) for each in given], "choice")
    if len(given) == len(get_args(hint)):
        return chosen

    def out(value: Any) -> Any:
        return None if value is None else chosen.encode(value)

    def back(data: Any) -> Any:
        return None if data is None else chosen.decode(data)

    return Codec(chosen.name, out, back, lambda value: value is None or chosen.fits(value))


def _container(hint: Any, origin: Any, arguments: tuple[Any, ...]) -> Codec:
    if origin is tuple and arguments[-1:] != (...,):
        return fixed([codec_of(each) for each in arguments])
    if origin in MAPPINGS:
        return mapping(codec_of(arguments[0]), codec_of(arguments[1]))
    if origin in MANY:
        return many(MANY[origin], codec_of(arguments[0]))
    raise TypeError(f"{hint!r} cannot go over the wire")


_Field = tuple[str, Codec, Any]
"""A field's name, how it goes over the wire, and its default (MISSING if it must be given)."""


def _record(kind: type) -> Codec:
    """A dataclass or a named tuple. Its fields are looked at when the first value comes: it may hold itself."""
    plan: list[_Field] = []

    def fields() -> list[_Field]:
        if not plan:
            plan.extend(_fields_of(kind))
        return plan

    def out(value: Any) -> dict[str, Any]:
        if type(value) is not kind:
            raise Wrong(f"must be a {kind.__name__}, not {told(value)}")
        return {
            name: within(name, codec.encode, inner)
            for name, codec, default in fields()
            if not _is_default(inner := getattr(value, name), default)
        }

    def back(data: Any) -> Any:
        if not isinstance(data, dict):
            raise Wrong(f"must be an object ({kind.__name__}), not {told(data)}")
        given = {name: within(name, codec.decode, data[name]) for name, codec, _ in fields() if name in data}
        _check_names(kind, fields(), data)
        return _made(kind, given)

    return Codec(kind.__name__, out, back, lambda value: type(value) is kind)


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


def _check_names(kind: type, plan: Iterable[_Field], data: Mapping[str, Any]) -> None:
    known = {name: default for name, _, default in plan}
    unknown = sorted(name for name in data if name not in known)
    if unknown:
        raise Wrong(f"{unknown[0][:60]!r} is no field of {kind.__name__}")
    missing = [name for name, default in known.items() if default is MISSING and name not in data]
    if missing:
        raise Wrong(f"{missing[0]} is missing in {kind.__name__}")


def _made(kind: type, given: Mapping[str, Any]) -> Any:
    try:
        return kind(**given)
    except (Invalid, ValueError, TypeError) as error:
        raise Wrong(f"cannot be a {kind.__name__}: {error}") from None


def _fields_of(kind: type) -> list[_Field]:
    hints = get_type_hints(kind)
    if not dataclasses.is_dataclass(kind):
        defaults: Mapping[str, Any] = getattr(kind, "_field_defaults", {})
        names: tuple[str, ...] = getattr(kind, "_fields", ())
        return [(name, codec_of(hints[name]), defaults.get(name, MISSING)) for name in names]
    masked: frozenset[str] = getattr(kind, "MASKED", frozenset())
    return [
        (each.name, _masked(codec_of(hints[each.name]), each.name in masked), _default(each))
        for each in dataclasses.fields(kind)
        if each.init
    ]


def _masked(codec: Codec, is_masked: bool) -> Codec:
    return dataclasses.replace(codec, encode=lambda value: value and MASK) if is_masked else codec


def _default(field: "dataclasses.Field[Any]") -> Any:
    """What it has unless it is given; what a function makes anew each time is no default."""
    made: Any = field.default_factory
    return made() if made in _EMPTY else field.default


def error_data(error: PureBootError) -> dict[str, Any]:
    """An error as it goes over the wire: what kind it is, its sentence, and everything that is wrong."""
    kind = next((name for name, each in ERRORS.items() if isinstance(error, each)), "unavailable")
    problems = error.problems if isinstance(error, Invalid) else ()
    return {"kind": kind, "message": error.message, "problems": codec_of(tuple[Problem, ...]).encode(problems)}


def error_of(data: Any) -> PureBootError:
    """The error that was sent, by its kind."""
    if not isinstance(data, dict) or data.get("kind") not in ERRORS or not isinstance(data.get("message"), str):
        raise Wrong(f"must be an error: an object of `kind` (one of {', '.join(ERRORS)}), `message` and `problems`")
    problems = codec_of(tuple[Problem, ...]).decode(data.get("problems", []))
    kind = ERRORS[data["kind"]]
    return Invalid(problems, data["message"]) if kind is Invalid else kind(data["message"])

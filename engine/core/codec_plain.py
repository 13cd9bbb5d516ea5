"""Single values as JSON and back: texts, numbers, times, enumerations. `engine.core.codec` puts them together."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type go over the wire. `fits` says whether a value is of the type, as far as its outside."""

    name: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    fits: Callable[[Any], bool]


class Wrong(Exception):
    """Something is not of its type; the place grows on the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str | int] = []


_SIMPLE = (str, int, float, bool, type(None))


def within(place: Any, function: Callable[[Any], Any], value: Any) -> Any:
    """Call a function for what stands at a place.

    Raises:
        Wrong: as the function does, with the place.
    """
    try:
        return function(value)
    except Wrong as error:
        error.path.append(place if isinstance(place, int) else str(place))
        raise


def _exactly(kind: type, words: str) -> Codec:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Wrong(f"must be {words}, not {told(value)}")
        return value

    return Codec(kind.__name__, check, check, lambda value: type(value) is kind)


def told(value: Any) -> str:
    """A value in a message."""
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"


def _text() -> Codec:
    def out(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be text, not {told(value)}")
        return str.__str__(value.value if isinstance(value, Enum) else value)

    return replace(_exactly(str, "text"), encode=out, fits=lambda value: isinstance(value, str))


def _number() -> Codec:
    def check(value: Any) -> Any:
        if type(value) not in (int, float) or value != value or value in (float("inf"), float("-inf")):
            raise Wrong(f"must be a number, not {told(value)}")
        return value

    return Codec("float", check, check, lambda value: type(value) in (int, float))


def _moment() -> Codec:
    def out(value: Any) -> str:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Wrong(f"must be a time with its zone, not {told(value)}")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def back(data: Any) -> datetime:
        try:
            if isinstance(data, str) and data.endswith("Z"):
                return datetime.fromisoformat(data).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise Wrong(f"must be a time in UTC such as 2026-03-01T12:00:00Z, not {told(data)}")

    return Codec("datetime", out, back, lambda value: isinstance(value, datetime))


def _span() -> Codec:
    def out(value: Any) -> int:
        if not isinstance(value, timedelta):
            raise Wrong(f"must be a duration, not {told(value)}")
        return value // timedelta(microseconds=1)

    def back(data: Any) -> timedelta:
        try:
            return timedelta(microseconds=_exactly(int, "microseconds").decode(data))
        except OverflowError:
            raise Wrong("is longer than a duration can be") from None

    return Codec("timedelta", out, back, lambda value: isinstance(value, timedelta))


def _octets() -> Codec:
    def back(data: Any) -> bytes:
        try:
            return base64.b64decode(_exactly(str, "text").decode(data), validate=True)
        except ValueError:
            raise Wrong("must be bytes in base64") from None

    def out(value: Any) -> str:
        return base64.b64encode(_exactly(bytes, "bytes").encode(value)).decode()

    return Codec("bytes", out, back, lambda value: isinstance(value, bytes))


def _free_out(value: Any) -> Any:
    if isinstance(value, Enum):
        return _free_out(value.value)
    if isinstance(value, _SIMPLE):
        return _number().encode(value) if isinstance(value, float) else value
    if isinstance(value, Mapping):
        return {within(key, _text().encode, key): within(key, _free_out, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [within(at, _free_out, inner) for at, inner in enumerate(value)]
    raise Wrong(f"must be what JSON can hold, not {told(value)}")


def enum(kind: type[Enum]) -> Codec:
    """A member by its value."""

    def out(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Wrong(f"must be a {kind.__name__}, not {told(value)}")
        return value.value

    def back(data: Any) -> Enum:
        try:
            return kind(data)
        except ValueError:
            known = ", ".join(str(each.value) for each in kind)
            raise Wrong(f"is {told(data)}, not one of {known[:200]}") from None

    return Codec(kind.__name__, out, back, lambda value: isinstance(value, kind))


def literal(values: tuple[Any, ...]) -> Codec:
    """One of some values."""

    def check(value: Any) -> Any:
        if not fits(value):
            raise Wrong(f"is {told(value)}, not one of {', '.join(map(str, values))}")
        return value

    def fits(value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in values)

    return Codec("Literal", check, check, fits)


PLAIN: Mapping[Any, Codec] = {
    str: _text(),
    bool: _exactly(bool, "true or false"),
    int: _exactly(int, "a whole number"),
    float: _number(),
    type(None): _exactly(type(None), "nothing"),
    bytes: _octets(),
    datetime: _moment(),
    timedelta: _span(),
    Any: Codec("Any", _free_out, lambda data: data, lambda _: True),
    object: Codec("Any", _free_out, lambda data: data, lambda _: True),
}
"""The types that need no others."""

"""Many values as JSON and back: lists, mappings, choices between types. `engine.core.codec` puts them together."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any

from engine.core.codec_plain import Codec, Wrong, told, within


def union(codecs: Sequence[Codec], name: str) -> Codec:
    """One of several types, each by its name."""
    by_name = {each.name: each for each in codecs}
    if len(by_name) < len(codecs):
        raise TypeError(f"{', '.join(each.name for each in codecs)} cannot be told apart on the wire")

    def out(value: Any) -> dict[str, Any]:
        for each in codecs:
            if each.fits(value):
                return {"is": each.name, "value": each.encode(value)}
        raise Wrong(f"must be one of {', '.join(by_name)}, not {told(value)}")

    def back(data: Any) -> Any:
        if not isinstance(data, dict) or set(data) != {"is", "value"} or data["is"] not in by_name:
            raise Wrong(f"must be an object of `is` (one of {', '.join(by_name)}) and `value`")
        return by_name[data["is"]].decode(data["value"])

    return Codec(name, out, back, lambda value: any(each.fits(value) for each in codecs))


def many(kind: Callable[[Iterable[Any]], Any], inner: Codec) -> Codec:
    """Any number of values of one type."""

    def out(value: Any) -> list[Any]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
            raise Wrong(f"must be a list, not {told(value)}")
        return [within(at, inner.encode, each) for at, each in enumerate(value)]

    def back(data: Any) -> Any:
        return kind([within(at, inner.decode, each) for at, each in enumerate(_list(data))])

    def fits(value: Any) -> bool:
        return isinstance(value, list | tuple | Set) and not hasattr(value, "_fields")

    return Codec(getattr(kind, "__name__", "list"), out, back, fits)


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise Wrong(f"must be a list, not {told(data)}")
    return data


def fixed(inner: Sequence[Codec]) -> Codec:
    """A tuple with a type for each place."""

    def each(value: Any, way: str) -> list[Any]:
        if len(value) != len(inner):
            raise Wrong(f"must have {len(inner)} values, not {len(value)}")
        return [
            within(at, getattr(codec, way), item) for at, (codec, item) in enumerate(zip(inner, value, strict=True))
        ]

    def out(value: Any) -> list[Any]:
        if not isinstance(value, tuple):
            raise Wrong(f"must be a tuple, not {told(value)}")
        return each(value, "encode")

    return Codec("tuple", out, lambda data: tuple(each(_list(data), "decode")), lambda value: isinstance(value, tuple))


def mapping(keys: Codec, values: Codec) -> Codec:
    """An object, or a list of pairs where keys are no texts."""
    is_object = keys.name == "str" or keys.fits("") or _is_of_texts(keys)

    def out(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Wrong(f"must be a mapping, not {told(value)}")
        pairs = [(within(key, keys.encode, key), within(key, values.encode, inner)) for key, inner in value.items()]
        return dict(pairs) if is_object else [list(pair) for pair in pairs]

    def back(data: Any) -> dict[Any, Any]:
        if is_object and not isinstance(data, dict):
            raise Wrong(f"must be an object, not {told(data)}")
        pairs = data.items() if is_object else [_pair(each) for each in _list(data)]
        return {within(key, keys.decode, key): within(key, values.decode, inner) for key, inner in pairs}

    return Codec("dict", out, back, lambda value: isinstance(value, Mapping))


def _is_of_texts(keys: Codec) -> bool:
    try:
        keys.decode("")
    except Wrong as error:
        return "not one of" in str(error)  # an enumeration
    return True


def _pair(data: Any) -> tuple[Any, Any]:
    if not isinstance(data, list) or len(data) != 2:
        raise Wrong("must be a list of a key and a value")
    return data[0], data[1]


MAPPINGS = frozenset({dict, Mapping})
MANY: Mapping[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Set: frozenset,
    Sequence: tuple,
    Collection: tuple,
    Iterable: tuple,
}
"""What is made of the values of a list, by the origin of its type."""

"""Values over the wire: what goes out comes back the same, whatever the table may carry; junk is refused."""

import dataclasses
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.codec import MAX_DEPTH, codec_of, decode, encode, from_text, to_text
from engine.core.findings import Finding
from engine.core.rendering import MASK
from engine.core.trigger_config import Webhook
from engine.core.welcome import Welcome
from engine.errors import Conflict, Invalid, NotFound, Problem, PureBootError
from engine.seam.methods import find
from engine.seam.table import PERMISSIONS

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_TEXTS = st.text(max_size=12)
_SINGLE: Mapping[Any, st.SearchStrategy[Any]] = {
    str: _TEXTS,
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    bytes: st.binary(max_size=8),
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.timedeltas(),
    Any: _JSON,
    object: _JSON,
    Problem: st.builds(Problem, message=_TEXTS) | st.builds(Finding, message=_TEXTS, line=st.integers(1, 9)),
    PureBootError: st.builds(NotFound, _TEXTS) | st.builds(Invalid, st.just([Problem(message="x", path="y")])),
    dict: st.dictionaries(_TEXTS, _JSON, max_size=2),
}
_MANY: Mapping[Any, Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]]] = {
    list: lambda inner: st.lists(inner, max_size=2),
    set: lambda inner: st.sets(inner, max_size=2),
    frozenset: lambda inner: st.frozensets(inner, max_size=2),
    Set: lambda inner: st.frozensets(inner, max_size=2),
    tuple: lambda inner: st.lists(inner, max_size=2).map(tuple),
    Sequence: lambda inner: st.lists(inner, max_size=2).map(tuple),
    Collection: lambda inner: st.lists(inner, max_size=2).map(tuple),
    Iterable: lambda inner: st.lists(inner, max_size=2).map(tuple),
}

_EMPTY: Mapping[Any, Callable[[], Any]] = {list: list, set: set, frozenset: frozenset, Set: frozenset}


def values(hint: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a type, made from its hints by other ways than the codec's."""
    if hint in _SINGLE:
        return _SINGLE[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return values(arguments[0], depth)
    if origin in (Union, types.UnionType):
        return st.one_of([values(each, depth) for each in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1:] != (...,):
        return st.tuples(*(values(each, depth) for each in arguments))
    if origin in (dict, Mapping):
        return st.dictionaries(values(arguments[0], depth), values(arguments[1], depth), max_size=2)
    if origin in _MANY and depth > 5:
        return st.just(_EMPTY.get(origin, tuple)())
    if origin in _MANY:
        return _MANY[origin](values(arguments[0], depth + 1))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return _made(hint, depth)


def _made(hint: Any, depth: int) -> st.SearchStrategy[Any]:
    hints = get_type_hints(hint)
    names = list(getattr(hint, "_fields", ()))
    if not names:
        masked = getattr(hint, "MASKED", ())
        names = [each.name for each in dataclasses.fields(hint) if each.init and each.name not in masked]
    return st.builds(hint, **{name: values(hints[name], depth + 1) for name in names})


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, PureBootError):
        return type(one) is type(other) and str(one) == str(other)
    return bool(one == other) and type(one) is type(other)


def _kinds() -> list[Any]:
    """Every type that an argument, a result or what is told on the way may have."""
    found: dict[Any, None] = {Welcome: None}
    for service, name in PERMISSIONS:
        method = find(service, name)
        for each in (*method.parameters.values(), *method.told.values(), method.result):
            found[each] = None
    return list(found)


@pytest.mark.parametrize("hint", _kinds(), ids=lambda hint: str(hint).replace("engine.core.", "")[:60])
def test_what_goes_out_comes_back_the_same(hint: Any) -> None:
    @settings(max_examples=6, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(values(hint))
    def holds(value: Any) -> None:
        if "Firing" in str(hint):
            value = dataclasses.replace(value, error=None)  # errors are no values that can be compared
        assert _same(decode(hint, from_text(to_text(encode(hint, value)))), value)

    holds()


@given(_JSON)
def test_junk_is_refused_or_is_a_value_and_nothing_else_happens(data: Any) -> None:
    for hint in (Welcome, find("store", "snapshot").result, find("nodes", "find").result, list[Problem], PureBootError):
        with suppress(Invalid):
            assert codec_of(hint).fits(decode(hint, data))


class Colour(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: Colour = Colour.RED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaf:
    name: str
    at: datetime | None = None
    tags: tuple[str, ...] = ()
    tree: "tuple[Leaf, ...]" = ()
    either: Pair | Colour | int | None = None


@pytest.mark.parametrize(
    ("hint", "data", "path", "message"),
    [
        (Leaf, {"name": "x", "nmae": "y"}, "", "'nmae' is no field of Leaf"),
        (Leaf, {}, "", "name is missing in Leaf"),
        (Leaf, {"name": 1}, "name", "must be text, not int '1'"),
        (Leaf, {"name": "x", "tree": [{"name": "y", "at": "yesterday"}]}, "tree[0].at", "must be a time in UTC"),
        (Leaf, {"name": "x", "at": "2026-03-01T12:00:00"}, "at", "must be a time in UTC"),
        (Leaf, {"name": "x", "either": {"is": "os.system", "value": "true"}}, "either", "one of Pair, Colour, int"),
        (Leaf, {"name": "x", "either": {"is": "Colour", "value": "blue"}}, "either", "is str 'blue', not one of red"),
        (Leaf, [], "", "must be an object (Leaf)"),
        (Pair, {"left": True}, "left", "must be a whole number, not bool 'True'"),
        (list[int], [1, "2"], "[1]", "must be a whole number"),
        (tuple[int, str], [1], "", "must have 2 values, not 1"),
        (dict[str, int], {"a": None}, "a", "must be a whole number, not nothing"),
        (dict[int, str], [[1]], "", "a key and a value"),
        (bytes, "%%%", "", "must be bytes in base64"),
        (timedelta, 10**30, "", "longer than a duration"),
        (float, "1", "", "must be a number"),
        (PureBootError, {"kind": "SystemExit", "message": "x"}, "", "must be an error"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(hint: Any, data: Any, path: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(hint, data)
    [problem] = caught.value.problems
    assert (problem.path, message in problem.message) == (path, True), problem


def test_what_is_sent_is_bounded() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(Invalid, match="more than 64 levels"):
        decode(Any, deep)
    for text in ("[" * 100_000, "NaN", "{", '{"a": 1e999}x', "\xff"):
        with pytest.raises(Invalid):
            from_text(text)
    with pytest.raises(Invalid, match="must be a number"):
        encode(float, float("nan"))
    with pytest.raises(Invalid, match=r"must be what JSON can hold, not set"):
        encode(Any, {"a": {1, 2}})
    with pytest.raises(Invalid, match="with its zone"):
        encode(datetime, datetime(2026, 3, 1))  # noqa: DTZ001 - that is what is wrong with it


@pytest.mark.parametrize("hint", [Callable[[int], int], type, dict[str, type], list[int] | Path, set[int] | set[str]])
def test_what_cannot_go_over_the_wire_says_so_before_anything_is_sent(hint: Any) -> None:
    with pytest.raises(TypeError):
        codec_of(hint)


def test_a_secret_never_leaves_but_that_there_is_one_does() -> None:
    sent = to_text(encode(Webhook, Webhook(path="p", secret="hunter2", sealed="sealed-hunter2")))
    assert "hunter2" not in sent
    back = decode(Webhook, from_text(sent))
    assert back == Webhook(path="p", secret=MASK, sealed=MASK)
    assert decode(Webhook, encode(Webhook, Webhook(path="p"))) == Webhook(path="p")


def test_an_error_of_a_kind_of_its_own_is_told_as_the_one_above_it() -> None:
    class Gone(Conflict):
        pass

    back = decode(PureBootError, encode(PureBootError, Gone("too late")))
    assert (type(back), str(back)) == (Conflict, "too late")

"""What no operator, method or filter of a template may do in one go: make something huge, or take for ever over it.

The rules stand before the work, for Python has no way back out of it. What is neither huge nor slow is paid for, by the
size of what is given and of what is made (`engine.core.sandbox_budget`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from itertools import islice
from typing import Any

from engine.core.sandbox_budget import CONTAINERS, MAX_LENGTH, cost, depth_of, huge, length, size_of, spend
from engine.core.values import as_text

MAX_BITS = 4096
_MAX_NUMBER = 100_000  # as an argument of what makes that much of something
_FORM = re.compile(r"%[^A-Za-z%]*")
_FIELD = re.compile(r"\{[^{}]*\}")
_NESTED = re.compile(r"\{[^{}]*\{")
_DIGITS = re.compile(r"\d+")
_LARGE_NUMBERS = frozenset({"default", "d", "sum", "int", "float", "abs", "select", "reject", "max", "min", "in"})
_EACH = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
_SLOW = {"map": 4, "select": 4, "reject": 4, "wordwrap": 16, "striptags": 4, "title": 4, "pprint": 16}
_STEP = 60_000
"""Characters that are copied in the time of a step."""


def is_huge(operator: str, left: Any, right: Any) -> bool:
    """Whether an operator's result is out of all proportion."""
    if operator == "%":
        return isinstance(left, str) and (_width(_FORM, left) > MAX_LENGTH or _filled(left, "%", right))
    if isinstance(left, int) and isinstance(right, int):
        if operator == "+":
            return False
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        return bits > MAX_BITS
    if operator == "+":
        return length(left) + length(right) > MAX_LENGTH
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | bytes | list | tuple) and isinstance(times, int):
            return size_of(many) * times > MAX_LENGTH
    return False


def _filled(form: str, sign: str, values: Any) -> bool:
    return len(form) + form.count(sign) * size_of(values) > MAX_LENGTH


def _width(pattern: re.Pattern[str], form: str) -> int:
    """How wide a form writes its values, by all the numbers in its fields; endless where a value says how wide."""
    total = 0
    for field in pattern.findall(form):
        if "*" in field and field.startswith("%"):
            return MAX_LENGTH + 1
        total += sum(int(digits[:9]) for digits in _DIGITS.findall(field))
    return total


def pay_result(value: Any) -> Any:
    """Pay for what was made, and refuse what is out of all proportion.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise huge("this number")
    spend((size_of(value) if isinstance(value, CONTAINERS) else 0 if isinstance(value, range) else length(value)) >> 4)
    return value


def settled(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a method, with what `.join()` goes over counted first."""
    if name == "join" and args and not isinstance(args[0], str | list | tuple):
        return (list(islice(args[0], MAX_LENGTH)), *args[1:])
    return args


def check_method(name: str, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse a method of Python's own types that would make something huge.

    Raises:
        ValueError: it would.
    """
    given = (*args, *kwargs.values())
    if any(isinstance(each, int) and abs(each) > _MAX_NUMBER for each in given):
        raise huge(f".{name}()")
    if not isinstance(owner, str):
        return
    if name == "replace" and len(given) > 1:
        _check_replace(owner, *given[:2])
    elif name == "join" and given:
        if size_of(given[0]) + len(owner) * len(given[0]) > MAX_LENGTH:
            raise huge(".join()")
    elif name == "format" and (
        _NESTED.search(owner) or _width(_FIELD, owner) > MAX_LENGTH or _filled(owner, "{", given)
    ):
        raise huge(".format()")


def _check_replace(text: str, old: Any, new: Any) -> None:
    old, new = str(old), str(new)
    times = text.count(old) if old else len(text) + 1
    if len(text) + times * len(new) > MAX_LENGTH:
        raise huge("replace")


def guarded(name: str, func: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is paid for, and refused what would make it huge."""
    first = 1 if hasattr(func, "jinja_pass_arg") else 0

    @wraps(func)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        value = args[first] if len(args) > first else None
        spend(cost(value) * _SLOW.get(name, 1))
        given = (*args[first + 1 :], *kwargs.values())
        each = sum(map(cost, given))
        spend(each)
        if name not in _LARGE_NUMBERS and any(_is_large(every) for every in given):
            raise huge(f"the filter {name}")
        if name in _EACH and each > 1:
            args = (*args[:first], _each_paid(value, each), *args[first + 1 :])
        elif name in _CHECKS:
            _CHECKS[name](value, given)
        return pay_result(func(*args, **kwargs))

    return filtered


def _each_paid(items: Any, steps: int) -> Iterator[Any]:
    for item in items:
        spend(steps)
        yield item


def _is_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > _MAX_NUMBER
    return isinstance(value, int | float) and abs(value) > _MAX_NUMBER


def _replace(value: Any, given: tuple[Any, ...]) -> None:
    if len(given) > 1:
        _check_replace(as_text(value), *given[:2])


def _format(value: Any, given: tuple[Any, ...]) -> None:
    form = str(value)
    if _width(_FORM, form) > MAX_LENGTH or _filled(form, "%", given):
        raise huge("the filter format")


def _indent(value: Any, given: tuple[Any, ...]) -> None:
    text = str(value)
    width = max((len(each) if isinstance(each, str) else int(each) for each in given), default=4)
    if len(text) + (text.count("\n") + 1) * width > MAX_LENGTH:
        raise huge("the filter indent")


def _wordwrap(value: Any, given: tuple[Any, ...]) -> None:
    text = str(value)
    widths = [each for each in given if isinstance(each, int) and not isinstance(each, bool)]
    between = max((len(each) for each in given if isinstance(each, str)), default=1)
    lines = len(text) // max(1, min(widths, default=79)) + text.count("\n") + 1
    if len(text) + lines * between > MAX_LENGTH:
        raise huge("the filter wordwrap")
    spend(lines * max(map(len, text.split("\n"))) // _STEP)  # it cuts a long word anew for each of its lines


def _tojson(value: Any, given: tuple[Any, ...]) -> None:
    indent = max((int(each) for each in given if isinstance(each, int)), default=0)
    if size_of(value) * (1 + indent * depth_of(value)) > MAX_LENGTH and indent:
        raise huge("the filter tojson")


def _pprint(value: Any, _given: tuple[Any, ...]) -> None:
    if size_of(value) * depth_of(value) > MAX_LENGTH:
        raise huge("the filter pprint")


def _sum(value: Any, given: tuple[Any, ...]) -> None:
    if any(isinstance(each, list | tuple) for each in given):
        spend(size_of(value) * length(value) >> 4)  # a list is made anew for each that is added to it


_CHECKS: Mapping[str, Callable[[Any, tuple[Any, ...]], None]] = {
    "replace": _replace,
    "format": _format,
    "indent": _indent,
    "wordwrap": _wordwrap,
    "tojson": _tojson,
    "pprint": _pprint,
    "sum": _sum,
}

"""What filling a text costs: the budget of steps that every text has, and the sizes by which it is paid.

Nothing depends on time, so a text that may be filled today may be filled on any machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

MAX_LENGTH = 1024 * 1024
"""Characters of what one text may become, and items of what one operator, filter or method may make."""

WORK = 1_000_000
"""How many steps filling one text may take: a turn of a loop is about 3, a call 10, 16 characters or 1 item that are
handled 1."""

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class Exhausted(ValueError):
    """A text takes more work than any may."""


@contextmanager
def bounded(work: int = WORK) -> Iterator[None]:
    """Fill a text within a budget of its own."""
    token = _left.set([work])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Pay for so many steps, and one more for doing anything at all.

    Raises:
        Exhausted: the budget is used up.
    """
    left = _left.get()
    if left is None:
        return
    left[0] -= 1 + steps
    if left[0] < 0:
        raise Exhausted(f"takes more than {WORK:,} steps of work: its loops are too long, or its values too large")


def huge(what: str) -> ValueError:
    """What is raised instead of making something huge."""
    return ValueError(f"{what} would make a value that is far too large")


_MAPPINGS = (dict, MappingProxyType)  # no others: what is not known yet, in a dry run, must not be counted
CONTAINERS = (*_MAPPINGS, list, tuple, set, frozenset)


def size_of(value: Any) -> int:
    """How many characters and items a value has, all that is in it counted as often as it would be written.

    Raises:
        ValueError: more than any text may have.
    """
    if isinstance(value, str | bytes):
        return _characters(value)
    if not isinstance(value, CONTAINERS):
        return 1
    total = 0
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        total += 1
        if isinstance(item, str | bytes):
            total += _characters(item)
        elif isinstance(item, _MAPPINGS):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, CONTAINERS):
            stack += item
        if total + len(stack) > MAX_LENGTH:
            raise huge("this list or mapping")
    return total


def depth_of(value: Any) -> int:
    """How deep lists and mappings are nested in each other in a value that `size_of` has let pass; 1 for a list."""
    deepest = 0
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, CONTAINERS):
            deepest = max(deepest, depth)
            inside = item.values() if isinstance(item, _MAPPINGS) else item
            stack += [(each, depth + 1) for each in inside if isinstance(each, CONTAINERS)]
    return deepest


def length(value: Any) -> int:
    """The size of one value, not of what is in it."""
    if isinstance(value, str | bytes):
        return _characters(value)
    return len(value) if isinstance(value, (range, *CONTAINERS)) else 1


def _characters(value: str | bytes) -> int:
    """The length also of a text that does not tell it to templates, as a secret in a dry run."""
    return str.__len__(value) if isinstance(value, str) else len(value)


def cost(value: Any) -> int:
    """How many steps it takes to go through a value.

    Raises:
        ValueError: it is far too large.
    """
    if isinstance(value, str | bytes):
        return _characters(value) >> 4
    return len(value) if isinstance(value, range) else size_of(value)

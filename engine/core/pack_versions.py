"""Versions of packs and what one pack needs of others.

A version is numbers with dots, as many as one likes (`1`, `1.2`, `2026.11.3`); a missing number counts as 0. A range is
comparisons with commas between them, all of which must hold: `>=1.2,<2`, `==1.4`, `!=1.3`, `~=1.2` (at least 1.2, below
2); empty or `*` is any version.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,7}")
_CLAUSE = re.compile(r"(==|!=|>=|<=|>|<|~=)?\s*([0-9.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """A pack as others see it: its version, and the ranges it needs of others by their refs."""

    ref: str
    version: str
    dependencies: Mapping[str, str]


def check_version(text: str) -> str:
    """A version as written.

    Raises:
        ValueError: it is none.
    """
    if not _VERSION.fullmatch(text):
        raise ValueError(f"{text!r} is no version: write numbers with dots, such as 1.2.0")
    return text


def check_range(text: str) -> str:
    """A range as written.

    Raises:
        ValueError: it is none.
    """
    list(_clauses(text))
    return text.strip()


def fits(version: str, wanted: str) -> bool:
    """Whether a version is in a range, both well written."""
    at = _numbers(version)
    return all(_holds(at, comparison, bound, length) for comparison, bound, length in _clauses(wanted))


def _clauses(text: str) -> Iterator[tuple[str, tuple[int, ...], int]]:
    if text.strip() in ("", "*"):
        return
    for part in text.split(","):
        match = _CLAUSE.fullmatch(part.strip())
        if match is None or not _VERSION.fullmatch(match[2]):
            raise ValueError(f"{part.strip()!r} is no range of versions: write >=1.2,<2 (or ==, !=, >, <=, ~=)")
        comparison = match[1] or "=="
        if comparison == "~=" and "." not in match[2]:
            raise ValueError(f"{part.strip()!r}: ~= needs at least two numbers, such as ~=1.2")
        yield comparison, _numbers(match[2]), match[2].count(".") + 1


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers, without zeros at the end: 1.0 and 1 are one version."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _holds(at: tuple[int, ...], comparison: str, bound: tuple[int, ...], length: int) -> bool:
    match comparison:
        case "==":
            return at == bound
        case "!=":
            return at != bound
        case ">=":
            return at >= bound
        case "<=":
            return at <= bound
        case ">":
            return at > bound
        case "<":
            return at < bound
    kept = length - 1  # ~=1.2.3: the numbers before the last one stay
    padded = (*bound, *(0,) * length)[:kept]
    return at >= bound and (*at, *(0,) * length)[:kept] == padded


def lacks(packs: Iterable[Needs]) -> dict[str, list[str]]:
    """Everything that is wrong with what packs need of each other, in sentences by the ref of who needs it: packs that
    are missing or of a wrong version, and every circle.
    """
    known = {pack.ref: pack for pack in packs}
    found: dict[str, list[str]] = {}
    for pack in known.values():
        for ref, wanted in pack.dependencies.items():
            sentence = _lack(known.get(ref), ref, wanted)
            if sentence:
                found.setdefault(pack.ref, []).append(sentence)
    for circle in _circles(known):
        for ref in circle:
            found.setdefault(ref, []).append(f"the packs need each other: {' -> '.join([*circle, circle[0]])}")
    return found


def _lack(pack: Needs | None, ref: str, wanted: str) -> str | None:
    asked = f"{ref} {wanted}".strip()
    if pack is None:
        return f"needs the pack {asked}, which is not here; add it first"
    if not fits(pack.version, wanted):
        return f"needs the pack {asked}, but {ref} is at {pack.version}"
    return None


def ordered(packs: Iterable[Needs]) -> list[str]:
    """The refs of packs, each after those it needs; packs in a circle stand at the end, by ref."""
    known = {pack.ref: pack for pack in packs}
    done: dict[str, None] = {}
    waiting = sorted(known)
    while waiting:
        ready = [ref for ref in waiting if all(need in done or need not in known for need in known[ref].dependencies)]
        if not ready:
            return [*done, *waiting]
        done.update(dict.fromkeys(ready))
        waiting = [ref for ref in waiting if ref not in done]
    return list(done)


def _circles(known: Mapping[str, Needs]) -> list[list[str]]:
    """Circles, one for each group of packs that reach each other; each begins with its first ref by name."""
    found: list[list[str]] = []
    in_one: set[str] = set()
    for ref in sorted(known):
        if ref not in in_one:
            circle = _way_back(known, ref)
            if circle:
                found.append(circle)
                in_one.update(circle)
    return found


def _way_back(known: Mapping[str, Needs], start: str) -> list[str] | None:
    """The shortest way from a pack over what it needs back to itself."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for need in sorted(known[way[-1]].dependencies):
            if need == start:
                return way
            if need in known and need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return None

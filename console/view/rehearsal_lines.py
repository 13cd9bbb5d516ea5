"""How rehearsals went, as lines of a terminal; pure."""

from collections.abc import Iterator
from itertools import pairwise

from console.view.labels import Cell, Role, Symbols
from console.view.pieces import Piece, breaks, cells, printable
from engine.core.executions import AttemptStatus
from engine.core.rehearsal import Difference, Rehearsed

_INDENT = "     "
_NARROWEST = 16


def lines(rehearsed: Rehearsed, where: str, width: int, symbols: Symbols) -> Iterator[Cell]:
    """One line, and below it what differs: expected on the left, what came on the right."""
    good = not rehearsed.differences
    mark = symbols.attempt[AttemptStatus.SUCCEEDED if good else AttemptStatus.FAILED]
    role = Role.GOOD if good else Role.BAD
    label = f" {mark} "
    text = printable(f"{where}: {rehearsed.name}" + ("" if good else ": differs"))
    for at, part in enumerate(_parts(text, width - len(label))):
        yield (Piece(label if at == 0 else "   ", role), Piece(part))
    for difference in rehearsed.differences:
        yield from _difference(difference, width)


def _difference(difference: Difference, width: int) -> Iterator[Cell]:
    column = max(len("expected"), *(cells(line) for line in difference.expected), 0)
    column = min(column, max(_NARROWEST, (width - len(_INDENT) - 4) // 2))
    rest = max(_NARROWEST, width - len(_INDENT) - column - 4)
    yield (Piece(f"{_INDENT}{difference.what}", Role.STRONG),)
    yield (Piece(f"{_INDENT}{'expected':<{column}}    got", Role.MUTED),)
    count = max(len(difference.expected), len(difference.got))
    for at in range(count):
        left = difference.expected[at] if at < len(difference.expected) else ""
        right = difference.got[at] if at < len(difference.got) else ""
        yield from _pair(left, right, column, rest)


def _pair(left: str, right: str, column: int, rest: int) -> Iterator[Cell]:
    """A line on each side; a mark between those that are not the same, `-` for none."""
    mark = " " if left == right else "!"
    lefts, rights = _parts(printable(left or "-"), column), _parts(printable(right or "-"), rest)
    for at in range(max(len(lefts), len(rights))):
        one = lefts[at] if at < len(lefts) else ""
        two = rights[at] if at < len(rights) else ""
        shown = mark if at == 0 else " "
        padded = one + " " * (column - cells(one))
        yield (Piece(f"{_INDENT}{padded}"), Piece(f"  {shown} ", Role.BAD), Piece(two))


def _parts(text: str, width: int) -> list[str]:
    starts = [*breaks(text, max(1, width)), len(text)]
    return [text[start:end].strip() for start, end in pairwise(starts)]

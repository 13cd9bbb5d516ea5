"""Who has a console open, as lines. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from console.view.labels import Role, ago, safe
from console.view.pieces import Piece, cells
from engine.core.consoles import ConsoleSession

Line = tuple[Piece, ...]

_HEADS = ("who", "where", "since", "looks at")


def lines(sessions: Sequence[ConsoleSession], mine: str, now: datetime) -> list[Line]:
    """A line for each console, under a heading; `mine` is the id of the one that shows them."""
    rows = [_row(each, mine, now) for each in sessions]
    widths = [max(cells(text) for text in column) for column in zip(_HEADS, *rows, strict=True)]
    heading = tuple(Piece(f"{_padded(text, width)}   ", Role.MUTED) for text, width in zip(_HEADS, widths, strict=True))
    return [heading, *(_line(row, widths) for row in rows)]


def _line(row: Iterable[str], widths: Sequence[int]) -> Line:
    roles = (Role.STRONG, Role.MUTED, Role.MUTED, Role.PLAIN)
    return tuple(
        Piece(f"{_padded(text, width)}   ", role) for text, width, role in zip(row, widths, roles, strict=True)
    )


def _row(each: ConsoleSession, mine: str, now: datetime) -> tuple[str, str, str, str]:
    name = safe(each.name).removeprefix("user:")
    you = " (you)" if each.id == mine else ""
    kind = " read-only" if each.is_read_only else ""
    place = f"{safe(each.place)}{', by the API' if each.is_remote else ''}"
    return f"{name}{you}{kind}", place, ago(each.since, now), safe(each.looks_at)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def others(count: int) -> str:
    """How many others there are, in the heading."""
    return f"{count} other" if count == 1 else f"{count} others"

"""A tree of values as lines that can be folded. Pure."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.view.execution_lines import wrapped
from console.view.labels import Role, Symbols, safe
from console.view.pieces import Piece, cells

MOST_LINES = 400
"""Lines of one text that are shown."""

FOLDED_LINES = 8
"""A text of more lines is folded at first, and so are mappings and lists of more than `FOLDED_ITEMS`."""

FOLDED_ITEMS = 30
_DEEPEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailLine:
    """A line: its pieces; what it folds, by path (empty: nothing); and what is copied of it."""

    pieces: tuple[Piece, ...]
    fold: str = ""
    copies: str = ""

    @property
    def text(self) -> str:
        """The line as it is seen."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What lines are written on: `width` cells, with these symbols. `turned` are the paths of what was folded or
    unfolded by hand, so that it is otherwise than at first; on a `whole` one nothing is folded.
    """

    width: int
    symbols: Symbols
    turned: Collection[str] = frozenset()
    whole: bool = False

    def is_folded(self, path: str, at_first: bool) -> bool:
        """Whether something is folded now."""
        return not self.whole and at_first is not (path in self.turned)

    def mark(self, folded: bool) -> str:
        """The sign before something that can be folded."""
        if self.whole:
            return "  "
        if self.symbols.ellipsis.isascii():
            return "+ " if folded else "- "
        return "▸ " if folded else "▾ "


def tree_lines(values: Mapping[str, Any], path: str, paper: Paper, depth: int = 1) -> Iterator[DetailLine]:
    """The items of a mapping, each below the other, what is in them indented."""
    for key, value in values.items():
        yield from _item(str(key), value, f"{path}.{key}", paper, depth)


def _item(name: str, value: Any, path: str, paper: Paper, depth: int) -> Iterator[DetailLine]:
    indent = "  " * depth
    label = Piece(f"{safe(name)}: ", Role.MUTED)
    if isinstance(value, Mapping | list | tuple) and value and depth < _DEEPEST:
        folded = paper.is_folded(path, len(value) > FOLDED_ITEMS or depth > 3)
        count = _counted(value)
        lead = Piece(f"{indent}{paper.mark(folded)}", Role.ACCENT)
        yield DetailLine(
            pieces=(lead, label, *((Piece(count, Role.MUTED),) if folded else ())), fold=path, copies=as_json(value)
        )
        if not folded:
            items = value.items() if isinstance(value, Mapping) else ((str(at), each) for at, each in enumerate(value))
            for key, each in items:
                yield from _item(str(key), each, f"{path}.{key}", paper, depth + 1)
        return
    text = value if isinstance(value, str) else as_json(value)
    yield from _text(label, text, value, path, paper, indent)


def _text(label: Piece, text: str, value: Any, path: str, paper: Paper, indent: str) -> Iterator[DetailLine]:
    room = paper.width - len(indent) - 3
    if "\n" not in text and cells(label.text) + cells(safe(text)) <= room:
        role = Role.PLAIN if isinstance(value, str) else Role.ACCENT
        yield DetailLine(pieces=(Piece(f"{indent}  "), label, Piece(safe(text), role)), copies=text)
        return
    lines = wrapped(text.removesuffix("\n"), max(8, room - 2))
    long = len(lines) > FOLDED_LINES
    folded = long and paper.is_folded(path, True)
    lead = Piece(f"{indent}{paper.mark(folded) if long else '  '}", Role.ACCENT)
    more = (Piece(f"{len(lines)} lines", Role.MUTED),) if long else ()
    yield DetailLine(pieces=(lead, label, *more), fold=path if long else "", copies=text)
    shown = lines[:2] if folded else lines[:MOST_LINES]
    for line in shown:
        yield DetailLine(pieces=(Piece(f"{indent}    "), Piece(line)), copies=text)
    if len(shown) < len(lines):
        yield DetailLine(pieces=(Piece(f"{indent}    {paper.symbols.ellipsis}", Role.MUTED),), copies=text)


def _counted(value: Mapping[str, Any] | Sequence[Any]) -> str:
    noun = "value" if isinstance(value, Mapping) else "item"
    return f"{len(value)} {noun}{'' if len(value) == 1 else 's'}"


def as_json(value: Any) -> str:
    """A value as it is copied."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)

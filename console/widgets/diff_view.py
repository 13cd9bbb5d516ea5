"""Texts with line numbers: one alone, or two versions of one with what changed, side by side or unified.

What the lines are is worked out in `console.view.diff_lines`. Long lines go on below behind a mark, or are cut with
one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive

from console import looks
from console.view.diff_lines import WIDE, Comparison, DiffLine, Look, Panel, changes
from console.view.labels import Role, Symbols
from console.view.pieces import Piece, between, breaks, cells, fit, part_count, visible
from console.widgets.wrapped_rows import WrappedRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Gutter:
    """The cells before the text of a panel: for the numbers of the left and the right text, and for signs."""

    left: int
    right: int
    sign: int

    @property
    def width(self) -> int:
        """All of them."""
        return self.left + self.right + self.sign


class DiffView(WrappedRows):
    """A text, or the difference of two. `beside` says how: True side by side, False unified, None by the width."""

    beside: reactive[bool | None] = reactive(None, init=False)

    @dataclass
    class Moved(Message):
        """Another part or another kind of picture is shown."""

        view: "DiffView"

        @property
        def control(self) -> "DiffView":
            """The view."""
            return self.view

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(symbols, id=id)
        self._lines: Sequence[DiffLine] = ()
        self._comparison: Comparison | None = None
        self._gutters: tuple[Gutter, ...] = ()
        self._changes: list[int] = []
        self._at = 0
        self._steers = False
        self._is_beside = False

    # What is shown

    def show_lines(self, lines: Sequence[DiffLine]) -> None:
        """Show a text alone, from its beginning."""
        self._comparison = None
        self._show(lines)
        self.move_to(0)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show what differs, beginning at the first change."""
        self._comparison = comparison
        self._arrange()
        self.move_to(0)
        if self._changes:
            self._jump(0)

    @property
    def lines(self) -> Sequence[DiffLine]:
        """What is shown, line by line."""
        return self._lines

    @property
    def is_beside(self) -> bool:
        """Whether two versions stand side by side."""
        return self._comparison is not None and self._is_beside

    @property
    def change(self) -> tuple[int, int]:
        """Which change is looked at, counted from 1, and how many there are; both 0 if there is none."""
        return (self._at + 1 if self._changes else 0), len(self._changes)

    def _arrange(self) -> None:
        """Lay a difference out for the width."""
        if self._comparison is not None:
            self._is_beside = self.outer_size.width >= WIDE if self.beside is None else self.beside
            self._show(self._comparison.side_by_side if self._is_beside else self._comparison.unified)

    def _show(self, lines: Sequence[DiffLine]) -> None:
        self._lines = lines
        self._changes = changes(lines)
        self._gutters = tuple(_gutters(lines))
        self.lay_out()
        self.post_message(self.Moved(self))

    def watch_beside(self) -> None:
        """Show the same change the other way."""
        at = self._at
        self._arrange()
        self._jump(at)

    def action_layout(self) -> None:
        """Side by side, or unified."""
        if self._comparison is not None:
            self.beside = not self._is_beside

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew when another way fits better."""
        fits = self.outer_size.width >= WIDE if self.beside is None else self.beside
        if self._comparison is not None and fits != self._is_beside:
            at = self._at
            self._arrange()
            self._jump(at)
        else:
            super().on_resize(event)

    # Moving about

    @property
    def _above(self) -> int:
        """How many lines stay above a change that was jumped to."""
        return min(3, self.size.height // 4)

    def _jump(self, at: int) -> None:
        if self._changes:
            self._at = at % len(self._changes)
            self._steers = True
            self.move_to(max(0, self.line_of(self._changes[self._at]) - self._above))
            self._steers = False
            self.refresh()
            self.post_message(self.Moved(self))

    def action_next(self) -> None:
        """The next change; after the last, the first."""
        self._jump(self._at + 1)

    def action_previous(self) -> None:
        """The change before; before the first, the last."""
        self._jump(self._at - 1)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Take the change that somebody scrolled to for the one that is looked at."""
        super().watch_scroll_y(old_value, new_value)
        if self._steers or not self._changes or round(old_value) == round(new_value):
            return
        middle = self.row_at(self.scroll_offset.y + self.size.height // 2)[0]
        self._at = max(0, sum(first <= middle for first in self._changes) - 1)
        self.post_message(self.Moved(self))

    # What is drawn

    def row_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def row_heights(self) -> Iterable[int]:
        """How many lines of the screen each needs."""
        widths = self._text_widths()
        for line in self._lines:
            parts = (part_count(panel.text, width) for panel, width in zip(line.panels, widths, strict=False) if panel)
            yield max(parts, default=1)

    def _panel_widths(self) -> list[int]:
        if len(self._gutters) < 2:
            return [self.size.width]
        left = (self.size.width - 1) // 2
        return [left, self.size.width - 1 - left]

    def _text_widths(self) -> list[int]:
        pairs = zip(self._panel_widths(), self._gutters, strict=False)
        return [max(1, width - gutter.width) for width, gutter in pairs]

    def paint_row(self, row: int, part: int) -> list[Segment]:
        """One line of the screen."""
        line = self._lines[row]
        if line.folded:
            return looks.segments([self._fold(line.folded)], self.app.theme)
        pieces: list[Piece] = []
        for panel, width, gutter in zip(line.panels, self._panel_widths(), self._gutters, strict=False):
            if pieces:
                pieces.append(Piece("|" if self.symbols.ellipsis.isascii() else "│", looks.GUTTER))
            if panel is None:
                pieces.append(Piece(" " * width, Look.EQUAL))
            else:
                is_here = bool(line.changed) and line.changed == self._at + 1
                pieces += self._panel(panel, width, gutter, part, is_here)
        return looks.segments(pieces, self.app.theme)

    def _fold(self, count: int) -> Piece:
        indent = " " * max(0, (self._gutters[0].width if self._gutters else 0) - 2)
        lines = "1 line" if count == 1 else f"{count} lines"
        return Piece(fit(f"{indent}{self.symbols.ellipsis} {lines}", self.size.width), looks.FOLD)

    def _panel(self, panel: Panel, width: int, gutter: Gutter, part: int, is_here: bool) -> Iterator[Piece]:
        room = max(1, width - gutter.width)
        shown = self._part(panel, part, room)
        yield Piece(self._numbers(panel, gutter, part), Role.ACCENT if is_here else looks.GUTTER)
        if gutter.sign:
            yield Piece(f"{panel.sign if part == 0 else ' '} ", _sign_look(panel))
        yield from shown
        yield Piece(" " * max(0, room - sum(cells(piece.text) for piece in shown)), panel.look)

    def _part(self, panel: Panel, part: int, width: int) -> list[Piece]:
        if not self.wraps:
            return visible(panel.pieces, self.shift, width, self.symbols.ellipsis)
        starts = breaks(panel.text, width)
        if part >= len(starts):
            return []
        return list(between(panel.pieces, starts[part], starts[part + 1] if part + 1 < len(starts) else None))

    def _numbers(self, panel: Panel, gutter: Gutter, part: int) -> str:
        if part == 0:
            columns = [(panel.left, gutter.left), (panel.right, gutter.right)]
            return "".join(f"{number or ''!s:>{width - 1}} " for number, width in columns if width)
        goes_on = part < part_count(panel.text, self._text_widths()[self._gutters.index(gutter)])
        return f"{self.continued if goes_on else '':>{gutter.left + gutter.right - 1}} "


def _sign_look(panel: Panel) -> str:
    return {Look.REMOVED: Look.REMOVED_SIGN, Look.ADDED: Look.ADDED_SIGN}.get(panel.look, Role.PLAIN)


def _gutters(lines: Sequence[DiffLine]) -> Iterator[Gutter]:
    """What the numbers and signs of each column of panels need."""
    columns = max((len(line.panels) for line in lines), default=0)
    for column in range(columns):
        panels = [panel for line in lines if line.panels for panel in line.panels[column : column + 1] if panel]
        has_signs = columns > 1 or any(panel.sign != " " for panel in panels)
        yield Gutter(
            left=_digits(panels, lambda panel: panel.left),
            right=_digits(panels, lambda panel: panel.right),
            sign=2 if has_signs else 0,
        )


def _digits(panels: Sequence[Panel], number: Callable[[Panel], int]) -> int:
    most = max((number(panel) for panel in panels), default=0)
    return max(3, len(str(most))) + 1 if most else 0

"""A few lines of pieces, painted anew only where they say something new."""

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from console import paint
from console.view.columns import fitted
from console.view.labels import UNICODE, Cell, Symbols


class Lines(Widget):
    """Lines one below the other; what does not fit the width is cut, with a mark."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: list[Cell] = []

    def show(self, lines: Sequence[Cell]) -> None:
        """Show these lines."""
        before, self._lines = self._lines, list(lines)
        if len(before) != len(self._lines):
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as there is room."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many as there are."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        pieces = self._lines[y] if y < len(self._lines) else ()
        symbols: Symbols = getattr(self.app, "symbols", UNICODE)
        fitting = fitted(pieces, self.size.width, right=False, cut=symbols.ellipsis)
        strip = Strip(paint.segments(paint.joined(fitting), self.app.theme))
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

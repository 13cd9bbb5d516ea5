"""Rows of text on the line API: only what is in the window is ever drawn, wrapped or cut, and nothing is animated."""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console import keys
from console.view.heights import Heights
from console.view.labels import Symbols

SHIFT = 8  # columns that one key moves a text that is cut


class WrappedRows(ScrollView, can_focus=True):
    """Rows of text; those too long for the width go on below, or are cut and can be moved sideways.

    A subclass says how many rows there are, how many lines each needs, and paints one line of one row.
    """

    DEFAULT_CSS = """
    WrappedRows {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("list")]

    wraps = reactive(True, init=False)
    shift = reactive(0, init=False)

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self._heights = Heights()
        self._laid_out_for = 0

    @property
    def continued(self) -> str:
        """What stands before a line that goes on from the one above."""
        return "\\" if self.symbols.ellipsis.isascii() else "↳"

    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row_heights(self) -> Iterable[int]:
        """How many lines each row needs when it is wrapped at the present width."""
        raise NotImplementedError

    def paint_row(self, row: int, part: int) -> list[Segment]:
        """One line of a row, at most as wide as the widget; when rows are cut `part` is always 0."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Find anew where each row is, after the rows, the width or the manner have changed."""
        self._laid_out_for = self.size.width
        self._heights = Heights(self.row_heights()) if self.wraps else Heights()
        self._set_height()
        self.refresh()

    def _set_height(self) -> None:
        """Say how many lines there are; as long as that moves nothing but the scroll bar, nothing else is painted."""
        size = Size(self.size.width, self.height_of_all)
        if self.show_vertical_scrollbar and size.height > self.size.height:
            self.set_reactive(WrappedRows.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    @property
    def height_of_all(self) -> int:
        """How many lines all rows take."""
        return self._heights.total if self.wraps else self.row_count()

    def line_of(self, row: int) -> int:
        """The first line of a row."""
        return self._heights.top(row) if self.wraps else row

    def row_at(self, line: int) -> tuple[int, int]:
        """The row that a line belongs to, and which of its lines it is."""
        return self._heights.at(line) if self.wraps else (line, 0)

    @property
    def top_row(self) -> int:
        """The first row in the window."""
        return self.row_at(self.scroll_offset.y)[0]

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap for the new width, and keep the row at the top there."""
        if self.size.width in (0, self._laid_out_for):  # none: it is hidden, and comes back as it was
            return
        row = self.top_row
        self.lay_out()
        self.move_to(self.line_of(row))

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """A scroll bar that appears knows nothing of how far was scrolled before."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_offset.y

    def watch_wraps(self) -> None:
        """Keep the row at the top there."""
        row = self._heights.at(self.scroll_offset.y)[0] if not self.wraps else self.scroll_offset.y
        self.set_reactive(WrappedRows.shift, 0)
        self.lay_out()
        self.move_to(self.line_of(row))

    def watch_shift(self) -> None:
        """Draw the other columns."""
        self.refresh()

    def move_to(self, line: int) -> None:
        """Let the window begin with a line, as far as there are lines below."""
        self.scroll_to(y=line, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        row, part = self.row_at(y + self.scroll_offset.y)
        if row >= self.row_count():
            return Strip.blank(self.size.width, self.rich_style)
        strip = Strip(self.paint_row(row, part)).adjust_cell_length(self.size.width)
        return strip.apply_style(self.rich_style)

    def action_down(self) -> None:
        """A line down."""
        self.move_to(self.scroll_offset.y + 1)

    def action_up(self) -> None:
        """A line up."""
        self.move_to(self.scroll_offset.y - 1)

    def action_top(self) -> None:
        """To the first line."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """To the last line."""
        self.move_to(self.height_of_all)

    def action_half_down(self) -> None:
        """Half a window down."""
        self.move_to(self.scroll_offset.y + max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Half a window up."""
        self.move_to(self.scroll_offset.y - max(1, self.size.height // 2))

    def action_page_down(self) -> None:
        """A window down."""
        self.move_to(self.scroll_offset.y + max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        """A window up."""
        self.move_to(self.scroll_offset.y - max(1, self.size.height - 1))

    def action_scroll_right(self) -> None:
        """Show more of the right."""
        if not self.wraps:
            self.shift += SHIFT

    def action_scroll_left(self) -> None:
        """Show more of the left."""
        self.shift = max(0, self.shift - SHIFT)

    def action_wrap(self) -> None:
        """Wrap long rows, or cut them."""
        self.wraps = not self.wraps

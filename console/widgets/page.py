"""A page of text that scrolls by the keys of the lists, and how its scroll bar is drawn."""

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.scrollbar import ScrollBarRender

from console import keys


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of whole cells, for terminals that have no eighths of one."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


class PageScroll(VerticalScroll):
    """Something longer than the screen, without rows or a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("list")]

    def _scroll(self, lines: int) -> None:
        self.scroll_relative(y=lines, animate=False)

    def action_down(self) -> None:
        """A line down."""
        self._scroll(1)

    def action_up(self) -> None:
        """A line up."""
        self._scroll(-1)

    def action_top(self) -> None:
        """To the beginning."""
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._scroll(self.size.height // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._scroll(-(self.size.height // 2))

    def action_page_down(self) -> None:
        """A page down."""
        self._scroll(self.size.height)

    def action_page_up(self) -> None:
        """A page up."""
        self._scroll(-self.size.height)

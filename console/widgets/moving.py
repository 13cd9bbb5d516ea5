"""The keys that move a cursor over rows, the same in everything that has rows."""

from typing import ClassVar

from textual.binding import BindingType
from textual.scroll_view import ScrollView

from console import keys


class Moving(ScrollView):
    """Something with rows and a cursor; what is under it says how many rows there are and puts the cursor there."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("list")]

    @property
    def place(self) -> int:
        """Where the cursor stands, counted from 0."""
        raise NotImplementedError

    @property
    def last(self) -> int:
        """The place of the last row."""
        raise NotImplementedError

    @property
    def page(self) -> int:
        """How many rows there is room for."""
        raise NotImplementedError

    def move(self, place: int) -> None:
        """Put the cursor on a row, or on the nearest there is."""
        raise NotImplementedError

    def action_down(self) -> None:
        """The next row."""
        self.move(self.place + 1)

    def action_up(self) -> None:
        """The row before."""
        self.move(self.place - 1)

    def action_top(self) -> None:
        """The first row."""
        self.move(0)

    def action_bottom(self) -> None:
        """The last row."""
        self.move(self.last)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.move(self.place + self.page // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move(self.place - self.page // 2)

    def action_page_down(self) -> None:
        """A page down."""
        self.move(self.place + self.page)

    def action_page_up(self) -> None:
        """A page up."""
        self.move(self.place - self.page)

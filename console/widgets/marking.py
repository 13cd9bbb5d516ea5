"""A table whose rows can be marked, for what is done with many at once."""

from typing import ClassVar

from textual.binding import BindingType

from console import keys
from console.widgets.table import Table


class MarkingTable(Table):
    """Marks stay with their rows, shown or not, until they are taken away."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("marks")]
    _marked_last = ""

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next."""
        if self.cursor_key is not None:
            self.marked = self.marked ^ {self.cursor_key}
            self._marked_last = self.cursor_key
            self.post_message(self.Marked(self))
            if self._cursor < len(self._keys) - 1:
                self.move(self._cursor + 1)
            self.repaint()

    def action_mark_all(self) -> None:
        """Mark all rows that are shown, or none if they all are."""
        shown = set(self._keys)
        self.marked = self.marked - shown if shown <= self.marked else self.marked | shown
        self.post_message(self.Marked(self))
        self.repaint()

    def action_mark_to(self) -> None:
        """Mark all from the row marked last to the one under the cursor."""
        if self._keys:
            start = self._places.get(self._marked_last, self._cursor)
            first, last = sorted((start, self._cursor))
            self.marked = self.marked | set(self._keys[first : last + 1])
            self._marked_last = self._keys[self._cursor]
            self.post_message(self.Marked(self))
            self.repaint()

    def action_mark_others(self) -> None:
        """Mark those of the shown rows that are not, and unmark those that are."""
        self.marked = self.marked ^ set(self._keys)
        self.post_message(self.Marked(self))
        self.repaint()

"""What the screens that show a list have in common: its filter, its order, and the way back."""

from console.screens.base import PureBootScreen
from console.widgets.pane import ListPane
from console.widgets.table import Table


class ListScreen(PureBootScreen):
    """A screen around a list; `body()` makes `table` and the `pane` it is in."""

    table: Table
    pane: ListPane

    def action_open(self) -> None:
        """Open what is under the cursor."""
        self.table.action_open()

    def action_filter(self) -> None:
        """Type a filter."""
        self.pane.filter.ask()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.pane.next_sort()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.pane.reverse()

    def step_back(self) -> bool:
        """Drop the filter, then the marks."""
        return self.pane.clear()

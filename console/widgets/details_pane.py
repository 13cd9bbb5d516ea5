"""All there is to know of the selected attempt: a heading, a field to search in it, and lines that can be folded."""

from typing import TYPE_CHECKING

from textual import events, work

from console import clipboard
from console.view import execution_lines
from console.view.detail_lines import detail_lines
from console.view.json_lines import Paper
from console.view.labels import Role, Symbols
from console.view.pieces import Piece
from console.view.timeline_rows import Entry
from console.widgets.details_view import GUTTER, DetailsView
from console.widgets.filter import FilterBar
from console.widgets.searched_pane import SearchedPane
from engine.core.accounts import AttemptAccount
from engine.errors import PureBootError

if TYPE_CHECKING:
    pass


class DetailsPane(SearchedPane):
    """Heading, search, lines. `view` are the lines."""

    SEARCHED = "details"
    HEADING_ID = "details-heading"
    SEARCH_ID = "details-search"

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(symbols, id=id)
        self._entry: Entry | None = None
        self._account: AttemptAccount | None = None
        self._turned: frozenset[str] = frozenset()
        self.view: DetailsView = DetailsView(symbols, id="details")

    def show(self, entry: Entry | None) -> None:
        """Show the details of a row, if they are shown at all; those of its attempt are read when it has changed."""
        if not self.display:
            return
        before, self._entry = self._entry, entry
        is_same = before is not None and entry is not None and before.key == entry.key
        if not is_same:
            self._account, self._turned = None, frozenset()
        has_changed = not is_same or before is None or before.attempt != (entry.attempt if entry else None)
        if entry is not None and entry.attempt is not None and (has_changed or self._account is None):
            self._read(entry, anew=not is_same)
        else:
            self._lay_out(anew=not is_same)

    @work(group="details", exclusive=True)
    async def _read(self, entry: Entry, *, anew: bool) -> None:
        attempt = entry.attempt
        if attempt is None:
            return
        try:
            self._account = await self.console.pureboot.accounts.attempt(attempt.execution_id, attempt.id)
        except PureBootError as error:
            self.console.complain(error)
        else:
            self._lay_out(anew=anew)

    def _lay_out(self, *, anew: bool = False) -> None:
        entry = self._entry
        if entry is None or (entry.attempt is not None and self._account is None):
            return
        width = max(20, self.size.width - GUTTER - 1)
        paper = Paper(width=width, symbols=self._symbols, turned=self._turned)
        self.view.show(detail_lines(entry, self._account, self.console.now(), paper), anew=anew)
        self.tell()

    def tell(self) -> None:
        """Say whose they are."""
        entry, (match, matches) = self._entry, self.view.matches
        name = f" DETAILS  {entry.name}{entry.number}" if entry else " DETAILS"
        found = [] if not self.view.needle else [f"{match} of {matches} found" if matches else "nothing found"]
        said = f" {self._symbols.separator} ".join([*found, "enter folds", "y copies", "D back to the log"])
        self.heading.show(
            [
                execution_lines.cut(
                    [Piece(name, "heading"), Piece(f"   {said}", Role.MUTED)], self.size.width, self._symbols
                )
            ]
        )

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap for the new width."""
        self._lay_out()

    def on_details_view_moved(self, event: DetailsView.Moved) -> None:
        """Say what is found."""
        event.stop()
        self.tell()

    def on_details_view_turned(self, event: DetailsView.Turned) -> None:
        """Fold or unfold."""
        event.stop()
        self._turned ^= {event.path}
        self._lay_out()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Search while typing."""
        event.stop()
        self.view.search(event.text)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """The keys go to the lines."""
        event.stop()
        self.view.focus()

    def mark(self) -> None:
        """Fold or unfold what is under the cursor."""
        self.view.action_open()

    def next(self, step: int) -> None:
        """The next line that has what is searched, or the one before."""
        self.view.next(step)

    def wrap(self) -> None:
        """It is always wrapped."""
        self.console.tell("the details are always wrapped")

    def copy(self, *, everything: bool = False) -> None:
        """Copy the value under the cursor, or the whole page as it is seen."""
        line = self.view.current
        text = (
            "\n".join(each.text.rstrip() for each in self.view.lines) + "\n"
            if everything
            else line.copies
            if line
            else ""
        )
        if not text:
            self.console.complain("there is nothing on this line to copy; Y copies the whole page")
            return
        copied = clipboard.copy(text)
        self.console.copy_to_clipboard(copied.text)
        self.console.tell(copied.said)

    def step_back(self) -> bool:
        """Drop the search; False if there was none."""
        if self.search.text:
            self.search.text = ""
            return True
        return False

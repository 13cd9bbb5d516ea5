"""The log of one attempt: a heading that says how it is read, a field to search in it, and the log, followed live."""

import asyncio
from typing import TYPE_CHECKING

from textual import work

from console import clipboard
from console.view import execution_lines
from console.view.execution_lines import LogState
from console.view.labels import Symbols
from console.view.timeline import Entry
from console.widgets.filter import FilterBar
from console.widgets.log_view import LogView
from console.widgets.searched_pane import SearchedPane
from engine.core.executions import Attempt
from engine.errors import PureBootError

if TYPE_CHECKING:
    pass

RETRY_SECONDS = 1.0


class LogPane(SearchedPane):
    """Heading, search, log. `view` is the log itself."""

    SEARCHED = "log"
    HEADING_ID = "log-heading"
    SEARCH_ID = "search"

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(symbols, id=id)
        self._entry: Entry | None = None
        self._logged: str | None = None
        self.view: LogView = LogView(symbols, id="log")

    def show(self, entry: Entry | None) -> None:
        """Show the log of an attempt, from its beginning if it was another one's before."""
        self._entry = entry
        attempt = entry.attempt if entry is not None else None
        if entry is not None and self._logged != (attempt.id if attempt else ""):
            self._logged = attempt.id if attempt else ""
            self.view.clear()
            self.workers.cancel_group(self, "log")
            if attempt is not None:
                self._append_log(attempt)
        self.tell()

    def tell(self) -> None:
        """Say whose log it is and how it is read."""
        self.heading.show([execution_lines.log_heading(self._entry, self._state(), self.size.width, self._symbols)])

    def _state(self) -> LogState:
        log = self.view
        match, matches = log.matches
        return LogState(
            lines=log.lines,
            dropped=log.dropped,
            follows=log.follows,
            unseen=log.unseen,
            needle=log.needle,
            match=match,
            matches=matches,
            marked=log.marked,
        )

    @work(group="log", exclusive=True)
    async def _append_log(self, attempt: Attempt) -> None:
        """Follow a log for as long as it is shown, over times when the store cannot be read."""
        last = 0
        feed = self.console.pureboot.feed
        while True:
            try:
                async for batch in feed.follow_log(attempt.execution_id, attempt_id=attempt.id, after=last):
                    last = batch[-1].id
                    for chunk in batch:
                        self.view.append(chunk.text)
            except PureBootError as error:
                self.console.complain(error)
                await asyncio.sleep(RETRY_SECONDS)

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        """Say how the log is read now."""
        event.stop()
        self.tell()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Search while typing."""
        event.stop()
        self.view.search(event.text)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """The keys go to the log."""
        event.stop()
        self.view.focus()

    def mark(self) -> None:
        """Mark lines."""
        self.view.focus()
        self.view.action_mark()

    def next(self, step: int) -> None:
        """The next match, or the one before."""
        self.view.action_next() if step > 0 else self.view.action_previous()

    def wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.view.action_wrap()

    def copy(self, *, everything: bool = False) -> None:
        """Copy what is marked or under the cursor, or else all."""
        start, end = (self.view.dropped, self.view.lines) if everything else self.view.chosen
        if start >= end:
            self.console.complain("there is no log to copy here yet")
            return
        copied = clipboard.copy(self.view.text(start, end))
        self.console.copy_to_clipboard(copied.text)
        self.console.tell(copied.said)

    def step_back(self) -> bool:
        """Drop the search, then the marks; False if there was neither."""
        if self.search.text:
            self.search.text = ""
        elif self.view.marked:
            self.view.action_mark()
        else:
            return False
        return True

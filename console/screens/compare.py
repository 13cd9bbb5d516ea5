"""Two texts compared, of which one is not saved: what somebody writes, and a version."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from console.screens.base import PureBootScreen
from console.screens.diff_keys import DiffKeys
from console.view import template_lines
from console.view.diff_lines import Comparison, compare
from console.view.labels import safe
from console.view.template_lines import DiffFacts
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines


class CompareScreen(DiffKeys, PureBootScreen):
    """A heading and the difference."""

    CONTEXTS = ("compare", "list")
    NAME = "what differs"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, left: tuple[str, str], right: tuple[str, str]) -> None:
        """Each side is its name and its text."""
        super().__init__()
        self._left, self._right = left, right
        self._found: Comparison | None = None

    def body(self) -> Iterable[Widget]:
        """The parts."""
        self.heading = Lines(id="text-heading")
        self.text = DiffView(self.app.symbols, id="text")
        with Vertical():
            yield self.heading
            yield self.text

    def begin(self) -> None:
        """Compare; in a thread, for texts may be large."""
        self.text.focus()
        self._compare()

    @work(group="show", exclusive=True)
    async def _compare(self) -> None:
        self._found = await asyncio.to_thread(compare, self._left[1], self._right[1])
        self.text.show_comparison(self._found)

    def on_diff_view_moved(self, _event: DiffView.Moved) -> None:
        """Say which change is looked at."""
        if self._found is not None:
            at, of = self.text.change
            found = self._found.diff
            facts = DiffFacts(
                left=safe(self._left[0]),
                right=safe(self._right[0]),
                added=found.added,
                removed=found.removed,
                change=at,
                changes=of,
            )
            self.heading.show([template_lines.diff_heading(facts, self.app.symbols)])

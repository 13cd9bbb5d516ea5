"""Who would get this: the nodes and executions that another version reaches, and what each would get other than now."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from console.screens.diff_keys import DiffKeys
from console.screens.lists import ListScreen
from console.view import impact_lines, template_lines
from console.view.diff_lines import Comparison, compare
from console.view.labels import Role, Row, safe
from console.view.listing import Listing
from console.view.pieces import Piece
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.documents import DocumentKind
from engine.core.impact import Impact, Reached
from engine.errors import PureBootError

_SHORT = 30
_NOTHING_FITS = f"""Nobody fits the filter. Press escape to drop it.

Fields: {" ".join(impact_lines.IMPACT_FIELDS)}"""


class ImpactScreen(DiffKeys, ListScreen):
    """Whom a version reaches above; below what differs, in the text itself or as one of them would get it."""

    CONTEXTS = ("impact", "list")
    NAME = "who would get this"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(
        self, kind: DocumentKind, name: str, from_: str, to: str | None = None, *, content: str | None = None
    ) -> None:
        """What would take the place of the version `from_`: another version, or a text that is not saved."""
        super().__init__()
        self._kind = kind
        self._document = name
        self._versions = (from_, to or "this text")
        self._asked: Mapping[str, str | None] = {"from_": from_, "to": to, "content": content}
        self._impact: Impact | None = None
        self._reached: dict[str, Reached] = {}

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self.heading, self.told, self.text_heading = Lines(id="impact-title"), Lines(), Lines(id="text-heading")
        self.table = Table(impact_lines.IMPACT_COLUMNS, self._row, symbols=symbols, empty=_NOTHING_FITS, id="reached")
        listing = Listing(
            fields=lambda key: impact_lines.impact_fields(self._reached[key]),
            known=impact_lines.IMPACT_FIELDS,
            sort_key=lambda key, sort: impact_lines.impact_sort_key(self._reached[key], sort),
            sorts=impact_lines.IMPACT_SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._reached, known=lambda key: key in self._reached)
        self.text = DiffView(symbols, id="text")
        with Vertical():
            yield self.heading
            yield self.told
            yield self.pane
            yield self.text_heading
            yield self.text

    def _row(self, key: str) -> Row:
        return impact_lines.impact_row(self._reached[key])

    def on_resize(self) -> None:
        """Give away the blank lines where there are few lines at all."""
        self.set_class(self.size.height < _SHORT, "-short")

    def begin(self) -> None:
        """Work it out."""
        self.table.focus()
        self.told.show([(Piece(" working out whom it reaches", Role.MUTED),)])
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            found = await self.app.pureboot.library.impact(self._kind, self._document, **self._asked)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._impact = found
        self._reached = {f"{at}": each for at, each in enumerate(found.reached)}
        self.heading.show([impact_lines.title(found, self.app.symbols)])
        self.told.show(impact_lines.counts(found))
        self.pane.display = bool(self._reached)
        if not self._reached:
            self.text.focus()
        self.pane.listing.forget_all()
        self.pane.rearrange()
        self._show_source()

    @work(group="show", exclusive=True)
    async def _show_source(self) -> None:
        """Show what differs in the text itself."""
        from_, to = self._versions
        service = self.app.pureboot.templates if self._kind is DocumentKind.TEMPLATE else self.app.pureboot.workflows
        try:
            left = (await service.version(self._document, from_)).content
            right = self._asked["content"]
            right = (await service.version(self._document, to)).content if right is None else right
        except PureBootError as error:
            self.app.complain(error)
            return
        self._compared(f"{self._document}, as it is written", await asyncio.to_thread(compare, left, right))

    def _compared(self, what: str, found: Comparison) -> None:
        arrow = self.app.symbols.arrow
        self.text.show_comparison(found)
        facts = Piece(
            f"+{found.diff.added} -{found.diff.removed}" if not found.diff.identical else "the same", Role.MUTED
        )
        from_, to = self._versions
        self.text_heading.show([(Piece(f" {safe(what)}  {from_} {arrow} {to}   ", "heading"), facts)])

    @work(group="show", exclusive=True)
    async def _show_for(self, each: Reached) -> None:
        """Show what one of them would get."""
        if each.node_id is None:
            self.app.complain("it runs on no node, so there is nobody to render it for")
            return
        try:
            found = await self.app.pureboot.library.impact(self._kind, self._document, **self._asked, node=each.node_id)
        except PureBootError as error:
            self.app.complain(error)
            return
        mine = next((one for one in found.reached if one.execution_id == each.execution_id), None)
        texts = mine.texts if mine is not None else ()
        before, after = template_lines.together(texts)
        names = ", ".join(one.title for one in texts) or self._document
        self._compared(f"{names} for {each.node}", await asyncio.to_thread(compare, before, after))
        self.text.focus()

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """What this one would get."""
        self._show_for(self._reached[event.key])

    def action_source(self) -> None:
        """What differs in the text itself."""
        self._show_source()

    def action_text(self) -> None:
        """To the text, or back to the list."""
        (self.table if self.text.has_focus else self.text).focus()

    def action_node(self) -> None:
        """Open the node under the cursor."""
        each = self._reached.get(self.table.cursor_key or "")
        if each is not None and each.node_id is not None:
            self.app.open_node(each.node_id)

    def step_back(self) -> bool:
        """To the list, then to all of it."""
        if self.text.has_focus and self._reached:
            self.table.focus()
            return True
        return super().step_back()

"""The event log as it grows, and what was said in this session."""

import textwrap
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from textual.widget import Widget

from console.model import Changes
from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import event_lines
from console.view.event_lines import Entry
from console.view.labels import Cell, Role, Row, safe
from console.view.listing import Listing
from console.view.pieces import Piece, cells
from console.widgets.lines import Lines
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.events import Event, Kind
from engine.core.page import Page
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import Notice

FIRST = 500
MOST = 5000
WHOLE_LINES = 5
PROBLEMS = "level:problem"
_EMPTY = """Nothing has happened yet.

Whatever machines, people and workflows do appears here as it happens."""
_NOTHING_FITS = f"""No event fits the filter. Press escape to drop it.

Fields: {" ".join(event_lines.FIELDS)}"""
_ROLES = {"error": Role.BAD, "warning": Role.WARN, "information": Role.PLAIN}


class LogScreen(ListScreen):
    """Every event, the newest at the bottom; stands still while the cursor is elsewhere."""

    CONTEXTS = ("log", "list")
    NAME = "log"

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}
        self._numbers = count()
        self._last_event = 0
        self._said = 0
        self._follows = True
        self._newer = 0
        self._shows_progress = False
        # What happens while the first page is read; None once it has been.
        self._early: list[Event] | None = []

    def body(self) -> Iterable[Widget]:
        """The list, and whether it follows."""
        self.table = Table(event_lines.COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="log")
        listing = Listing(
            fields=lambda key: event_lines.fields(self._entries[key]),
            known=event_lines.FIELDS,
            sort_key=lambda key, _: (self._entries[key].number,),
            sorts=("number",),
        )
        self.pane = ListPane(self.table, listing, lambda: self._entries, known=self._entries.__contains__)
        self._status = Lines(id="log-status")
        yield self.pane
        yield self._status

    def _row(self, key: str) -> Row:
        return event_lines.row(self._entries[key], self.app.now())

    def begin(self) -> None:
        """Read the newest events."""
        self.table.focus()
        self.app.told.subscribe(self, lambda _: self._take(()))
        work_on(self, self._read, group="read", exclusive=True)

    async def _read(self) -> None:
        try:
            newest, _ = await self.app.pureboot.events(Page(limit=FIRST, filters=self._kinds()))
        except PureBootError as error:
            self.app.complain(error)
            newest = []
        early, self._early = self._early or [], None
        self._take([*reversed(newest), *early])

    def refreshed(self, changes: Changes) -> None:
        """Add what is new."""
        if self._early is not None:
            self._early += changes.events
        elif changes.events:
            self._take(changes.events)

    def _take(self, events: Iterable[Event]) -> None:
        if self._early is not None:
            return
        wanted = {event.id: event for event in events if self._is_wanted(event)}
        news: list[Event | Notice] = [*wanted.values(), *self.app.said[self._said :]]
        added = [self._add(self._entry(each)) for each in sorted(news, key=lambda each: each.at)]
        self._said = len(self.app.said)
        while len(self._entries) > MOST:
            del self._entries[next(iter(self._entries))]
        self.table.empty = _NOTHING_FITS if self._entries else _EMPTY
        self.pane.listing.forget(added)
        self._newer += len(added)
        self.pane.rearrange()

    def _kinds(self) -> dict[str, tuple[str, ...]]:
        """Of a busy rack most events are steps that get on, which its other screens show better."""
        if self._shows_progress:
            return {}
        return {"kind": tuple(kind.value for kind in Kind if kind is not Kind.ATTEMPT_PROGRESSED)}

    def _is_wanted(self, event: Event) -> bool:
        is_progress = event.kind is Kind.ATTEMPT_PROGRESSED
        return event.id > self._last_event and (self._shows_progress or not is_progress)

    def _add(self, entry: Entry) -> str:
        key = str(entry.number)
        self._entries[key] = entry
        return key

    def _entry(self, said: "Event | Notice") -> Entry:
        return self._noted(said) if isinstance(said, Event) else self._notice(said)

    def _noted(self, event: Event) -> Entry:
        self._last_event = max(event.id, self._last_event)
        node = self.app.model.nodes.get(event.node_id or "")
        named = {group.id: group.name for group in self.app.model.groups.values()}
        return event_lines.entry(event, next(self._numbers), node.name if node is not None else "", named)

    def _notice(self, notice: "Notice") -> Entry:
        return Entry(
            number=next(self._numbers),
            at=notice.at,
            text=notice.text,
            role=_ROLES[notice.severity],
            kind=notice.severity,
            by="this console",
        )

    # Following

    def _say(self) -> None:
        if self._follows:
            self._newer = 0
            line: Cell = (Piece(" following", Role.MUTED),)
        else:
            newer = f", {self._newer} newer" if self._newer else ""
            line = (Piece(" standing still", Role.WARN), Piece(f"{newer}: f follows the newest", Role.MUTED))
        self._status.show([*self._whole(), line])

    def on_list_pane_rearranged(self, _event: ListPane.Rearranged) -> None:
        """Stay with the newest."""
        if self._follows:
            self.table.move_to_bottom()
        self._say()

    def _whole(self) -> list[Cell]:
        """The whole text under the cursor, where the list cuts it."""
        entry = self._entries.get(self.table.cursor_key or "")
        if entry is None or cells(safe(entry.text)) <= self.table.width_of("text"):
            return []
        told = textwrap.wrap(safe(entry.text), max(20, self.app.size.width - 2))[:WHOLE_LINES]
        return [(Piece(f" {line}", entry.role),) for line in told]

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Stand still when the cursor is moved off the end, and follow when it is moved there."""
        if event.by_hand:
            self._follows = event.key == self.table.keys[-1]
        self._say()

    async def on_table_opened(self, event: Table.Opened) -> None:
        """Open what an event is about."""
        entry = self._entries[event.key]
        if entry.execution_id is not None:
            self.app.open_execution(entry.execution_id)
        elif entry.node_id is not None:
            self.app.open_node(entry.node_id)
        elif entry.document is not None:
            await self._open_document(*entry.document)

    async def _open_document(self, subject: str, name: str) -> None:
        if subject == "template":
            self.app.open_template(name)
        else:
            await self.app.open_workflow(name)

    # Keys

    def action_follow(self) -> None:
        """Follow, or stand still."""
        self._follows = not self._follows
        if self._follows:
            self.table.move_to_bottom()
        self._say()

    def action_progress(self) -> None:
        """List the progress of steps as well, or not."""
        self._shows_progress = not self._shows_progress
        self._entries.clear()
        self._last_event = self._said = 0
        self._early = []
        self._follows = True
        work_on(self, self._read, group="read", exclusive=True)

    def action_problems(self) -> None:
        """Only what went wrong, or everything."""
        self.pane.search("" if self.pane.filter.text == PROBLEMS else PROBLEMS)

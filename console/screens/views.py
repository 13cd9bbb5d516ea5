"""Choosing a saved view, saving the one that is shown, deleting one."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from console import views
from console.screens.base import Dialog, work_on
from console.view.columns import Column
from console.view.labels import Role, Row, cell
from console.views import View
from console.widgets.table import Table
from engine.errors import Unavailable

_COLUMNS = (
    Column(key="name", title="VIEW", width=16, flex=1, most=28, keep=100),
    Column(key="filter", title="FILTER", width=20, flex=3, keep=99),
    Column(key="sort", title="BY", width=14, keep=90),
)
_KEYS = "enter use   s save the present one   d delete   esc leave"
_OURS = "this one comes with PureBoot and cannot be deleted"


class ViewsScreen(Dialog[View]):
    """Answers with the view to use."""

    BINDINGS: ClassVar = [
        Binding("escape", "refuse", "leave"),
        Binding("s", "save", "save"),
        Binding("d", "delete", "delete"),
        Binding("y", "sure", show=False),
        Binding("n", "not_sure", show=False),
    ]
    CSS_PATH: ClassVar = "../changes.tcss"
    AUTO_FOCUS = "#views"

    def __init__(self, place: str, present: View) -> None:
        """`place` names the list; `present` is how it is shown now."""
        super().__init__()
        self._place = place
        self._present = present
        self._views: dict[str, View] = {}
        self._doomed: View | None = None

    def compose(self) -> ComposeResult:
        """The views, and a line for a name."""
        self.table = Table(_COLUMNS, self._row, symbols=self.app.symbols, id="views")
        name = Input(placeholder="a name for the filter and order that are shown now", id="view-name", compact=True)
        name.cursor_blink = False
        with Vertical(classes="dialog views"):
            yield Static("Views", classes="dialog-title", markup=False)
            yield self.table
            yield name
            yield Static(_KEYS, id="views-foot", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """List them."""
        self.query_one("#view-name").display = False
        work_on(self, self._read, group="views")

    async def _read(self) -> None:
        found = await asyncio.to_thread(views.load, self._place)
        self._views = {f"{view.name}\n{view.is_ours}": view for view in found}
        self.table.show(list(self._views))

    def _row(self, key: str) -> Row:
        view = self._views[key]
        order = f"{view.sort}{', reversed' if view.reverse else ''}"
        role = Role.MUTED if view.is_ours else Role.STRONG
        return (cell(view.name, role), cell(view.filter or "everything"), cell(order, Role.MUTED))

    @property
    def _under_cursor(self) -> View | None:
        return self._views.get(self.table.cursor_key or "")

    def _say(self, text: str) -> None:
        self.query_one("#views-foot", Static).update(text)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Use it."""
        event.stop()
        self.dismiss(self._views[event.key])

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Another one is meant."""
        self.action_not_sure()

    def action_save(self) -> None:
        """Ask for a name."""
        name = self.query_one("#view-name", Input)
        name.display = True
        name.focus()
        shown = self._present
        self._say(f"enter saves: {shown.filter or 'everything'}, by {shown.sort}   esc leave")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Save it; a view of the same name is replaced."""
        event.stop()
        name = event.value.strip()
        if not name or len(name) > views.MOST_NAME:
            self._say(f"a name of 1 to {views.MOST_NAME} characters is needed")
            return
        shown = self._present
        view = View(name=name, filter=shown.filter, sort=shown.sort, reverse=shown.reverse)
        self._change(lambda: views.save(self._place, view))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The line for the name goes with the focus."""
        if isinstance(event.widget, Input):
            event.widget.display = False

    def action_delete(self) -> None:
        """Ask whether to."""
        view = self._under_cursor
        if view is None or view.is_ours:
            self._say(_OURS if view is not None else _KEYS)
            return
        self._doomed = view
        self._say(f"delete {view.name}?   y delete   n keep")

    def action_sure(self) -> None:
        """Delete it."""
        doomed, self._doomed = self._doomed, None
        if doomed is not None:
            self._change(lambda: views.delete(self._place, doomed.name))

    def action_not_sure(self) -> None:
        """Keep it."""
        self._doomed = None
        self._say(_KEYS)

    def _change(self, write: Callable[[], None]) -> None:
        async def work() -> None:
            try:
                await asyncio.to_thread(write)
            except Unavailable as error:
                self.app.complain(error)
            self.table.focus()
            self.action_not_sure()
            await self._read()

        work_on(self, work, group="views", exclusive=True)

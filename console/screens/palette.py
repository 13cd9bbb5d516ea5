"""The command palette: type a part of a name; enter goes there, or does it."""

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input

from console.screens.base import Dialog, work_on
from console.view import finding
from console.view.columns import Column
from console.view.finding import Offer
from console.view.labels import Row, cell
from console.widgets.table import Table

if TYPE_CHECKING:
    from console.offers import Offers

PLACEHOLDER = "an action, a screen, a node by name, MAC, IP, serial or tag, a workflow ..."
_EMPTY = "Nothing fits: neither as it stands nor letter by letter."
_COLUMNS = (Column(key="what", title="", width=20, flex=1),)


class Palette(Dialog[str]):
    """Answers with the id of what was chosen."""

    BINDINGS: ClassVar = [
        Binding("escape,ctrl+p", "refuse", show=False),
        Binding("down,ctrl+n", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("pagedown", "step(10)", show=False),
        Binding("pageup", "step(-10)", show=False),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, offers: "Offers", behind: Screen[Any]) -> None:
        super().__init__()
        self._offers = offers
        self._behind = behind
        self._groups: list[list[Offer]] = []
        self._found: dict[str, Offer] = {}
        self._is_ready = False

    def compose(self) -> ComposeResult:
        """A line to type in, and below it what fits."""
        self.table = Table(_COLUMNS, self._row, symbols=self.app.symbols, empty="", heading=False, id="offers")
        self.table.can_focus = False
        self.table.is_lit = True
        field = Input(placeholder=PLACEHOLDER, compact=True, select_on_focus=False, id="wanted")
        field.cursor_blink = False
        with Vertical(classes="dialog palette"):
            yield field
            yield self.table

    def on_mount(self) -> None:
        """Show what there is at once, and the rest as soon as it is made."""
        self._groups = self._offers.groups(self._behind)
        self._find()
        work_on(self, self._prepare, group="offers")

    async def _prepare(self) -> None:
        await self._offers.prepare()
        self._groups = self._offers.groups(self._behind)
        self._is_ready = True
        self._find()

    def _row(self, key: str) -> Row:
        return (cell(self._found[key].label),)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._find()
        self.table.move_to_top()

    def _find(self) -> None:
        found = finding.find(self._groups, self.query_one(Input).value, self.app.recent)
        self._found = {each.id: each for each in found}
        self.table.empty = _EMPTY if self._is_ready else ""
        self.table.show(list(self._found))

    def action_step(self, by: int) -> None:
        """Another one."""
        self.table.move(self.table.place + by)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.action_open()

    def on_table_opened(self, event: Table.Opened) -> None:
        """This one."""
        self.dismiss(event.key)

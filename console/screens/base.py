"""What every screen of the console has: header, body, footer, and a way to hear of changes.

A screen fills in `body()`, and says in two methods what to do: `begin()` once the store is open, and `refreshed()` when
something has changed. A screen that is not in front hears nothing; what happened meanwhile is told when it comes back.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from console import keys
from console.keys import Key
from console.model import Changes
from console.visits import Made
from console.widgets.header import Header
from console.widgets.keybar import KeyBar
from console.widgets.pane import ListPane
from console.widgets.seen import is_seen
from console.widgets.table import Table

if TYPE_CHECKING:
    from console.app import PureBootApp

ResultT = TypeVar("ResultT")


def work_on(node: DOMNode, work: Callable[[], Awaitable[None]], *, group: str, exclusive: bool = False) -> None:
    """Do something in a worker, which ends with its screen; an exclusive one ends those of its group before it.

    The function itself is handed over: a worker that is ended before it began would leave a coroutine behind that
    nobody awaits.
    """
    node.run_worker(work, group=group, exclusive=exclusive)


class PureBootScreen(Screen[None]):
    """A screen.

    `CONTEXTS` are its parts of the table of keys: the first is its own, whose actions it has; those of the others
    belong to its widgets and are named in the help. `NAME` is what people call it.
    """

    CONTEXTS: ClassVar[tuple[str, ...]] = ()
    NAME: ClassVar[str] = ""
    AUTO_FOCUS = ""

    made: Made

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = [*keys.bindings(*cls.CONTEXTS[:1], "everywhere"), *cls.__dict__.get("BINDINGS", ())]
        super().__init_subclass__()

    def __new__(cls, *given: Any, **named: Any) -> Self:
        """Note how it is made, so that it can be made again when somebody goes back to it."""
        self = super().__new__(cls)
        self.made = Made(cls, given, tuple(named.items()))
        return self

    def __init__(self) -> None:
        super().__init__()
        self._recalled: Mapping[str, Any] | None = None
        self._begun = False
        self._missed: Changes | None = None

    @property
    def app(self) -> "PureBootApp":  # type: ignore[override]
        """The console."""
        return cast("PureBootApp", super().app)

    def compose(self) -> ComposeResult:
        """Header, body and footer."""
        self._header = Header()
        # Kept: a worker may end when its screen, and what is on it, is going already.
        self.keybar = KeyBar(self.footer_keys())
        yield self._header
        yield Static("opening the store", id="waiting", markup=False)
        with Vertical(id="body"):
            yield from self.body()
        yield self.keybar

    def body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

    def footer_keys(self) -> list[Key]:
        """The keys to show below."""
        return keys.footer(*self.CONTEXTS[:1])

    def on_mount(self) -> None:
        """Listen, and begin at once if the store is open."""
        self.query_one("#body").display = False
        self.app.changed.subscribe(self, self._hear)
        self.app.opened.subscribe(self, lambda _: self._begin())
        self.app.ticked.subscribe(self, lambda now: self.ticked() if self._begun and is_seen(self) else None)
        if self.app.is_open:
            self._begin()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        self.query_one("#waiting").display = False
        self.keybar.refresh()  # only now it is known whether anything may be changed
        self.query_one("#body").display = True
        self.begin()
        recalled = self._recalled if self._recalled is not None else self.app.recalled_for(self)
        if recalled is not None:
            self.recall(recalled)

    def _hear(self, changes: Changes) -> None:
        if not self._begun:
            return
        if is_seen(self):
            self.refreshed(changes)
        else:
            self._missed = changes if self._missed is None else self._missed | changes

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Catch up with what happened while another screen was in front."""
        self.app.went_to(self)
        if not self._begun:
            return
        self._header.repaint()
        if self._missed is not None:
            missed, self._missed = self._missed, None
            self.refreshed(missed)

    def on_list_pane_noted(self, event: ListPane.Noted) -> None:
        """Say below what the rows of the list do not show."""
        self.keybar.say(event.note)

    def begin(self) -> None:
        """Fill the screen: the store is open and the model loaded."""

    def refreshed(self, changes: Changes) -> None:
        """Take up changes; the model has them already."""

    def ticked(self) -> None:
        """Repaint what depends on the time alone; called each second while the screen is in front."""

    def memory(self) -> dict[str, Any]:
        """What the screen shows beyond what it was made with: kept when it is left, for who comes back."""
        table = getattr(self, "table", None)
        pane = getattr(self, "pane", None)
        kept = dict(pane.memory()) if isinstance(pane, ListPane) else {}
        return kept | {"cursor": table.cursor_key} if isinstance(table, Table) and table.cursor_key else kept

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Show again what was kept; a screen that has not begun yet does it then."""
        if not self._begun:
            self._recalled = memory
            return
        table = getattr(self, "table", None)
        pane = getattr(self, "pane", None)
        if isinstance(pane, ListPane):
            pane.recall(memory)
        if isinstance(table, Table) and "cursor" in memory:
            table.await_key(memory["cursor"])

    def step_back(self) -> bool:
        """Take back what was set on this screen (a filter, marks); False if there is nothing to take back."""
        return False

    async def action_back(self) -> None:
        """One step back; what was said has then been read."""
        self.app.clear_notifications()
        if not self.step_back():
            await self.app.back()


class Dialog(ModalScreen[ResultT]):
    """A question in front of a screen; `escape` answers it with None."""

    @property
    def app(self) -> "PureBootApp":  # type: ignore[override]
        """The console."""
        return cast("PureBootApp", super().app)

    def action_refuse(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)

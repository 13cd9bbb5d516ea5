"""The dead letters: what cannot go on without a person, why, and with what it is tried again."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.widget import Widget

from console import keys
from console.keys import Key
from console.model import Changes
from console.screens.base import work_on
from console.screens.confirm import Confirm
from console.screens.deeds import for_each, tell
from console.screens.lists import ListScreen
from console.screens.say import Answer, Said, SayScreen
from console.view import labels, letter_lines
from console.view.labels import Row
from console.view.listing import Listing
from console.widgets.lines import Lines
from console.widgets.marking import MarkingTable
from console.widgets.page import PageScroll
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.dead_letters import DeadLetter
from engine.core.page import Page
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp
    from engine.services.dead_letters import Replayed

MOST = 1000


def replay(app: "PureBootApp", named: Mapping[str, str]) -> None:
    """Ask whether to try again what stands in these letters, each with what it is called."""
    if not named:
        app.complain("there is no dead letter here to replay")
        return
    what = labels.safe(next(iter(named.values()))) if len(named) == 1 else f"{len(named):,} dead letters"
    lines = [
        *([f"{labels.safe(labels.names(list(named.values()), 5))}."] if len(named) > 1 else []),
        "An execution goes on from what failed; what succeeded is kept. A start is asked for anew.",
        *(["One that cannot go on does not stand in the way of the others."] if len(named) > 1 else []),
    ]

    def done(replayed: "list[Replayed]") -> str:
        for each in replayed:
            if each.error is not None:
                app.complain(f"{named.get(each.id, each.id[:8])}: {each.error}")
        good = [named.get(each.id, each.id[:8]) for each in replayed if each.error is None]
        return f"goes on: {labels.names(good)}" if good else ""

    def go(sure: bool | None) -> None:
        if sure:
            app.perform(lambda pureboot: pureboot.dead_letters.replay_many(list(named), by=app.user), done=done)

    app.push_screen(Confirm(f"Replay {what}?", lines, yes="replay", no="leave it"), go)


class LettersScreen(ListScreen):
    """Every open letter, the newest first, and below in full the one under the cursor."""

    CONTEXTS = ("letters", "list", "marks")
    NAME = "dead letters"

    def __init__(self, letter_id: str | None = None) -> None:
        """With the cursor on a letter, if one is given."""
        super().__init__()
        self._wanted = letter_id
        self._letters: dict[str, DeadLetter] = {}

    def body(self) -> Iterable[Widget]:
        """The list, and the letter under the cursor."""
        self.table = MarkingTable(
            letter_lines.COLUMNS,
            self._row,
            symbols=self.app.symbols,
            empty=letter_lines.EMPTY,
            id="letters",
        )
        listing = Listing(
            fields=lambda key: letter_lines.fields(self._letters[key], self._node(key)),
            known=letter_lines.FIELDS,
            sort_key=lambda key, sort: letter_lines.sort_key(self._letters[key], self._node(key), sort),
            sorts=letter_lines.SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._letters, known=lambda key: key in self._letters)
        self._details = Lines(id="letter-details")
        self._page = PageScroll(id="letter-page")
        with Vertical(id="letters-parts"):
            yield self.pane
            with self._page:
                yield self._details

    def footer_keys(self) -> list[Key]:
        """Those of the marks as well."""
        return keys.footer("letters", "marks")

    def _row(self, key: str) -> Row:
        return letter_lines.row(self._letters[key], self._node(key), self.app.now())

    def _node(self, key: str) -> str:
        node = self.app.model.nodes.get(self._letters[key].node_id or "")
        return node.name if node is not None else ""

    def begin(self) -> None:
        """Read the letters."""
        self.table.focus()
        work_on(self, self._read, group="read", exclusive=True)

    def refreshed(self, changes: Changes) -> None:
        """Read again when one has come or gone."""
        if changes.touches("dead_letter"):
            work_on(self, self._read, group="read", exclusive=True)

    async def _read(self) -> None:
        try:
            found, _ = await self.app.pureboot.dead_letters.find(Page(limit=MOST))
        except PureBootError as error:
            self.app.complain(error)
            return
        self._letters = {letter.id: letter for letter in found}
        self.pane.listing.forget_all()
        self.table.empty = letter_lines.NOTHING_FITS if self._letters else letter_lines.EMPTY
        self.pane.rearrange()
        if self._wanted is not None:
            self.table.move_to(self._wanted)
            self._wanted = None
        self._show()

    def ticked(self) -> None:
        """Times grow old."""
        self.table.repaint()

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show another one."""
        self._show()

    def on_resize(self) -> None:
        """Wrap anew."""
        if self._begun:
            self._show()

    def _show(self) -> None:
        key = self.table.cursor_key or ""
        letter = self._letters.get(key)
        node = self._node(key) if letter is not None else ""
        self._page.display = letter is not None
        self._page.scroll_home(animate=False)
        lines = letter_lines.details(letter, node, self.app.now(), self.app.size.width - 1, self.app.symbols)
        self._details.show(lines)

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open the execution that cannot go on, or else its node."""
        letter = self._letters[event.key]
        if letter.execution_id is not None:
            self.app.open_execution(letter.execution_id)
        else:
            self.action_node()

    def action_node(self) -> None:
        """Open the letter's node."""
        letter = self._letters.get(self.table.cursor_key or "")
        if letter is not None and letter.node_id is not None:
            self.app.open_node(letter.node_id)
        else:
            self.app.complain("this letter is not about a node")

    def _named(self) -> dict[str, str]:
        chosen = (key for key in self.table.chosen if key in self._letters)
        return {key: letter_lines.label(self._letters[key], self._node(key)) for key in chosen}

    def action_replay(self) -> None:
        """Try the chosen ones again."""
        replay(self.app, self._named())

    def action_discard(self) -> None:
        """Resolve the chosen ones without trying again."""
        app, named = self.app, self._named()
        if not named:
            app.complain("there is no dead letter here to discard")
            return

        def go(said: Said | None) -> None:
            if said is not None:
                app.perform(
                    lambda pureboot: for_each(
                        named,
                        lambda letter_id: pureboot.dead_letters.discard(letter_id, by=app.user, reason=said.text),
                    ),
                    done=lambda outcome: tell(app, outcome, "discarded:"),
                )

        what = next(iter(named.values())) if len(named) == 1 else f"{len(named):,} dead letters"
        lines = [
            *([f"{labels.safe(labels.names(list(named.values()), 5))}."] if len(named) > 1 else []),
            "Nothing is tried again; what failed stays as it is.",
        ]
        screen = SayScreen(
            f"Discard {labels.safe(what)}?",
            lines,
            [Answer(key="y", name="discard")],
            asks="why (it is kept with the letter)",
            missing="Say why nothing is to be done: a reason is needed.",
        )
        app.push_screen(screen, go)

"""A change of one machine or many: what is to be set, what will happen to which of them, and a typed word where it
cannot be undone. One dialog for all such changes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from console import paint
from console.screens.base import Dialog, work_on
from console.view import effects
from console.view.columns import Column
from console.view.effects import Effect, Effects
from console.view.labels import Cell, Role, Row, cell, safe
from console.view.pieces import Piece
from console.widgets.lines import Lines
from console.widgets.table import Table
from engine.errors import Invalid

if TYPE_CHECKING:
    from console.model import Changes

_CHOICE = (Column(key="choice", title="", width=20, flex=1),)
_MOST_BESIDE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `effects` says what a text would do (Invalid where it means nothing); `act` does it, and gives why
    the dialog has to stay open, or nothing. `asks` stands in the empty line; without it nothing is typed. `choices` are
    names by what is answered with them; `beside` are lines to read with it.
    """

    title: str
    yes: str
    effects: Callable[[str], Effects]
    act: Callable[[str], Awaitable[str]]
    asks: str = ""
    text: str = ""
    is_long: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    beside: Sequence[Cell] = ()


class ChangeScreen(Dialog[None]):
    """Asks, shows, does. `y` says yes; enter alone never does."""

    BINDINGS: ClassVar = [
        Binding("y", "yes", "yes"),
        Binding("n", "leave", "leave"),
        Binding("escape", "refuse", "leave"),
        Binding("ctrl+s", "on", show=False),
    ]
    CSS_PATH: ClassVar = "../changes.tcss"
    AUTO_FOCUS = ""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question
        self._found = Effects()
        self._rows: dict[str, Effect] = {}
        self._problem = ""
        self._busy = False

    def compose(self) -> ComposeResult:
        """Title, what to set, what happens to which, the typed word, answers."""
        question = self._question
        self.table = Table(
            effects.COLUMNS, self._row, symbols=self.app.symbols, empty="There is no machine.", id="effects"
        )
        with Vertical(classes=f"dialog change{' -long' if question.is_long else ''}"):
            yield Static(safe(question.title), classes="dialog-title", markup=False)
            yield from self._entry()
            if question.beside:
                self._beside = Lines(id="change-beside")
                yield self._beside
            yield Static(id="change-says", classes="dialog-text")
            yield self.table
            typed = Input(id="change-typed", compact=True)
            typed.cursor_blink = False
            yield typed
            yield Static(id="change-problem", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"y  {question.yes}", id="yes", compact=True)
                yield Button("n  leave", id="no", compact=True)
            yield Static(id="change-foot", classes="dialog-foot", markup=False)

    def _entry(self) -> ComposeResult:
        question = self._question
        if question.choices:
            self._choices = Table(_CHOICE, self._choice, symbols=self.app.symbols, heading=False, id="change-choices")
            yield self._choices
        elif question.is_long:
            yield TextArea(question.text, id="change-text", compact=True, show_line_numbers=False)
        elif question.asks:
            entry = Input(
                question.text, placeholder=question.asks, id="change-line", compact=True, select_on_focus=False
            )
            entry.cursor_blink = False
            yield entry

    def _row(self, key: str) -> Row:
        return effects.effect_row(self._rows[key], self.app.symbols)

    def _choice(self, key: str) -> Row:
        return (cell(self._question.choices[key], Role.PLAIN if key else Role.MUTED),)

    @property
    def _field(self) -> Widget:
        """What is filled in; the list of machines where nothing is."""
        return next(iter(self.query("#change-choices, #change-text, #change-line")), self.table)

    @property
    def _text(self) -> str:
        entry = self._field
        if isinstance(entry, Input):
            return entry.value
        if isinstance(entry, TextArea):
            return entry.text
        return (self._choices.cursor_key or "") if self._question.choices else ""

    def on_mount(self) -> None:
        """Show what the text as it stands would do."""
        if self._question.choices:
            self._choices.show(list(self._question.choices))
            if self._question.text in self._question.choices:
                self._choices.move_to(self._question.text)
        if self._question.beside:
            self._beside.show(self._question.beside[:_MOST_BESIDE])
        self.app.changed.subscribe(self, self._hear)
        entry = self._field
        if isinstance(entry, TextArea):
            entry.move_cursor(entry.document.end)
        entry.focus()
        self._preview()

    def _hear(self, _changes: "Changes") -> None:
        self._preview()

    def _preview(self) -> None:
        problem = self._problem
        try:
            self._found = self._question.effects(self._text)
        except Invalid as error:
            self._found, problem = Effects(), problem or str(error)
        found = self._found
        self._rows = {each.node.id: each for each in found.effects}
        self.table.show(list(self._rows))
        self.table.display = bool(self._rows)
        answers = found.answers
        typed = self.query_one("#change-typed", Input)
        typed.display = bool(answers)
        if answers:
            typed.placeholder = effects.typed_request(answers)
        says = (Piece(safe(found.sentence), Role.BAD if answers else Role.PLAIN),) if found.effects else ()
        text = paint.text(says, self.app.theme)
        text.no_wrap = False
        self.query_one("#change-says", Static).update(text)
        told = self.query_one("#change-problem", Static)
        told.update(safe(problem))
        told.display = bool(problem)
        self._say_keys()

    def _say_keys(self) -> None:
        focused = self.focused
        if isinstance(focused, TextArea):
            keys = "tab on to the answer   esc leave"
        elif isinstance(focused, Input) or focused is getattr(self, "_choices", None):
            keys = "enter on to the answer   esc leave"
        elif self._found.going:
            keys = f"y {self._question.yes}   esc leave" + ("   tab back" if self._field is not self.table else "")
        else:
            keys = "esc leave"
        self.query_one("#change-foot", Static).update(keys)

    # What is typed and pressed

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text means something else."""
        event.stop()
        self._forget_problem()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Another text means something else."""
        event.stop()
        self._forget_problem()

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Something else is chosen."""
        if event.table is not self.table:
            self._forget_problem()

    def _forget_problem(self) -> None:
        self._problem = ""
        self._preview()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On: to the word to type, then to the answer, which only `y` gives."""
        event.stop()
        self.action_on()

    def on_table_opened(self, event: Table.Opened) -> None:
        """On, where something was chosen."""
        event.stop()
        if event.table is not self.table:
            self.action_on()

    def action_on(self) -> None:
        """From what is filled in to what has to be typed, and from there to the answer."""
        typed = self.query_one("#change-typed", Input)
        if typed.display and self.focused is not typed:
            typed.focus()
        else:
            self.table.focus()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Other keys matter now."""
        self._say_keys()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss(None)

    def action_refuse(self) -> None:
        """Leave; from a longer text that was changed to the answers first."""
        if isinstance(self.focused, TextArea) and self._text != self._question.text:
            self.table.focus()
        else:
            self.dismiss(None)

    def action_yes(self) -> None:
        """Do it, if all that has to be typed is."""
        answers = self._found.answers
        typed = self.query_one("#change-typed", Input)
        if self._busy or not self._found.going:
            return
        if answers and typed.value.strip().lower() not in answers:
            self._problem = effects.typed_request(answers)
            self._preview()
            typed.focus()
            return
        self._busy = True
        work_on(self.app, self._act, group="services")

    async def _act(self) -> None:
        try:
            self._problem = await self._question.act(self._text)
        finally:
            self._busy = False
        if not self.is_attached:
            return
        if self._problem:
            self._preview()
        elif self.is_current:
            self.dismiss(None)

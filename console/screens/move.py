"""Moving nodes to another state: only where the table of states leads, with a comment for the state log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from console import paint
from console.screens.base import Dialog
from console.view import effects, labels
from console.view.columns import Column
from console.view.effects import Effects
from console.view.labels import Role, Row
from console.view.pieces import Piece
from console.widgets.table import Table
from console.widgets.toggle import Toggle
from engine.core.executions import Execution
from engine.core.nodes import Node, NodeState

_COLUMNS = (Column(key="state", title="", width=20, flex=1),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What was decided."""

    state: NodeState
    comment: str = ""
    force: bool = False


class MoveScreen(Dialog[Move]):
    """Answers with where to move the nodes."""

    BINDINGS: ClassVar = [
        Binding("y", "move", "move"),
        Binding("n,escape", "refuse", "leave"),
        Binding("f", "force", show=False),
    ]
    AUTO_FOCUS = "#states"

    def __init__(
        self, nodes: Sequence[Node], ways: Sequence[NodeState], *, live: Sequence[Execution] = (), max_attempts: int
    ) -> None:
        """`ways` are the states that some of the nodes can be moved to; `live` is what runs on them."""
        super().__init__()
        self._targets = nodes
        self._max_attempts = max_attempts
        self._problem = ""
        self._live = live
        self._ways = {state.value: state for state in ways}
        self._used_up = [
            node for node in nodes if node.state is NodeState.INSTALL_FAILED and node.install_attempts >= max_attempts
        ]

    def compose(self) -> ComposeResult:
        """Where to, why, and whether by force."""
        names = labels.safe(labels.names([node.name for node in self._targets]))
        states = labels.names(sorted({labels.words(node.state) for node in self._targets}))
        self.table = Table(_COLUMNS, self._row, symbols=self.app.symbols, heading=False, id="states")
        comment = Input(placeholder="why (for the state log)", id="comment", compact=True)
        comment.cursor_blink = False
        with Vertical(classes="dialog move"):
            yield Static(f"Move {names}", classes="dialog-title", markup=False)
            yield Static(f"from {states} to", classes="dialog-text", markup=False)
            yield self.table
            yield comment
            if self._used_up:
                tries = self._used_up[0].install_attempts
                yield Toggle(f"f  force: {tries} installs have failed, count them anew", id="force")
            yield Static(id="move-preview", classes="dialog-text")
            typed = Input(id="move-typed", compact=True)
            typed.cursor_blink = False
            yield typed
            with Horizontal(classes="dialog-buttons"):
                yield Button("y  move", id="yes", compact=True)
                yield Button("n  leave", id="no", compact=True)

    def _row(self, key: str) -> Row:
        return (labels.state_cell(self._ways[key], self.app.symbols),)

    def on_mount(self) -> None:
        """Offer the states."""
        self.table.show(list(self._ways))
        self._preview()

    @property
    def _state(self) -> NodeState:
        return self._ways[self.table.cursor_key or next(iter(self._ways))]

    @property
    def _effects(self) -> Effects:
        """What would become of each."""
        live = {each.node_id: each for each in self._live if each.node_id is not None}
        return effects.move_effects(
            self._targets, self._state, live, max_attempts=self._max_attempts, force=self._force
        )

    def _preview(self) -> None:
        state, found = self._state, self._effects
        going = found.going
        one = labels.safe(self._targets[0].name) if len(self._targets) == 1 else ""
        pieces = [Piece(f"Moves {one or _nodes(len(going))} to {labels.words(state)}.", Role.PLAIN)]
        pieces += [Piece(f" {said}", Role.WARN) for said in self._warnings(state)]
        if not one:
            refused = [f"{each.node.name}: {each.says}" for each in found.effects if each.is_refused]
            pieces += [Piece(f"\nLeft out: {labels.safe(labels.names(refused))}.", Role.WARN)] if refused else []
        pieces += [Piece(f"\n{self._problem}", Role.BAD)] if self._problem else []
        text: Text = paint.text(pieces, self.app.theme)
        text.no_wrap = False
        self.query_one("#move-preview", Static).update(text)
        typed = self.query_one("#move-typed", Input)
        typed.display = bool(found.answers)
        if found.answers:
            typed.placeholder = effects.typed_request(found.answers)

    def _warnings(self, state: NodeState) -> Iterator[str]:
        if self._used_up and not self._force:
            yield "Without force this is refused."
        if state is NodeState.RETIRED:
            yield "That is the end: no other state follows."
        if len(self._live) == 1:
            yield f"{self._live[0].workflow_name} runs there and goes on; to stop it, cancel it (c) first."
        elif self._live:
            yield f"On {len(self._live)} of them a workflow runs and goes on; to stop it, cancel it (c) first."

    @property
    def _force(self) -> bool:
        return bool(self._used_up) and self.query_one(Toggle).is_on

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Another state is meant."""
        self._preview()

    def on_table_opened(self, _event: Table.Opened) -> None:
        """On to the comment."""
        self.query_one("#comment", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On, to what has to be typed or to the answer: from there only `y` moves them, and enter does nothing."""
        event.stop()
        typed = self.query_one("#move-typed", Input)
        self.set_focus(typed if typed.display and event.input is not typed else None)

    def on_toggle_changed(self, _event: Toggle.Changed) -> None:
        """By force, or not."""
        self._preview()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "yes":
            self.action_move()
        else:
            self.action_refuse()

    def action_force(self) -> None:
        """By force, or not."""
        if self._used_up:
            self.query_one(Toggle).action_switch()

    def action_move(self) -> None:
        """Move them."""
        state, answers = self._state, self._effects.answers
        typed = self.query_one("#move-typed", Input)
        if answers and typed.value.strip().lower() not in answers:
            self._problem = effects.typed_request(answers)
            self._preview()
            typed.focus()
            return
        self.dismiss(Move(state=state, comment=self.query_one("#comment", Input).value.strip(), force=self._force))


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"

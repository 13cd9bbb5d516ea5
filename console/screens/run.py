"""Running a workflow on nodes: choose it, fill in its inputs, see what will happen, say yes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Label, Static

from console import paint
from console.screens.base import Dialog, work_on
from console.view import effects, forms, labels, workflow_rows
from console.view.labels import Role, Row
from console.view.listing import Listing
from console.view.pieces import Piece
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.clock import new_id
from engine.core.executions import Execution
from engine.core.nodes import Node
from engine.core.page import Page
from engine.core.workflows import PublishedWorkflow
from engine.errors import Invalid, PureBootError

_COLUMNS = tuple(column for column in workflow_rows.WORKFLOW_COLUMNS if column.key not in ("status", "steps"))
_SHOWN = [at for at, column in enumerate(workflow_rows.WORKFLOW_COLUMNS) if column in _COLUMNS]
_EMPTY = """No workflow is active.

Publish a draft (4, then p), or import one:
pureboot workflow import FILE --publish"""
_CHOOSE = "enter choose   / filter   esc leave"
_FILL = "enter next   esc back"
_ANSWER = "y run   esc back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What was decided. `request_id` is of this dialog, so that a start that is asked for twice happens once."""

    workflow_id: str
    name: str
    params: Mapping[str, Any]
    request_id: str


class RunScreen(Dialog[Start]):
    """Answers with what to start."""

    BINDINGS: ClassVar = [
        Binding("y", "start", "run"),
        Binding("n", "back", "back"),
        Binding("escape", "back", "back"),
        Binding("slash", "filter", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, nodes: Sequence[Node], *, preferred: str | None = None) -> None:
        """`preferred` is the workflow to put the cursor on (its id)."""
        super().__init__()
        self._targets = nodes
        self._preferred = preferred
        self._workflows: dict[str, PublishedWorkflow] = {}
        self._chosen: PublishedWorkflow | None = None
        self._request_id = new_id()
        self._problem = ""

    def compose(self) -> ComposeResult:
        """First the workflows; then the inputs and what will happen."""
        names = labels.safe(labels.names([node.name for node in self._targets]))
        self.table = Table(_COLUMNS, self._row, symbols=self.app.symbols, empty="reading the workflows", id="pick")
        listing = Listing(
            fields=lambda key: workflow_rows.workflow_fields(self._workflows[key]),
            known=workflow_rows.WORKFLOW_FIELDS,
            sort_key=lambda key, sort: workflow_rows.workflow_sort_key(self._workflows[key], sort),
            sorts=workflow_rows.WORKFLOW_SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._workflows, known=lambda key: key in self._workflows)
        with Vertical(classes="dialog run"):
            yield Static(f"Run a workflow on {names}", classes="dialog-title", markup=False)
            yield self.pane
            yield VerticalScroll(id="run-inputs", can_focus=False)
            yield Static(id="run-preview", classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button("y  run", id="yes", compact=True)
                yield Button("n  back", id="no", compact=True)
            yield Static(_CHOOSE, id="run-foot", classes="dialog-foot", markup=False)

    def _row(self, key: str) -> Row:
        row = workflow_rows.workflow_row(self._workflows[key])
        return tuple(row[at] for at in _SHOWN)

    async def on_mount(self) -> None:
        """Read the active workflows."""
        self._turn(to_form=False)
        self.app.changed.subscribe(self, lambda _: self._preview())
        work_on(self, self._read, group="read")

    async def _read(self) -> None:
        try:
            found, _ = await self.app.pureboot.workflows.find(Page(limit=None, filters={"is_active": ("true",)}))
        except PureBootError as error:
            self.app.complain(error)
            self.dismiss(None)
            return
        self._workflows = {workflow.id: workflow for workflow in found}
        self.table.empty = _EMPTY if not found else "No workflow fits the filter."
        self.pane.rearrange()
        if self._preferred is not None:
            self.table.move_to(self._preferred)

    def _turn(self, *, to_form: bool) -> None:
        """To the inputs and the answers, or to the workflows."""
        self.pane.display = not to_form
        self.query_one("#run-inputs").display = to_form
        self.query_one(".dialog-buttons").display = to_form
        self._say_keys(_FILL if to_form else _CHOOSE)
        self._problem = ""
        if not to_form:
            self._chosen = None
            self.table.focus()

    def _say_keys(self, keys: str) -> None:
        self.query_one("#run-foot", Static).update(keys)

    # What will happen

    @property
    def _workflow(self) -> PublishedWorkflow | None:
        """The one that was chosen, or else the one under the cursor."""
        return self._chosen or self._workflows.get(self.table.cursor_key or "")

    def _now(self) -> tuple[list[Node], dict[str, Execution]]:
        """The nodes as they are now, and what runs on them."""
        model = self.app.model
        live = {node.id: execution for node in self._targets if (execution := model.execution_of(node.id)) is not None}
        return [model.nodes.get(node.id, node) for node in self._targets], live

    def _startable(self, workflow: PublishedWorkflow) -> int:
        return len(forms.startable(workflow, *self._now()))

    def _preview(self) -> None:
        """Say what will happen, as soon as a workflow is under the cursor."""
        workflow = self._workflow
        lines = forms.preview(workflow, *self._now()) if workflow is not None else []
        pieces = [Piece(f"{labels.safe(said)}\n", Role.WARN if warns else Role.PLAIN) for said, warns in lines]
        if self._problem:
            pieces.append(Piece(labels.safe(self._problem), Role.BAD))
        text = paint.text(pieces, self.app.theme)
        text.rstrip()
        text.no_wrap = False
        self.query_one("#run-preview", Static).update(text)

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Another workflow is meant."""
        self._preview()

    async def on_table_opened(self, event: Table.Opened) -> None:
        """A workflow is chosen: ask for its inputs, unless there is nothing to start."""
        workflow = self._workflows[event.key]
        count = self._startable(workflow)
        if not count:
            return
        self._chosen = workflow
        self._turn(to_form=True)
        holder = self.query_one("#run-inputs")
        await holder.remove_children()
        inputs = [self._input(field) for field in forms.fields_of(workflow.params)]
        if answers := forms.challenge(workflow, count):
            inputs.append(self._typed_input(effects.typed_request(answers)))
        await holder.mount(*(widget for pair in inputs for widget in pair))
        holder.set_class(not inputs, "-empty")
        self._preview()
        if inputs:
            inputs[0][1].focus()
        else:
            self._answer()

    def _input(self, field: forms.FormField) -> tuple[Label, Input]:
        need = " (needed)" if field.required else ""
        pieces = (Piece(labels.safe(field.name), Role.STRONG), Piece(f"  {field.hint}{need}", Role.MUTED))
        label = Label(paint.text(pieces, self.app.theme))
        entry = Input(field.text, name=field.name, compact=True, select_on_focus=False)
        entry.cursor_blink = False
        return label, entry

    def _typed_input(self, request: str) -> tuple[Label, Input]:
        entry = Input(id="run-typed", compact=True, select_on_focus=False)
        entry.cursor_blink = False
        return Label(paint.text((Piece(f"This cannot be undone: {request}", Role.WARN),), self.app.theme)), entry

    @property
    def _entries(self) -> list[Input]:
        return list(self.query("#run-inputs Input").results(Input))

    @property
    def _texts(self) -> dict[str, str]:
        return {entry.name: entry.value for entry in self._entries if entry.name}

    def action_filter(self) -> None:
        """Type a filter over the workflows."""
        if self._chosen is None:
            self.pane.filter.ask()

    def action_start(self) -> None:
        """Start it, if the inputs are right."""
        workflow = self._chosen
        if workflow is None:
            return
        try:
            params = forms.read(workflow.params, self._texts)
        except Invalid as error:
            self._refuse(str(error), error.problems[0].path)
            return
        answers = forms.challenge(workflow, self._startable(workflow))
        if answers and self._typed not in answers:
            self._refuse(effects.typed_request(answers), None)
            return
        self.dismiss(Start(workflow_id=workflow.id, name=workflow.name, params=params, request_id=self._request_id))

    @property
    def _typed(self) -> str:
        return "".join(entry.value.strip().lower() for entry in self.query("#run-typed").results(Input))

    def _refuse(self, problem: str, name: str | None) -> None:
        """Say what is wrong, and go to the input that it is about."""
        self._problem = problem
        self._preview()
        for entry in self._entries:
            if entry.name == name:
                entry.focus()
                self._say_keys(_FILL)

    def _answer(self) -> None:
        """Nothing more to fill in: from here only `y` starts it, and enter does nothing."""
        self.set_focus(None)
        self._say_keys(_ANSWER)

    def action_back(self) -> None:
        """Back to the workflows, or out."""
        if self._chosen is not None:
            self._turn(to_form=False)
            self._preview()
        elif not self.pane.clear():
            self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The next input, and after the last the answer."""
        event.stop()
        after = self._entries[self._entries.index(event.input) + 1 :]
        if after:
            after[0].focus()
        else:
            self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "yes":
            self.action_start()
        else:
            self.action_back()

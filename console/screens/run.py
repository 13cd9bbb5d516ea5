"""Running a workflow on nodes: choose it, fill in its inputs, see what will happen, say yes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Label, Static

from console import paint
from console.screens.base import Dialog, work_on
from console.view import forms, labels, workflow_rows
from console.view.labels import Role, Row
from console.view.listing import Listing
from console.view.pieces import Piece
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.clock import new_id
from engine.core.nodes import Node
from engine.core.page import Page
from engine.core.workflows import PublishedWorkflow
from engine.errors import Invalid, PureBootError

_COLUMNS = tuple(column for column in workflow_rows.WORKFLOW_COLUMNS if column.key not in ("status", "steps"))
_SHOWN = [at for at, column in enumerate(workflow_rows.WORKFLOW_COLUMNS) if column in _COLUMNS]
_EMPTY = """No workflow is active.

Import one and publish it: pureboot workflow import FILE --publish"""


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
            with Vertical(id="run-form"):
                yield VerticalScroll(id="run-inputs", can_focus=False)
                yield Static(id="run-preview", classes="dialog-text")
                with Horizontal(classes="dialog-buttons"):
                    yield Button("y  run", id="yes", compact=True)
                    yield Button("n  back", id="no", compact=True)
            yield Static("enter choose   / filter   esc leave", id="run-foot", classes="dialog-foot", markup=False)

    def _row(self, key: str) -> Row:
        row = workflow_rows.workflow_row(self._workflows[key])
        return tuple(row[at] for at in _SHOWN)

    async def on_mount(self) -> None:
        """Read the active workflows."""
        self.query_one("#run-form").display = False
        self.table.focus()
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

    async def on_table_opened(self, event: Table.Opened) -> None:
        """A workflow is chosen: show its inputs and what will happen."""
        self._chosen = workflow = self._workflows[event.key]
        self.query_one("#run-form").display = True
        self.pane.display = False
        self.query_one("#run-foot", Static).update(
            "enter next   y run   esc back" if not workflow.params else "enter next   esc back"
        )
        holder = self.query_one("#run-inputs")
        await holder.remove_children()
        inputs = [self._input(field) for field in forms.fields_of(workflow.params)]
        if inputs:
            await holder.mount(*(widget for pair in inputs for widget in pair))
        holder.display = bool(inputs)
        self._preview(workflow)
        first = next((field for _, field in inputs), None)
        (first or self.query_one("#no", Button)).focus()

    def _input(self, field: forms.FormField) -> tuple[Label, Input]:
        need = " (needed)" if field.required else ""
        pieces = (Piece(labels.safe(field.name), Role.STRONG), Piece(f"  {field.hint}{need}", Role.MUTED))
        label = Label(paint.text(pieces, self.app.theme))
        entry = Input(field.text, name=field.name, compact=True, select_on_focus=False)
        entry.cursor_blink = False
        return label, entry

    def _preview(self, workflow: PublishedWorkflow, problem: str = "") -> None:
        executions = self.app.model.execution_of
        live = {node.id: execution for node in self._targets if (execution := executions(node.id)) is not None}
        nodes = [self.app.model.nodes.get(node.id, node) for node in self._targets]
        lines = forms.preview(workflow, nodes, live)
        text = Text()
        for said, warns in lines:
            role = Role.WARN if warns else Role.PLAIN
            text.append_text(paint.text([Piece(f"{labels.safe(said)}\n", role)], self.app.theme))
        if problem:
            text.append_text(paint.text([Piece(labels.safe(problem), Role.BAD)], self.app.theme))
        text.rstrip()
        text.no_wrap = False
        self.query_one("#run-preview", Static).update(text)

    @property
    def _texts(self) -> dict[str, str]:
        return {entry.name or "": entry.value for entry in self.query("#run-inputs Input").results(Input)}

    def action_filter(self) -> None:
        """Type a filter over the workflows."""
        if self._chosen is None:
            self.pane.filter.ask()

    def action_start(self) -> None:
        """Start it, if the inputs are right."""
        if self._chosen is None:
            return
        try:
            params = forms.read(self._chosen.params, self._texts)
        except Invalid as error:
            self._preview(self._chosen, str(error))
            return
        self.dismiss(
            Start(workflow_id=self._chosen.id, name=self._chosen.name, params=params, request_id=self._request_id)
        )

    def action_back(self) -> None:
        """Back to the workflows, or out."""
        if self._chosen is None:
            if not self.pane.clear():
                self.dismiss(None)
            return
        self._chosen = None
        self.query_one("#run-form").display = False
        self.pane.display = True
        self.query_one("#run-foot", Static).update("enter choose   / filter   esc leave")
        self.table.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The next input, and after the last the answer."""
        event.stop()
        entries = list(self.query("#run-inputs Input").results(Input))
        after = entries.index(event.input) + 1
        (entries[after] if after < len(entries) else self.query_one("#yes", Button)).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "yes":
            self.action_start()
        else:
            self.action_back()

"""The workflows: which there are, and what the one under the cursor does."""

from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget

from console.editing import begin
from console.model import Changes
from console.screens.base import work_on
from console.screens.confirm import Confirm
from console.screens.lists import ListScreen
from console.view import labels, node_lines, workflow_rows
from console.view.forms import FormField, fields_of
from console.view.labels import Cell, Role, Row, cell
from console.view.listing import Listing
from console.view.pieces import Piece
from console.widgets.lines import Lines
from console.widgets.page import PageScroll
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.page import Page
from engine.core.workflows import PublishedWorkflow
from engine.durations import format_duration
from engine.errors import PureBootError

_EMPTY = """There is no workflow yet.

Press C to write one, or import one: pureboot workflow import FILE --publish
Then choose a node (1), and press r to run it there."""
_NOTHING_FITS = f"""No workflow fits the filter. Press escape to drop it.

Fields: {" ".join(workflow_rows.WORKFLOW_FIELDS)}"""
_EVERY_STATUS = tuple(status.value for status in DocumentStatus)


class WorkflowsScreen(ListScreen):
    """The workflows and the steps of one."""

    CONTEXTS = ("workflows", "list")
    NAME = "workflows"

    def __init__(self) -> None:
        super().__init__()
        self._workflows: dict[str, PublishedWorkflow] = {}
        self._wanted: str | None = None

    def body(self) -> Iterable[Widget]:
        """The list and the details."""
        self.table = Table(
            workflow_rows.WORKFLOW_COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="workflows"
        )
        listing = Listing(
            fields=lambda key: workflow_rows.workflow_fields(self._workflows[key]),
            known=workflow_rows.WORKFLOW_FIELDS,
            sort_key=lambda key, sort: workflow_rows.workflow_sort_key(self._workflows[key], sort),
            sorts=workflow_rows.WORKFLOW_SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._workflows, known=lambda key: key in self._workflows)
        self._details = Lines(id="workflow-details")
        with Vertical(id="workflow-columns"):
            yield self.pane
            with PageScroll(id="workflow-side"):
                yield self._details

    def _row(self, key: str) -> Row:
        return workflow_rows.workflow_row(self._workflows[key])

    def begin(self) -> None:
        """Read them."""
        self.table.focus()
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """Read them again if one has changed."""
        if changes.touches("workflow"):
            self._read()

    def _read(self) -> None:
        work_on(self, self._read_all, group="read", exclusive=True)

    async def _read_all(self) -> None:
        try:
            page = Page(limit=None, filters={"status": _EVERY_STATUS})
            found, _ = await self.app.pureboot.workflows.find(page)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._workflows = {workflow.id: workflow for workflow in found}
        self.table.empty = _NOTHING_FITS if found else _EMPTY
        self.pane.listing.forget_all()
        self.pane.rearrange()
        self._go_to_wanted()
        self._show()

    def show_workflow(self, name: str) -> None:
        """Put the cursor on a workflow, now or when they have been read."""
        self._wanted = name
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        for workflow in self._workflows.values():
            if workflow.name == self._wanted:
                self.pane.clear()
                self.table.move_to(workflow.id)
                self._wanted = None

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show the details of another."""
        self._show()

    def _show(self) -> None:
        workflow = self._workflows.get(self.table.cursor_key or "")
        self._details.show(details(workflow) if workflow is not None else [])

    # Keys

    def action_find(self) -> None:
        """Find a text in all of them."""
        self.app.find_in(DocumentKind.WORKFLOW)

    def action_graph(self) -> None:
        """Show the one under the cursor as a graph."""
        workflow = self._workflows.get(self.table.cursor_key or "")
        if workflow is not None:
            from console.screens.graph import GraphScreen

            self.app.push_screen(GraphScreen(workflow))

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open its versions."""
        self.app.open_document(DocumentKind.WORKFLOW, self._workflows[event.key].name)

    def action_edit(self) -> None:
        """Write its next version."""
        workflow = self._workflows.get(self.table.cursor_key or "")
        if workflow is not None:
            begin.edit(self.app, DocumentKind.WORKFLOW, workflow.name)

    def action_create(self) -> None:
        """Write a new one."""
        begin.create(self.app, DocumentKind.WORKFLOW)

    def action_where_used(self) -> None:
        """Show who uses it."""
        from console.screens.where_used import WhereUsedScreen

        workflow = self._workflows.get(self.table.cursor_key or "")
        if workflow is not None:
            self.app.push_screen(WhereUsedScreen(DocumentKind.WORKFLOW, workflow.name))

    def action_publish(self) -> None:
        """Make the newest version the active one, after a question."""
        workflow = self._workflows.get(self.table.cursor_key or "")
        if workflow is None:
            return
        newest = workflow.latest_version or workflow.version
        if workflow.is_active and workflow.current_version == newest:
            self.app.complain(f"{workflow.name} {newest} is active already")
            return
        question = Confirm(
            f"Publish {workflow.name} {newest}?",
            [
                f"Now active: {workflow.current_version if workflow.is_active else 'none'}.",
                "From then on it is what runs; what runs already stays with its version.",
            ],
            yes="publish",
            no="leave it",
        )

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.workflows.publish(workflow.id, newest, by=self.app.user),
                    done=f"{workflow.name} {newest} is active",
                )

        self.app.push_screen(question, go)


def details(workflow: PublishedWorkflow) -> list[Cell]:
    """What a workflow is and does, as lines."""
    newest = workflow.latest_version
    lines: list[Cell] = [
        (Piece(" "), *cell(workflow.name, Role.STRONG), Piece(f"  {workflow.version}  ", Role.MUTED)),
        *([(Piece(f" {labels.safe(workflow.description)}", Role.PLAIN),)] if workflow.description else []),
        node_lines.fact("status", workflow.status.value),
        *([node_lines.fact("newest", newest, Role.WARN)] if newest and newest != workflow.version else []),
        node_lines.fact("for", workflow_rows.fits(workflow) or "any machine"),
    ]
    if workflow.timeout_seconds:
        lines.append(node_lines.fact("timeout", format_duration(workflow.timeout_seconds)))
    lines += [(), node_lines.heading("STEPS")]
    for number, step in enumerate(workflow.steps, 1):
        lines += node_lines.workflow_step(step, number)
    return [*lines, (), node_lines.heading("INPUTS"), *_inputs(workflow)]


def _inputs(workflow: PublishedWorkflow) -> list[Cell]:
    lines = [line for field in fields_of(workflow.params) for line in _input(field)]
    return lines or [(Piece("     none", Role.MUTED),)]


def _input(field: FormField) -> list[Cell]:
    default = Piece("  needed", Role.WARN) if field.required else Piece(f"  = {labels.safe(field.text)}", Role.MUTED)
    hint = [(Piece(f"     {field.hint}", Role.MUTED),)] if field.hint else []
    return [(Piece("     "), *cell(field.name), default), *hint]

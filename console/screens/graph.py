"""A workflow version as a graph, with what there is to know of the step under the cursor."""

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from console import clipboard
from console.screens.base import PureBootScreen
from console.view import node_lines
from console.view.graph_picture import as_text
from console.view.labels import Cell, Role, cell
from console.view.pieces import Piece
from console.view.step_lines import edge_lines
from console.widgets.graph_view import GraphView
from console.widgets.lines import Lines
from engine.core.workflows import PublishedWorkflow, Workflow


class GraphScreen(PureBootScreen):
    """Title, graph, the step under the cursor."""

    CONTEXTS = ("graph_screen", "graph", "list")
    NAME = "the graph of a workflow"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, workflow: PublishedWorkflow) -> None:
        super().__init__()
        self._published = workflow
        self._workflow = Workflow(name=workflow.name, steps=workflow.steps)

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        self.heading, self.about = Lines(id="graph-title"), Lines(id="graph-step")
        self.graph = GraphView(self.app.symbols, id="graph")
        with Vertical():
            yield self.heading
            yield self.graph
            yield self.about

    def begin(self) -> None:
        """Draw it."""
        shown, steps = self._published, len(self._workflow.steps)
        title: Cell = (
            Piece(" "),
            *cell(shown.name, Role.STRONG),
            Piece(f"@{shown.version}   {steps} step{'' if steps == 1 else 's'}", Role.MUTED),
        )
        self.heading.show([title])
        self.graph.draw(self._workflow)
        self.graph.focus()
        self.graph.select(self._workflow.steps[0].key if self._workflow.steps else "")
        self._tell()

    def _tell(self) -> None:
        step = self._workflow.by_key.get(self.graph.selected)
        if step is not None:
            number = self._workflow.steps.index(step) + 1
            width, symbols = self.size.width, self.app.symbols
            self.about.show(
                [*node_lines.workflow_step(step, number), *edge_lines(step, self._workflow, symbols, width)]
            )

    def on_graph_view_selected(self, _event: GraphView.Selected) -> None:
        """Tell of another step."""
        self._tell()

    def action_copy(self) -> None:
        """Copy the picture."""
        if self.graph.picture is None:
            return
        copied = clipboard.copy(as_text(self.graph.picture))
        self.app.copy_to_clipboard(copied.text)
        self.app.tell(copied.said)

"""The keys for reading on the screen of one execution: its log or its details, and the time that its timeline shows."""

from console.screens.execution_deeds import ExecutionDeeds
from console.widgets.details_pane import DetailsPane
from console.widgets.graph_view import GraphView
from console.widgets.log_pane import LogPane
from console.widgets.timeline import Timeline


class ExecutionReading(ExecutionDeeds):
    """A screen of one execution with its timeline, its graph, and below them a pane."""

    timeline: Timeline
    graph: GraphView

    @property
    def pane(self) -> LogPane | DetailsPane:
        """What stands below the steps."""
        raise NotImplementedError

    def action_follow(self) -> None:
        """Follow the end of the log, or stand still."""
        if isinstance(self.pane, LogPane):
            self.pane.view.action_follow()

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.pane.wrap()

    def action_mark(self) -> None:
        """Mark lines of the log; fold or unfold details."""
        self.pane.mark()

    def action_search(self) -> None:
        """Let a text to search be typed."""
        self.pane.search.ask()

    def action_next(self) -> None:
        """The next match."""
        self.pane.next(1)

    def action_previous(self) -> None:
        """The match before."""
        self.pane.next(-1)

    def action_copy(self) -> None:
        """Copy what is marked or under the cursor."""
        self.pane.copy()

    def action_copy_all(self) -> None:
        """Copy the whole log, or all details."""
        self.pane.copy(everything=True)

    def action_nearer(self) -> None:
        """Show time nearer."""
        self.timeline.action_nearer()

    def action_farther(self) -> None:
        """Show more time."""
        self.timeline.action_farther()

    def action_earlier(self) -> None:
        """Show an earlier time; of the graph, what lies to the left."""
        self.graph.shift(-1) if self.graph.display else self.timeline.action_earlier()

    def action_later(self) -> None:
        """Show a later time; of the graph, what lies to the right."""
        self.graph.shift(1) if self.graph.display else self.timeline.action_later()

    def action_fit(self) -> None:
        """Show all of the time."""
        self.timeline.fit()

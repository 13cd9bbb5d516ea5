"""What can be done with the execution that a screen shows, key by key; the questions are those of `control`."""

from collections.abc import Sequence
from dataclasses import replace

from console import keys
from console.keys import Key
from console.screens import control, deeds
from console.screens.base import PureBootScreen
from console.view.waiting import asking
from engine.core.executions import Attempt, Execution, ExecutionStatus


class ExecutionDeeds(PureBootScreen):
    """A screen of one execution, which says which it is and which of its attempts is selected."""

    @property
    def execution(self) -> Execution | None:
        """The execution; None until it was read."""
        raise NotImplementedError

    @property
    def chosen(self) -> Attempt | None:
        """The attempt of the selected row; None while the step has none."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        """Cancel the execution, after a question."""
        deeds.cancel(self.app, [self.execution] if self.execution else [])

    def action_pause(self) -> None:
        """Pause the execution or let it go on, after a question."""
        if self.execution is not None:
            control.pause(self.app, self.execution)

    def action_retry(self) -> None:
        """Retry what failed, after a question."""
        if self.execution is not None:
            control.retry(self.app, self.execution)

    def action_retry_step(self) -> None:
        """Run the selected step again, after a question."""
        if self.execution is not None:
            control.retry_step(self.app, self.execution, self.chosen)

    def action_skip(self) -> None:
        """Skip the selected step, with a reason."""
        if self.execution is not None:
            control.skip(self.app, self.execution, self.chosen)

    def action_approve(self) -> None:
        """Approve or reject what waits for a person."""
        if self.execution is not None:
            control.decide(self.app, self.execution, self.chosen)

    def action_parent(self) -> None:
        """Open the execution that started this one."""
        if self.execution is not None and self.execution.parent_id is not None:
            self.app.open_execution(self.execution.parent_id)
        else:
            self.app.complain("no other execution started this one")

    def action_artifacts(self) -> None:
        """Open what it made."""
        if self.execution is not None:
            from console.screens.artifacts import ArtifactsScreen

            self.app.push_screen(ArtifactsScreen(self.execution))

    def action_report(self) -> None:
        """Save a report of what happened."""
        if self.execution is not None:
            from console.screens.reporting import save_report

            save_report(self.app, self.execution)

    def action_node(self) -> None:
        """Open the node."""
        if self.execution is not None and self.execution.node_id is not None:
            self.app.open_node(self.execution.node_id)
        else:
            self.app.complain("this execution is not for a node")


def fitting(shown: Sequence[Key], execution: Execution) -> list[Key]:
    """Of the keys of the footer those that do something as an execution stands; the one that it needs comes first."""
    needed = "approve" if asking(execution) else "retry" if control.can_retry(execution) else ""
    idle = {"search"} if needed == "approve" else set()
    if execution.ended:
        idle |= {"cancel", "pause"}
    if execution.status is ExecutionStatus.PENDING:
        idle |= {"pause"}
    left = [key for key in keys.KEYS["execution"] if key.action == needed]
    left += [key for key in shown if key.action not in idle]
    if execution.status is ExecutionStatus.PAUSED:
        left = [replace(key, label="resume") if key.action == "pause" else key for key in left]
    return left

"""Why a workflow cannot be started on a node, as far as it can be told from the two alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.executions import Performer
from engine.core.nodes import BEFORE_PENDING, TRANSITIONS, Node, NodeState, keeps_its_disk
from engine.core.workflows import Workflow

if TYPE_CHECKING:
    from engine.core.scene import ActionFacts


def first_state(workflow: Workflow, node: Node | None) -> NodeState | None:
    """The state a node is taken to when a workflow starts on it; None if it stays where it is."""
    if node is None:
        return None
    if workflow.state_on_start is None and workflow.installs and node.state in BEFORE_PENDING:
        return NodeState.PENDING
    return workflow.state_on_start


def state_anew(workflow: Workflow, node: Node | None) -> NodeState | None:
    """The state a node is taken to when an execution that has ended goes on: where an installation begins anew that is
    a decision like its start, with the same bound on how often it may fail.
    """
    begins = node is not None and workflow.installs and node.state in BEFORE_PENDING
    return first_state(workflow, node) if begins else None


def needs_node(workflow: Workflow, actions: "Mapping[str, ActionFacts]") -> bool:
    """Whether a workflow can only be started on a node."""
    known = (actions.get(step.action) for step in workflow.steps)
    has_work = any(action is not None and action.performer is Performer.NODE for action in known)
    return has_work or workflow.state_on_start is not None


def refusal(workflow: Workflow, actions: "Mapping[str, ActionFacts]", node: Node | None) -> str | None:
    """Why a workflow cannot be started on a node, or on none; None if it can."""
    if node is None:
        return (
            f"{workflow.name} has steps that need a node, and none is named" if needs_node(workflow, actions) else None
        )
    boots = any(step.action == "node.boot" for step in workflow.steps)
    goes_on = workflow.installs and node.state in BEFORE_PENDING
    if boots and not goes_on and keeps_its_disk(node.state, installs=workflow.installs):
        ways = " or ".join(TRANSITIONS[node.state]) or "nothing more"
        return (
            f"node {node.name} is {node.state}, so it boots its disk whatever {workflow.name} says; "
            f"from {node.state} it can become {ways}"
        )
    return None

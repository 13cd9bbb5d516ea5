"""Why a workflow cannot be started on a node, as far as it can be told from the two alone."""

from collections.abc import Mapping

from engine.core.executions import Performer
from engine.core.nodes import BOOTS_ITS_DISK, TRANSITIONS, Node
from engine.core.scene import ActionFacts
from engine.core.workflows import Workflow


def needs_node(workflow: Workflow, actions: Mapping[str, ActionFacts]) -> bool:
    """Whether a workflow can only be started on a node."""
    known = (actions.get(step.action) for step in workflow.steps)
    has_work = any(action is not None and action.performer is Performer.NODE for action in known)
    return has_work or workflow.state_on_start is not None


def refusal(workflow: Workflow, actions: Mapping[str, ActionFacts], node: Node | None) -> str | None:
    """Why a workflow cannot be started on a node, or on none; None if it can."""
    if node is None:
        return (
            f"{workflow.name} has steps that need a node, and none is named" if needs_node(workflow, actions) else None
        )
    if any(step.action == "node.boot" for step in workflow.steps) and node.state in BOOTS_ITS_DISK:
        ways = " or ".join(TRANSITIONS[node.state]) or "nothing more"
        return (
            f"node {node.name} is {node.state}, so it boots its disk whatever {workflow.name} says; "
            f"from {node.state} it can become {ways}"
        )
    return None

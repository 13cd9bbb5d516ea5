"""The rows of the workflows, and what they are searched and sorted by. Pure."""

from collections.abc import Sequence

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Role, Row, cell
from console.view.listing import SortKey, natural
from engine.core.documents import DocumentStatus
from engine.core.workflows import PublishedWorkflow

WORKFLOW_COLUMNS = (
    Column(key="name", title="WORKFLOW", width=16, flex=2, most=32, keep=100),
    Column(key="status", title="STATUS", width=8, keep=90),
    Column(key="version", title="VERSION", width=7, keep=80),
    Column(key="for", title="FOR", width=18, keep=60),
    Column(key="steps", title="STEPS", width=5, keep=40, right=True),
    Column(key="description", title="DESCRIPTION", width=20, flex=4, keep=70),
)
WORKFLOW_FIELDS = ("name", "status", "version", "os", "arch", "boot", "description", "action")
WORKFLOW_SORTS = ("name", "status")
_WORKFLOW_ROLES = {
    DocumentStatus.ACTIVE: Role.GOOD,
    DocumentStatus.DRAFT: Role.WARN,
    DocumentStatus.ARCHIVED: Role.MUTED,
}


def workflow_row(workflow: PublishedWorkflow) -> Row:
    """A workflow's row, in the order of `WORKFLOW_COLUMNS`."""
    return (
        cell(workflow.name, Role.STRONG if workflow.is_active else Role.PLAIN),
        cell(workflow.status, _WORKFLOW_ROLES[workflow.status]),
        cell(workflow.version, Role.PLAIN),
        cell(fits(workflow), Role.MUTED),
        cell(str(len(workflow.steps)), Role.MUTED),
        cell(workflow.description, Role.MUTED),
    )


def fits(workflow: PublishedWorkflow) -> str:
    """Which machines a workflow is for."""
    parts = (workflow.os_family, workflow.architecture, workflow.boot_mode)
    return " ".join(part for part in parts if part and part not in ("any", "other"))


def workflow_fields(workflow: PublishedWorkflow) -> Fields:
    """What a workflow is searched by."""
    values = {
        "name": workflow.name,
        "status": workflow.status.value,
        "version": workflow.version,
        "os": workflow.os_family,
        "arch": workflow.architecture,
        "boot": workflow.boot_mode,
        "description": workflow.description,
        "action": " ".join(step.action for step in workflow.steps),
    }
    return {name: value.lower() for name, value in values.items() if value}


def workflow_sort_key(workflow: PublishedWorkflow, sort: str) -> SortKey:
    """What a workflow is sorted by."""
    order: Sequence[DocumentStatus] = (DocumentStatus.ACTIVE, DocumentStatus.DRAFT, DocumentStatus.ARCHIVED)
    if sort == "status":
        return (order.index(workflow.status), natural(workflow.name))
    return (natural(workflow.name),)

"""Making a workflow's file from a workflow template that is in the store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.core import documents as core
from engine.core import sources, workflow_template
from engine.core.documents import DocumentKind, TemplateType
from engine.core.workflow_template import Made, WorkflowTemplate
from engine.errors import Invalid, Problem
from engine.services.context import Context
from engine.services.drafts import require_free
from engine.store import documents
from engine.store.tx import Tx

Validate = Callable[[str], Awaitable[list[Problem]]]
"""Says everything that is wrong with a workflow's file."""


async def made(context: Context, template: str, name: str, params: Mapping[str, Any], validate: Validate) -> Made:
    """The file of a new workflow, made from a template (`name`, `name:v1.0`), with nothing wrong in it.

    Raises:
        NotFound: there is no such template or version.
        Invalid: it is no workflow template, a parameter is wrong, or the workflow that it makes is; all of it is named,
            with the line of the template.
        Conflict: there is a workflow of this name.
    """
    source = await context.database.read(lambda tx: _for_new(tx, template, name))
    found = await asyncio.to_thread(workflow_template.make, source, name, params)
    problems = await validate(found.content) or _misnamed(found)
    if problems:
        raise Invalid([found.place(each) for each in problems])
    return found


def read(tx: Tx, reference: str) -> WorkflowTemplate:
    """A workflow template (`name`, `name:v1.0`).

    Raises:
        NotFound: there is no such template or version.
        Invalid: it is no workflow template, or something in it is wrong.
    """
    name, _, version = reference.partition(":")
    document = documents.get(tx, DocumentKind.TEMPLATE, name)
    if document.type != TemplateType.WORKFLOW.value:
        message = f"template {document.name} is of type {document.type}; workflows are made from those of type workflow"
        raise Invalid([Problem(path="template", message=message)])
    found = documents.version(tx, document, core.parse_reference(version))
    return workflow_template.read(found.content, f"{document.name} {found.version_string}")


def _for_new(tx: Tx, template: str, name: str) -> WorkflowTemplate:
    require_free(tx, name)
    return read(tx, template)


def _misnamed(made: Made) -> list[Problem]:
    source = sources.read_one(made.content)
    if source.tree["name"] == made.name:
        return []
    message = f"the workflow is named {source.tree['name']!r}, not {made.name!r}; write name: {{{{ name }}}} there"
    return [source.problem(("name",), message)]

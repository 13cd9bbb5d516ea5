"""The texts that a dry run needs, without a store: what it asks for and is not there is noted, to be put there.

A walk through a workflow may take a while, and nobody knows before what it will name. So it is walked with what is on
the shelf, once more with what it asked for, and so on until nothing was asked for that is not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.core import parameters
from engine.core.dry_run import TemplateText
from engine.core.includes import Included
from engine.core.plans import Lack, Missing
from engine.core.workflows import Workflow
from engine.errors import Invalid


class WantedTemplate(NamedTuple):
    """A template by its name and the reference to a version, None for the current one."""

    name: str
    reference: str | None


class WantedWorkflow(NamedTuple):
    """A workflow by its name."""

    name: str


Wanted = WantedTemplate | WantedWorkflow


@dataclass(slots=True)
class Shelf:
    """Templates, None for one that does not exist; and workflows, or why one cannot be started."""

    templates: dict[WantedTemplate, TemplateText | None] = field(default_factory=dict)
    workflows: dict[str, Workflow | str] = field(default_factory=dict)
    _asked: dict[Wanted, None] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What was asked for and is not here; asked once, it is forgotten."""
        wanted = tuple(self._asked)
        self._asked.clear()
        return wanted

    def template(self, reference: str) -> TemplateText | None:
        """The template of a reference as steps write it: `name` or `name:v1.2`."""
        name, _, version = reference.partition(":")
        return self._template(WantedTemplate(name, version or None))

    def include(self, name: str, reference: str | None) -> Included | None:
        """The template that a text includes."""
        found = self._template(WantedTemplate(name, reference))
        return None if found is None else Included(name=found.name, version=found.version, content=found.content)

    def start(self, name: str, params: Mapping[str, Any], is_open: bool) -> Sequence[str]:
        """What is wrong with starting a workflow with these inputs; `is_open` if not all of them are known yet."""
        if name not in self.workflows:
            self._asked[WantedWorkflow(name)] = None
            return ()
        found = self.workflows[name]
        if isinstance(found, str):
            return (found,)
        wrong = () if is_open else inputs(found, params)[1]
        return tuple(f"workflow {name}, input {each.path}: {each.message}" for each in wrong)

    def _template(self, wanted: WantedTemplate) -> TemplateText | None:
        if wanted not in self.templates:
            self._asked[wanted] = None
        return self.templates.get(wanted)


def inputs(workflow: Workflow, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Missing]]:
    """The inputs as far as they are there, and what is wrong with them."""
    values = {name: schema["default"] for name, schema in workflow.params.items() if "default" in schema} | dict(given)
    try:
        parameters.complete(workflow.params, given)
    except Invalid as error:
        wrong = [
            Missing(kind=Lack.INPUT, message=each.message, path=each.path.removeprefix("params."))
            for each in error.problems
        ]
        return values, wrong
    return values, []

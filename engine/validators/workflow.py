"""Templates of workflows: their front part, and whether their Jinja2 compiles."""

from collections.abc import Iterator

from engine.core import workflow_template
from engine.core.findings import Finding, error
from engine.validators.facts import Facts

NAME = "workflow"


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A text of which workflows are made."""
    for each in workflow_template.check(text):
        yield error(each.message, each.line, each.column, path=each.path)

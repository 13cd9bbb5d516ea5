"""Document templates: whether their Jinja2 compiles."""

from collections.abc import Iterator

from engine.core import expressions
from engine.core.findings import Finding, error
from engine.validators.facts import Facts

NAME = "jinja2"


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A text of Jinja2."""
    wrong = expressions.check_document(text)
    if wrong is not None:
        yield error(f"its Jinja2 {wrong.message}", wrong.line, wrong.column)

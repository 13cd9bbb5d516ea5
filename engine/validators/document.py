"""Document templates: whether their Jinja2 compiles."""

import re
from collections.abc import Iterator

from engine.core import expressions
from engine.core.findings import Finding, error
from engine.validators.facts import Facts

NAME = "jinja2"
_LINE = re.compile(r" \(line (\d+)\)$")


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A text of Jinja2."""
    wrong = expressions.check_text(text)
    if wrong is not None:
        found = _LINE.search(wrong)
        line = int(found[1]) if found else None
        yield error(f"its Jinja2 {_LINE.sub('', wrong)}", line)

"""YAML: whether it can be read, and no key is written twice."""

from collections.abc import Iterator

from engine.core import sources
from engine.core.findings import Finding, of_problems
from engine.core.sources import Source
from engine.errors import Invalid
from engine.validators.facts import Facts

NAME = "yaml"


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """Any YAML, of any number of documents, and with the tags of whoever reads it."""
    try:
        sources.read(text, any_tag=True)
    except Invalid as error:
        yield from of_problems(error.problems, NAME)


def read(text: str) -> tuple[Source | None, tuple[Finding, ...]]:
    """The one document of a text, None with what is wrong if it is none; an empty text is an empty mapping."""
    try:
        found = sources.read(text)
        if not found:
            return Source(tree={}), ()
        return sources.read_one(text), ()
    except Invalid as error:
        return None, tuple(of_problems(error.problems, NAME))

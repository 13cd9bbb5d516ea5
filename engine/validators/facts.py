"""What a check is told beside the text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.core.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The text's name as far as it has one, and the interpreter that a step runs it with."""

    name: str = ""
    interpreter: str = ""


Check = Callable[[str, Facts], Iterable[Finding]]
"""Finds what is wrong in a text; blocking."""

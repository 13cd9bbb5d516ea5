"""Checking what a pack's file says before it becomes a version.

This is the one place where a sync, a check and a preview ask whether a content is right. Everything here may block: it
is called in a thread, outside every transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.core import checking
from engine.core.documents import DocumentKind
from engine.core.includes import Included
from engine.core.pack_files import Entry
from engine.core.sources import Source
from engine.errors import Problem

CheckWorkflow = Callable[[Source, set[str]], list[Problem]]
"""Everything that is wrong with a workflow, beside templates of these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the check of a template's type found, in the lines of its text."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


CheckText = Callable[[Entry], Verdict]
"""What the check of a template's type finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found: `errors` keep a file from becoming a version, `warnings` are only told."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


class Checks:
    """Checks the files of one pack; `templates` are the names of all templates there are, the pack's own among them."""

    def __init__(
        self, check_workflow: CheckWorkflow, check_text: CheckText, templates: set[str], inside: dict[str, str]
    ) -> None:
        self._check_workflow = check_workflow
        self._check_text = check_text
        self._templates = templates
        self._inside = inside

    def findings(self, entry: Entry) -> Findings:
        """What is wrong with a file, with its lines."""
        if entry.kind is DocumentKind.WORKFLOW:
            problems = self._check_workflow(entry.source, self._templates) if entry.source is not None else []
            return Findings(errors=tuple(replace(each, file=entry.path) for each in problems))
        return self._template(entry)

    def _template(self, entry: Entry) -> Findings:
        """As saving a template does, this refuses nothing that only rendering can tell; it is said all the same."""
        found = checking.check(entry.written, include=self._included, name="")
        checked = self._check_text(entry)
        told = (*found, *checked.warnings)
        errors = tuple(_in_file(each, entry) for each in checked.errors)
        return Findings(errors=errors, warnings=tuple(str(_in_file(each, entry)) for each in told))

    def _included(self, name: str, reference: str | None) -> Included | None:
        """Whether a template is there is all that matters here: what is in it is judged by itself."""
        full = self._inside.get(name, name)
        return Included(name=full, version=reference or "", content="") if full in self._templates else None


def _in_file(problem: Problem, entry: Entry) -> Problem:
    line = None if problem.line is None else problem.line + entry.skipped
    return replace(problem, file=entry.path, line=line)

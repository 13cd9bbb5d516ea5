"""A template's own text, before there is a node: checked with sample values, each finding at the line it was written.

`validate_text` is for whoever has a text and knows the templates beside it: saving, syncing a pack, the command line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.core import checking
from engine.core.documents import FILE_TYPES
from engine.core.findings import Finding, Findings, in_order, of_problems, warning
from engine.core.includes import Lookup, no_includes
from engine.core.origins import Traced, trace
from engine.core.samples import PALETTES, is_guess, with_palette
from engine.validators import registry
from engine.validators.facts import Facts

PLACEHOLDERS = "placeholders"
"""The name of the check of `${…}` itself."""

SNIPPET = "snippet"
"""The tag of a template that makes sense only inside others, and is not checked by itself."""


def whole_type(type_: str, tags: Sequence[str]) -> str:
    """The type by which a rendered text is checked: none for a part, which installers may fetch by itself as well."""
    return "" if SNIPPET in tags and type_ not in registry.PROGRAMS else type_


def validate_text(
    type_: str,
    text: str,
    lookup: Lookup = no_includes,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    interpreter: str = "",
) -> Findings:
    """Everything that is wrong with a template's text, with includes put in and a sample for every variable.

    Blocking, for up to some seconds: call it in a thread.

    Args:
        type_: a `TemplateType`, or `yaml` or `json`.
        text: the text as it was written.
        lookup: finds the templates that it includes.
        name: the template's name, for places, and to find circles.
        tags: the template's tags; a `snippet` is checked only for its variables and includes.
        interpreter: what a step runs a script with.

    Raises:
        Invalid: there is no such type.
    """
    if type_ in FILE_TYPES:
        return ()
    found = list(placeholders(text, lookup, name))
    if SNIPPET in tags and type_ not in registry.PROGRAMS:
        return in_order(found)
    facts = Facts(name=name, interpreter=interpreter)
    if type_ in registry.PROGRAMS:
        return in_order([*found, *(replace(each, file=name or None) for each in registry.check(type_, text, facts))])
    traced = trace(text, with_palette(None), include=lookup, name=name, drops=True)
    if not traced.is_whole:
        return in_order([*found, warning(f"is not checked as {type_}: with what it includes it is too large")])
    checked = registry.check(type_, traced.content, facts)
    sure = _without_guesses(checked, traced, type_, text, lookup, facts)
    return in_order([*found, *located(sure, traced)])


def placeholders(text: str, lookup: Lookup, name: str = "") -> Findings:
    """What is wrong with the variables and includes of a text, whatever their values."""
    problems = checking.check(text, include=lookup, name=name)
    found = of_problems(problems, PLACEHOLDERS)
    return tuple(
        each.as_warning() if "is left as written, for it is not of the form" in each.message else each for each in found
    )


def located(findings: Iterable[Finding], traced: Traced) -> Findings:
    """Findings in a rendered text, at the places where their lines were written."""
    placed = []
    for each in findings:
        origin = traced.at(each.line, each.column) if each.line is not None else None
        if origin is None:
            placed.append(each)
            continue
        column = origin.column if each.column is not None else None
        placed.append(replace(each, line=origin.line, column=column, file=origin.template or None))
    return tuple(placed)


def _without_guesses(
    findings: Findings, traced: Traced, type_: str, text: str, lookup: Lookup, facts: Facts
) -> Findings:
    """The findings without those errors that come from a value that was guessed: another value has no such error."""
    if not any(each.is_error and _may_be_a_guess(each, traced) for each in findings):
        return findings
    others = [
        registry.check(
            type_, trace(text, with_palette(palette), include=lookup, name=facts.name, drops=True).content, facts
        )
        for palette in PALETTES
    ]
    # A reader that stops at a guess says nothing of what comes after: those values count with which it gets furthest.
    best = max([findings, *others], key=_reach)
    doubtful = [each for each in best if each.is_error and _may_be_a_guess(each, traced)]
    cleared = {each for each in doubtful if not all(_is_still_wrong(each, found) for found in others)}
    return tuple(each for each in best if each not in cleared)


_STOPS = ("is not JSON", "is not YAML", "is not well-formed", "is not Python", "yntax error")


def _reach(findings: Findings) -> float:
    stops = [each.line or 0 for each in findings if each.is_error and _is_stop(each)]
    return min(stops, default=float("inf"))


def _is_stop(finding: Finding) -> bool:
    return any(stop in finding.message for stop in _STOPS)


def _is_still_wrong(finding: Finding, findings: Findings) -> bool:
    """Whether another value does not help; where it makes the reader stop before the line, nobody knows."""
    line = finding.line or 0
    wrong = [each for each in findings if each.is_error]
    return any((each.line or 0) == line or ((each.line or 0) < line and _is_stop(each)) for each in wrong)


def _may_be_a_guess(finding: Finding, traced: Traced) -> bool:
    if finding.line is None:
        return any(each.variable is not None and is_guess(each.variable) for each in traced.stretches)
    lines = (finding.line - 1, finding.line)
    return any(is_guess(each) for line in lines for each in traced.variables_on(line))

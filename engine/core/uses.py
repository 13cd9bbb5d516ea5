"""What a template or a workflow names: the templates it includes, serves or renders, the workflows it starts.

It is read off the text alone; nothing is looked up. A name that is made by an expression is not known before a run: it
is reported as open, with the text it stands in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.core.documents import DocumentKind
from engine.core.placeholders import references
from engine.core.sources import spell
from engine.core.workflows import Step, Workflow


class How(StrEnum):
    """How a document is used: its text becomes part of another; a machine fetches it (`/render/…/NAME`); a node runs it
    as a script; it is rendered to an artifact; it is started as a workflow.
    """

    INCLUDE = "include"
    FETCH = "fetch"
    RUN = "run"
    RENDER = "render"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place that names a document. `name` is None where an expression makes it.

    `reference` is the version that is asked for (`v2`, `v2.1`), None for the current one. In a template the place is a
    line and column; in a workflow it is a step's key and a path (`with.cmdline`), and `line` is None.
    """

    kind: DocumentKind
    name: str | None
    reference: str | None
    how: How
    text: str
    step: str | None = None
    path: str = ""
    line: int | None = None
    column: int | None = None


_FETCHED = re.compile(
    # each part is bounded, and ends before the next slash: so the time is linear in the text
    r"/render/(?:\$\{[^}/\n]{0,100}\}|\{\{[^}/\n]{0,100}\}\}|[^\s/'\"<>{}]{1,200})/"
    r"(?:(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})(?::(?P<reference>v\d{1,9}(?:\.\d{1,9})?))?)?(?P<open>\$\{|\{\{)?"
)
_EXPRESSIONS = ("{{", "{%", "${")
_TEMPLATES = {"node.script": How.RUN, "core.render": How.RENDER}


def of_template(text: str) -> tuple[Use, ...]:
    """What a template names, in the order of its text."""
    if "${include:" not in text and "/render/" not in text:
        return ()
    return tuple(sorted(_in_text(text), key=lambda use: (use.line or 0, use.column or 0)))


def of_workflow(workflow: Workflow) -> Mapping[str | None, tuple[Use, ...]]:
    """What a workflow names, by the key of the step that does; None for what stands outside of the steps."""
    found: dict[str | None, tuple[Use, ...]] = {step.key: of_step(step, step.with_) for step in workflow.steps}
    outside = {"output": workflow.output, "concurrency": workflow.concurrency or {}}
    found[None] = tuple(use for key, tree in outside.items() for use in _in_tree(tree, None, (key,)))
    return {key: uses for key, uses in found.items() if uses}


def of_step(step: Step, parameters: Mapping[str, Any]) -> tuple[Use, ...]:
    """What a step names with these parameters: those of the file, or those of an attempt, in which all is filled in."""
    uses = list(_in_tree(parameters, step.key, ("with",)))
    template, workflow = parameters.get("template"), parameters.get("workflow")
    if isinstance(template, str) and template:
        how = _TEMPLATES.get(step.action, How.RENDER)
        uses.append(_named(DocumentKind.TEMPLATE, template, how, step.key, "with.template"))
    if step.action == "node.boot":
        uses += _of_boot(step, parameters)
    if step.action == "core.workflow" and isinstance(workflow, str) and workflow:
        uses.append(_named(DocumentKind.WORKFLOW, workflow, How.START, step.key, "with.workflow"))
    return tuple(uses)


def _of_boot(step: Step, parameters: Mapping[str, Any]) -> Iterator[Use]:
    """The templates that a machine fetches as cloud-init's documents, or finds in its initrd."""
    for parameter in ("metadata", "overlay"):
        given = parameters.get(parameter)
        for key, template in given.items() if isinstance(given, Mapping) else ():
            if isinstance(template, str) and template:
                path = spell(("with", parameter, str(key)))
                yield _named(DocumentKind.TEMPLATE, template, How.FETCH, step.key, path)


def _named(kind: DocumentKind, written: str, how: How, step: str, path: str) -> Use:
    is_open = any(mark in written for mark in _EXPRESSIONS)
    name, _, reference = written.partition(":") if kind is DocumentKind.TEMPLATE else (written, "", "")
    return Use(
        kind=kind,
        name=None if is_open else name,
        reference=None if is_open else reference or None,
        how=how,
        text=written,
        step=step,
        path=path,
    )


def _in_tree(tree: Any, step: str | None, path: tuple[str | int, ...]) -> Iterator[Use]:
    if isinstance(tree, str):
        for use in _in_text(tree):
            yield _placed(use, step, spell(path))
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _in_tree(value, step, (*path, str(key)))
    elif isinstance(tree, list | tuple):
        for at, value in enumerate(tree):
            yield from _in_tree(value, step, (*path, at))


def _placed(use: Use, step: str | None, path: str) -> Use:
    return Use(kind=use.kind, name=use.name, reference=use.reference, how=use.how, text=use.text, step=step, path=path)


def _in_text(text: str) -> Iterator[Use]:
    if "${include:" in text:
        for include in references(text).includes:
            yield Use(
                kind=DocumentKind.TEMPLATE,
                name=include.name,
                reference=include.reference,
                how=How.INCLUDE,
                text=include.text,
                line=include.line,
                column=include.column,
            )
    if "/render/" in text:
        yield from _fetched(text)


def _fetched(text: str) -> Iterator[Use]:
    line, at = 1, 0
    for match in _FETCHED.finditer(text):
        name, is_open = match["name"], match["open"] is not None
        if name is None and not is_open:
            continue
        line += text.count("\n", at, match.start())
        at = match.start()
        yield Use(
            kind=DocumentKind.TEMPLATE,
            name=None if is_open else name.rstrip("."),
            reference=None if is_open else match["reference"],
            how=How.FETCH,
            text=match[0],
            line=line,
            column=at - text.rfind("\n", 0, at),
        )

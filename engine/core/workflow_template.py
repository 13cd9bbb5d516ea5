"""Workflow templates: a text with parameters from which the file of a workflow is made.

It has a front part and a body, with a line `---` between:

    description: A workflow for a role     # optional
    params:                                # inputs, JSON Schema per name, as a workflow file has them
      disk: {type: string, default: /dev/vda}
      extra: {type: array, items: {type: string}, default: []}
    ---
    name: {{ name }}
    steps:
      - key: wipe
        action: node.script
        with: {script: {{ ("wipefs -a " ~ (params.disk | shell)) | yaml }}}
      {% for package in params.extra %}
      - {key: {{ "install-" ~ package }}, action: core.echo, with: {message: "on {{ node.hostname }}"}}
      {% endfor %}

The body is Jinja2 (sandboxed) over `name`, what the workflow is to be called, and `params`. An expression that names
what is known only when the workflow runs (`{{ node.hostname }}`, `{{ steps.a.output.b }}`) is left as written for then,
and so is every `${…}`. What else is to be left goes between `{% raw %}` and `{% endraw %}`: `params` here are those of
the template, not of the execution. Without `name:` in the body the workflow gets its name all the same.

Each line that is made remembers the line it was made from, so that what is wrong with the workflow is said of the
template.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core import expressions, parameters, sources
from engine.core.names import parse_name
from engine.errors import Invalid, Problem

RUNTIME = frozenset({"trigger", "node", "group", "steps", "execution", "workflow", "meta", "secret", "server"})
"""What has values only when a workflow runs."""

_SEPARATOR = re.compile(r"^---[ \t]*(?:#.*)?\r?\n?", re.MULTILINE)
_LINE = "\ue001"  # private use: no text that people write has it, and no value may (`engine.core.expressions`)
_LINES = re.compile(f"{_LINE}(\\d+){_LINE}")
_NAME = re.compile(r"^name[ \t]*:", re.MULTILINE)
_KEYS = ("description", "params")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTemplate:
    """A workflow template, read. `body_line` is the number of the body's first line in the whole text."""

    description: str
    params: Mapping[str, Mapping[str, Any]]
    body: str
    body_line: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The file of a workflow, and of each of its lines the one of the template that it was made from."""

    name: str
    content: str
    lines: tuple[int, ...]
    template: WorkflowTemplate

    def place(self, problem: Problem) -> Problem:
        """A problem of the made file, said of the template; a column stays only where the line was made as written."""
        if problem.line is None:
            return replace(problem, file=self.template.file)
        line = self.lines[min(problem.line, len(self.lines)) - 1]
        written = self.template.body.split("\n")
        at = line - self.template.body_line
        made = self.content.split("\n")[problem.line - 1 : problem.line]
        same = 0 <= at < len(written) and made == [written[at]]
        return replace(problem, file=self.template.file, line=line, column=problem.column if same else None)


def read(text: str, file: str = "") -> WorkflowTemplate:
    """Take a workflow template apart and check its front part and the syntax of its body.

    Raises:
        Invalid: something in it is wrong; all of it is named, with line and column.
    """
    front, body, body_line = _parted(text, file)
    source = sources.read_one(front, file=file) if front.strip() else sources.Source(tree={}, file=file)
    problems = list(_front_problems(source))
    tree = source.tree if isinstance(source.tree, Mapping) else {}
    wrong = expressions.check_document(_left_for_the_run(body), file)
    if wrong is not None:
        problems.append(replace(wrong, line=(wrong.line or 1) + body_line - 1))
    if problems:
        raise Invalid(problems)
    params = tree.get("params") or {}
    return WorkflowTemplate(
        description=str(tree.get("description") or ""), params=params, body=body, body_line=body_line, file=file
    )


def check(text: str, file: str = "") -> list[Problem]:
    """Everything that is wrong with a workflow template whatever its parameters will be."""
    try:
        read(text, file)
    except Invalid as error:
        return list(error.problems)
    return []


def make(template: WorkflowTemplate, name: str, given: Mapping[str, Any]) -> Made:
    """Make the file of a workflow.

    Raises:
        Invalid: the name is none; a parameter is missing, unknown or does not fit; the body cannot be made.
    """
    problems: list[Problem] = []
    values: Mapping[str, Any] = {}
    try:
        parse_name(name)
    except Invalid as error:
        problems += error.problems
    try:
        values = parameters.complete(template.params, given)
    except Invalid as error:
        problems += error.problems
    if problems:
        raise Invalid(problems)
    made = _body(template, {"name": name, "params": values})
    content, lines = _numbered(made, template.body_line)
    if not _NAME.search(content):
        content, lines = f"name: {name}\n{content}", (template.body_line, *lines)
    return Made(name=name, content=content, lines=lines, template=template)


def _parted(text: str, file: str) -> tuple[str, str, int]:
    text = text.removeprefix("\ufeff")
    separators = list(_SEPARATOR.finditer(text))
    if separators and not text[: separators[0].start()].strip():
        separators = separators[1:]  # a file may begin with one
    if not separators:
        message = "has no line --- between its params and the workflow; write params: {} and --- above it"
        raise Invalid([Problem(message=message, line=1, column=1, file=file or None)])
    end = separators[0]
    return text[: end.start()], text[end.end() :], text.count("\n", 0, end.end()) + 1


def _front_problems(source: sources.Source) -> Iterable[Problem]:
    tree = source.tree
    if tree is None:
        return
    if not isinstance(tree, Mapping):
        yield source.problem((), "the front part is a mapping with params and description")
        return
    for key in tree:
        if key not in _KEYS:
            yield source.problem((key,), f"there is no key {key!r} here; there are {', '.join(_KEYS)}", at_key=True)
    params = tree.get("params")
    if params is not None and not isinstance(params, Mapping):
        yield source.problem(("params",), "must be a mapping from a name to a JSON Schema")
        return
    for name, schema in (params or {}).items():
        if not isinstance(schema, Mapping):
            yield source.problem(("params", name), "must be a JSON Schema, as in {type: string}")
            continue
        for message in parameters.check_schema(schema):
            yield source.problem(("params", name), message)


def _body(template: WorkflowTemplate, names: Mapping[str, object]) -> str:
    marked = _with_lines(_left_for_the_run(template.body))
    try:
        return expressions.made(marked, names)
    except Invalid as error:
        raise Invalid([_in_body(each, template) for each in error.problems]) from None


def _in_body(problem: Problem, template: WorkflowTemplate) -> Problem:
    line = template.body_line + (problem.line or 1) - 1
    return replace(problem, line=line, column=None, path="", file=template.file or None)


def _left_for_the_run(body: str) -> str:
    """The body with every expression that names what is known only then between `{% raw %}` and `{% endraw %}`."""
    pieces: list[str] = []
    expression: list[tuple[str, str]] | None = None
    for kind, text in expressions.tokens(body):
        if kind == "variable_begin":
            expression = [(kind, text)]
        elif expression is None:
            pieces.append(text)
        else:
            expression.append((kind, text))
            if kind == "variable_end":
                written = "".join(each for _, each in expression)
                pieces.append(f"{{% raw %}}{written}{{% endraw %}}" if _is_for_the_run(expression) else written)
                expression = None
    return "".join(pieces) + "".join(each for _, each in expression or ())


def _is_for_the_run(tokens: Iterable[tuple[str, str]]) -> bool:
    before = ""
    for kind, text in tokens:
        if kind == "name" and before not in (".", "|") and text in RUNTIME:
            return True
        before = before if kind == "whitespace" else text
    return False


def _with_lines(body: str) -> str:
    """The body with a mark at the start of each line of text that says which it is."""
    pieces = [f"{_LINE}1{_LINE}"]
    line = 1
    for kind, text in expressions.tokens(body):
        if kind != "data":
            pieces.append(text)
            line += text.count("\n")
            continue
        for at, part in enumerate(text.split("\n")):
            if at:
                line += 1
                pieces.append(f"\n{_LINE}{line}{_LINE}")
            pieces.append(part)
    return "".join(pieces)


def _numbered(made: str, first: int) -> tuple[str, tuple[int, ...]]:
    """What was made without the marks, and of each of its lines the line of the whole template."""
    pieces = _LINES.split(made)
    text = ""
    starts: list[int] = []
    numbers: list[int] = []
    parts: list[str] = []
    size = 0
    for at, piece in enumerate(pieces):
        if at % 2:
            starts.append(size)
            numbers.append(int(piece) + first - 1)
        else:
            parts.append(piece)
            size += len(piece)
    text = "".join(parts)
    lines: list[int] = []
    offset = 0
    for line in text.split("\n"):
        # what a line begins with may come from a loop that began before: the last mark at or before its end counts
        known = bisect_right(starts, offset + len(line)) - 1
        lines.append(numbers[known] if known >= 0 else first)
        offset += len(line) + 1
    return text, tuple(lines)

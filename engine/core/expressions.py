"""Jinja2, sandboxed, for step parameters, conditions and document templates.

The scopes are those of CONTRACT section 3. A name that does not exist is an error, never an empty text.

What an expression yields must not be expanded by the pass after it, which replaces `${…}` variables: a value that
looks like one could pull out a secret. So the variables the author wrote are taken out before Jinja2 runs, each leaving
a mark that no value can contain, and everything it makes is escaped before they are put back.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.core.placeholders import Parsed, escape, parse
from engine.core.values import as_text
from engine.errors import Invalid, Problem

Names = Mapping[str, object]


_MARK = "\ue000"  # private use: no text that people write has it
_MARKED = re.compile(f"{_MARK}(\\d+){_MARK}")


def _finalize(value: object) -> str:
    text = "" if value is None else as_text(value)
    if _MARK in text:
        raise ValueError(
            "a ${…} variable cannot stand inside {{ … }}; name the value itself there, as in {{ node.mac }}"
        )
    return text


MAX_LENGTH = 1024 * 1024
"""Characters of what one text may become, and items of what `*` may make: a slip must not fill the memory."""

_MAX_BITS = 4096
_WIDE = re.compile(r"%[^A-Za-z%]*(?:\d{5}|\*)")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, and a bound on what its operators make, which it computes even while it compiles."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator, unless its result is out of all proportion."""
        if _is_huge(operator, left, right):
            raise ValueError(f"{operator} would make a value that is far too large")
        return super().call_binop(context, operator, left, right)


def _is_huge(operator: str, left: Any, right: Any) -> bool:
    if operator == "%":
        return isinstance(left, str) and _WIDE.search(left) is not None
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        return bits > _MAX_BITS
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int):
            return len(many) * times > MAX_LENGTH
    return False


_ENVIRONMENT = _Sandbox(
    undefined=StrictUndefined,
    finalize=_finalize,
    autoescape=False,  # what is made here is shell, kickstart, YAML: never HTML
    keep_trailing_newline=True,
)


@lru_cache(maxsize=2048)
def _template(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


@lru_cache(maxsize=2048)
def _expression(text: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(text, undefined_to_none=False)


def parsed(text: str) -> nodes.Template:
    """The syntax of a text's expressions.

    Raises:
        TemplateError: it has none.
    """
    return _ENVIRONMENT.parse(_taken_out(parse(text)))


def fill(tree: Any, names: Names, path: str = "") -> Any:
    """Render every text of a tree; what holds no `{{` or `{%` comes back as it is.

    Raises:
        Invalid: a text does not compile or uses a name that does not exist; with the path of the value.
    """
    if isinstance(tree, str):
        return _fill_text(tree, names, path)
    if isinstance(tree, Mapping):
        return {key: fill(value, names, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [fill(value, names, f"{path}[{index}]") for index, value in enumerate(tree)]
    return tree


_WHOLE = re.compile(r"\{\{((?:(?!\}\}|\{\{).)*)\}\}", re.DOTALL)


def values(tree: Any, names: Names, path: str = "") -> Any:
    """As `fill`, but a text that is one expression and nothing else becomes its value: a number stays a number.

    Raises:
        Invalid: as `fill`.
    """
    if isinstance(tree, str):
        whole = _WHOLE.fullmatch(tree.strip())
        return _fill_text(tree, names, path) if whole is None else _value(whole[1], names, path)
    if isinstance(tree, Mapping):
        return {key: values(value, names, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [values(value, names, f"{path}[{index}]") for index, value in enumerate(tree)]
    return tree


def _value(text: str, names: Names, path: str) -> Any:
    try:
        value = _expression(text)(names)
        if isinstance(value, Undefined):
            str(value)  # it says which name does not exist
        return _plain_value(value)
    except Exception as error:
        raise Invalid([Problem(path=path, message=_plain(error))]) from None


def _plain_value(value: Any) -> Any:
    """A value as JSON has it, with what looks like a variable in its texts escaped."""
    if isinstance(value, str):
        return escape(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return escape(as_text(value))


def unescaped(tree: Any) -> Any:
    """What `fill` and `values` make, as it is: for what no pass for `${…}` variables comes after."""
    if isinstance(tree, str):
        return "".join(each if isinstance(each, str) else each.text for each in parse(tree).segments)
    if isinstance(tree, Mapping):
        return {key: unescaped(value) for key, value in tree.items()}
    return [unescaped(value) for value in tree] if isinstance(tree, list | tuple) else tree


def _fill_text(text: str, names: Names, path: str) -> str:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    pieces = parse(text)
    try:
        return _put_back(_made(_template(_taken_out(pieces)), names), pieces)
    except Exception as error:  # a template may raise anything: it is a small program
        raise Invalid([Problem(path=path, message=_plain(error), line=getattr(error, "lineno", None))]) from None


def _made(template: Template, names: Names) -> str:
    pieces: list[str] = []
    size = 0
    for piece in template.generate(names):
        size += len(piece) + 1  # empty ones count too: a loop that writes nothing must end as well
        if size > MAX_LENGTH:
            raise ValueError(f"makes more than {MAX_LENGTH} characters")
        pieces.append(piece)
    return "".join(pieces)


def _taken_out(parsed: Parsed) -> str:
    return "".join(
        segment if isinstance(segment, str) else f"{_MARK}{at}{_MARK}" for at, segment in enumerate(parsed.segments)
    )


def _put_back(filled: str, parsed: Parsed) -> str:
    pieces = _MARKED.split(filled)
    for at in range(0, len(pieces), 2):
        if pieces[at].endswith("$") and at + 1 < len(pieces):
            raise ValueError("a value that ends in $ stands right before a ${…} variable, which cannot be written")
        pieces[at] = escape(pieces[at])
    for at in range(1, len(pieces), 2):
        segment = parsed.segments[int(pieces[at])]
        pieces[at] = segment if isinstance(segment, str) else segment.text
    return "".join(pieces)


def holds(condition: str, names: Names) -> bool:
    """Whether a condition such as `steps.probe.output.disks > 1` is true.

    Raises:
        Invalid: it does not compile, or uses a name that does not exist.
    """
    try:
        value = _expression(condition)(names)
        return bool(value)
    except Exception as error:
        raise Invalid([Problem(message=f"the condition `{condition}` has no value: {_plain(error)}")]) from None


def check_condition(condition: str) -> str | None:
    """What is wrong with a condition's syntax, or None."""
    try:
        _expression(condition)
    except TemplateError as error:
        return f"is no condition: {_plain(error)}"
    return None


def check_text(text: str) -> str | None:
    """What is wrong with a text's Jinja2 syntax, or None."""
    try:
        _template(_taken_out(parse(text)))
    except TemplateError as error:
        return f"does not compile: {_plain(error)} (line {getattr(error, 'lineno', 1)})"
    return None


_NO_SECRET = re.compile(r"'engine\.core\.secrets\.SecretScope object' has no attribute '([^']*)'")


def _plain(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    text = _NO_SECRET.sub(r"there is no secret \1", text)
    return text.replace("jinja2.utils.", "").replace("'engine.core.", "'")

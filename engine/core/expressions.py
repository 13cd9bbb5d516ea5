"""Jinja2, sandboxed, for step parameters, conditions and document templates.

The scopes are those of CONTRACT section 3. A name that does not exist is an error, never an empty text. What an
expression yields is protected, so that a value that looks like a `${…}` variable is not expanded by the pass after it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.core.rendering import escape
from engine.errors import Invalid, Problem

Names = Mapping[str, object]


def _finalize(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(value) if isinstance(value, str) else value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
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


def _fill_text(text: str, names: Names, path: str) -> str:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    try:
        return _template(text).render(names)
    except Exception as error:  # a template may raise anything: it is a small program
        raise Invalid([Problem(path=path, message=_plain(error), line=getattr(error, "lineno", None))]) from None


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
        _template(text)
    except TemplateError as error:
        return f"does not compile: {_plain(error)} (line {getattr(error, 'lineno', 1)})"
    return None


def _plain(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.replace("jinja2.utils.", "").replace("'engine.core.", "'")

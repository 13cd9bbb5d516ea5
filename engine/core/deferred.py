"""A step's parameters that name secrets: filled in each time they are used, never before.

What is filled in when an attempt begins is stored with it. So a text whose expressions name `secret` is stored as it is
written, and filled in anew, from the workflow's own text, for whoever performs the step. It is never taken from what
was stored: there a value may stand that looks like an expression.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeGuard

from jinja2 import TemplateError, meta, nodes

from engine.core import expressions
from engine.core.placeholders import references
from engine.core.workflows import Step

_NATIVE = frozenset({("core.workflow", "params")})
"""Parameters in which a text that is one expression becomes its value."""


def is_native(action: str, key: str) -> bool:
    """Whether a text that is one expression becomes its value in a parameter of an action."""
    return (action, key) in _NATIVE


@lru_cache(maxsize=2048)
def names_secrets(text: str) -> bool:
    """Whether an expression in a text names a secret."""
    if "secret" not in text or not ("{{" in text or "{%" in text):
        return False
    try:
        return "secret" in meta.find_undeclared_variables(expressions.parsed(text))
    except TemplateError:
        return False  # whoever fills it in says what is wrong


def secrets_of(text: str) -> tuple[str, ...]:
    """The secrets that the expressions of a text name plainly: `secret.a`, `secret['a-b']`."""
    if not names_secrets(text):
        return ()
    parsed = expressions.parsed(text)
    named = [each.attr for each in parsed.find_all(nodes.Getattr) if _is_scope(each.node)]
    named += [each.arg.value for each in parsed.find_all(nodes.Getitem) if _is_scope(each.node) and _is_text(each.arg)]
    return tuple(dict.fromkeys(named))


def _is_scope(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "secret"


def _is_text(node: nodes.Node) -> TypeGuard[nodes.Const]:
    return isinstance(node, nodes.Const) and isinstance(node.value, str)


def names_secrets_at_all(text: str) -> bool:
    """Whether a text names a secret, in an expression or as a variable."""
    if "secret" not in text:
        return False
    return names_secrets(text) or any(each.namespace == "secret" for each in references(text).variables)


def begin(step: Step, names: expressions.Names) -> dict[str, Any]:
    """A step's parameters as its attempt is stored with them.

    Raises:
        Invalid: as `expressions.fill`.
    """
    return {
        key: _begun(value, names, f"with.{key}", native=is_native(step.action, key))
        for key, value in step.with_.items()
    }


def complete(step: Step, config: Mapping[str, Any], names: expressions.Names) -> dict[str, Any]:
    """An attempt's parameters with those texts filled in that name secrets.

    Raises:
        Invalid: as `expressions.fill`.
    """
    return {
        key: _completed(step.with_[key], value, names, f"with.{key}", native=is_native(step.action, key))
        if key in step.with_
        else value
        for key, value in config.items()
    }


def _begun(tree: Any, names: expressions.Names, path: str, *, native: bool) -> Any:
    if isinstance(tree, str):
        if names_secrets(tree):
            return tree
        return (expressions.values if native else expressions.fill)(tree, names, path)
    if isinstance(tree, Mapping):
        return {key: _begun(value, names, f"{path}.{key}", native=native) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_begun(value, names, f"{path}[{at}]", native=native) for at, value in enumerate(tree)]
    return tree


def _completed(written: Any, kept: Any, names: expressions.Names, path: str, *, native: bool) -> Any:
    if isinstance(written, str):
        if not names_secrets(written):
            return kept
        return (expressions.values if native else expressions.fill)(written, names, path)
    if isinstance(written, Mapping) and isinstance(kept, Mapping):
        return {
            key: _completed(written[key], value, names, f"{path}.{key}", native=native) if key in written else value
            for key, value in kept.items()
        }
    if isinstance(written, list | tuple) and isinstance(kept, list | tuple) and len(written) == len(kept):
        pairs = enumerate(zip(written, kept, strict=True))
        return [_completed(one, other, names, f"{path}[{at}]", native=native) for at, (one, other) in pairs]
    return kept

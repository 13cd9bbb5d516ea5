"""A step's parameters with everything filled in, each by itself: for whoever looks ahead and wants all that is wrong.

The order is that of an execution: expressions first, then `${…}` variables and includes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core import expressions, rendering
from engine.core.deferred import is_native
from engine.core.sources import Path, spell
from engine.core.unknown import Asked
from engine.core.workflows import Step
from engine.errors import Invalid, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value below a step's `with`: as written, and as it will be.

    `unknown` names what it depends on that is not known yet (the value shows it as `<name>`); `problems` is what is
    wrong with it, with the line and column within the text.
    """

    path: str
    written: Any
    value: Any
    unknown: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """All parameters of a step: as leaves, as a tree after the expressions (`config`) and after all (`complete`)."""

    parameters: tuple[Parameter, ...]
    config: Mapping[str, Any]
    complete: Mapping[str, Any]

    @property
    def unknown(self) -> tuple[str, ...]:
        """What is not known yet of what they depend on."""
        return tuple(dict.fromkeys(name for parameter in self.parameters for name in parameter.unknown))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, each with the path of its parameter."""
        return tuple(
            replace(problem, path=f"with.{parameter.path}")
            for parameter in self.parameters
            for problem in parameter.problems
        )


def fill(
    step: Step,
    names: expressions.Names,
    variables: rendering.Scopes,
    *,
    include: rendering.Lookup = rendering.no_includes,
    asked: Asked | None = None,
) -> Filled:
    """Fill in a step's parameters; secrets among the variables are masked."""
    filling = _Filling(names, variables, include, asked or Asked())
    config: dict[str, Any] = {}
    complete: dict[str, Any] = {}
    for key, value in step.with_.items():
        native = is_native(step.action, key)
        config[key], complete[key] = filling.visit(value, (key,), native)
    return Filled(parameters=tuple(filling.parameters), config=config, complete=complete)


class _Filling:
    def __init__(
        self, names: expressions.Names, variables: rendering.Scopes, include: rendering.Lookup, asked: Asked
    ) -> None:
        self._names = names
        self._variables = variables
        self._include = include
        self._asked = asked
        self.parameters: list[Parameter] = []

    def visit(self, tree: Any, path: Path, native: bool) -> tuple[Any, Any]:
        """A part of the tree after the expressions, and after all."""
        if isinstance(tree, Mapping) and tree:
            parts = {str(key): self.visit(value, (*path, str(key)), native) for key, value in tree.items()}
            return {key: one for key, (one, _) in parts.items()}, {key: two for key, (_, two) in parts.items()}
        if isinstance(tree, list | tuple) and tree:
            pairs = [self.visit(value, (*path, at), native) for at, value in enumerate(tree)]
            return [one for one, _ in pairs], [two for _, two in pairs]
        return self._leaf(tree, path, native)

    def _leaf(self, written: Any, path: Path, native: bool) -> tuple[Any, Any]:
        if not isinstance(written, str):
            self.parameters.append(Parameter(path=spell(path), written=written, value=written))
            return written, written
        self._asked.take()
        problems: list[Problem] = []
        try:
            config = (expressions.values if native else expressions.fill)(written, self._names, spell(path))
        except Invalid as error:
            # An expression that needs to know what is not known is not wrong: it cannot be told yet.
            unknown = self._asked.take()
            problems += [] if unknown else error.problems
            self._add(path, written, written, unknown, problems)
            return written, written
        complete = self._resolved(config, path, problems)
        self._add(path, written, complete, self._asked.take(), problems)
        return config, complete

    def _resolved(self, tree: Any, path: Path, problems: list[Problem]) -> Any:
        if isinstance(tree, Mapping):
            return {key: self._resolved(value, (*path, key), problems) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self._resolved(value, (*path, at), problems) for at, value in enumerate(tree)]
        if not isinstance(tree, str):
            return tree
        try:
            rendered = rendering.render(tree, self._variables, include=self._include, masked=True)
        except Invalid as error:
            problems += error.problems
            return tree
        problems += [each.problem() for each in rendered.unresolved]
        return rendered.content

    def _add(self, path: Path, written: Any, value: Any, unknown: tuple[str, ...], problems: list[Problem]) -> None:
        self.parameters.append(
            Parameter(path=spell(path), written=written, value=value, unknown=unknown, problems=tuple(problems))
        )


def texts(tree: Any) -> Iterator[str]:
    """Every text in a tree of values."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from texts(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from texts(value)

"""Everything that is wrong in a template whatever its values will be, found at once and each with its place."""

from dataclasses import dataclass, field
from functools import cache

from engine.core.includes import Lookup, Path, fault, no_includes
from engine.core.placeholders import NAMESPACES, Fault, Include, Malformed, Parsed, Variable, parse
from engine.errors import Problem


def check(text: str, *, include: Lookup = no_includes, name: str = "") -> list[Problem]:
    """Find everything that is wrong in a template.

    That is: unknown namespaces and keys, what begins like a placeholder and is none, includes that do not exist,
    circles, and nesting deeper than 10; in the text and in all that it includes, each with line and column and, as
    `file`, the template in which it stands.
    """
    checking = _Checking(include=cache(include))
    checking.visit(parse(text), ((name, ""),))
    return list(checking.problems)


@dataclass(slots=True, kw_only=True)
class _Checking:
    """One call of `check`. Problems are the keys of a mapping: each once, in the order found.

    A version is walked again only where it is met deeper than before, so at most ten times.
    """

    include: Lookup
    problems: dict[Problem, None] = field(default_factory=dict)
    deepest: dict[tuple[str, str], int] = field(default_factory=dict)

    def visit(self, parsed: Parsed, path: Path) -> None:
        placeholders = [segment for segment in parsed.segments if not isinstance(segment, str)]
        for item in sorted([*placeholders, *parsed.malformed], key=lambda item: (item.line, item.column)):
            if isinstance(item, Include):
                self._descend(item, path)
                continue
            message = _malformed(item) if isinstance(item, Malformed) else _unknown(item)
            if message:
                self._add(item, message, path)

    def _descend(self, include: Include, path: Path) -> None:
        found = self.include(include.name, include.reference)
        if found is None:
            version = f" in version {include.reference}" if include.reference else ""
            self._add(include, f"{include.text}: there is no template {include.name}{version}", path)
            return
        wrong = fault(include, found, path)
        if wrong:
            self.problems[wrong] = None
            return
        key = (found.name, found.version)
        if self.deepest.get(key, 0) < len(path):
            self.deepest[key] = len(path)
            self.visit(parse(found.content), (*path, key))

    def _add(self, at: Variable | Include | Malformed, message: str, path: Path) -> None:
        self.problems[Problem(message=message, line=at.line, column=at.column, file=path[-1][0] or None)] = None


def _unknown(variable: Variable) -> str | None:
    if variable.fault is Fault.UNKNOWN_NAMESPACE:
        known = f"there is no namespace {variable.namespace}; use {', '.join(NAMESPACES)}"
        return f"{variable.text}: {known}; {_or_keep(variable.text)}"
    if variable.fault is Fault.UNKNOWN_KEY:
        keys = ", ".join(NAMESPACES[variable.namespace] or ())
        return f"{variable.text}: {variable.namespace} has no key {variable.key}; use {keys}"
    return None


def _malformed(item: Malformed) -> str:
    if item.text.startswith("${include:"):
        form = "${include:name}, ${include:name:v2} or ${include:name:v2.1}"
    else:
        form = "${namespace.key} or ${namespace.key|default} on one line, the default without ${ and }"
    return f"{item.text} is left as written, for it is not of the form {form}; {_or_keep(item.text)}"


def _or_keep(text: str) -> str:
    return f"to keep it as it is, write $${text[1:]}"

"""What a template becomes for one node: variables and includes replaced, in a single pass.

The rules beyond the grammar (`engine.core.placeholders`), the values (`engine.core.values`) and the bounds of includes
(`engine.core.includes`):

- **Single pass.** A value is never looked at again: if it holds `${...}` that is text. Only templates are parsed.
- **Missing.** None is missing, an empty text is a value. A variable without value takes its default. With no default it
  stays as written and is reported. So is an unknown key; with a default it takes that (the node boots), but `check`
  reports it all the same. A namespace that does not exist is never replaced, with or without default.
- **Includes** see the same variables as the template that was asked for. So `${template.name}` in an include names the
  template asked for, which is what a header "made from ..." wants. An include that is not found stays as written and
  is reported like a missing variable, under the name `include:...`.
- **Helpers.** `${shell:node.hostname}` writes the value as its syntax wants it (`engine.core.escaping`); the default
  goes the same way. Values that would break the text or take it over are reported in `hazards` (`engine.core.hazards`).
- **Bounds.** Each version is rendered once however often it is included, so a pyramid of includes costs no more than
  its parts; and no text, of an include or the whole, may pass the limit on the result.
"""

from dataclasses import dataclass, field

from engine.core.checking import check
from engine.core.escaping import HELPERS
from engine.core.hazards import MOST, Hazard, Judge, is_word
from engine.core.includes import MAX_DEPTH, Included, Lookup, Path, fault, no_includes
from engine.core.placeholders import NAMESPACES, Fault, Include, Parsed, References, Variable, escape, parse, references
from engine.core.values import Scopes, as_text, find
from engine.errors import Invalid, Problem

__all__ = [
    "MASK",
    "MAX",
    "MAX_DEPTH",
    "NAMESPACES",
    "Hazard",
    "Include",
    "Included",
    "Lookup",
    "References",
    "Rendered",
    "Scopes",
    "Unresolved",
    "Variable",
    "check",
    "escape",
    "no_includes",
    "no_secret",
    "references",
    "render",
]

MAX = 1024 * 1024
"""How many bytes (UTF-8) a rendered text may have."""

MASK = "********"
"""What stands for a secret in a preview; of one length, so that it does not tell that of the secret."""

MISSING = "missing"


def no_secret(name: str) -> str:
    """What is said of a text that names a secret which does not exist."""
    return f"has no value and no default: there is no secret {name}; make it with `pureboot secret set {name}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A placeholder that stayed as written (`text`), in `template`, at a line and column that count from 1.

    `name` is `namespace.key`, or `include:name` with its reference; `reason` is `missing`, `unknown namespace` or
    `unknown key`.
    """

    name: str
    line: int
    column: int
    template: str
    reason: str
    text: str

    def problem(self) -> Problem:
        """The same as a problem, for a caller to whom it is an error."""
        why = f"is left as written: {self.reason}"
        if self.reason == MISSING and self.name.startswith("secret."):
            why = no_secret(self.name.removeprefix("secret."))
        elif self.reason == MISSING:
            is_include = self.name.startswith("include:")
            why = "is left as written: there is no such template" if is_include else "has no value and no default"
        return Problem(message=f"{self.text} {why}", line=self.line, column=self.column, file=self.template or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A rendered text and what went into it.

    `used` names the variables that were replaced, by value or default, and `included` the templates as (name,
    version); both once each, in the order in which they were first met. `unresolved` and `hazards` are in the order of
    the text.
    """

    content: str
    unresolved: tuple[Unresolved, ...] = ()
    used: tuple[str, ...] = ()
    included: tuple[tuple[str, str], ...] = ()
    hazards: tuple[Hazard, ...] = ()

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong with it for a machine that boots it."""
        return [each.problem() for each in self.unresolved] + [each.problem() for each in self.hazards]


def render(
    text: str | Parsed,
    scopes: Scopes,
    *,
    include: Lookup = no_includes,
    name: str = "",
    type_: str = "",
    masked: bool = False,
    limit: int = MAX,
) -> Rendered:
    """Replace the placeholders of a template.

    Args:
        text: the template asked for, or its pieces.
        scopes: the values.
        include: finds templates that are included; asked once for each name and reference.
        name: the template's name, for places and to find circles; empty for a text that has none.
        type_: the template's type, which says what would break it; that of its includes is the same.
        masked: show `********` for every secret that has a value, for previews and diffs.
        limit: the most bytes (UTF-8) the result may have.

    Raises:
        Invalid: includes form a circle or nest deeper than 10, or the result is over the limit. Nothing else: what
            cannot be replaced stays as written and is reported in `unresolved`.
    """
    rendering = _Rendering(scopes=scopes, include=_once(include), type=type_, masked=masked, limit=limit)
    parsed = parse(text) if isinstance(text, str) else text
    content = rendering.expand(parsed, ((name, ""),)).content
    return Rendered(
        content=content,
        unresolved=tuple(rendering.unresolved),
        used=tuple(rendering.used),
        included=tuple(rendering.included),
        hazards=tuple(rendering.hazards),
    )


def _once(include: Lookup) -> Lookup:
    """A lookup that asks another once for each name and reference; `functools.cache` takes longer to be made."""
    known: dict[tuple[str, str | None], Included | None] = {}

    def found(name: str, reference: str | None) -> Included | None:
        key = (name, reference)
        if key not in known:
            known[key] = include(name, reference)
        return known[key]

    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expanded:
    """A rendered part and how many levels of includes are below it."""

    content: str
    height: int


@dataclass(slots=True, kw_only=True)
class _Rendering:
    """One call of `render`: what does not change, and what has been met so far."""

    scopes: Scopes
    include: Lookup
    type: str
    masked: bool
    limit: int
    unresolved: list[Unresolved] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    included: dict[tuple[str, str], _Expanded] = field(default_factory=dict)
    hazards: list[Hazard] = field(default_factory=list)

    def expand(self, parsed: Parsed, path: Path, in_script: bool = False) -> _Expanded:
        height = 0
        judge: Judge | None = None
        pieces: list[str] = []
        add, variable = pieces.append, self._variable
        for segment in parsed.segments:
            if type(segment) is str:
                add(segment)
                continue
            if type(segment) is Variable:
                piece, lost = variable(segment, path)
                add(piece)
                if lost is None and (not piece or is_word(piece)):
                    continue
                judge = judge or Judge(self.type, parsed.source, in_script)
                self._judge(judge, segment, piece, lost, path)
            elif type(segment) is Include:
                judge = judge or Judge(self.type, parsed.source, in_script)
                below = self._include(segment, path, judge)
                add(below.content)
                height = max(height, below.height + 1)
        if sum(map(len, pieces)) > self.limit:  # before they are joined: each may be a large value once more
            raise _too_large(path, self.limit)
        content = "".join(pieces)
        if not content.isascii() and len(content.encode("utf-8", "surrogatepass")) > self.limit:
            raise _too_large(path, self.limit)
        return _Expanded(content=content, height=height)

    def _variable(self, variable: Variable, path: Path) -> tuple[str, str | None]:
        """A variable's text, and what of its value its helper could not write."""
        value = find(self.scopes, variable)
        if value is None:
            value = variable.default if variable.fault is not Fault.UNKNOWN_NAMESPACE else None
            if value is None:
                self._report(variable, variable.name, variable.fault or MISSING, path)
                return variable.text, None
        elif self.masked and variable.namespace == "secret":
            value = MASK
        self.used[variable.name] = None
        if variable.helper is None:
            return value if type(value) is str else as_text(value), None
        written = HELPERS[variable.helper](value)
        return written.text, written.lost

    def _judge(self, judge: Judge, at: Variable, piece: str, lost: str | None, path: Path) -> None:
        if piece is at.text or (self.masked and at.namespace == "secret"):
            return  # it stayed as written, or is not shown
        wrong = judge.judge(at, piece, lost) if len(self.hazards) < MOST else None
        if wrong:
            why, use = wrong
            place = {"line": at.line, "column": at.column}
            self.hazards.append(Hazard(name=at.name, **place, template=path[-1][0], text=at.text, why=why, use=use))

    def _include(self, include: Include, path: Path, judge: Judge) -> _Expanded:
        found = self.include(include.name, include.reference)
        if found is None:
            self._report(include, ":".join(filter(None, ("include", include.name, include.reference))), MISSING, path)
            return _Expanded(content=include.text, height=-1)
        wrong = fault(include, found, path)
        if wrong:
            raise Invalid([wrong])
        return self._once(found, path, judge.in_script(include))

    def _once(self, found: Included, path: Path, in_script: bool) -> _Expanded:
        key = (found.name, found.version)
        done = self.included.get(key)
        # Too deep here although not where it was first met: going down again ends in the error, with its place.
        if done is None or len(path) + done.height > MAX_DEPTH:
            self.included[key] = _Expanded(content="", height=0)  # takes its place in the order
            done = self.included[key] = self.expand(parse(found.content), (*path, key), in_script)
        return done

    def _report(self, at: Variable | Include, name: str, reason: str, path: Path) -> None:
        place = {"line": at.line, "column": at.column}
        self.unresolved.append(Unresolved(name=name, **place, template=path[-1][0], reason=str(reason), text=at.text))


def written(variable: Variable, value: object) -> str:
    """A value as it stands in the place of a variable."""
    if variable.helper is not None:
        return HELPERS[variable.helper](value).text
    return value if type(value) is str else as_text(value)


def _too_large(path: Path, limit: int) -> Invalid:
    message = f"the rendered text is over the limit of {limit} bytes; make it or its values smaller, or split it"
    return Invalid([Problem(message=message, file=path[-1][0] or None)])

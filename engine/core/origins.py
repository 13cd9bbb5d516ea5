"""A rendered text that knows where each of its lines comes from: the template or included template, line and column.

A walk of its own beside the renderer: it is made only where something was found, or from sample values, and says for
every stretch of the text what was written there. A text that comes out otherwise than the renderer's has no origins.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.core.includes import Included, Lookup, Path, fault
from engine.core.placeholders import Fault, Include, Parsed, Variable, parse
from engine.core.rendering import written
from engine.core.values import Scopes, find

MOST = 4 * 1024 * 1024
MOST_STEPS = 500_000
"""How many pieces a text may be made of. A text of 1 MiB has half as many at most, but includes multiply: ten levels of
ten includes each, all of them empty, would take for ever.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where something was written: the template (empty for a text without a name), line and column from 1."""

    template: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the text: literal (`variable` is None), or the value of a variable."""

    origin: Origin
    variable: Variable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A text and its stretches, with the position at which each begins. It `is_whole` unless it is too large to trace;
    its end is missing then.
    """

    content: str
    starts: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    lines: tuple[int, ...]
    is_whole: bool = True

    def at(self, line: int, column: int | None = None) -> Origin | None:
        """Where the character at a line and column was written; without a column, what the line begins with."""
        if not 1 <= line <= len(self.lines) or not self.stretches:
            return None
        position = self.lines[line - 1] + (column or 1) - 1
        place = max(0, bisect_right(self.starts, position) - 1)
        stretch = self.stretches[place]
        if stretch.variable is not None:
            return stretch.origin
        passed = self.content[self.starts[place] : position]
        breaks = passed.count("\n")
        if breaks:
            return Origin(
                template=stretch.origin.template,
                line=stretch.origin.line + breaks,
                column=len(passed) - passed.rfind("\n"),
            )
        return Origin(
            template=stretch.origin.template,
            line=stretch.origin.line,
            column=stretch.origin.column + len(passed),
        )

    def variables_on(self, line: int) -> tuple[Variable, ...]:
        """The variables whose values stand on a line, as a whole or in part."""
        if not 1 <= line <= len(self.lines):
            return ()
        begin = self.lines[line - 1]
        end = self.lines[line] if line < len(self.lines) else len(self.content) + 1
        first = max(0, bisect_right(self.starts, begin) - 1)
        last = bisect_right(self.starts, end - 1)
        return tuple(each.variable for each in self.stretches[first:last] if each.variable is not None)


@dataclass(slots=True)
class _Walk:
    value: Callable[[Variable], str]
    include: Lookup
    pieces: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    size: int = 0
    steps: int = 0
    drops: bool = False

    @property
    def is_over(self) -> bool:
        return self.size > MOST or self.steps > MOST_STEPS

    def add(self, text: str, stretch: Stretch) -> None:
        self.pieces.append(text)
        if text:
            self.starts.append(self.size)
            self.stretches.append(stretch)
            self.size += len(text)

    def visit(self, parsed: Parsed, path: Path) -> None:
        line = column = 1
        for segment in parsed.segments:
            if self.is_over:
                return
            self.steps += 1
            here = Origin(template=path[-1][0], line=line, column=column)
            if isinstance(segment, str):
                self.add(segment, Stretch(origin=here))
                line, column = _after(line, column, segment)
                continue
            line, column = segment.line, segment.column + len(segment.text)
            here = Origin(template=path[-1][0], line=segment.line, column=segment.column)
            if isinstance(segment, Variable):
                self.add(self.value(segment), Stretch(origin=here, variable=segment))
            else:
                self._descend(segment, here, path)

    def _descend(self, include: Include, here: Origin, path: Path) -> None:
        found = self.include(include.name, include.reference)
        if found is None or fault(include, found, path):
            self.add("" if self.drops else include.text, Stretch(origin=here))
            return
        self.visit(parse(found.content), (*path, (found.name, found.version)))


def _after(line: int, column: int, text: str) -> tuple[int, int]:
    # An escaped "$${" is one character longer where it was written; the next placeholder says its own place again.
    breaks = text.count("\n")
    return (line + breaks, len(text) - text.rfind("\n")) if breaks else (line, column + len(text))


def trace(
    text: str, value: Callable[[Variable], str], *, include: Lookup, name: str = "", drops: bool = False
) -> Traced:
    """Render a text with `value` for each variable, and remember where everything comes from.

    An include that is not there, or would close a circle, stays as written, or is left out if it `drops` those.
    """
    known: dict[tuple[str, str | None], Included | None] = {}

    def once(wanted: str, reference: str | None) -> Included | None:
        key = (wanted, reference)
        if key not in known:
            known[key] = include(wanted, reference)
        return known[key]

    walk = _Walk(value, once, drops=drops)
    walk.visit(parse(text), ((name, ""),))
    content = "".join(walk.pieces)
    lines = [0]
    lines += [at + 1 for at, character in enumerate(content) if character == "\n"]
    starts, stretches = tuple(walk.starts), tuple(walk.stretches)
    return Traced(content=content, starts=starts, stretches=stretches, lines=tuple(lines), is_whole=not walk.is_over)


def with_values(scopes: Scopes) -> Callable[[Variable], str]:
    """What the renderer puts in the place of a variable."""

    def value(variable: Variable) -> str:
        found = find(scopes, variable)
        if found is None and variable.fault is not Fault.UNKNOWN_NAMESPACE:
            found = variable.default
        return variable.text if found is None else written(variable, found)

    return value

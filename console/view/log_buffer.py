"""The newest lines of a log: text comes in as it arrives, harmless lines come out, searched and counted.

Pure. Lines are numbered from 0 for ever, also when the oldest have been dropped, so that a cursor, a selection or a
match stays where it was.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from console.view.pieces import hard_part_count, printable

MAX_LINES = 50_000
MAX_LINE = 4_000  # characters; what is longer goes on in the next line


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What `append` did: how many lines were dropped at the beginning, and the first line that is new or changed."""

    dropped: int
    changed: int


class LogBuffer:
    """At most `limit` lines (and a tenth more before the oldest are dropped, so that this is rare)."""

    def __init__(self, limit: int = MAX_LINES) -> None:
        self._limit = limit
        self._lines: list[str] = []
        self._rest = ""  # what came after the last line feed
        self._needle = ""
        self._matches: list[int] = []
        self.first = 0

    @property
    def end(self) -> int:
        """The number of the line after the last: how many lines there have been."""
        return self.first + len(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, number: int) -> str:
        """The line with this number; it can do nothing to a terminal."""
        return self._lines[number - self.first]

    def text(self, start: int, end: int) -> str:
        """The lines from one number to before another, each with its line feed."""
        chosen = self._lines[max(0, start - self.first) : max(0, end - self.first)]
        return "".join(f"{line}\n" for line in chosen)

    def heights(self, width: int, start: int = 0) -> list[int]:
        """How many parts of `width` cells the lines from a number on need, each."""
        lines = self._lines[max(0, start - self.first) :]
        return [1 if len(line) <= width and line.isascii() else hard_part_count(line, width) for line in lines]

    def append(self, text: str) -> Appended:
        """Add text, which may begin and end within a line; a carriage return begins a new line."""
        had_rest = bool(self._rest)
        changed = self.end - had_rest
        if had_rest:
            self._lines.pop()
        while self._matches and self._matches[-1] >= changed:
            self._matches.pop()
        text = self._rest + text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._rest = text.split("\n")
        if "".join(lines).isprintable() and max(map(len, lines), default=0) <= MAX_LINE:
            self._lines += lines  # nearly always, and much faster
        else:
            self._lines += [part for line in lines for part in _cut(line)]
        if self._rest:
            *whole, self._rest = _cut(self._rest)
            self._lines += [*whole, self._rest]
        self._match(changed)
        return Appended(dropped=self._drop(), changed=changed)

    def _drop(self) -> int:
        surplus = len(self._lines) - self._limit
        if surplus <= self._limit // 10:
            return 0
        del self._lines[:surplus]
        self.first += surplus
        del self._matches[: bisect_left(self._matches, self.first)]
        return surplus

    @property
    def matches(self) -> int:
        """How many lines hold what is searched."""
        return len(self._matches)

    @property
    def needle(self) -> str:
        """What is searched; empty: nothing."""
        return self._needle

    def search(self, needle: str) -> None:
        """Find lines with a text from now on; in any case of letters, unless it has capitals."""
        self._needle = needle
        self._matches.clear()
        self._match(self.first)

    def _match(self, start: int) -> None:
        if not self._needle:
            return
        lines = self._lines[start - self.first :]
        if self._minds_case:
            found = [at for at, line in enumerate(lines, start) if self._needle in line]
        else:
            found = [at for at, line in enumerate(lines, start) if self._needle in line.lower()]
        self._matches += found

    @property
    def _minds_case(self) -> bool:
        return self._needle != self._needle.lower()

    def next_match(self, number: int) -> int | None:
        """The nearest line with a match below a line, from the top again after the last; None if there is none."""
        at = bisect_right(self._matches, number)
        return self._matches[at % len(self._matches)] if self._matches else None

    def previous_match(self, number: int) -> int | None:
        """The nearest line with a match above a line, from the end again before the first; None if there is none."""
        at = bisect_left(self._matches, number)
        return self._matches[at - 1] if self._matches else None

    def rank(self, number: int) -> int:
        """Which match a line is, counted from 1; 0 if it is none."""
        at = bisect_left(self._matches, number)
        return at + 1 if at < len(self._matches) and self._matches[at] == number else 0

    def found_in(self, line: str) -> Iterator[tuple[int, int]]:
        """Where in a line the text that is searched begins and ends."""
        if not self._needle:
            return
        hay = line if self._minds_case else line.lower()
        if len(hay) != len(line):  # some capitals have a longer small form, which would shift the places
            hay = "".join(char.lower() if len(char.lower()) == 1 else char for char in line)
        at = hay.find(self._needle)
        while at >= 0:
            yield at, at + len(self._needle)
            at = hay.find(self._needle, at + len(self._needle))


def _cut(line: str) -> list[str]:
    """The printable pieces, none of which is too long, of a line."""
    if len(line) <= MAX_LINE:
        return [printable(line)]
    return [printable(line[at : at + MAX_LINE]) for at in range(0, len(line), MAX_LINE)]

"""Where in a YAML text the cursor is, by indentation alone: a text that is being written need not read well. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ITEM = "[]"
"""In a path: an item of a list."""

_THE_ITEM = ""  # braces that are an item themselves, which its dash has told already
_LINE = re.compile(r"(?P<dashes> *(?:- +)*)(?P<dash>-$)?(?:(?P<key>[\w.$/\"'-]+) *:(?=\s|$))?")
_WORD = re.compile(r"(?:^|(?<=[\s{,-]))([A-Za-z_][\w.-]*)\s*:\s+([\w.$/-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`path` leads from the top to where the cursor is; `key` is the key whose value it stands in, empty where a key is
    to be written. `written` is what stands there before the cursor, and `begins` its first column. `first` and `last`
    are the rows of the innermost list item around it.
    """

    path: tuple[str, ...]
    key: str = ""
    written: str = ""
    begins: int = 0
    first: int = 0
    last: int = 0


@dataclass(slots=True, kw_only=True)
class _Way:
    """The way up from the cursor: the column that what is above must lie left of."""

    limit: int
    equal: bool = False
    top: int = -1

    def steps(self, lines: Sequence[str], row: int) -> Iterator[str]:
        """The parts of the path, innermost first."""
        for at in range(row - 1, -1, -1):
            line = lines[at]
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if self.limit == 0 and not self.equal:
                return
            match = _LINE.match(line)
            assert match is not None  # noqa: S101 - everything in it may be left out
            column, dash = match.end("dashes"), line.find("-") if "-" in match["dashes"] or match["dash"] else -1
            if dash >= 0 and column == self.limit and not self.equal:
                yield from self._item(dash, at)
            elif match["key"] and (column < self.limit or (self.equal and column == self.limit and dash < 0)):
                yield match["key"].strip("\"'")
                self.limit, self.equal = column, False
                if dash >= 0:
                    yield from self._item(dash, at)

    def _item(self, dash: int, row: int) -> Iterator[str]:
        yield ITEM
        self.limit, self.equal = dash, True
        if self.top < 0:
            self.top = row


def place_at(lines: Sequence[str], row: int, column: int) -> Place:
    """Where a cursor is; rows and columns count from 0."""
    before = lines[row][:column]
    match = _LINE.match(before)
    assert match is not None  # noqa: S101
    begins = match.end("dashes")
    way = _Way(limit=begins)
    path: list[str] = []
    if "-" in match["dashes"] or match["dash"]:
        path += way._item(before.find("-"), row)
    path += way.steps(lines, row)
    inner, key, start = _within(before, begins)
    first = max(0, way.top)
    return Place(
        path=(*reversed(path), *inner),
        key=key,
        written=before[start:],
        begins=start,
        first=first,
        last=_end_of(lines, row, lines[first].find("-") if way.top >= 0 else -1),
    )


def _within(line: str, begins: int) -> tuple[list[str], str, int]:
    """What a line adds to the path by its braces; the key whose value is written, and the column where that begins."""
    open_: list[str] = []
    key, start, quote = "", begins, ""
    at = begins
    while at < len(line):
        char = line[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and at == start:
            quote = char
        elif char in "{[" and at == start:
            open_.append(key or (ITEM if open_ else _THE_ITEM))
            key, start = "", at + 1
        elif char in ",}]" and open_:
            if char != ",":
                open_.pop()
            key, start = "", at + 1
        elif char == ":" and line[at + 1 : at + 2] in ("", " ") and not key:
            key, start = line[start:at].strip().strip("\"'"), at + 1
        elif char == " " and at == start:
            start = at + 1
        at += 1
    return [part for part in open_ if part != _THE_ITEM], key, start


def _end_of(lines: Sequence[str], row: int, dash: int) -> int:
    """The last row of a list item whose dash stands in a column."""
    for at in range(row + 1, len(lines)):
        line = lines[at]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= dash:
            return at - 1
    return len(lines) - 1


def values(lines: Sequence[str], key: str) -> list[str]:
    """What stands under a key, wherever it is written: `key: value`, also in braces."""
    return [match[2] for line in lines if key in line for match in _WORD.finditer(line) if match[1] == key]


def keys_below(lines: Sequence[str], top: str) -> list[str]:
    """The keys one level below a key at the edge."""
    begins = next((at for at, line in enumerate(lines) if line.startswith(f"{top}:")), None)
    if begins is None:
        return []
    found: list[tuple[int, str]] = []
    for line in lines[begins + 1 :]:
        if line.strip() and not line.startswith((" ", "#")):
            break
        match = _LINE.match(line)
        if match is not None and match["key"] and not line.lstrip().startswith("#"):
            found.append((match.end("dashes"), match["key"]))
    first = found[0][0] if found else 0
    return [key for column, key in found if column == first]

"""Which line became which, where lines were replaced; and which of its words changed.

Lines are paired only with lines they resemble, in an order both texts keep: first those that differ in nothing but
white space, then, where few lines stand against few, so that the resemblance is the greatest in sum; where many stand
against many, by their position. What resembles nothing is a line taken away or a line added.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.core.matching import Pair, match, match_few

# From this resemblance on (0 to 1) two lines are shown as one line that changed.
_ALIKE = 0.4

# So many comparisons of every line with every line are made within one block.
_BLOCK = 400

# The words of lines longer than this many characters are not looked at, only what is equal at both ends.
_LONG = 2000

_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Piece = tuple[str, bool]
"""A part of a line and whether it changed."""


@dataclass(slots=True, kw_only=True)
class Aligner:
    """Aligns the blocks of one diff, with what work it may still spend; then pairs and marks get coarser, never wrong.

    `comparisons` is in pairs of lines, `words` in words of lines that are marked.
    """

    comparisons: int = 20_000
    words: int = 60_000

    def align(self, left: Sequence[str], right: Sequence[str]) -> list[Pair]:
        """Pair the lines of two blocks that are the same line before and after; both indices rise."""
        pairs: list[Pair] = []
        start = right_start = 0
        same = match(["".join(line.split()) for line in left], ["".join(line.split()) for line in right])
        for end, right_end in [*same, (len(left), len(right))]:
            between = self._align(left[start:end], right[right_start:right_end])
            pairs.extend((start + i, right_start + j) for i, j in between)
            pairs.append((end, right_end))
            start, right_start = end + 1, right_end + 1
        return pairs[:-1]

    def mark(self, left: str, right: str) -> tuple[list[Piece], list[Piece]]:
        """Split two versions of a line into what stayed and what changed; what stayed is the same text in both."""
        words, right_words = _WORD.findall(left), _WORD.findall(right)
        self.words -= len(words) + len(right_words)
        if self.words < 0 or max(len(left), len(right)) > _LONG:
            words, right_words = _thirds(left, right)
        kept = _without_lone_space(match_few(words, right_words), words, right_words)
        return _pieces(words, {i for i, _ in kept}), _pieces(right_words, {j for _, j in kept})

    def _align(self, left: Sequence[str], right: Sequence[str]) -> list[Pair]:
        comparisons = len(left) * len(right)
        if comparisons > min(_BLOCK, self.comparisons):
            together = enumerate(zip(left, right, strict=False))
            return [(index, index) for index, (a, b) in together if _is_alike(a, b)]
        self.comparisons -= comparisons
        right_looks = [_look(line) for line in right]
        return _most_alike([[_alike(look, other) for other in right_looks] for look in map(_look, left)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a line is compared by: itself without the space around it, and how often it has each word."""

    text: str
    words: Mapping[str, int]
    weight: int


def _look(line: str) -> _Look:
    text = line.strip()
    words: dict[str, int] = {}
    for word in [] if len(text) > _LONG else _WORD.findall(text):
        if not word.isspace():
            words[word] = words.get(word, 0) + 1
    return _Look(text=text, words=words, weight=sum(len(word) * count for word, count in words.items()))


def _alike(left: _Look, right: _Look) -> float:
    """How much two lines resemble each other, 0 to 1: by their words in any order, or by what is equal at both ends."""
    by_ends = _alike_at_ends(left.text, right.text)
    shared = sum(len(word) * min(count, right.words.get(word, 0)) for word, count in left.words.items())
    return max(by_ends, 2 * shared / (left.weight + right.weight)) if shared else by_ends


def _alike_at_ends(left: str, right: str) -> float:
    length = len(left) + len(right)
    return 2 * sum(_ends(left, right)) / length if length else 1.0


def _is_alike(left: str, right: str) -> bool:
    """Whether two lines may be paired; mostly their ends tell, which costs less than their words."""
    return _alike_at_ends(left.strip(), right.strip()) >= _ALIKE or _alike(_look(left), _look(right)) >= _ALIKE


def _most_alike(alike: Sequence[Sequence[float]]) -> list[Pair]:
    """The pairs in rising order whose resemblance is the greatest in sum, none below the bound."""
    width = len(alike[0]) if alike else 0
    best = [[0.0] * (width + 1) for _ in range(len(alike) + 1)]
    for i in range(len(alike) - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            paired = alike[i][j] + best[i + 1][j + 1] if alike[i][j] >= _ALIKE else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < len(alike) and j < width:
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _ends(left: str, right: str) -> tuple[int, int]:
    """How many characters are equal at the start, and of the rest how many at the end."""
    start = _common(left, right)
    return start, _common(left[start:][::-1], right[start:][::-1])


def _common(left: str, right: str) -> int:
    """How many characters are equal at the start: by halving, because comparing slices is fast and single ones not."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _thirds(left: str, right: str) -> tuple[list[str], list[str]]:
    start, end = _ends(left, right)
    cuts = [(0, start), (start, len(left) - end), (len(left) - end, len(left))]
    shift = len(right) - len(left)
    right_cuts = [(0, start), (start, len(left) - end + shift), (len(left) - end + shift, len(right))]
    return [left[i:j] for i, j in cuts if i < j], [right[i:j] for i, j in right_cuts if i < j]


def _without_lone_space(pairs: Sequence[Pair], left: Sequence[str], right: Sequence[str]) -> list[Pair]:
    """Leave out runs of white space between two changes: one mark over both words reads better than two."""
    kept: list[Pair] = []
    for _, group in groupby(enumerate(pairs), key=lambda item: (item[1][0] - item[0], item[1][1] - item[0])):
        run = [pair for _, pair in group]
        inside = run[0] != (0, 0) and run[-1] != (len(left) - 1, len(right) - 1)
        if not (inside and all(left[i].isspace() for i, _ in run)):
            kept.extend(run)
    return kept


def _pieces(words: Sequence[str], kept: set[int]) -> list[Piece]:
    grouped = groupby(range(len(words)), key=lambda index: index not in kept)
    return [("".join(words[index] for index in run), changed) for changed, run in grouped]

"""Which line became which, where lines were replaced; and which of its words changed.

Lines are paired only with lines they resemble, in an order both texts keep: first those that differ in nothing but
white space, then, where few lines stand against few, so that the resemblance is the greatest in sum; where many stand
against many, by their position. What resembles nothing is a line taken away or a line added.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.core.matching import Pair, match, match_few

# From this resemblance on (0 to 1) two lines are shown as one line that changed.
_ALIKE = 0.4

# So many comparisons of every line with every line are made within one block.
_BLOCK = 400

# What a comparison by words costs of those.
_BY_WORDS = 4

# The words of lines longer than this many characters are not looked at, only what is equal at both ends.
_LONG = 2000

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_RUN = re.compile(r"\w+|\s+")
_INK = re.compile(r"\w+|[^\w\s]")

Piece = tuple[str, bool]
"""A part of a line and whether it changed."""


@dataclass(slots=True, kw_only=True)
class Aligner:
    """Aligns the blocks of one diff, with what work it may still spend; then pairs and marks get coarser, never wrong.

    `comparisons` is in pairs of lines, `words` in words of lines that are marked.
    """

    comparisons: int = 8_000
    words: int = 40_000

    def align(self, left: Sequence[str], right: Sequence[str]) -> list[Pair]:
        """Pair the lines of two blocks that are the same line before and after; both indices rise."""
        if len(left) == len(right) == 1:  # as in most blocks of many
            is_pair = self._is_alike(left[0], right[0]) or "".join(left[0].split()) == "".join(right[0].split())
            return [(0, 0)] if is_pair else []
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
        is_coarse = self.words <= 0 or max(len(left), len(right)) > _LONG
        start, end = _ends(left, right) if is_coarse else _word_ends(left, right)
        middle, right_middle = left[start : len(left) - end], right[start : len(right) - end]
        pieces, right_pieces = [(middle, True)], [(right_middle, True)]
        if not is_coarse and middle and right_middle:  # only what lies between has to be taken apart
            words, right_words = _WORD.findall(middle), _WORD.findall(right_middle)
            self.words -= len(words) + len(right_words)
            if len(words) + len(right_words) > 2:  # else it is one word for another
                kept = _without_lone_space(match_few(words, right_words), words)
                pieces, right_pieces = _pieces(words, {i for i, _ in kept}), _pieces(right_words, {j for _, j in kept})
        return _around(left, start, end, pieces), _around(right, start, end, right_pieces)

    def _align(self, left: Sequence[str], right: Sequence[str]) -> list[Pair]:
        comparisons = len(left) * len(right)
        if comparisons > min(_BLOCK, self.comparisons):
            together = enumerate(zip(left, right, strict=False))
            return [(index, index) for index, (a, b) in together if self._is_alike(a, b)]
        self.comparisons -= comparisons
        right_looks = [_look(line) for line in right]
        return _most_alike([[_alike(look, other) for other in right_looks] for look in map(_look, left)])

    def _is_alike(self, left: str, right: str) -> bool:
        """Whether two lines may be paired; mostly their ends tell, which costs less than their words."""
        if _alike_at_ends(left.strip(), right.strip()) >= _ALIKE:
            return True
        self.comparisons -= _BY_WORDS
        return self.comparisons > 0 and _alike(_look(left), _look(right)) >= _ALIKE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a line is compared by: itself without the space around it, and how often it has each word."""

    text: str
    words: Mapping[str, int]
    weight: int


def _look(line: str) -> _Look:
    text = line.strip()
    words = [] if len(text) > _LONG else _INK.findall(text)
    return _Look(text=text, words=Counter(words), weight=sum(map(len, words)))


def _alike(left: _Look, right: _Look) -> float:
    """How much two lines resemble each other, 0 to 1: by their words in any order, or by what is equal at both ends."""
    by_ends = _alike_at_ends(left.text, right.text)
    shared = 0
    for word, count in left.words.items():
        others = right.words.get(word)
        if others:
            shared += len(word) * (count if count < others else others)
    return max(by_ends, 2 * shared / (left.weight + right.weight)) if shared else by_ends


def _alike_at_ends(left: str, right: str) -> float:
    length = len(left) + len(right)
    return 2 * sum(_ends(left, right)) / length if length else 1.0


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


def _word_ends(left: str, right: str) -> tuple[int, int]:
    """As `_ends`, in whole words: how many characters the words have that are equal at the start, and at the end."""
    start = _common(left, right)
    if not (_is_between(left, start) and _is_between(right, start)):
        start -= _RUN.match(left[:start][::-1]).end()  # type: ignore[union-attr]
    end = _common(left[start:][::-1], right[start:][::-1])
    at = len(left) - end
    if not (_is_between(left, at) and _is_between(right, len(right) - end)):
        end -= _RUN.match(left, at).end() - at  # type: ignore[union-attr]
    return start, end


def _is_between(text: str, at: int) -> bool:
    """Whether one word ends here and another begins."""
    return at in (0, len(text)) or _WORD.match(text, at - 1).end() == at  # type: ignore[union-attr]


def _around(text: str, start: int, end: int, pieces: list[Piece]) -> list[Piece]:
    """The pieces of a whole line, of which `pieces` lie between what is equal at the start and at the end."""
    if start:
        is_one = not pieces[0][1]
        pieces[:is_one] = [(text[:start] + (pieces[0][0] if is_one else ""), False)]
    if end:
        is_one = not pieces[-1][1]
        pieces[len(pieces) - is_one :] = [((pieces[-1][0] if is_one else "") + text[len(text) - end :], False)]
    return [piece for piece in pieces if piece[0]]


def _without_lone_space(pairs: Sequence[Pair], left: Sequence[str]) -> list[Pair]:
    """Leave out runs of white space between two changes: one mark over both words reads better than two."""
    kept: list[Pair] = []
    for _, group in groupby(enumerate(pairs), key=lambda item: (item[1][0] - item[0], item[1][1] - item[0])):
        run = [pair for _, pair in group]
        if not all(left[i].isspace() for i, _ in run):
            kept.extend(run)
    return kept


def _pieces(words: Sequence[str], kept: set[int]) -> list[Piece]:
    grouped = groupby(range(len(words)), key=lambda index: index not in kept)
    return [("".join(words[index] for index in run), changed) for changed, run in grouped]

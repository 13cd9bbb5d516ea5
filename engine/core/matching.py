"""Which items of two sequences are the same: the part of a diff that takes time.

Three known methods, each where it is good, so that the time stays near linear whatever the texts:

1. What is equal at both ends is taken off.
2. Patience: items that occur exactly once on both sides are matched, in the longest run that keeps their order, and
   what lies between two matches is looked at by itself. This is fast, finds moved blocks, and does not match the
   braces and blank lines of blocks that have nothing to do with each other.
3. What has no such anchors goes to Myers' greedy search for the fewest edits ("An O(ND) Difference Algorithm and Its
   Variations", 1986), with items that the other side does not have left out, for they can match nothing. Its cost grows
   with the square of the edits, so after a bounded number of them it keeps the way that has come furthest and starts
   again from there. What it then finds is right, though perhaps not the shortest.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence

Pair = tuple[int, int]
"""An index on the left and one on the right whose items are equal."""

Items = Sequence[Hashable]
_Range = tuple[int, int, int, int]  # left from and to, right from and to
_Trail = tuple[int, int, int, "_Trail | None"]  # a run of equal items (left, right, length) and the runs before it
_End = tuple[int, _Trail | None]
_NOWHERE: _End = (-1, None)

# Between two anchors new items may have become unique; deeper than this it is not worth looking again.
_LEVELS = 6

# Steps of the greedy search for both sequences together, and the bounds of the edits it takes in one go.
_STEPS = 600_000
_FEWEST_EDITS = 4
_MOST_EDITS = 256
_FEW_EDITS = 32


def match(left: Items, right: Items) -> list[Pair]:
    """Pair equal items of two sequences in an order that both keep, nearly as many as can be."""
    pairs: list[Pair] = []
    edits = max(_FEWEST_EDITS, min(_MOST_EDITS, _STEPS // (len(left) + len(right) + 1)))
    todo: list[tuple[_Range, int]] = [((0, len(left), 0, len(right)), 0)]
    while todo:
        area, level = todo.pop()
        area = _trim(left, right, area, pairs)
        anchors = _anchors(left, right, area) if level < _LEVELS else []
        if anchors:
            pairs.extend(anchors)
            todo.extend((gap, level + 1) for gap in _gaps(area, anchors))
        else:
            pairs.extend(_greedy(left, right, area, edits))
    return sorted(pairs)


def match_few(left: Items, right: Items) -> list[Pair]:
    """The same for short sequences such as the words of a line: without anchors, so with as many pairs as can be."""
    pairs: list[Pair] = []
    area = _trim(left, right, (0, len(left), 0, len(right)), pairs)
    return sorted([*pairs, *_greedy(left, right, area, _FEW_EDITS)])


def _trim(left: Items, right: Items, area: _Range, pairs: list[Pair]) -> _Range:
    """Pair what is equal at both ends; give back what is between."""
    start, end, right_start, right_end = area
    while start < end and right_start < right_end and left[start] == right[right_start]:
        pairs.append((start, right_start))
        start += 1
        right_start += 1
    while start < end and right_start < right_end and left[end - 1] == right[right_end - 1]:
        end -= 1
        right_end -= 1
        pairs.append((end, right_end))
    return start, end, right_start, right_end


def _anchors(left: Items, right: Items, area: _Range) -> list[Pair]:
    start, end, right_start, right_end = area
    if start == end or right_start == right_end:
        return []
    counts = Counter(left[start:end])
    right_counts = Counter(right[right_start:right_end])
    unique = {item for item, count in counts.items() if count == 1 and right_counts.get(item) == 1}
    at = {right[index]: index for index in range(right_start, right_end) if right[index] in unique}
    return longest_rise([(index, at[left[index]]) for index in range(start, end) if left[index] in unique])


def longest_rise(pairs: Sequence[Pair]) -> list[Pair]:
    """The most pairs, given in the order of the left, whose right indices rise too (by patience sorting)."""
    tops: list[int] = []  # the right index on top of each pile
    piles: list[int] = []  # which of the pairs that is
    before: list[int] = []  # for each pair, the pair on top of the pile to its left when it was laid down
    for number, (_, right) in enumerate(pairs):
        pile = bisect_left(tops, right)
        before.append(piles[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(right)
            piles.append(number)
        else:
            tops[pile], piles[pile] = right, number
    rise: list[Pair] = []
    number = piles[-1] if piles else -1
    while number >= 0:
        rise.append(pairs[number])
        number = before[number]
    return rise[::-1]


def _gaps(area: _Range, anchors: Sequence[Pair]) -> list[_Range]:
    start, end, right_start, right_end = area
    gaps = []
    for left, right in [*anchors, (end, right_end)]:
        if start < left and right_start < right:
            gaps.append((start, left, right_start, right))
        start, right_start = left + 1, right + 1
    return gaps


def _greedy(left: Items, right: Items, area: _Range, edits: int) -> list[Pair]:
    start, end, right_start, right_end = area
    common = set(left[start:end]) & set(right[right_start:right_end])
    if not common:
        return []
    lefts = [index for index in range(start, end) if left[index] in common]
    rights = [index for index in range(right_start, right_end) if right[index] in common]
    runs = _search([left[index] for index in lefts], [right[index] for index in rights], edits)
    return [(lefts[x + step], rights[y + step]) for x, y, length in runs for step in range(length)]


def _search(left: Items, right: Items, edits: int) -> list[tuple[int, int, int]]:
    """Runs of equal items, each (left, right, length), found in legs of at most so many edits."""
    runs: list[tuple[int, int, int]] = []
    at: Pair | None = (0, 0)
    while at is not None:
        at, trail = _leg(left, right, at, edits)
        leg = []
        while trail is not None:
            leg.append(trail[:3])
            trail = trail[3]
        runs.extend(reversed(leg))
    return runs


def _leg(left: Items, right: Items, at: Pair, edits: int) -> tuple[Pair | None, _Trail | None]:
    """Go from `at` as far as so many edits lead: to the end (None), or to where the next leg begins.

    `ends` holds for each diagonal (left minus right index) the furthest left index that is reached on it with the
    edits made so far, and how. An end may lie outside: it leads nowhere, and is not taken as a result.
    """
    width, height = len(left), len(right)
    origin = at[0] - at[1]
    ends: dict[int, _End] = {origin + 1: (at[0], None)}
    for made in range(edits + 1):
        for diagonal in range(origin - made, origin + made + 1, 2):
            # one edit onto the diagonal, from the neighbour that has come further: skip an item of either side
            skip_left, skip_right = ends.get(diagonal - 1, _NOWHERE), ends.get(diagonal + 1, _NOWHERE)
            begin, trail = skip_right if skip_left[0] < skip_right[0] else (skip_left[0] + 1, skip_left[1])
            x = begin
            while x < width and x - diagonal < height and left[x] == right[x - diagonal]:
                x += 1
            if x > begin:
                trail = (begin, begin - diagonal, x - begin, trail)
            ends[diagonal] = (x, trail)
            if x >= width and x - diagonal >= height:
                return None, trail
    inside = [
        (2 * x - diagonal, diagonal) for diagonal, (x, _) in ends.items() if x <= width and x - diagonal <= height
    ]
    _, diagonal = max(inside)
    x, trail = ends[diagonal]
    return (x, x - diagonal), trail

"""Known secret values in texts that come back from machines, replaced by the mask.

What is looked for are the *forms* of a value: the value itself, each longer line of one with several lines (logs put
times before lines), and the value as base64 (at each of the three alignments, as in `Authorization: Basic`), encoded
for a URL, and escaped for JSON. All are looked for at once, and every place where one begins counts, so where values
overlap nothing of either is left.

A form neither begins nor ends with white space or `*`, and none contains the mask. So none can arise anew where a mask
was put, and a text that was redacted contains no form: redacting it again changes nothing.

To look for a thousand forms one after another in 64 KiB takes 20 ms, an alternation of `re` half a second. A sieve goes
over the text once: of each form it knows some pieces of four characters, so many that the text need only be looked at
in strides, and only forms of which a piece is there are looked for (2 ms).
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from engine.core.rendering import MASK

LEAST = 4
"""Characters of a form: a shorter one would be found all over a text."""

REACH = 8192
"""Characters by which a value may stand over a seam between two pieces of a text."""

_PIECE = 4
_LEAST_DERIVED = 8  # a line, or a value encoded: shorter ones say too little
_LONG = 8  # from here on the sieve takes strides
_FEW = 150  # so many forms are looked for one by one: 12 µs each in 64 KiB
_DEEPEST = 200
_LEAP = 4096  # characters by which it goes along a text that repeats itself
_ESCAPE = re.compile("%[0-9A-F]{2}")
_PADDING = " \t\r\n\v\f*"


def core_of(value: str) -> str:
    """A value without the white space and the `*` at its ends: what is looked for."""
    return value.strip(_PADDING)


def forms(value: str) -> set[str]:
    """The texts in which a value may come back."""
    found = {value, value.strip()}
    derived = {line for line in value.splitlines() if not line.startswith("-----")}
    for each in tuple(found):
        escaped = {quote(each, safe=""), quote(each), quote_plus(each)}
        derived |= escaped | {_ESCAPE.sub(lambda match: match[0].lower(), text) for text in escaped}  # as .NET does
        derived |= {json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]}
        derived |= set(_base64(each.encode("utf-8", "surrogatepass")))
    bare = {core_of(each) for each in found}
    more = {core for each in derived if len(core := core_of(each)) >= _LEAST_DERIVED}
    return {each for each in bare | more if len(each) >= LEAST and MASK not in each}


def _base64(value: bytes) -> Iterator[str]:
    """What base64 makes of a value wherever it stands in what is encoded: at three alignments, without what neighbours
    have a part in.
    """
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value).rstrip(b"=").decode()
        first = (0, 2, 3)[before]
        last = len(encoded) if (before + len(value)) % 3 == 0 else len(encoded) - 1
        yield encoded[first:last]
        yield encoded[first:last].replace("+", "-").replace("/", "_")


class Redactor:
    """Replaces what is known to be secret. Made once for a set of values; `reach` is how far one form reaches."""

    def __init__(self, values: Iterable[str]) -> None:
        known = {form for value in values for form in forms(value)}
        self.reach = min(REACH, max((len(form) for form in known), default=0))
        long = [form for form in known if len(form) >= _LONG]
        short = [form for form in known if len(form) < _LONG]
        self._sieves = [_Sieve(group, least) for group, least in ((long, _LONG), (short, LEAST)) if group]

    def text(self, text: str) -> str:
        """A text without the values."""
        spans = self._spans(text)
        if not spans:
            return text
        pieces: list[str] = []
        at = 0
        for start, end in spans:
            pieces += (text[at:start], MASK)
            at = end
        return "".join((*pieces, text[at:]))

    def tree(self, tree: Any, depth: int = 0) -> Any:
        """A tree as JSON has it without the values, in whatever place; a number that is one becomes the mask."""
        if isinstance(tree, str):
            return self.text(tree)
        if tree is None or isinstance(tree, bool):
            return tree
        if isinstance(tree, int | float):
            return tree if self.text(str(tree)) == str(tree) else MASK
        if depth > _DEEPEST:
            return MASK
        if isinstance(tree, Mapping):
            return {self._key(key): self.tree(value, depth + 1) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.tree(value, depth + 1) for value in tree]
        return tree

    def _key(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) else key

    def across(self, texts: Sequence[str]) -> list[str]:
        """Pieces of one text, without the values also where one stands over the seams between them."""
        spans = self._spans("".join(texts))
        if not spans:
            return list(texts)
        redacted = []
        at = 0
        for text in texts:
            redacted.append(_piece(text, at, spans))
            at += len(text)
        return redacted

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where something is to be replaced: in their order, none touching another."""
        found = sorted(span for sieve in self._sieves for form in sieve.caught(text) for span in _places(form, text))
        merged: list[tuple[int, int]] = []
        for start, end in found:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


def without_pieces(text: str, values: Iterable[str]) -> str:
    """A short text without what four characters or more of it have in common with one of the values, in any case.

    For words about a text that holds the values: such words cut what they quote, take single words out of it and put
    escapes into it, so that none of a value's forms need be left whole.
    """
    known = {
        each[at : at + _PIECE].lower()
        for value in values
        for each in {value, " ".join(value.split())}
        for at in range(len(each) - _PIECE + 1)
    }
    places = [at for at in range(len(text) - _PIECE + 1) if text[at : at + _PIECE].lower() in known]
    pieces: list[str] = []
    end = 0
    for at in places:
        if at > end or not pieces:
            pieces += (text[end:at], MASK)
        end = at + _PIECE
    return "".join((*pieces, text[end:]))


def is_long(tree: Any, most: int) -> bool:
    """Whether a tree has more than so many characters; looks no further than that."""
    waiting = [tree]
    while waiting and most >= 0:
        node = waiting.pop()
        if isinstance(node, str):
            most -= len(node)
        elif isinstance(node, Mapping):
            most -= len(node)
            waiting += (*node.keys(), *node.values()) if most >= 0 else ()
        elif isinstance(node, list | tuple):
            most -= len(node)
            waiting += node if most >= 0 else ()
        else:
            most -= 8
    return most < 0


def _places(form: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a form stands. Places that overlap are one, found in time linear in the text: what stands again `step`
    characters further repeats itself after so many.
    """
    size = len(form)
    at = text.find(form)
    while at >= 0:
        start, end = at, at + size
        again = text.find(form, at + 1, end + size - 1)
        while again >= 0:
            step, end = again - at, again + size
            for unit in (form[-step:] * (_LEAP // step + 1), form[-step:]):
                while text.startswith(unit, end):
                    end += len(unit)
            at = end - size
            again = text.find(form, at + 1, end + size - 1)
        yield start, end
        at = text.find(form, end)


def _piece(text: str, offset: int, spans: Sequence[tuple[int, int]]) -> str:
    """A piece that stands at an offset; of a span over a seam the mask is in the piece in which it begins."""
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        start, end = start - offset, end - offset
        if end <= 0 or start >= len(text):
            continue
        pieces += (text[at : max(start, 0)], MASK if start >= 0 else "")
        at = min(end, len(text))
    return "".join((*pieces, text[at:]))


class _Sieve:
    """Finds out quickly which of many forms may be in a text. Each of them has at least `least` characters."""

    def __init__(self, forms: Sequence[str], least: int) -> None:
        self._forms = forms
        self._stride = least - _PIECE + 1
        self._by_piece: dict[str, list[str]] = {}
        for form in forms:
            for at in range(self._stride):
                self._by_piece.setdefault(form[at : at + _PIECE], []).append(form)
        self._pieces = self._by_piece.keys()

    def caught(self, text: str) -> Iterable[str]:
        """The forms that may be in a text: all that are."""
        if len(self._forms) <= _FEW:
            return self._forms
        there = {text[at : at + _PIECE] for at in range(0, len(text) - _PIECE + 1, self._stride)} & self._pieces
        return {form for piece in there for form in self._by_piece[piece]}

"""JSON: whether it can be read, with the place of everything in it, and no key is written twice."""

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.core.findings import Finding, error
from engine.core.sources import MAX_DEPTH, Path, Place, Source
from engine.validators.facts import Facts

NAME = "json"
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """Any JSON."""
    yield from read(text)[1]


def read(text: str) -> tuple[Source | None, tuple[Finding, ...]]:
    """The tree of a JSON text with its places, None with what is wrong if it is none."""
    try:
        _refuse_depth(text)
        tree = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as wrong:
        return None, (error(_said(wrong), wrong.lineno, wrong.colno),)
    except ValueError as wrong:
        return None, (error(f"is not JSON: {wrong}"),)
    walk = _Walk(text)
    walk.value(())
    return Source(tree=tree, keys=walk.keys, values=walk.values), tuple(walk.found)


def _said(wrong: json.JSONDecodeError) -> str:
    hint = ""
    rest = wrong.doc[wrong.pos : wrong.pos + 40]
    before = wrong.doc[: wrong.pos].rstrip()
    if before.endswith(",") and rest.lstrip()[:1] in ("}", "]"):
        hint = "; a comma stands before the closing bracket"
    elif rest.startswith(("//", "/*", "#")):
        hint = "; JSON has no comments"
    elif rest.startswith("'"):
        hint = "; texts stand in double quotes"
    return f"is not JSON: {wrong.msg}{hint}"


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _refuse_depth(text: str) -> None:
    """Python's reader ends with its stack on a deep text."""
    depth = 0
    for match in _WORD.finditer(text):
        if match[0] in ("{", "["):
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError("it is nested too deeply")
        elif match[0] in ("}", "]"):
            depth -= 1


class _Walk:
    """Goes over a text that is JSON and notes the places; knows nothing of what the values are."""

    def __init__(self, text: str) -> None:
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.found: list[Finding] = []
        self._words = list(_WORD.finditer(text))
        self._text = text
        self._next = 0
        self._line, self._start, self._seen = 1, 0, 0

    def _take(self) -> tuple[str, Place]:
        match = self._words[self._next]
        self._next += 1
        breaks = self._text.count("\n", self._seen, match.start())
        if breaks:
            self._line += breaks
            self._start = self._text.rfind("\n", self._seen, match.start()) + 1
        self._seen = match.start()
        return match[0], (self._line, match.start() - self._start + 1)

    def value(self, path: Path) -> None:
        word, place = self._take()
        self.values[path] = place
        if word == "{":
            self._object(path)
        elif word == "[":
            self._array(path)

    def _object(self, path: Path) -> None:
        seen: set[str] = set()
        word, place = self._take()
        while word != "}":
            if word == ",":
                word, place = self._take()
            key = json.loads(word)
            if key in seen:
                self.found.append(error(f"the key {key!r} is written twice", *place))
            seen.add(key)
            self.keys[(*path, key)] = place
            self._take()
            self.value((*path, key))
            word, place = self._take()

    def _array(self, path: Path) -> None:
        at = 0
        while self._words[self._next][0] != "]":
            if self._words[self._next][0] == ",":
                self._take()
            self.value((*path, at))
            at += 1
        self._take()

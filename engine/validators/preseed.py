"""Preseeds: lines of `owner question type value`, by checks of our own and by debconf-set-selections."""

import difflib
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.core.findings import Finding, error, warning
from engine.validators import programs
from engine.validators.facts import Facts
from engine.validators.preseed_questions import QUESTIONS

NAME = "preseed"
TYPES = ("boolean", "multiselect", "note", "password", "select", "string", "text", "title")
FLAGS = ("seen",)
_PROGRAM = "debconf-set-selections"
_RC = Path(__file__).with_name("debconf.conf")
_WORDS = re.compile(r"\s*(\S+)(?:(\s+)(\S+))?(?:(\s+)(\S+))?(.*)", re.DOTALL)
_SAID = re.compile(r"(error|warning): (.*line (\d+).*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line with those that continue it; `end` is the number of the last."""

    line: int
    end: int
    text: str


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A preseed."""
    if text.startswith("\ufeff"):
        yield error("begins with a byte order mark; save it as UTF-8 without", 1, 1)
        text = text[1:]
    found = [*_traps(text)]
    asked: dict[str, int] = {}
    listed = list(entries(text))
    for entry in listed:
        found += _entry(entry, asked)
    yield from found
    known = {each.line for each in found}
    for line, finding in debconf(text):
        lines = next((range(each.line, each.end + 1) for each in listed if each.line <= line <= each.end), range(0))
        if not known & set(lines):
            yield finding


def entries(text: str) -> Iterator[Entry]:
    """The lines as debconf joins them, without comments and blank ones."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        begin, joined = at + 1, lines[at].removesuffix("\r")
        while joined.endswith("\\") and at + 1 < len(lines):
            at += 1
            joined = joined[:-1] + lines[at].removesuffix("\r")
        at += 1
        if joined.strip() and not joined.lstrip().startswith("#"):
            yield Entry(line=begin, end=at, text=joined)


def _traps(text: str) -> Iterator[Finding]:
    """What is wrong with how lines are continued; joined they look right."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for at, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        stripped = line.rstrip()
        if stripped.endswith("\\") and stripped != line:
            message = "a blank after the backslash: the line is not continued, and the next one is taken for a new one"
            yield error(message, at, len(stripped) + 1)
        if not line.endswith("\\"):
            continue
        following = lines[at] if at < len(lines) else None
        if following is None or (following == "" and at == len(lines) - 1):
            yield error("the last line ends in a backslash, but nothing continues it", at, len(line))
        elif not following.strip():
            yield warning("a blank line continues this one: one backslash too many?", at, len(line))
        elif following.lstrip().startswith("#"):
            yield warning("this comment continues the line before, and is part of its value", at + 1, 1)


def _entry(entry: Entry, asked: dict[str, int]) -> Iterable[Finding]:
    match = _WORDS.match(entry.text)
    owner, question, kind, rest = (match[1], match[3], match[5], match[6]) if match else ("", None, None, "")
    if question is None or kind is None:
        words = entry.text.split()
        yield error(f"is not of the form `owner question type value`: {' '.join(words)[:60]!r}", entry.line, 1)
        return
    column = entry.text.index(kind, entry.text.index(question) + len(question)) + 1
    if kind not in (*TYPES, *FLAGS):
        yield error(_unknown_type(owner, question, kind), entry.line, column if entry.line == entry.end else None)
        return
    if "/" not in question:
        yield warning(f"{question!r} is no question's name: those have a slash, as netcfg/get_hostname", entry.line)
    yield from _name(entry, owner, question)
    if kind in TYPES:
        if question in asked:
            yield warning(f"{question} is answered in line {asked[question]} too; this answer counts", entry.line)
        asked[question] = entry.line
        yield from _value(entry, kind, rest, column + len(kind))


def _unknown_type(owner: str, question: str, kind: str) -> str:
    if question in TYPES and "/" in owner:
        return f"the owner is missing: write `d-i {owner} {question} …`"
    near = difflib.get_close_matches(kind, TYPES, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(TYPES)}"
    return f"there is no type {kind!r}{hint}"


def _name(entry: Entry, owner: str, question: str) -> Iterator[Finding]:
    """A slip of the pen in a question that everybody asks is never noticed by the installer: it just asks."""
    if owner in ("d-i", "tasksel", "popularity-contest") and "/" in question and question not in QUESTIONS:
        near = difflib.get_close_matches(question, QUESTIONS, n=1, cutoff=0.9)
        if near:
            column = entry.text.index(question) + 1
            yield warning(f"no question {question} is known; did you mean {near[0]}?", entry.line, column)


def _value(entry: Entry, kind: str, rest: str, column: int) -> Iterator[Finding]:
    value = rest[1:] if rest[:1].isspace() else rest
    if kind == "boolean":
        if value.strip() not in ("true", "false"):
            said = repr(value.strip()[:40]) if value.strip() else "nothing"
            yield error(f"a boolean is true or false, not {said}", entry.line, column + 1)
        elif value != value.strip():
            message = "more than one blank round the value: it is part of it, and this is no boolean to debconf"
            yield error(message, entry.line, column)
        return
    if value[:1] in (" ", "\t") and value.strip() and entry.line == entry.end:
        message = "more than one blank after the type: the others are part of the value; write a single space or tab"
        yield warning(message, entry.line, column + 1)
    elif kind in ("select", "password") and value != value.rstrip():
        yield warning("a blank after the value is part of it", entry.line)


def debconf(text: str) -> Iterator[tuple[int, Finding]]:
    """What debconf-set-selections says, with the line. Its exit code does not tell: some of it is only warned of."""
    path = programs.find(_PROGRAM)
    if path is None:
        yield 0, programs.not_checked(_PROGRAM, "it is not installed (Debian's package debconf); our own checks ran")
        return
    try:
        ran = programs.run([path, "-c"], text, env={"DEBCONF_SYSTEMRC": str(_RC), "HOME": "/nonexistent"})
    except subprocess.TimeoutExpired:
        yield 0, programs.too_slow(_PROGRAM)
        return
    except OSError as wrong:
        yield 0, programs.not_checked(_PROGRAM, str(wrong))
        return
    for said in ran.errors.splitlines():
        match = _SAID.match(said)
        if match:  # all that has no line is about its own database
            line = int(match[3])
            yield line, error(f"{match[2]} ({_PROGRAM})", line)

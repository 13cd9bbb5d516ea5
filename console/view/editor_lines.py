"""What the editor tells around the text: its heading, what is wrong, where a text is found, what was kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.labels import Cell, Role, Symbols, clock, safe
from console.view.pieces import Piece, breaks
from engine.core.documents import DocumentKind
from engine.core.findings import Finding, Findings, of_problems
from engine.core.nodes import NodeState
from engine.errors import Problem

_MOST_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorFacts:
    """What there is to know of a text that is being written; `base` is the version it was begun with, empty for a new
    document, and `theirs` one that somebody else made meanwhile; `row` and `column` are the cursor's, from 0.
    """

    kind: DocumentKind
    name: str
    type: str = ""
    base: str = ""
    is_changed: bool = False
    theirs: str = ""
    row: int = 0
    column: int = 0
    lines: int = 1


def heading(facts: EditorFacts, symbols: Symbols) -> Cell:
    """The line above the text."""
    what = facts.type or facts.kind.value
    begun = f"from {facts.base}" if facts.base else f"a new {facts.kind}"
    changed = Piece(f" {symbols.separator} changed", Role.WARN) if facts.is_changed else Piece("")
    place = f"line {facts.row + 1} of {facts.lines}, column {facts.column + 1}"
    return (
        Piece(" EDIT  ", "heading"),
        Piece(safe(facts.name) or "(no name yet)", Role.STRONG),
        Piece(f"   {safe(what)} {symbols.separator} {begun}", Role.MUTED),
        changed,
        Piece(
            f" {symbols.separator} {symbols.warning} {facts.theirs} came meanwhile" if facts.theirs else "", Role.WARN
        ),
        Piece(f" {symbols.separator} {place}", Role.MUTED),
    )


def not_checked(why: str) -> Cell:
    """The line above the text when it cannot be checked."""
    return (Piece(f" not checked: {safe(why)}", Role.WARN),)


def as_findings(problems: Sequence[Problem]) -> Findings:
    """What is wrong with a text as such, as findings."""
    return of_problems(problems, "text")


def in_order(findings: Sequence[Finding], lines: int, name: str = "") -> list[Finding]:
    """What is wrong, by line; what has no place, or one in another file, comes first."""
    return sorted(findings, key=lambda each: (row_of(each, lines, name) or 0, each.column or 0, not each.is_error))


def row_of(finding: Finding, lines: int, name: str = "") -> int | None:
    """The line (from 0) of this text at which something stands; None if it stands in none."""
    if finding.line is None or finding.file not in (None, "", name):
        return None
    return min(finding.line, lines) - 1


def signs(findings: Sequence[Finding], lines: int, name: str = "") -> dict[int, tuple[bool, int | None]]:
    """Which lines have something: whether an error, and the column of the first one."""
    found: dict[int, tuple[bool, int | None]] = {}
    for each in findings:
        row = row_of(each, lines, name)
        if row is not None and (row not in found or (each.is_error and not found[row][0])):
            found[row] = (each.is_error, each.column)
    return found


def counted(findings: Sequence[Finding], is_checking: bool) -> Cell:
    """The line above what is wrong."""
    errors = sum(each.is_error for each in findings)
    warnings = len(findings) - errors
    parts = [Piece(_count(errors, "error"), Role.BAD)] if errors else []
    parts += [Piece("  "), Piece(_count(warnings, "warning"), Role.WARN)][not parts :] if warnings else []
    if not parts:
        parts = [Piece("checking" if is_checking else "nothing is wrong", Role.MUTED if is_checking else Role.GOOD)]
    elif is_checking:
        parts.append(Piece("  checking again", Role.MUTED))
    return (Piece(" "), *parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def nearest(findings: Sequence[Finding], row: int, lines: int, name: str = "") -> int:
    """The index of the one at a line, or else the last above it; 0 if there is none."""
    above = [at for at, each in enumerate(findings) if (row_of(each, lines, name) or 0) <= row]
    if not above:
        return 0
    here = row_of(findings[above[-1]], lines, name)
    return next(at for at in above if row_of(findings[at], lines, name) == here)


def strip(findings: Sequence[Finding], here: int, most: int, width: int, symbols: Symbols) -> list[Cell]:
    """What is wrong, a line each, around the one that the cursor is at, which is told whole; at most `most` lines."""
    whole = _told(findings[here], width, symbols, is_here=True) if findings else []
    whole = whole[: max(1, most)]
    room = most - len(whole)
    before = min(here, room, max(room // 2, room - (len(findings) - here - 1)))
    first = here - before
    last = min(len(findings), here + 1 + room - before)
    lines: list[Cell] = []
    for at in range(first, last):
        lines += whole if at == here else _told(findings[at], width, symbols, is_here=False)[:1]
    return lines


def _told(finding: Finding, width: int, symbols: Symbols, *, is_here: bool) -> list[Cell]:
    sign = symbols.node[NodeState.INSTALL_FAILED] if finding.is_error else symbols.warning
    role = Role.BAD if finding.is_error else Role.WARN
    file = f"{finding.file} " if finding.file else ""
    place = f"{file}{finding.line}:{finding.column or 1}" if finding.line is not None else f"{file}whole text"
    path = f"{finding.path}: " if finding.path else ""
    text = safe(f"{path}{finding.message}")
    mark = symbols.cursor if is_here else " "
    head = (Piece(f"{mark}{sign} ", role), Piece(f"{safe(place):>6}  ", Role.STRONG if is_here else Role.MUTED))
    indent = sum(len(piece.text) for piece in head)
    if not is_here:
        return [(*head, Piece(text, Role.MUTED))]
    starts = breaks(text, max(10, width - indent - 1))[:_MOST_PARTS]
    ends = [*starts[1:], None]
    parts = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [(*(head if at == 0 else (Piece(" " * indent),)), Piece(part, Role.PLAIN)) for at, part in enumerate(parts)]


# Finding


def matches(lines: Sequence[str], needle: str) -> list[tuple[int, int]]:
    """Where a text stands, as rows and columns from 0; its case counts if a letter of it is upper case."""
    if not needle:
        return []
    fold = needle == needle.lower()
    found: list[tuple[int, int]] = []
    for row, line in enumerate(lines):
        text = line.lower() if fold and len(line.lower()) == len(line) else line
        at = text.find(needle)
        while at >= 0:
            found.append((row, at))
            at = text.find(needle, at + len(needle))
    return found


def next_match(found: Sequence[tuple[int, int]], row: int, column: int, *, back: bool = False) -> int | None:
    """The index of the next one from a place on, around the end; None if there is none."""
    if not found:
        return None
    if back:
        return max((at for at, each in enumerate(found) if each < (row, column)), default=len(found) - 1)
    return min((at for at, each in enumerate(found) if each >= (row, column)), default=0)


# Keeping


def kept_lines(at: datetime, now: datetime, base: str, lines: int) -> list[str]:
    """What is said of a text that was kept but not saved."""
    begun = f", begun with {base}" if base else ""
    return [
        f"What was written until {clock(at, now)} was not saved: {lines} lines{begun}.",
        "It is kept on this machine until it is saved or thrown away.",
    ]


SKELETON = """\
# What is done to a machine, step by step. ctrl+space offers what could come next, ctrl+s saves it as a draft.
name: my-workflow
description: What it is for
os_family: linux        # linux, windows, bsd, esxi, other
architecture: any       # x86_64, arm64, any
boot_mode: any          # bios, uefi, any

# What is asked for when it is started, a JSON Schema for each name:
# params:
#   disk: {type: string, default: /dev/vda}

steps:
  - key: hello
    name: Say that it works
    action: core.echo
    with:
      message: hello
"""

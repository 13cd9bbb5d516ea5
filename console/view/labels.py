"""Values and the time become words, symbols and roles; pure, so that every table and label is tested without a screen.

A cell is a sequence of pieces, each a text with a role. What a role looks like (colour, bold, reverse) is the business
of `console.paint`; a state is told by its symbol and its word as well, so that nothing is said by colour alone.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.view.pieces import Piece, printable
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus
from engine.core.nodes import Node, NodeState


class Role(StrEnum):
    """What a piece of text is for; the palette gives it a look."""

    PLAIN = "plain"
    STRONG = "strong"
    MUTED = "muted"
    ACCENT = "accent"
    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"


Cell = tuple[Piece, ...]
Row = tuple[Cell, ...]

EMPTY: Cell = ()
# Within a cell: what comes after it stands at the right end.
FILL = Piece("", "fill")


def cell(text: str | None, role: Role = Role.PLAIN) -> Cell:
    """A cell of one piece; of none if there is no text. The text is made safe."""
    return (Piece(safe(text), role),) if text else EMPTY


def plain(pieces: Cell) -> str:
    """The text of a cell."""
    return "".join(piece.text for piece in pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """The characters a terminal can show. Each is one column wide."""

    node: Mapping[NodeState, str]
    execution: Mapping[ExecutionStatus, str]
    attempt: Mapping[AttemptStatus, str]
    done: str
    rest: str
    marked: str
    up: str
    down: str
    cursor: str
    separator: str
    ellipsis: str
    rule: str
    arrow: str
    running: str
    warning: str
    person: str
    child: str
    levels: str
    shades: str


_N, _E, _A = NodeState, ExecutionStatus, AttemptStatus

UNICODE = Symbols(
    node={
        _N.DISCOVERED: "○",
        _N.PENDING: "◌",
        _N.INSTALLING: "▸",
        _N.INSTALL_FAILED: "✗",
        _N.INSTALLED: "✓",
        _N.ACTIVE: "●",
        _N.REPROVISION: "↻",
        _N.DEPROVISIONING: "↓",
        _N.MIGRATING: "⇄",
        _N.RETIRED: "▪",
    },
    execution={
        _E.PENDING: "◌",
        _E.RUNNING: "▸",
        _E.PAUSED: "‖",
        _E.SUCCEEDED: "✓",
        _E.FAILED: "✗",
        _E.CANCELLED: "⊘",
    },
    attempt={
        _A.RUNNING: "▸",
        _A.SUCCEEDED: "✓",
        _A.FAILED: "✗",
        _A.RETRYING: "↻",
        _A.TIMED_OUT: "◔",
        _A.SKIPPED: "·",
        _A.CANCELLED: "⊘",
    },
    done="━",
    rest="─",
    marked="◆",
    up="▴",
    down="▾",
    cursor="›",
    separator="·",
    ellipsis="…",
    rule="─",
    arrow="→",
    running="▸",
    warning="!",
    person="●",
    child="└",
    levels="▁▂▃▄▅▆▇█",
    shades="█▓░",
)

ASCII = Symbols(
    node={
        _N.DISCOVERED: "o",
        _N.PENDING: ".",
        _N.INSTALLING: ">",
        _N.INSTALL_FAILED: "X",
        _N.INSTALLED: "+",
        _N.ACTIVE: "*",
        _N.REPROVISION: "~",
        _N.DEPROVISIONING: "v",
        _N.MIGRATING: "=",
        _N.RETIRED: "-",
    },
    execution={
        _E.PENDING: ".",
        _E.RUNNING: ">",
        _E.PAUSED: "=",
        _E.SUCCEEDED: "+",
        _E.FAILED: "X",
        _E.CANCELLED: "-",
    },
    attempt={
        _A.RUNNING: ">",
        _A.SUCCEEDED: "+",
        _A.FAILED: "X",
        _A.RETRYING: "~",
        _A.TIMED_OUT: "!",
        _A.SKIPPED: "_",
        _A.CANCELLED: "-",
    },
    done="#",
    rest=".",
    marked="*",
    up="^",
    down="v",
    cursor=">",
    separator="-",
    ellipsis="~",
    rule="-",
    arrow="->",
    running=">",
    warning="!",
    person="@",
    child="`",
    levels="_.:-=+*#",
    shades="#=-",
)

# Terminals whose fonts lack what UNICODE needs, whatever their locale says.
_PLAIN_TERMINALS = ("vt100", "vt102", "vt220", "linux", "dumb")


def symbols_for(environ: Mapping[str, str] | None = None, encoding: str = "utf-8") -> Symbols:
    """The symbols that a terminal can show: ASCII where the encoding is not UTF-8 or the terminal is an old one."""
    environ = os.environ if environ is None else environ
    if environ.get("TERM", "") in _PLAIN_TERMINALS:
        return ASCII
    return UNICODE if encoding.lower().replace("-", "").replace("_", "") == "utf8" else ASCII


NODE_ROLES: Mapping[NodeState, Role] = {
    _N.DISCOVERED: Role.ACCENT,
    _N.PENDING: Role.MUTED,
    _N.INSTALLING: Role.BUSY,
    _N.INSTALL_FAILED: Role.BAD,
    _N.INSTALLED: Role.GOOD,
    _N.ACTIVE: Role.GOOD,
    _N.REPROVISION: Role.WARN,
    _N.DEPROVISIONING: Role.WARN,
    _N.MIGRATING: Role.BUSY,
    _N.RETIRED: Role.MUTED,
}

EXECUTION_ROLES: Mapping[ExecutionStatus, Role] = {
    _E.PENDING: Role.MUTED,
    _E.RUNNING: Role.BUSY,
    _E.PAUSED: Role.WARN,
    _E.SUCCEEDED: Role.GOOD,
    _E.FAILED: Role.BAD,
    _E.CANCELLED: Role.MUTED,
}

ATTEMPT_ROLES: Mapping[AttemptStatus, Role] = {
    _A.RUNNING: Role.BUSY,
    _A.SUCCEEDED: Role.GOOD,
    _A.FAILED: Role.BAD,
    _A.RETRYING: Role.WARN,
    _A.TIMED_OUT: Role.BAD,
    _A.SKIPPED: Role.MUTED,
    _A.CANCELLED: Role.MUTED,
}


def safe(text: str) -> str:
    """A text from elsewhere, on one line and with nothing in it that a terminal could take for a command."""
    if text.isprintable():
        return text
    return printable(" ".join(text.split()))


def words(name: str) -> str:
    """A state's or status' name for people: `install_failed` is `install failed`."""
    return name.replace("_", " ")


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, coarse enough to stand still: `now`, `5m`, `3h`, `12d`; empty if never."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f}m"
    if seconds < 48 * 3600:
        return f"{seconds // 3600:.0f}h"
    return f"{seconds // 86400:.0f}d"


def duration(seconds: float) -> str:
    """How long, to about two figures: `8s`, `2m 05s`, `1h 12m`, `3d 4h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 48 * 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def lasted(value: Execution | Attempt, now: datetime) -> str:
    """How long an execution or attempt has taken, so far or in all; empty if it has not begun."""
    if value.started_at is None:
        return ""
    return duration(((value.completed_at or now) - value.started_at).total_seconds())


def clock(moment: datetime | None, now: datetime) -> str:
    """A time of day in UTC, with the date where it is not today's: `14:03:22`, `Mar 01 14:03`."""
    if moment is None:
        return ""
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%b %d %H:%M}"


def bar(percent: int, width: int, symbols: Symbols, role: Role = Role.BUSY) -> Cell:
    """A progress bar `width` columns wide; what is done and what is not differ in shape as well as in role."""
    done = round(width * max(0, min(100, percent)) / 100)
    return (Piece(symbols.done * done, role), Piece(symbols.rest * (width - done), Role.MUTED))


def state_cell(state: NodeState, symbols: Symbols) -> Cell:
    """A node's state: symbol and word."""
    role = NODE_ROLES[state]
    return (Piece(f"{symbols.node[state]} {words(state)}", role),)


def status_cell(status: ExecutionStatus, symbols: Symbols) -> Cell:
    """An execution's status: symbol and word."""
    role = EXECUTION_ROLES[status]
    return (Piece(f"{symbols.execution[status]} {words(status)}", role),)


def attempt_cell(status: AttemptStatus, symbols: Symbols) -> Cell:
    """An attempt's status: symbol and word."""
    role = ATTEMPT_ROLES[status]
    return (Piece(f"{symbols.attempt[status]} {words(status)}", role),)


def who(principal: str) -> str:
    """A principal for people: `user:ada` is `ada`; the others keep their kind."""
    return principal.removeprefix("user:")


def node_label(node: Node | None, fallback: str | None = None) -> str:
    """What a person calls a node; of one that is not there, what else is known of it."""
    return node.name if node is not None else (fallback or "")


def names(values: Sequence[str], limit: int = 3) -> str:
    """A few names of many: `r4-01, r4-02, r4-03 and 11 more`."""
    shown = ", ".join(values[:limit])
    return f"{shown} and {len(values) - limit} more" if len(values) > limit else shown

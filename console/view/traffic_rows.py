"""What goes through the boot doors, as rows and lines. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import EMPTY, Cell, Role, Row, Symbols, ago, bar, cell, clock, duration, safe
from console.view.listing import SortKey, natural
from console.view.pieces import Piece, cells
from console.view.plots import spark, speed
from engine.core.traffic import SERIES_STEP, Carrier, Ending, Total, Traffic, Transfer
from engine.sizes import shown_size

BAR = 8
COLUMNS = (
    Column(key="kind", title="BY", width=4, keep=60),
    Column(key="node", title="NODE", width=12, flex=2, most=24, keep=99),
    Column(key="file", title="FILE", width=14, flex=5, keep=98),
    Column(key="progress", title="PROGRESS", width=BAR + 5, flex=1, most=24, keep=100),
    Column(key="sent", title="SENT", width=8, keep=80, right=True),
    Column(key="rate", title="RATE", width=10, keep=90, right=True),
    Column(key="left", title="LEFT", width=7, keep=95, right=True),
)
FIELDS = ("by", "node", "address", "mac", "file", "state", "error")
SORTS = ("newest", "node", "file", "rate", "left")
EMPTY_TEXT = """Nothing goes through the boot doors.

A machine that boots from the network appears here while it loads: its loader by TFTP, its kernel, initrd and images by
HTTP. What it asked for before is in its boot trace (t on the node's screen)."""
ELSEWHERE = """Another PureBoot serves; its traffic is on its own screen.

This console is a guest on the same store: it sees the nodes and what runs on them, but nothing goes through it."""

_ENDINGS = {
    Ending.DONE: (Role.MUTED, "sent"),
    Ending.PROBED: (Role.MUTED, "size asked"),
    Ending.FAILED: (Role.BAD, "broken off"),
    Ending.REFUSED: (Role.BAD, "refused"),
}
_WIDE = 120
LEAST_PLOT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferView:
    """A transfer with the name of the node it is for, where that is known."""

    transfer: Transfer
    node: str = ""

    @property
    def whose(self) -> str:
        """The node's name, or else what is known of the machine."""
        return self.node or self.transfer.mac_address or self.transfer.address


def row(view: TransferView, now: datetime, symbols: Symbols, width: int = BAR + 5, room: int = 0) -> Row:
    """A transfer's row, in the order of `COLUMNS`; `width` is what its progress has, `room` what its path (0: any)."""
    transfer = view.transfer
    ended = transfer.outcome is not None
    role = Role.MUTED if ended else Role.PLAIN
    known = Role.STRONG if view.node and not ended else role
    return (
        cell(transfer.kind.value.upper(), Role.MUTED),
        cell(view.whose, known),
        cell(_path(transfer.path, room, symbols), role),
        _ended(transfer, symbols) if ended else _progress(transfer, symbols, width),
        cell(shown_size(transfer.sent) if transfer.sent or not ended else "", Role.MUTED),
        cell(speed(transfer.rate), role),
        _left(transfer, now),
    )


def _path(path: str, room: int, symbols: Symbols) -> str:
    """A path without what all have; where there is little room, its end, which tells more."""
    told = safe(path.removeprefix("/files/"))
    return f"{symbols.ellipsis}{told[1 - room :]}" if 1 < room < cells(told) else told


def _progress(transfer: Transfer, symbols: Symbols, width: int) -> Cell:
    if not transfer.size:
        return cell("opening" if transfer.size is None else "0%", Role.MUTED)
    percent = min(100, transfer.sent * 100 // transfer.size)
    return (*bar(percent, max(1, width - 5), symbols), Piece(f"{percent:4}%"))


def _ended(transfer: Transfer, symbols: Symbols) -> Cell:
    assert transfer.outcome is not None  # noqa: S101 - only what has ended is told so
    role, word = _ENDINGS[transfer.outcome]
    if role is not Role.BAD:
        return (Piece(word, role),)
    why = f": {safe(transfer.message)}" if transfer.message else ""
    return (Piece(f"{symbols.warning} {word}{why}", role),)


def _left(transfer: Transfer, now: datetime) -> Cell:
    """How long it still takes; of one that has ended how long ago that was."""
    if transfer.outcome is not None:
        since = ago(transfer.ended_at, now)
        return cell(since if since in ("", "now") else f"{since} ago", Role.MUTED)
    left = transfer.left_seconds
    return EMPTY if left is None else cell(duration(left))


def about(view: TransferView | None, now: datetime, symbols: Symbols) -> Cell:
    """All that is known of one in a line: the whole path, to where, how much, how it ended."""
    if view is None:
        return EMPTY
    transfer = view.transfer
    size = f" of {shown_size(transfer.size)}" if transfer.size is not None else ""
    facts = [
        f"{shown_size(transfer.sent)}{size}",
        transfer.mac_address or "",
        f"since {clock(transfer.started_at, now)}" if transfer.outcome is None else "",
    ]
    told = f" {symbols.separator} ".join(filter(None, facts))
    return (
        *cell(f" {transfer.path} to {transfer.address}"),
        *((Piece(f" {symbols.separator} {safe(transfer.message)}", Role.BAD),) if transfer.message else ()),
        Piece(f" {symbols.separator} {told}", Role.MUTED),
    )


def fields(view: TransferView) -> Fields:
    """What a transfer is searched by."""
    transfer = view.transfer
    values = {
        "by": transfer.kind.value,
        "node": view.node,
        "address": transfer.address,
        "mac": transfer.mac_address,
        "file": transfer.path,
        "state": "live" if transfer.outcome is None else transfer.outcome.value,
        "error": transfer.message,
    }
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(view: TransferView, sort: str) -> SortKey:
    """What is under way first, then what ended last."""
    transfer = view.transfer
    ended = transfer.outcome is not None
    at = transfer.ended_at or transfer.started_at
    newest = (ended, -at.timestamp() if ended else at.timestamp(), transfer.id)
    match sort:
        case "node":
            return (natural(view.whose), *newest)
        case "file":
            return (natural(transfer.path), *newest)
        case "rate":
            return (ended, -transfer.rate, *newest)
        case "left":
            return (ended, transfer.left_seconds if transfer.left_seconds is not None else float("inf"), *newest)
        case _:
            return newest


def totals(seen: Traffic, width: int, symbols: Symbols) -> list[Cell]:
    """A line for each protocol: how fast now, how it was, how much in all."""
    if not seen.is_served:
        return []
    kinds = [kind for kind in Carrier if kind in seen.totals]
    live = {kind: sum(each.kind is kind for each in seen.transfers) for kind in kinds}
    return [_total(kind, seen.totals[kind], live[kind], width, symbols) for kind in kinds]


def _total(kind: Carrier, total: Total, live: int, width: int, symbols: Symbols) -> Cell:
    under_way = "idle" if not live else "1 file" if live == 1 else f"{live:,} files"
    head = (
        Piece(f" {kind.value.upper()}  ", Role.STRONG),
        Piece(f"{speed(total.rate) or '-':>11}", Role.PLAIN if total.rate else Role.MUTED),
        Piece(f"  {under_way:<9}", Role.BUSY if live else Role.MUTED),
    )
    facts = _facts(total, width >= _WIDE)
    used = sum(cells(piece.text) for piece in (*head, *facts))
    room = min(60, width - used - 3)
    plot = (*spark(total.series, room, symbols, Role.BUSY), Piece("  ")) if room >= LEAST_PLOT else ()
    return (*head, *plot, *facts)


def _facts(total: Total, is_wide: bool) -> Sequence[Piece]:
    bad = total.ended.get(Ending.FAILED, 0)
    peak = max(total.series, default=0)
    parts = [f"{shown_size(total.bytes)} in all"]
    if is_wide and peak:
        minutes = len(total.series) * SERIES_STEP // 60
        parts.append(f"at most {speed(peak)} in {minutes} min" if minutes else f"at most {speed(peak)}")
    pieces = [Piece(", ".join(parts), Role.MUTED)]
    if bad:
        pieces.append(Piece(f", {bad:,} broken off", Role.WARN))
    return pieces

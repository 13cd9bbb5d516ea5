"""Dead letters as rows, and one in full. Pure."""

import json
from collections.abc import Sequence
from datetime import datetime

from console.view.columns import Column
from console.view.execution_lines import wrapped
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, Symbols, ago, cell, clock, safe, who
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from engine.core.dead_letters import DeadLetter, LetterKind

COLUMNS = (
    Column(key="kind", title="WHAT", width=10, keep=80),
    Column(key="workflow", title="WORKFLOW", width=14, flex=1, most=28, keep=95),
    Column(key="node", title="NODE", width=12, flex=1, most=24, keep=90),
    Column(key="step", title="STEP", width=10, flex=1, most=20, keep=50),
    Column(key="reason", title="REASON", width=20, flex=6, keep=100),
    Column(key="since", title="SINCE", width=5, keep=85, right=True),
)
FIELDS = ("kind", "workflow", "node", "step", "reason", "id")
SORTS = ("newest", "workflow", "node", "reason")
EMPTY = """No dead letters.

What cannot go on without a person is listed here, with the reason and what it was started with: an execution whose
retries are used up, a start that a trigger could not make."""
NOTHING_FITS = f"""No dead letter fits the filter. Press escape to drop it.

Fields: {" ".join(FIELDS)}"""
_WORDS = {LetterKind.EXECUTION: "execution", LetterKind.TRIGGER: "start"}


def workflow(letter: DeadLetter) -> str:
    """The workflow it is about."""
    return str(letter.payload.get("workflow") or "")


def label(letter: DeadLetter, node: str) -> str:
    """What a person calls it."""
    name = workflow(letter) or letter.id[:8]
    return f"{name} on {node}" if node else name


def row(letter: DeadLetter, node: str, now: datetime) -> Row:
    """A letter's row, in the order of `COLUMNS`."""
    return (
        cell(_WORDS[letter.kind], Role.MUTED),
        cell(workflow(letter)),
        cell(node, Role.STRONG),
        cell(letter.step_key, Role.MUTED),
        cell(" ".join(letter.reason.split()), Role.BAD),
        cell(ago(letter.created_at, now), Role.MUTED),
    )


def fields(letter: DeadLetter, node: str) -> Fields:
    """What a letter is searched by."""
    values = {
        "kind": _WORDS[letter.kind],
        "workflow": workflow(letter),
        "node": node,
        "step": letter.step_key,
        "reason": letter.reason,
        "id": letter.id,
    }
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(letter: DeadLetter, node: str, sort: str) -> SortKey:
    """What a letter is sorted by."""
    newest = (-letter.created_at.timestamp(), letter.id)
    match sort:
        case "workflow":
            return (natural(workflow(letter)), *newest)
        case "node":
            return (natural(node), *newest)
        case "reason":
            return (letter.reason.lower(), *newest)
        case _:
            return newest


def details(letter: DeadLetter | None, node: str, now: datetime, width: int, symbols: Symbols) -> list[Cell]:
    """One letter in full: the reason, and what it was started or tried with."""
    if letter is None:
        return []
    facts = [
        f"since {clock(letter.created_at, now)} UTC",
        f"step {letter.step_key}" if letter.step_key else "",
        f"execution {letter.execution_id[:8]}" if letter.execution_id else "",
        f"asked for by {who(str(letter.payload['trigger']))}" if letter.payload.get("trigger") else "",
        f"letter {letter.id[:8]}",
    ]
    title = (Piece(f" {safe(label(letter, node))}", Role.STRONG),)
    about = (Piece(" " + f" {symbols.separator} ".join(map(safe, filter(None, facts))), Role.MUTED),)
    reason = [(Piece(f" {line}", Role.BAD),) for line in wrapped(letter.reason, width - 3)]
    return [title, about, *reason, (), (Piece(" PAYLOAD", "heading"),), *_payload(letter, width)]


def _payload(letter: DeadLetter, width: int) -> Sequence[Cell]:
    text = json.dumps(letter.payload, ensure_ascii=False, indent=2, default=str)
    return [(Piece(f" {line}"),) for line in wrapped(text, width - 3)]

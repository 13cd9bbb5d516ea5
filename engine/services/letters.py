"""Dead letters inside a transaction: who finds that something cannot go on lays one; who lets it go on settles it."""

from dataclasses import replace
from datetime import datetime

from engine.core.dead_letters import DeadLetter, LetterKind, Resolution
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.store import dead_letters as store
from engine.store import events
from engine.store.tx import Tx


def lay(tx: Tx, letter: DeadLetter, *, by: str = SYSTEM) -> DeadLetter:
    """List something for a person to look at; the same failure is listed once."""
    if letter.kind is LetterKind.EXECUTION and letter.execution_id is not None:
        for known in store.open_of(tx, letter.execution_id):
            if known.payload.get("attempt_id") == letter.payload.get("attempt_id"):
                return known
    store.add(tx, letter)
    data = {"dead_letter_id": letter.id, "kind": letter.kind, "reason": letter.reason, "trigger_id": letter.trigger_id}
    events.append(tx, [_fact(letter, Kind.DEAD_LETTER_CREATED, letter.created_at, by, data)])
    return letter


def resolve(
    tx: Tx,
    letter: DeadLetter,
    resolution: Resolution,
    *,
    at: datetime,
    by: str,
    comment: str | None = None,
    execution_id: str | None = None,
) -> DeadLetter:
    """Note what became of an open letter."""
    resolved = replace(
        letter,
        resolved_at=at,
        resolved_by=by,
        resolution=resolution,
        comment=comment,
        execution_id=letter.execution_id or execution_id,
    )
    store.resolve(tx, resolved)
    data = {
        "dead_letter_id": letter.id,
        "kind": letter.kind,
        "resolution": resolution,
        "comment": comment,
        "trigger_id": letter.trigger_id,
    }
    events.append(tx, [_fact(resolved, Kind.DEAD_LETTER_RESOLVED, at, by, data)])
    return resolved


def settle(tx: Tx, execution_id: str, *, at: datetime, by: str) -> None:
    """Resolve the letters of an execution that goes on again."""
    for letter in store.open_of(tx, execution_id):
        resolve(tx, letter, Resolution.RETRIED, at=at, by=by)


def _fact(letter: DeadLetter, kind: Kind, at: datetime, by: str, data: dict[str, str | None]) -> NewEvent:
    return NewEvent(
        kind=kind,
        at=at,
        principal=by,
        node_id=letter.node_id,
        execution_id=letter.execution_id,
        step_key=letter.step_key,
        data={name: value for name, value in data.items() if value is not None},
    )

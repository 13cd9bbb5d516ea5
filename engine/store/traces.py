"""How boot traces are kept: a ring of rows a machine, written by few statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from engine.core.boot_trace import MOST, Contact, ContactKind, Outcome
from engine.store.bulk import Bulk
from engine.store.schema import boot_contact as table
from engine.store.schema import execution, node
from engine.store.tx import Tx

STRANGER = "@"  # before an address of which nobody knows whose it is
_PIECE = 200
_NOUN = "boot trace"
_COLUMNS = (
    *("id", "machine", "number", "at", "until", "kind", "what", "outcome", "message", "status", "bytes", "size"),
    *("count", "more"),
)
_ADD = Bulk(table, _COLUMNS)
_REPLACE = Bulk(table, _COLUMNS, key="id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of a machine's trace as it is kept: the number of its newest line (0: there is none), and some lines."""

    number: int = 0
    lines: tuple[Contact, ...] = ()


def of(tx: Tx, machines: Sequence[str]) -> list[Contact]:
    """The lines of machines, in the order of time."""
    lines = [line for listed in by_machine(tx, machines).values() for line in listed]
    return sorted(lines, key=lambda line: line.at)


def by_machine(tx: Tx, machines: Sequence[str]) -> dict[str, list[Contact]]:
    """The lines of each machine that has any, oldest first."""
    found: dict[str, list[Contact]] = {}
    for at in range(0, len(machines), _PIECE):
        query = select(table).where(table.c.machine.in_(machines[at : at + _PIECE]))
        for row in tx.rows(query.order_by(table.c.machine, table.c.number)):
            found.setdefault(row["machine"], []).append(_contact(row))
    return found


def tails(tx: Tx, machines: Sequence[str], lines: int) -> dict[str, Tail]:
    """The ends of machines' traces, each with so many of its newest lines; from the writer's memory what is there."""
    memory = tx.memory(_NOUN)
    known: dict[str, Tail] = {} if memory is None else memory
    unknown = [machine for machine in machines if machine not in known]
    found: dict[str, list[tuple[int, Contact]]] = {machine: [] for machine in unknown}
    for at in range(0, len(unknown), _PIECE):
        part = table.c.machine.in_(unknown[at : at + _PIECE])
        newest = select(table.c.machine, func.max(table.c.number).label("newest")).where(part)
        ends = newest.group_by(table.c.machine).subquery()
        query = select(table).select_from(table.join(ends, table.c.machine == ends.c.machine))
        for row in tx.rows(query.where(table.c.number > ends.c.newest - lines).order_by(table.c.number)):
            found[row["machine"]].append((row["number"], _contact(row)))
    read = {machine: _tail(listed) for machine, listed in found.items()}
    return {machine: known[machine] if machine in known else read[machine] for machine in machines}


def _tail(listed: Sequence[tuple[int, Contact]]) -> Tail:
    return Tail(number=listed[-1][0] if listed else 0, lines=tuple(line for _, line in listed))


def write(tx: Tx, changes: Mapping[str, tuple[Tail, int, Sequence[Contact]]], lines: int) -> None:
    """Write the ends of traces: of each machine its tail as it was, how many of that tail's lines stay as they are, and
    all that comes after those. `lines` is how many of the newest are remembered for next time.

    A line beyond the ring takes the place of the oldest, and what is after those that stay takes theirs.
    """
    added: list[tuple[Any, ...]] = []
    replaced: list[tuple[Any, ...]] = []
    memory = tx.memory(_NOUN)
    for machine, (tail, same, after) in changes.items():
        first = tail.number - len(tail.lines) + same + 1
        kept = list(enumerate(after[-MOST:], first))
        for number, line in kept:
            there = number <= tail.number or number > MOST
            (replaced if there else added).append(_row(machine, number, line))
        if memory is not None and kept:
            ends = (*tail.lines[:same], *(line for _, line in kept))
            memory[machine] = Tail(number=kept[-1][0], lines=ends[-lines:])
    _ADD.run(tx.connection, added)
    _REPLACE.run(tx.connection, replaced)


def drop(tx: Tx, machines: Sequence[str]) -> None:
    """Forget whole traces."""
    if machines:
        tx.execute(delete(table).where(table.c.machine.in_(list(machines))))
        _forget(tx, machines)


def forget_strangers(tx: Tx, machines: Sequence[str]) -> None:
    """Forget whole traces, but for those of machines that have become nodes."""
    tx.execute(
        delete(table).where(table.c.machine.in_(list(machines)), table.c.machine.not_in(select(node.c.mac_address)))
    )
    _forget(tx, machines)


def _forget(tx: Tx, machines: Iterable[str]) -> None:
    memory = tx.memory(_NOUN)
    for machine in machines:
        if memory is not None:
            memory.pop(machine, None)


def strangers(tx: Tx) -> list[tuple[str, datetime]]:
    """The machines with a trace that are no nodes, those heard last first, each with when."""
    newest = func.max(func.coalesce(table.c.until, table.c.at)).label("newest")
    known = select(node.c.mac_address)
    query = select(table.c.machine, newest).where(table.c.machine.not_in(known)).group_by(table.c.machine)
    return [(row["machine"], row["newest"]) for row in tx.rows(query.order_by(newest.desc()))]


def machines_of(tx: Tx, execution_ids: Sequence[str]) -> dict[str, str]:
    """The MAC addresses of the nodes that executions are for."""
    found: dict[str, str] = {}
    for at in range(0, len(execution_ids), _PIECE):
        part = execution.c.id.in_(execution_ids[at : at + _PIECE])
        joined = execution.join(node, execution.c.node_id == node.c.id)
        query = select(execution.c.id, node.c.mac_address).select_from(joined).where(part)
        found |= {row["id"]: row["mac_address"] for row in tx.rows(query)}
    return found


def _row(machine: str, number: int, line: Contact) -> tuple[Any, ...]:
    more = {"seconds": line.seconds, "facts": dict(line.facts)}
    return (
        *(f"{machine}#{number % MOST}", machine, number, line.at, line.until, line.kind.value, line.what),
        *(line.outcome.value, line.message, line.status, line.bytes, line.size, line.count, more),
    )


def _contact(row: Mapping[str, Any]) -> Contact:
    same = ("at", "until", "what", "message", "status", "bytes", "size", "count")
    return Contact(
        kind=ContactKind(row["kind"]),
        outcome=Outcome(row["outcome"]),
        seconds=row["more"].get("seconds"),
        facts=row["more"].get("facts") or {},
        **{name: row[name] for name in same},
    )

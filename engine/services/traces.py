"""Boot traces: what the doors note of machines, gathered in memory and written together, and what it means.

`note` costs little more than a list's append. About once a second, and whenever somebody asks, what was noted is sorted
by machine, folded and written by a few statements, so that a rack that starts together costs the store little.

A machine is its MAC address. TFTP and files know an address only: they belong to the machine that said its MAC address
from there lately, or wait under the address until one does. Firmware's first contacts always wait so, unless it is a
moment since the machine was heard: an address may have another owner by then. An address from which several machines
speak at once (a router between) belongs to nobody.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from engine.core.boot_trace import Contact, Stage, fold, tidy
from engine.core.executions import Execution
from engine.core.explain import Verdict, explain
from engine.core.nodes import Node, parse_mac
from engine.core.page import Page
from engine.core.shape import as_data
from engine.errors import Invalid, NotFound, Unavailable
from engine.services import children
from engine.services.context import Context
from engine.store import executions, nodes
from engine.store import traces as store
from engine.store.traces import STRANGER
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MOST_NOTED = 20_000
"""So many contacts wait at most while the store cannot be written; then the oldest are forgotten."""

BOUND = timedelta(minutes=10)  # how long an address is a machine's after its last word from there
STILL_THERE = timedelta(minutes=2)  # how soon firmware at an address is still the same machine
SHARED = timedelta(minutes=1)  # two machines from one address within so long share it
STRANGERS = 2000  # that are kept; anybody on the network can be as many as he likes
STRANGERS_KEPT = timedelta(days=7)
_PRUNE_SECONDS = 3600.0
_MACHINES = 100  # in a transaction
_STRANGERS_AT_ONCE = 500
_AT_ONCE = 200  # contacts in a turn of the event loop
_FOLD_LINES = 6
_MOST_OWNERS = 20_000


class _Noted(NamedTuple):
    contact: Contact
    mac: str | None
    address: str | None
    execution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    mac: str
    at: datetime
    shared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A machine's trace and what it means. `machine` is the MAC address, or the address of one that has not said it."""

    machine: str
    node: Node | None
    contacts: tuple[Contact, ...]
    verdict: Verdict

    def about(self) -> dict[str, Any]:
        """What API and command line say of it, the trace left out."""
        known = {"node_id": self.node.id, "node": self.node.name} if self.node else {"node_id": None, "node": None}
        return {"machine": self.machine, **known, **as_data(self.verdict)}

    def as_data(self) -> dict[str, Any]:
        """All of it, as JSON carries it."""
        return {**self.about(), "trace": [as_data(line) for line in self.contacts]}


class Traces:
    """The boot traces of all machines. `note` is for the doors, the rest for people."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._noted: list[_Noted] = []
        self._stirred = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._owners: OrderedDict[str, _Owner] = OrderedDict()
        self._lost = 0
        self._begun = 0

    def note(
        self, contact: Contact, *, mac: str | None = None, address: str | None = None, execution: str | None = None
    ) -> None:
        """Take a contact of the machine with a MAC address, or at an address, or that an execution is for; of several
        the first that is given says whose it is. Cheap; to be called in the event loop.
        """
        self._noted.append(_Noted(tidy(contact), mac, address, execution))
        if len(self._noted) > MOST_NOTED:
            surplus = len(self._noted) - MOST_NOTED * 9 // 10
            del self._noted[:surplus]
            self._lost += surplus
            _log.warning("%d contacts of boot traces were forgotten: the store cannot be written", self._lost)
        self._stirred.set()

    async def run(self) -> None:
        """Write what was noted, again and again; forget strangers once an hour."""
        loop = asyncio.get_running_loop()
        prune_at = loop.time() + _PRUNE_SECONDS
        while True:
            await self._stirred.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
                if loop.time() >= prune_at:
                    await self.prune()
                    prune_at = loop.time() + _PRUNE_SECONDS
            except Unavailable as error:
                _log.debug("boot traces wait for the store: %s", error)

    async def flush(self) -> None:
        """Write what was noted until now.

        Raises:
            Unavailable: the store cannot be written; nothing is lost, it is tried again.
        """
        async with self._flushing:
            self._stirred.clear()
            waiting, self._noted = self._noted, []
            by_machine: dict[str, list[Contact]] = {}
            if not waiting:
                return
            try:
                waiting = await self._named(waiting)
                by_machine, joins = await self._sorted(waiting)
                waiting = []
                while by_machine:
                    part = dict(islice(by_machine.items(), _MACHINES))
                    await self._keep(part, joins)
                    for machine in part:
                        del by_machine[machine]
            except BaseException:
                again = [_again(machine, each, joins) for machine, listed in by_machine.items() for each in listed]
                self._noted[:0] = waiting or again
                self._stirred.set()
                raise
        if self._begun > STRANGERS:
            await self.prune()

    async def _keep(self, part: dict[str, list[Contact]], joins: dict[str, str]) -> None:
        try:
            self._begun += await self._context.database.write(lambda tx: _append(tx, part, joins))
        except Invalid:  # never can be: to try it again would keep all others from being written
            _log.exception("contacts of %d boot traces cannot be kept", len(part))

    async def _named(self, noted: list[_Noted]) -> list[_Noted]:
        """In the order of time, each with the machine that its execution is for."""
        asked = sorted({each.execution for each in noted if each.execution and not each.mac})
        known = await self._context.database.read(lambda tx: store.machines_of(tx, asked)) if asked else {}
        named = [each if each.mac else each._replace(mac=known.get(each.execution or "")) for each in noted]
        return sorted(named, key=lambda each: each.contact.at)

    async def _sorted(self, noted: Sequence[_Noted]) -> tuple[dict[str, list[Contact]], dict[str, str]]:
        """Contacts by machine; and the addresses of which the machine came to be known, by its MAC address."""
        by_machine: dict[str, list[Contact]] = {}
        joins: dict[str, str] = {}
        for at in range(0, len(noted), _AT_ONCE):
            self._sort(noted[at : at + _AT_ONCE], by_machine, joins)
            await asyncio.sleep(0)
        return by_machine, joins

    def _sort(self, noted: Sequence[_Noted], by_machine: dict[str, list[Contact]], joins: dict[str, str]) -> None:
        for each in noted:
            if each.mac is not None:
                machine = each.mac
                if each.address and self._own(each.address, machine, each.contact.at):
                    joins[machine] = STRANGER + each.address
                    by_machine.setdefault(machine, [])[:0] = by_machine.pop(STRANGER + each.address, [])
            elif each.address:
                machine = self._owner(each.address, each.contact) or STRANGER + each.address
            else:
                continue
            by_machine.setdefault(machine, []).append(each.contact)

    def _own(self, address: str, mac: str, at: datetime) -> bool:
        """Note whose an address is; gives whether what waits under it is that machine's."""
        before = self._owners.pop(address, None)
        shared_at = before.shared_at if before is not None else None
        if before is not None and before.mac != mac and at - before.at <= SHARED:
            shared_at = at
        self._owners[address] = _Owner(mac=mac, at=at, shared_at=shared_at)
        if len(self._owners) > _MOST_OWNERS:
            self._owners.popitem(last=False)
        return shared_at is None or at - shared_at > BOUND

    def machine_at(self, address: str) -> str | None:
        """The MAC address of the machine that spoke from an address last, if it was lately and no other did."""
        owner = self._owners.get(address)
        if owner is None or self._context.now() - owner.at > BOUND:
            return None
        return owner.mac if owner.shared_at is None or owner.at - owner.shared_at > BOUND else None

    def _owner(self, address: str, contact: Contact) -> str | None:
        owner = self._owners.get(address)
        if owner is None or (owner.shared_at is not None and contact.at - owner.shared_at <= BOUND):
            return None
        silence = contact.at - owner.at
        if silence > (STILL_THERE if contact.stage <= Stage.LOADER else BOUND):
            return None
        self._owners[address] = replace(owner, at=max(owner.at, contact.at))
        return owner.mac

    async def prune(self) -> int:
        """Forget the traces of machines that are no nodes, where they are old or very many; gives how many."""
        before = self._context.now() - STRANGERS_KEPT
        self._begun = 0
        found = await self._context.database.read(store.strangers)
        gone = [machine for at, (machine, newest) in enumerate(found) if at >= STRANGERS or newest < before]
        for at in range(0, len(gone), _STRANGERS_AT_ONCE):
            part = gone[at : at + _STRANGERS_AT_ONCE]
            await self._context.database.write(lambda tx, part=part: store.forget_strangers(tx, part))  # type: ignore[misc]
        return len(gone)

    async def explain(self, reference: str) -> Explained:
        """What a machine did at the doors, and how it stands: a node, or the MAC or IP address of what is none yet.

        Raises:
            NotFound: there is no such node, and nothing was heard of such an address.
            Conflict: several nodes have this hostname.
        """
        await self.flush()
        return await self._context.database.read(lambda tx: self._explained(tx, reference))

    async def hanging(self, looked_at: Sequence[tuple[Node, Execution | None]]) -> dict[str, Verdict]:
        """Of some nodes, each with its live or newest execution, those that hang, with why; by id."""
        await self.flush()
        keys = [key for node, _ in looked_at for key in _keys(node)]
        lines = await self._context.database.read(lambda tx: store.by_machine(tx, keys))
        found: dict[str, Verdict] = {}
        for node, execution in looked_at:
            contacts = _in_order(line for key in _keys(node) for line in lines.get(key, ()))
            verdict = explain(contacts, node, execution, self._context.now())
            if verdict.is_trouble:
                found[node.id] = verdict
        return found

    def _explained(self, tx: Tx, reference: str) -> Explained:
        try:
            node = nodes.get(tx, reference)
        except NotFound:
            return self._of_stranger(tx, reference)
        return self._of_node(tx, node)

    def _of_node(self, tx: Tx, node: Node) -> Explained:
        contacts, verdict = judged(tx, node, _execution_on(tx, node), self._context.now())
        return Explained(machine=node.mac_address, node=node, contacts=tuple(contacts), verdict=verdict)

    def _of_stranger(self, tx: Tx, reference: str) -> Explained:
        try:
            machine = key = parse_mac(reference)
        except Invalid:
            machine, key = reference, STRANGER + reference
        contacts = store.of(tx, [key]) or _at_address(tx, reference)
        if not contacts:
            raise NotFound(f"there is no node {reference}, and nothing was heard of such an address on the boot doors")
        verdict = explain(contacts, None, None, self._context.now())
        return Explained(machine=machine, node=None, contacts=tuple(contacts), verdict=verdict)


def judged(tx: Tx, node: Node, execution: Execution | None, now: datetime) -> tuple[Sequence[Contact], Verdict]:
    """A node's trace, and how it stands with an execution of it."""
    contacts = store.of(tx, _keys(node))
    return contacts, explain(contacts, node, execution, now)


def _at_address(tx: Tx, address: str) -> list[Contact]:
    """The lines of the machine that is no node and spoke from an address last, by whatever name they are kept."""
    names = [machine for machine, _ in store.strangers(tx)[:STRANGERS]]
    for machine, tail in store.tails(tx, names, 1).items():
        if tail.lines and tail.lines[-1].facts.get("address") == address:
            return store.of(tx, [machine])
    return []


def _again(machine: str, contact: Contact, joins: dict[str, str]) -> _Noted:
    """A contact that was sorted, as it can be noted once more."""
    if machine.startswith(STRANGER):
        return _Noted(contact=contact, mac=None, address=machine.removeprefix(STRANGER), execution=None)
    address = joins.get(machine, "").removeprefix(STRANGER)
    return _Noted(contact=contact, mac=machine, address=address or None, execution=None)


def _keys(node: Node) -> list[str]:
    """Under what a node's lines are kept: also what waits under the address it had last."""
    return [node.mac_address, *([STRANGER + node.ip_address] if node.ip_address else [])]


def _in_order(lines: Iterable[Contact]) -> list[Contact]:
    return sorted(lines, key=lambda line: line.at)


def _append(tx: Tx, by_machine: dict[str, list[Contact]], joins: dict[str, str]) -> int:
    """Add lines to traces; gives how many machines had none before."""
    waiting = [joins[machine] for machine in by_machine if machine in joins]
    moved = store.by_machine(tx, waiting)
    tails = store.tails(tx, list(by_machine), _FOLD_LINES)
    changes = {}
    for machine, new in by_machine.items():
        tail = tails[machine]
        newest = max((each.at for each in new), default=None)
        old = moved.get(joins.get(machine, ""), [])
        lately = [each for each in old if newest is not None and newest - each.last_at <= BOUND]
        lines, same = fold(tail.lines, [*lately, *new])
        changes[machine] = (tail, same, lines[same:])
    store.write(tx, changes, _FOLD_LINES)
    store.drop(tx, list(moved))
    return sum(not tail.number for tail in tails.values())


def _execution_on(tx: Tx, node: Node) -> Execution | None:
    """The live execution of a node, or else its newest."""
    live = children.live_on(tx, node.id)
    if live is not None:
        return live
    newest, _ = executions.find(tx, Page(limit=1, filters={"node_id": (node.id,)}))
    return next(iter(newest), None)

"""What nodes say of themselves: discovery, facts and how their installation fares."""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from engine.clock import new_id
from engine.core.events import Kind, NewEvent
from engine.core.executions import AttemptStatus, Performer
from engine.core.facts import AttemptHeard
from engine.core.identity import Clash, Identified, Said, identify, is_doubted, real_serial, spellings
from engine.core.nodes import Node, NodeState, TriggeredBy, names_another, parse_mac
from engine.core.reports import InstallationStatus, NodeReport
from engine.errors import Conflict, NotFound
from engine.services import children
from engine.services.context import Context
from engine.services.moves import Move
from engine.services.runs import Run
from engine.store import events, executions, nodes
from engine.store.tx import Tx

_FACTS = ("ip_address", "hostname", "vendor", "model", "serial_number", "system_uuid", "arch", "boot_mode")
_said = attrgetter(*_FACTS)
MAX_FACT = 255
_COUNTED_AGAIN = 500  # discoveries: other servers with this store make some as well


class Reports:
    """Reports of nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._room = 0  # for so many the nodes need not be counted; the writer's thread alone looks at it

    async def report(self, report: NodeReport) -> tuple[Node, bool]:
        """Take a node's report of itself; gives the node and whether it is new.

        Raises:
            Invalid: the MAC address is none.
            NotFound: nobody knows it, and discovery is switched off, or has found too many.
            Conflict: its installation status does not fit its state; or it is another machine than the node with its
                MAC address, which is shown at the node, and nothing else of the report is kept.
        """
        mac_address = parse_mac(report.mac_address)
        given = {"inventory": report.inventory, "installation_error": report.installation_error}
        vault = self._context.vault
        said, by = await vault.beforehand(lambda redactor: redactor.tree(given), given, given)

        def work(tx: Tx) -> tuple[Node, bool, bool]:
            clean = replace(report, **vault.tree(tx, said, by))
            node, is_new = self.meet(tx, mac_address, clean)
            is_other = not is_new and is_another(node, mac_address, clean)
            if clean.installation_status is not None and not is_new and not is_other:
                node = self._installation(tx, node, clean)
            return node, is_new, is_other

        node, is_new, is_other = await self._context.database.write(work)
        if is_other:
            raise Conflict(f"nothing is kept of this report about node {node.name}: {node.identity_conflict}")
        return node, is_new

    def meet(self, tx: Tx, mac_address: str, report: NodeReport) -> tuple[Node, bool]:
        """Find the node a report is of, or discover it; keeps what the report says of the machine.

        Raises:
            NotFound: nobody knows it, and discovery is switched off, or has found too many.
        """
        now = self._context.now()
        known = nodes.by_mac(tx, mac_address)
        facts = _facts(report, mac_address)
        if known is None:
            return self._discover(tx, mac_address, facts, report), True
        found = _identified(tx, said(mac_address, facts), known)
        if found.clash is Clash.OTHER_MACHINE:
            return self._other_machine(tx, known, found), False
        if found.clash is not None:
            facts["identity_conflict"] = found.message
        changed = {
            name: [getattr(known, name), value] for name, value in facts.items() if getattr(known, name) != value
        }
        if not changed and report.inventory is None:
            return nodes.seen(tx, known, now), False
        node = replace(known, **facts, last_seen_at=now, updated_at=now)
        nodes.save(tx, node)
        if "identity_conflict" in changed:
            self._note_conflict(tx, node, found)
        data: dict[str, Any] = {"changes": changed}
        if report.inventory is not None:
            data["inventory"] = report.inventory
        self._note(tx, Kind.NODE_REPORTED, node, data)
        return node, False

    def _discover(self, tx: Tx, mac_address: str, facts: dict[str, Any], report: NodeReport) -> Node:
        discovery = self._context.settings.discovery
        if not discovery.enabled:
            raise NotFound(f"there is no node {mac_address}, and discovery is switched off (discovery.enabled)")
        if self._room <= 0:
            self._room = min(discovery.max_nodes - nodes.in_state(tx, NodeState.DISCOVERED), _COUNTED_AGAIN)
        if self._room <= 0:
            most = f"{discovery.max_nodes} nodes are discovered already (discovery.max_nodes)"
            raise NotFound(f"there is no node {mac_address}, and {most}")
        self._room -= 1
        now = self._context.now()
        found = _identified(tx, said(mac_address, facts), None)
        if found.clash is not None:
            facts["identity_conflict"] = found.message
        node = Node(
            id=new_id(),
            mac_address=mac_address,
            state_changed_at=now,
            last_seen_at=now,
            created_at=now,
            updated_at=now,
            **facts,
        )
        nodes.add(tx, node)
        data: dict[str, Any] = {"mac_address": mac_address, **facts}
        if report.inventory is not None:
            data["inventory"] = report.inventory
        self._note(tx, Kind.NODE_DISCOVERED, node, data)
        self._note_conflict(tx, node, found)
        return node

    def _other_machine(self, tx: Tx, known: Node, found: Identified) -> Node:
        """Show that another machine speaks with a node's MAC address; nothing that it says is taken for the node's."""
        now = self._context.now()
        if known.identity_conflict == found.message:
            return nodes.seen(tx, known, now)
        node = replace(known, identity_conflict=found.message, last_seen_at=now, updated_at=now)
        nodes.save(tx, node)
        self._note_conflict(tx, node, found)
        return node

    def _note_conflict(self, tx: Tx, node: Node, found: Identified) -> None:
        if found.clash is not None:
            other = found.other.id if found.other is not None and found.other.id != node.id else None
            data = {"clash": found.clash.value, "message": found.message, "other_node_id": other}
            self._note(tx, Kind.NODE_IDENTITY_CONFLICT, node, data)

    def _installation(self, tx: Tx, node: Node, report: NodeReport) -> Node:
        """Let an installation's status reach the execution it belongs to, or the node where there is none."""
        live = children.live_on(tx, node.id)
        if live is not None:
            run = Run.load(self._context, tx, live, principal=f"node:{node.mac_address}", node=node)
            if self._to_attempt(run, report):
                run.advance()
                run.save()
                node = run.node or node
        elif report.installation_status is InstallationStatus.FAILED:
            return self._failed(tx, node, report)
        return self._moved(tx, node, report, live is not None)

    def _to_attempt(self, run: Run, report: NodeReport) -> bool:
        attempt = next(
            (
                each
                for each in run.execution.attempts
                if each.status is AttemptStatus.RUNNING and each.performer is Performer.NODE
            ),
            None,
        )
        if attempt is None:
            return False
        match report.installation_status:
            case InstallationStatus.COMPLETE:
                run.finish(attempt, AttemptStatus.SUCCEEDED)
            case InstallationStatus.FAILED:
                error = report.installation_error or "the node reported that its installation failed"
                run.finish(attempt, AttemptStatus.FAILED, error=error)
            case _:
                run.apply(
                    AttemptHeard(
                        attempt_id=attempt.id, at=run.now, progress_percent=_percent(report.installation_progress)
                    )
                )
        return True

    def _failed(self, tx: Tx, node: Node, report: NodeReport) -> Node:
        error = report.installation_error or "the node reported that its installation failed"
        failed, rows = self._move(node).fail_install(node, error)
        nodes.save(tx, failed)
        events.append(tx, rows)
        return failed

    def _moved(self, tx: Tx, node: Node, report: NodeReport, live: bool) -> Node:
        goal = {InstallationStatus.STARTED: NodeState.INSTALLING, InstallationStatus.COMPLETE: NodeState.INSTALLED}.get(
            report.installation_status or InstallationStatus.PROGRESS
        )
        still_live = live and executions.live_on(tx, node.id) is not None
        if goal is None or node.state is goal or (goal is NodeState.INSTALLED and still_live):
            return node
        expected = {NodeState.INSTALLING: NodeState.PENDING, NodeState.INSTALLED: NodeState.INSTALLING}[goal]
        if node.state is not expected:
            if still_live or live:
                return node  # the workflow has its own order of states
            raise Conflict(
                f"node {node.name} is {node.state}; an installation can be {report.installation_status} "
                f"only while it is {expected}"
            )
        moved, rows = self._move(node).to(node, goal)
        nodes.save(tx, moved)
        events.append(tx, rows)
        return moved

    def _move(self, node: Node) -> Move:
        return Move(
            now=self._context.now(),
            max_attempts=self._context.settings.install.max_attempts,
            triggered_by=TriggeredBy.NODE_REPORT,
            principal=f"node:{node.mac_address}",
        )

    def _note(self, tx: Tx, kind: Kind, node: Node, data: dict[str, Any]) -> None:
        fact = NewEvent(
            kind=kind, at=self._context.now(), principal=f"node:{node.mac_address}", node_id=node.id, data=data
        )
        events.append(tx, [fact])


def _facts(report: NodeReport, mac_address: str) -> dict[str, Any]:
    facts = {
        name: short for name, value in zip(_FACTS, _said(report), strict=True) if value and (short := _short(value))
    }
    if names_another(facts.get("hostname", ""), mac_address):
        del facts["hostname"]  # anyone may report anything: nobody takes another node's name from it that way
    return facts


def said(mac_address: str, facts: Mapping[str, Any]) -> Said:
    """What names a machine among the facts that it told."""
    return Said(
        mac_address=mac_address,
        uuid=facts.get("system_uuid"),
        serial=facts.get("serial_number"),
        vendor=facts.get("vendor"),
    )


def _identified(tx: Tx, named: Said, known: Node | None) -> Identified:
    """Which node a machine is; the others are only looked through where it says something new."""
    if known is not None and (named.uuid, named.serial) == (known.system_uuid, known.serial_number):
        return Identified(node=known)
    alike = nodes.alike(tx, spellings(named.uuid), named.serial if real_serial(named.serial) else None)
    return identify(named, known, alike)


def is_another(node: Node, mac_address: str, report: NodeReport) -> bool:
    """Whether it is another machine than the node that speaks with its MAC address."""
    if (report.system_uuid, report.serial_number) == (node.system_uuid, node.serial_number):
        return False
    return identify(said(mac_address, _facts(report, mac_address)), node).clash is Clash.OTHER_MACHINE


def may_be_another(node: Node, mac_address: str, report: NodeReport) -> bool:
    """Whether it is another machine than the node, or may be and does not say: what wipes a disk has to know."""
    return is_another(node, mac_address, report) or is_doubted(said(mac_address, _facts(report, mac_address)), node)


def _short(value: str) -> str:
    """What a machine says of itself, fit for a screen: printable, on one line, of bounded length."""
    if not value.isprintable():
        value = "".join(char for char in value if char.isprintable())
    return value[:MAX_FACT].strip()


def _percent(value: int | None) -> int | None:
    return None if value is None else max(0, min(100, value))

"""What a node is, and which states it may move through.

The truth about node states is the table `TRANSITIONS` below and nothing else. A state says a durable fact about the
machine; progress within an installation belongs to the execution, so there are no "-wait" or "-hold" states.
Every function here returns a new value; the caller writes it together with its row in the state log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

from engine.errors import Conflict, Invalid, Problem


class NodeState(StrEnum):
    """Where a node stands in its life."""

    DISCOVERED = "discovered"
    PENDING = "pending"
    INSTALLING = "installing"
    INSTALL_FAILED = "install_failed"
    INSTALLED = "installed"
    ACTIVE = "active"
    REPROVISION = "reprovision"
    DEPROVISIONING = "deprovisioning"
    MIGRATING = "migrating"
    RETIRED = "retired"


class TriggeredBy(StrEnum):
    """What kind of hand moved a node."""

    ADMIN = "admin"
    SYSTEM = "system"
    NODE_REPORT = "node_report"
    WORKFLOW = "workflow"


_S = NodeState

TRANSITIONS: Mapping[NodeState, tuple[NodeState, ...]] = MappingProxyType(
    {
        _S.DISCOVERED: (_S.PENDING,),
        _S.PENDING: (_S.INSTALLING,),
        _S.INSTALLING: (_S.INSTALLED, _S.INSTALL_FAILED),
        _S.INSTALL_FAILED: (_S.PENDING,),
        _S.INSTALLED: (_S.ACTIVE,),
        _S.ACTIVE: (_S.REPROVISION, _S.DEPROVISIONING, _S.MIGRATING),
        _S.REPROVISION: (_S.PENDING,),
        _S.DEPROVISIONING: (_S.RETIRED,),
        _S.MIGRATING: (_S.ACTIVE,),
        _S.RETIRED: (),
    }
)

# The way of an installation, which a workflow may walk in one go: `next_state: installed` on a discovered node is three
# moves, each with its row. It never leads out of `active`: nobody asked to give that machine up.
_FORWARD: Mapping[NodeState, NodeState] = MappingProxyType(
    {
        _S.DISCOVERED: _S.PENDING,
        _S.REPROVISION: _S.PENDING,
        _S.INSTALL_FAILED: _S.PENDING,
        _S.PENDING: _S.INSTALLING,
        _S.INSTALLING: _S.INSTALLED,
    }
)

# In these the disk holds what somebody wants to keep, so the network never offers anything but the disk.
BOOTS_ITS_DISK = frozenset({_S.INSTALLED, _S.ACTIVE, _S.RETIRED})

# From these a node becomes `pending` before it is installed: somebody starts an installation, and with it decides.
BEFORE_PENDING = frozenset({_S.DISCOVERED, _S.REPROVISION, _S.INSTALL_FAILED})

# In these an installer is never booted. A node that is to be moved or wiped may have to boot something else; one that
# is new here, or whose installs are used up, may have to boot what looks at it.
_NOT_INSTALLED = frozenset({_S.MIGRATING, _S.DEPROVISIONING, _S.DISCOVERED, _S.INSTALL_FAILED})


def keeps_its_disk(state: NodeState, *, installs: bool) -> bool:
    """Whether a node's disk is left alone in a state, whatever a workflow says; `installs` of one that installs."""
    return state in BOOTS_ITS_DISK or (installs and state in _NOT_INSTALLED)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One physical or virtual machine. Times are aware and in UTC; `mac_address` is in the form of `parse_mac`.

    `identity_conflict` says why it may not be the machine it seems to be, or not the only one (`engine.core.identity`).
    """

    SPARSE: ClassVar = frozenset({"identity_conflict"})

    id: str
    mac_address: str
    hostname: str | None = None
    ip_address: str | None = None
    state: NodeState = NodeState.DISCOVERED
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    system_uuid: str | None = None
    arch: str | None = None
    boot_mode: str | None = None
    identity_conflict: str | None = None
    group_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    locked: bool = False
    workflow_id: str | None = None
    install_attempts: int = 0
    last_install_error: str | None = None
    state_changed_at: datetime
    last_seen_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """What a person calls it: the hostname, or the MAC address while it has none."""
        return self.hostname or self.mac_address


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One row of the state log. `id` is the id of its event."""

    id: int
    from_state: NodeState
    to_state: NodeState
    triggered_by: TriggeredBy
    principal: str
    comment: str | None
    metadata: Mapping[str, Any]
    created_at: datetime


_MAC_FORMS = re.compile(
    r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}"
)


@lru_cache(maxsize=8192)
def parse_mac(text: str) -> str:
    """Bring a MAC address in any usual form to `aa:bb:cc:dd:ee:ff`.

    Raises:
        Invalid: it is no MAC address, or one that no machine can have (all zeros, broadcast).
    """
    plain = text.strip().lower()
    if not _MAC_FORMS.fullmatch(plain):
        raise Invalid([Problem(path="mac_address", message=f"{text!r} is not a MAC address; write aa:bb:cc:dd:ee:ff")])
    digits = "".join(char for char in plain if char not in ":-.")
    if digits in ("0" * 12, "f" * 12):
        raise Invalid([Problem(path="mac_address", message=f"{text!r} is not the address of a machine")])
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


_ID_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def names_another(hostname: str, mac_address: str) -> bool:
    """Whether a hostname reads as an id, or as a MAC address that is not this node's own.

    Nodes are found by id, MAC address or hostname: under such a name a machine would stand in another one's way.
    """
    if not hostname:
        return False
    if _ID_FORM.fullmatch(hostname.strip()):
        return True
    try:
        return parse_mac(hostname) != mac_address
    except Invalid:
        return False


def parse_state(text: str) -> NodeState:
    """Read a state's name.

    Raises:
        Invalid: there is no such state; the message names them all.
    """
    try:
        return NodeState(text)
    except ValueError:
        names = ", ".join(NodeState)
        raise Invalid([Problem(path="state", message=f"{text!r} is not a node state; one of {names}")]) from None


def transition(node: Node, to: NodeState, *, now: datetime, max_attempts: int, force: bool = False) -> Node:
    """Move a node to another state.

    `force` lets a node whose installs are used up try again and resets its attempts and error; it opens no way that
    the table does not have.

    Raises:
        Conflict: the table has no such way; the message names the ways it has.
    """
    if to not in TRANSITIONS[node.state]:
        raise _no_way(node, to)
    exhausted = node.state is NodeState.INSTALL_FAILED and node.install_attempts >= max_attempts
    if exhausted and not force:
        raise Conflict(
            f"node {node.name} failed to install {node.install_attempts} times, which is the limit; "
            "look at its last error, then use force to reset the count and try again"
        )
    moved = replace(node, state=to, state_changed_at=now, updated_at=now)
    if force or to is NodeState.INSTALLED:
        moved = replace(moved, install_attempts=0, last_install_error=None)
    return moved


def fail_install(node: Node, error: str, *, now: datetime, max_attempts: int) -> Node:
    """Count a failed install: the node stays `installing` until the last allowed attempt, then it is `install_failed`.

    Raises:
        Conflict: the node is not installing.
    """
    if node.state is not NodeState.INSTALLING:
        raise Conflict(f"node {node.name} is {node.state}, not installing, so no install of it can fail")
    counted = replace(node, install_attempts=node.install_attempts + 1, last_install_error=error, updated_at=now)
    if counted.install_attempts < max_attempts:
        return counted
    return transition(counted, NodeState.INSTALL_FAILED, now=now, max_attempts=max_attempts)


def hops(node: Node, goal: NodeState) -> tuple[NodeState, ...]:
    """The states a workflow moves a node through to reach `goal` (see `way`).

    Raises:
        Conflict: no way leads there; the message names the ways there are.
    """
    found = way(node.state, goal)
    if found is None:
        raise _no_way(node, goal)
    return found


def _no_way(node: Node, to: NodeState) -> Conflict:
    ways = " or ".join(TRANSITIONS[node.state]) or "nothing: it is the end"
    return Conflict(f"node {node.name} is {node.state} and cannot become {to}; from {node.state} it can become {ways}")


def way(start: NodeState, goal: NodeState) -> tuple[NodeState, ...] | None:
    """The states a workflow moves a node through to reach `goal`, `goal` included; empty if it is there, None if none.

    A direct move is always allowed; a longer way only along an installation.
    """
    passed: list[NodeState] = []
    at = start
    while at is not goal:
        following = goal if goal in TRANSITIONS[at] else _FORWARD.get(at)
        if following is None:
            return None
        passed.append(following)
        at = following
    return tuple(passed)

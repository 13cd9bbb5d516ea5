"""The event log for people: each event as one sentence, and what the log screen lists. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Role, Row, cell, clock, safe, who, words
from engine.core.events import Event, Kind
from engine.sizes import shown_size

COLUMNS = (
    Column(key="at", title="TIME (UTC)", width=12, keep=100),
    Column(key="node", title="NODE", width=14, flex=1, most=24, keep=90),
    Column(key="text", title="EVENT", width=29, flex=6, keep=99),
    Column(key="by", title="BY", width=20, keep=50),
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FIELDS = ("kind", "node", "text", "by", "workflow", "step", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the log: an event, or something this session said. `number` grows with each."""

    number: int
    at: datetime
    text: str
    role: Role = Role.PLAIN
    kind: str = "notice"
    node: str = ""
    by: str = ""
    node_id: str | None = None
    execution_id: str | None = None
    document: tuple[str, str] | None = None

    @property
    def is_problem(self) -> bool:
        """Whether something went wrong."""
        return self.role is Role.BAD


def entry(event: Event, number: int, node: str, named: Mapping[str, str] = MappingProxyType({})) -> Entry:
    """An event as a line; `node` is its node's name, `named` the names of groups by id."""
    text, role = tell(event)
    text = _UUID.sub(lambda found: named.get(found.group(), found.group()), text)
    subject = event.kind.partition(".")[0]
    name = event.data.get("name")
    return Entry(
        number=number,
        at=event.at,
        text=text,
        role=role,
        kind=event.kind.value,
        node=node,
        by=event.principal,
        node_id=event.node_id,
        execution_id=event.execution_id,
        document=(subject, str(name)) if subject in ("template", "workflow") and name else None,
    )


def row(value: Entry, now: datetime) -> Row:
    """A line's row, in the order of `COLUMNS`."""
    by = "" if value.by.startswith("node") and value.node else who(value.by)
    return (
        cell(clock(value.at, now), Role.MUTED),
        cell(value.node, Role.PLAIN),
        cell(value.text, value.role),
        cell(by, Role.MUTED),
    )


def fields(value: Entry) -> Fields:
    """What a line is searched by."""
    values = {
        "kind": value.kind,
        "node": value.node,
        "text": value.text,
        "by": value.by,
        "level": "problem" if value.is_problem else "warning" if value.role is Role.WARN else "normal",
    }
    return {name: safe(text).lower() for name, text in values.items() if text}


Told = tuple[str, Role]
_Data = Mapping[str, Any]


def tell(event: Event) -> Told:
    """What happened, in a sentence, and whether it is good."""
    teller = _TELLERS.get(event.kind)
    if teller is None:
        return f"{words(event.kind.partition('.')[2])} {event.data.get('name', '')}".strip(), Role.PLAIN
    return teller({"step": event.step_key, **event.data})


def _state_changed(data: _Data) -> Told:
    why = data.get("comment") or data.get("metadata", {}).get("error")
    role = {"install_failed": Role.BAD, "installed": Role.GOOD, "active": Role.GOOD}.get(
        str(data.get("to_state")), Role.PLAIN
    )
    return f"{words(str(data.get('from_state')))} -> {words(str(data.get('to_state')))}{_because(why)}", role


def _because(why: object) -> str:
    return f": {why}" if why else ""


def _counted(data: _Data) -> Told:
    tries = f"{data.get('install_attempts')} of {data.get('max_attempts')}"
    return f"install failed ({tries}){_because(data.get('error'))}", Role.BAD


def _updated(data: _Data) -> Told:
    changes = data.get("changes") or {}
    told = ", ".join(f"{_field(name)} {_shown(pair)}" for name, pair in changes.items())
    return f"changed{_because(told)}", Role.PLAIN


def _field(name: str) -> str:
    return words(name.removesuffix("_id"))


def _shown(pair: object) -> str:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return str(pair)
    value = pair[1]
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "now none" if value in (None, "") else f"now {value}"


def _reported(data: _Data) -> Told:
    changes = data.get("changes") or {}
    if not changes:
        return "reported its inventory", Role.MUTED
    return f"reported {', '.join(f'{_field(name)} {_shown(pair)}' for name, pair in changes.items())}", Role.PLAIN


def _execution_finished(data: _Data) -> Told:
    role = {"failed": Role.BAD, "succeeded": Role.GOOD}.get(str(data.get("status")), Role.PLAIN)
    return f"{data.get('workflow')} {data.get('status')}{_because(data.get('error'))}", role


def _attempt(verb: str, role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        return f"{_step(data)} {verb}", role

    return told


def _step(data: _Data) -> str:
    number = data.get("attempt")
    tried = f" (try {number})" if isinstance(number, int) and number > 1 else ""
    return f"{data.get('step') or 'a step'}{tried}"


def _whole(verb: str, why: str, role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        return f"{data.get('workflow')} {verb}{_because(data.get(why))}", role

    return told


def _decided(data: _Data) -> Told:
    decision = str(data.get("decision"))
    role = Role.BAD if decision == "rejected" else Role.WARN if decision == "skipped" else Role.GOOD
    return f"{_step(data)} {decision}{_because(data.get('comment'))}", role


def _progressed(data: _Data) -> Told:
    percent = data.get("progress_percent")
    at = "" if percent is None else f" {percent}%"
    return f"{_step(data)}{at}{_because(data.get('message'))}", Role.MUTED


def _attempt_finished(data: _Data) -> Told:
    status = str(data.get("status"))
    role = {"failed": Role.BAD, "timed_out": Role.BAD, "succeeded": Role.GOOD}.get(status, Role.MUTED)
    return f"{_step(data)} {words(status)}{_because(data.get('error') or data.get('message'))}", role


def _named(verb: str, role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        version = f" {data['version']}" if data.get("version") else ""
        return f"{data.get('name', '')}{version} {verb}{_because(data.get('commit_message'))}", role

    return told


def _routed(data: _Data) -> Told:
    edges = data.get("edges") or ()
    taken = [str(each.get("to")) for each in edges if each.get("taken")]
    refused = [f"{each.get('if')} does not hold" for each in edges if each.get("held") is False]
    goes = f"goes on with {', '.join(taken)}" if taken else "goes nowhere from here"
    return f"{data.get('step') or 'a step'} {goes}{_because('; '.join(refused))}", Role.MUTED


def _trigger(verb: str, role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        return f"trigger {data.get('name', '')} {verb}{_because(data.get('error'))}", role

    return told


def _agent(verb: str, role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    return lambda data: (f"agent {data.get('name', '')} {verb}", role)


def _agent_status(data: _Data) -> Told:
    role = Role.GOOD if data.get("status") == "healthy" else Role.BAD
    return f"agent {data.get('name', '')} is {data.get('status')}{_because(data.get('error'))}", role


def _trigger_updated(data: _Data) -> Told:
    return f"trigger {data.get('name', '')} {_updated(data)[0]}", Role.PLAIN


def _trigger_skipped(data: _Data) -> Told:
    count = data.get("missed") or 0
    least = "at least " if data.get("missed_at_least") else ""
    times = f"{least}{count} time{'' if count == 1 else 's'}"
    return f"trigger {data.get('name', '')} was missed {times}; that is skipped", Role.WARN


def _letter_resolved(data: _Data) -> Told:
    return f"a dead letter was {data.get('resolution')}{_because(data.get('comment'))}", Role.PLAIN


def _link_recorded(data: _Data) -> Told:
    named = f"{data.get('kind')} {data.get('key')}"
    return f"made {named} in {data.get('system')}{_because(data.get('external_id'))}", Role.PLAIN


def _pruned(data: _Data) -> Told:
    counts = [f"{count} {words(name)}" for name, count in data.items() if isinstance(count, int) and count]
    return f"forgot {', '.join(counts) or 'nothing'}: they are older than what is kept", Role.MUTED


def _backed_up(data: _Data) -> Told:
    return f"the store was backed up to {data.get('path')}", Role.PLAIN


def _damaged(data: _Data) -> Told:
    whose = ", ".join(map(str, data.get("of") or ())) or str(data.get("sha256"))[:12]
    return f"the file of {whose} is {data.get('state')}: add it again, or use another version", Role.BAD


def _repaired(data: _Data) -> Told:
    whose = ", ".join(map(str, data.get("of") or ())) or data.get("name") or str(data.get("sha256"))[:12]
    return f"the file of {whose} is whole again", Role.GOOD


def _collected(data: _Data) -> Told:
    count = data.get("count")
    size = shown_size(int(data.get("bytes") or 0))
    return f"{count} file{'' if count == 1 else 's'} that no version points at went: {size}", Role.MUTED


def _pack_synced(data: _Data) -> Told:
    named = ("created", "changed", "archived")
    counts = [f"{data[name]} {name}" for name in named if isinstance(data.get(name), int) and data[name]]
    version = f" {data['pack_version']}" if data.get("pack_version") else ""
    at = f" at {str(data['commit'])[:12]}" if data.get("commit") else ""
    told = f"pack {data.get('name', '')}{version}{at} synced: {', '.join(counts) or 'no document changed'}"
    error = data.get("error")
    return (f"{told}; {error}", Role.WARN) if error else (told, Role.GOOD)


def _pack(verb: str, why: str = "", role: Role = Role.PLAIN) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        return f"pack {data.get('name', '')} {verb}{_because(data.get(why))}", role

    return told


def _pack_removed(data: _Data) -> Told:
    count = data.get("archived") or 0
    return f"pack {data.get('name', '')} removed: {count} document{'' if count == 1 else 's'} archived", Role.WARN


def _message(role: Role, otherwise: str) -> Callable[[_Data], Told]:
    def told(data: _Data) -> Told:
        return str(data.get("message") or data.get("error") or otherwise), role

    return told


_TELLERS: Mapping[Kind, Callable[[_Data], Told]] = {
    Kind.NODE_CREATED: lambda data: (f"created as {data.get('mac_address')}", Role.PLAIN),
    Kind.NODE_DISCOVERED: lambda data: (f"discovered: {data.get('mac_address')}", Role.ACCENT),
    Kind.NODE_UPDATED: _updated,
    Kind.NODE_REPORTED: _reported,
    Kind.NODE_STATE_CHANGED: _state_changed,
    Kind.NODE_INSTALL_COUNTED: _counted,
    Kind.NODE_BOOT_SERVED: lambda data: (f"boots {data.get('step', '')} over the network", Role.PLAIN),
    Kind.NODE_BOOT_LOCAL: _message(Role.MUTED, "boots its disk"),
    Kind.NODE_BOOT_REFUSED: _message(Role.BAD, "its boot was refused"),
    Kind.NODE_MENU_CHOSEN: _message(Role.ACCENT, "somebody chose from its menu"),
    Kind.NODE_IDENTITY_CONFLICT: _message(Role.BAD, "it may be another machine"),
    Kind.GROUP_CREATED: _named("created as a group"),
    Kind.GROUP_UPDATED: _named("changed"),
    Kind.GROUP_DELETED: _named("deleted"),
    Kind.TEMPLATE_CREATED: _named("created as a template"),
    Kind.TEMPLATE_UPDATED: _named("changed"),
    Kind.TEMPLATE_VERSION_CREATED: _named("written"),
    Kind.TEMPLATE_CURRENT_CHANGED: _named("is the current version"),
    Kind.TEMPLATE_ARCHIVED: _named("archived"),
    Kind.TEMPLATE_RENDER_FAILED: lambda data: (
        f"template {data.get('template')} cannot be rendered{_because(data.get('error'))}",
        Role.BAD,
    ),
    Kind.TEMPLATE_FLAWED: lambda data: (
        f"template {data.get('template')} was served with errors{_because(data.get('error'))}",
        Role.WARN,
    ),
    Kind.BLOB_DAMAGED: _damaged,
    Kind.BLOB_REPAIRED: _repaired,
    Kind.BLOB_COLLECTED: _collected,
    Kind.WORKFLOW_CREATED: _named("created as a workflow"),
    Kind.WORKFLOW_VERSION_CREATED: _named("written as a draft"),
    Kind.WORKFLOW_UPDATED: _named("changed"),
    Kind.WORKFLOW_PUBLISHED: _named("published", Role.GOOD),
    Kind.WORKFLOW_ARCHIVED: _named("archived"),
    Kind.PACK_ADDED: _pack("added", "source", Role.ACCENT),
    Kind.PACK_SYNCED: _pack_synced,
    Kind.PACK_FAILED: _pack("cannot be synced", "error", Role.BAD),
    Kind.PACK_REMOVED: _pack_removed,
    Kind.EXECUTION_STARTED: lambda data: (f"{data.get('workflow')} {data.get('version')} started", Role.ACCENT),
    Kind.EXECUTION_QUEUED: _whole("waits", "waits_for", Role.WARN),
    Kind.EXECUTION_PAUSED: _whole("paused", "reason", Role.WARN),
    Kind.EXECUTION_RESUMED: _whole("goes on", "reason"),
    Kind.EXECUTION_REOPENED: _whole("goes on after its end", "reason", Role.ACCENT),
    Kind.EXECUTION_ROLLING_BACK: _whole("is rolled back", "error", Role.BAD),
    Kind.EXECUTION_FINISHED: _execution_finished,
    Kind.ATTEMPT_SCHEDULED: _attempt("is tried again soon", Role.WARN),
    Kind.ATTEMPT_STARTED: _attempt("started"),
    Kind.ATTEMPT_TAKEN: _attempt("taken up", Role.MUTED),
    Kind.ATTEMPT_PROGRESSED: _progressed,
    Kind.ATTEMPT_DECIDED: _decided,
    Kind.ATTEMPT_FINISHED: _attempt_finished,
    Kind.ATTEMPT_ROUTED: _routed,
    Kind.AGENT_CREATED: _agent("was registered"),
    Kind.AGENT_UPDATED: lambda data: (f"agent {data.get('name', '')} {_updated(data)[0]}", Role.PLAIN),
    Kind.AGENT_DELETED: _agent("deleted"),
    Kind.AGENT_STATUS_CHANGED: _agent_status,
    Kind.TRIGGER_CREATED: _trigger("created"),
    Kind.TRIGGER_UPDATED: _trigger_updated,
    Kind.TRIGGER_DELETED: _trigger("deleted"),
    Kind.TRIGGER_FIRED: lambda data: (
        f"trigger {data.get('name', '')} fired: {data.get('workflow', '')}",
        Role.ACCENT,
    ),
    Kind.TRIGGER_FAILED: _trigger("started nothing", Role.BAD),
    Kind.TRIGGER_SKIPPED: _trigger_skipped,
    Kind.DEAD_LETTER_CREATED: lambda data: (f"needs a person{_because(data.get('reason'))}", Role.BAD),
    Kind.DEAD_LETTER_RESOLVED: _letter_resolved,
    Kind.LINK_RECORDED: _link_recorded,
    Kind.ARTIFACT_CREATED: lambda data: (
        f"{data.get('name')} was made from {data.get('template')} {data.get('version')}",
        Role.PLAIN,
    ),
    Kind.STORE_PRUNED: _pruned,
    Kind.STORE_BACKED_UP: _backed_up,
    Kind.HOST_LOST: lambda data: (
        f"PureBoot on {data.get('host')} is gone; the others go on with its work",
        Role.BAD,
    ),
    Kind.DHCP_OTHER_SERVER: lambda data: (
        f"{data.get('server')} also tells machines what to boot{_because(data.get('file'))}; let only one do it",
        Role.BAD,
    ),
    Kind.REPORT_IGNORED: lambda _: ("a late report was not taken", Role.WARN),
    Kind.TOKEN_CREATED: _named("created as a token"),
    Kind.TOKEN_REVOKED: _named("revoked"),
    Kind.SECRET_SET: lambda data: (
        f"secret {data.get('name', '')} {'set' if data.get('is_new') else 'has another value'}",
        Role.PLAIN,
    ),
    Kind.SECRET_DELETED: lambda data: (f"secret {data.get('name', '')} deleted", Role.PLAIN),
    Kind.SECRET_ROTATED: lambda data: (
        f"secrets have a new key; sealed anew: {data.get('secrets', 0)}, and {data.get('webhooks', 0)} of webhooks",
        Role.PLAIN,
    ),
    Kind.SERVER_STARTED: lambda data: (f"PureBoot started{_because(data.get('url'))}", Role.PLAIN),
    Kind.SERVER_STOPPED: lambda _: ("PureBoot stopped", Role.PLAIN),
}

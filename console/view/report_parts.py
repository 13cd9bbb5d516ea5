"""What the report of one execution says, whatever it is written in: one value, made from its account. Pure.

Whoever reads it has a ticket before them and not this PureBoot: times are whole and with their zone, names are written
out, and what is not there is said to be left out. All texts are harmless: control characters are shown by name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.advice import advice
from console.view.detail_lines import way_line
from console.view.event_lines import tell
from console.view.execution_lines import PERFORMERS
from console.view.json_lines import Paper, as_json, tree_lines
from console.view.labels import UNICODE, lasted, safe, who, words
from console.view.pieces import printable
from console.view.trace_lines import came_to, sent
from engine.core.accounts import Account, AttemptAccount
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution

MOST_TEXT = 4_000
"""Characters of one error, message or parameter."""

MOST_TROUBLES = 30
_WIDTH = 96
_TOLD = FAILURES | {AttemptStatus.RUNNING, AttemptStatus.RETRYING}

Rows = tuple[tuple[str, ...], ...]
ATTEMPTS = ("step", "try", "status", "started", "took", "performed", "said")
EVENTS = ("time", "what happened", "by")
CONTACTS = ("time", "door", "what", "times", "sent", "what it came to")
CHILDREN = ("execution", "workflow", "status", "done", "took")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closer:
    """One attempt that is told in full: what failed, or still runs."""

    title: str
    facts: tuple[tuple[str, str], ...]
    error: str
    advice: str
    ways: tuple[str, ...]
    parameters: str
    log: str
    log_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it. `left_out` says what was too much to be told."""

    title: str
    status: str
    facts: tuple[tuple[str, str], ...]
    error: str
    verdict: str
    attempts: Rows
    closer: tuple[Closer, ...]
    conditions: tuple[str, ...]
    children: Rows
    events: Rows
    contacts: Rows
    left_out: tuple[str, ...]


def report(account: Account) -> Report:
    """What there is to say."""
    execution = account.execution
    whom = account.node.name if account.node is not None else execution.workflow_name
    told = [each for each in account.attempts if each.attempt.status in _TOLD]
    last = account.attempts[-1:] if not told else ()
    closer = [*told, *last][-MOST_TROUBLES:]
    return Report(
        title=f"What happened to {safe(whom)}",
        status=words(execution.status),
        facts=tuple((name, _harmless(value)) for name, value in _facts(account) if value),
        error=_harmless(execution.error or ""),
        verdict=_harmless(account.verdict.sentence if account.verdict is not None else ""),
        attempts=tuple(_attempt(each.attempt, account) for each in account.attempts),
        closer=tuple(_closer(each, account) for each in closer),
        conditions=tuple(_conditions(account)),
        children=tuple(_child(each, account.made_at) for each in account.children),
        events=tuple(_events(account)),
        contacts=tuple(_contacts(account)),
        left_out=tuple(_left_out(account, len(told) + len(last) - len(closer))),
    )


def time(moment: datetime | None) -> str:
    """A time for somebody elsewhere: `2026-03-01 12:00:24 UTC`; empty if never."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _harmless(text: str) -> str:
    """A text of several lines, none of which can do anything, cut where it is very long."""
    cut = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} … ({len(text) - MOST_TEXT} more characters)"
    return "\n".join(printable(line) for line in cut.replace("\r\n", "\n").split("\n"))


def _facts(account: Account) -> Iterator[tuple[str, str]]:
    execution, node, parent = account.execution, account.node, account.parent
    yield "execution", execution.id
    yield "workflow", f"{execution.workflow_name} {execution.workflow_version}"
    if node is not None:
        machine = " ".join(filter(None, (node.vendor, node.model)))
        told = (node.name, node.mac_address, node.ip_address, machine, f"serial {node.serial_number or 'not known'}")
        yield "node", ", ".join(filter(None, told))
        yield "node state", words(node.state)
    yield "status", f"{words(execution.status)}, {execution.progress_percent}% done"
    yield "started", f"{time(execution.started_at) or 'not yet'} by {who(execution.principal)} ({execution.trigger})"
    yield "ended", time(execution.completed_at)
    yield "took", lasted(execution, account.made_at)
    yield "deadline", time(execution.deadline_at) if not execution.ended else ""
    yield "waits for", execution.waits_for or "" if not execution.started_at else ""
    if parent is not None:
        steps = {each.id: each.step_name for each in parent.attempts}
        step = steps.get(execution.parent_attempt_id or "", "")
        yield "started by", f"{parent.workflow_name} {parent.id}{f', step {step}' if step else ''}"
    yield "inputs", as_json(dict(execution.params)) if execution.params else ""
    yield "output", as_json(dict(execution.output)) if execution.output else ""


def _attempt(attempt: Attempt, account: Account) -> tuple[str, ...]:
    visit = f", visit {attempt.visit}" if attempt.visit > 1 else ""
    undone = next((each.step_name for each in account.execution.attempts if each.id == attempt.undoes), "")
    return (
        safe(f"{attempt.step_name} (undoes {undone})" if undone else attempt.step_name),
        f"{attempt.tries}{visit}",
        words(attempt.status),
        time(attempt.started_at),
        lasted(attempt, account.made_at),
        PERFORMERS[attempt.performer],
        safe((attempt.error or attempt.message or "")[:MOST_TEXT]),
    )


def _child(execution: Execution, now: datetime) -> tuple[str, ...]:
    workflow = f"{execution.workflow_name}@{execution.workflow_version}"
    done = f"{execution.progress_percent}%"
    return execution.id, workflow, words(execution.status), done, lasted(execution, now)


def _closer(told: AttemptAccount, account: Account) -> Closer:
    attempt = told.attempt
    facts = (
        ("action", attempt.action),
        ("performed", PERFORMERS[attempt.performer]),
        ("taken by", attempt.taken_by or ""),
        ("started", time(attempt.started_at)),
        ("ended", time(attempt.completed_at)),
        ("took", lasted(attempt, account.made_at)),
        ("due", time(attempt.due_at) if attempt.started_at is None else ""),
        ("deadline", time(attempt.deadline_at)),
        ("last heard", time(attempt.heard_at)),
        ("exit code", "" if attempt.exit_code is None else str(attempt.exit_code)),
        ("message", attempt.message or ""),
        ("output", as_json(dict(attempt.output)) if attempt.output else ""),
        ("idempotency key", attempt.idempotency_key),
        ("made", ", ".join(f"{each.kind} {each.external_id} in {each.system}" for each in told.links)),
    )
    number = f", try {attempt.tries}" if attempt.tries > 1 else ""
    paper = Paper(width=200, symbols=UNICODE)
    step = account.workflow.by_key.get(attempt.step_key)
    return Closer(
        title=safe(f"{attempt.step_name}{number}: {words(attempt.status)}"),
        facts=tuple((name, _harmless(value)) for name, value in facts if value),
        error=_harmless(attempt.error or ""),
        advice=advice(attempt, step),
        ways=tuple(way_line(way, paper).text.strip() for way in told.ways),
        parameters=_parameters(told),
        log="\n".join(printable(line) for line in told.log_end.replace("\r", "").split("\n")).rstrip("\n"),
        log_cut=told.log_cut,
    )


def _parameters(told: AttemptAccount) -> str:
    """What an attempt was given, texts of several lines as they are."""
    paper = Paper(width=_WIDTH, symbols=UNICODE, whole=True)
    lines = "\n".join(line.text.rstrip() for line in tree_lines(told.parameters, "", paper, 0))
    return lines if len(lines) <= MOST_TEXT else f"{lines[:MOST_TEXT]} … ({len(lines) - MOST_TEXT} more characters)"


def _conditions(account: Account) -> Iterator[str]:
    for told in account.attempts:
        for way in told.ways:
            if way.if_ is None or way.held is None:
                continue
            values = ", ".join(f"{each.name} = {each.value}" for each in way.values)
            held = "true" if way.held else "false"
            yield safe(
                f"{told.attempt.step_name} -> {way.name}: if {way.if_} -> {held}{f' ({values})' if values else ''}"
            )


def _events(account: Account) -> Iterator[tuple[str, ...]]:
    for event in account.events:
        yield time(event.at), safe(tell(event)[0][:MOST_TEXT]), safe(who(event.principal))


def _contacts(account: Account) -> Iterator[tuple[str, ...]]:
    for line in account.contacts:
        count = str(line.count) if line.count > 1 else ""
        yield time(line.at), line.kind.value, safe(line.what), count, sent(line), safe(came_to(line))


def _left_out(account: Account, troubles: int) -> Iterator[str]:
    if account.left_out:
        yield f"{account.left_out} attempts between the first and the newest"
    if troubles > 0:
        yield f"{troubles} more attempts that failed, in full"
    if account.events_left_out:
        yield f"{account.events_left_out} older events"


def summary(told: Report) -> Sequence[tuple[str, str]]:
    """The facts with the error among them, as the beginning of every report."""
    more = (("error", told.error), ("boot", told.verdict))
    return (*told.facts, *((name, value) for name, value in more if value))


def made(account: Account) -> str:
    """When and by what it was made."""
    return f"made by PureBoot at {time(account.made_at)}; values of secrets are masked"

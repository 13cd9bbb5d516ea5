"""A dry run as lines of a terminal; pure, so that every width is tested without one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from console.view.labels import Cell, Role
from console.view.pieces import Piece, breaks, printable
from engine.core.filling import Parameter
from engine.core.plans import Missing, Plan, PlannedEdge, PlannedMove, PlannedStep, PlannedTemplate
from engine.core.unknown import needed
from engine.core.values import as_text
from engine.core.workflows import CONTINUE, FAIL, ROLLBACK, Backoff, Join, Retry, Route, When
from engine.durations import format_duration

SHORT = 6
"""So many lines of a text are shown where not all are asked for."""

_INDENT = 3
_WIDEST_LABEL = 16

Fact = tuple[str, str, Role]


def lines(plan: Plan, width: int, *, full: bool = False) -> Iterator[Cell]:
    """The whole plan, no line longer than `width`; `full` shows every line of scripts and templates."""
    yield from _facts(_head(plan), width, 0)
    before: dict[str, PlannedStep] = {}
    for step in plan.steps:
        yield ()
        yield from _step(step, width, full, before.get(step.key))
        before[step.key] = step
    yield ()
    if plan.not_run:
        yield from _title("does not run")
        yield from _facts(((each.key, each.reason, Role.MUTED) for each in plan.not_run), width, _INDENT)
        yield ()
    yield from _facts(_end(plan), width, 0)
    if plan.missing:
        yield ()
        yield from _title("missing")
        for each in plan.missing:
            yield from _item(_missing(each), width)
    yield ()
    yield from _wrapped("", verdict(plan), width, Role.WARN if plan.missing else Role.GOOD)


def verdict(plan: Plan) -> str:
    """The last line: whether it could be started now, and what would come of it."""
    if plan.missing:
        return f"{_count(len(plan.missing), 'thing is', 'things are')} missing"
    sure = len({step.key for step in plan.steps if not step.depends_on})
    text = f"nothing is missing: {_count(sure, 'step', 'steps')} would run"
    doubtful = plan.running - sure
    return text + (f", and perhaps {doubtful} more" if doubtful else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _title(text: str) -> Iterator[Cell]:
    yield (Piece(text, Role.STRONG),)


def _head(plan: Plan) -> Iterator[Fact]:
    yield "workflow", f"{plan.workflow} {plan.version} ({plan.workflow_status})", Role.PLAIN
    if plan.node is not None:
        group = f", group {plan.group}" if plan.group else ""
        yield "node", f"{plan.node} ({plan.node_state}){group}", Role.PLAIN
    if plan.params:
        yield "inputs", " ".join(f"{key}={as_text(value)}" for key, value in plan.params.items()), Role.PLAIN
    if plan.timeout_seconds is not None:
        yield "timeout", format_duration(plan.timeout_seconds), Role.PLAIN
    if plan.max_parallel is not None:
        yield "parallel", f"at most {_count(plan.max_parallel, 'step', 'steps')} at once", Role.PLAIN
    if plan.concurrency is not None:
        yield "at once", f"at most {plan.concurrency['limit']} with the key {plan.concurrency['key']}", Role.PLAIN
    if plan.waits_for:
        yield "waits for", plan.waits_for, Role.WARN
    if plan.on_start is not None:
        yield "on start", *_move(plan.on_start)


def _end(plan: Plan) -> Iterator[Fact]:
    if plan.stuck:
        yield "ends", f"never: {plan.stuck}", Role.WARN
    else:
        why = f": {plan.error}" if plan.error else ""
        yield "ends", f"{plan.status}{why}", Role.WARN if plan.error else Role.PLAIN
    if plan.final_state is not None:
        yield "node then", plan.final_state.value, Role.PLAIN
    if plan.output:
        yield "output", as_text(plan.output), Role.PLAIN


def _step(step: PlannedStep, width: int, full: bool, before: PlannedStep | None) -> Iterator[Cell]:
    again = f"  (try {step.attempt})" if step.attempt > 1 and step.visit == 1 else ""
    again = again or (f"  (visit {step.visit})" if step.visit > 1 else "")
    perhaps = "  (perhaps)" if step.depends_on else ""
    name = f"  {step.name}" if step.name != step.key else ""
    head = f"{step.number:>2} {step.key}"
    rest = f"{perhaps}{again}  {step.action} by {_BY.get(step.performer, step.performer)}{name}"
    first, *others = list(_wrapped(f"{head}", rest, width, Role.PLAIN))
    yield (Piece(head, Role.STRONG), *first[1:])
    yield from others
    yield from _facts(_about(step, full, before), width, _INDENT)


_BY = {
    "engine": "the engine",
    "agent": "an agent",
    "node": "the node",
    "person": "a person",
    "timer": "the clock",
    "workflow": "another execution",
}


def _about(step: PlannedStep, full: bool, before: PlannedStep | None) -> Iterator[Fact]:
    yield "begins", _begins(step), Role.PLAIN
    if step.depends_on:
        yield "only if", f"{', '.join(step.depends_on)} allows it; {_not_known(step.depends_on)}", Role.WARN
    if before is not None and (before.parameters, before.templates) == (step.parameters, step.templates):
        yield "runs with", "the same as before", Role.MUTED
    else:
        yield from _runs_with(step, full)
    for move in step.moves:
        yield "the node", *_move(move)
    yield "is taken", _taken(step), Role.ACCENT
    yield from _next(step)


def _runs_with(step: PlannedStep, full: bool) -> Iterator[Fact]:
    limits = [
        f"{name} {format_duration(seconds)}"
        for name, seconds in (("timeout", step.timeout_seconds), ("heartbeat", step.heartbeat_seconds))
        if seconds is not None
    ]
    yield "limits", ", ".join(limits), Role.PLAIN
    yield "tries", retry_words(step.retry), Role.PLAIN
    for parameter in step.parameters:
        yield from _parameter(parameter, full)
    for template in step.templates:
        yield from _template(template, full)


def _begins(step: PlannedStep) -> str:
    if step.undoes:
        return f"to undo {step.undoes}"
    begins = "first" if not step.after else f"after {_after(step)}"
    if step.beside:
        begins += f", beside {', '.join(dict.fromkeys(step.beside))}"
    return begins + (f", {format_duration(step.at)} from the start" if step.at else "")


def _after(step: PlannedStep) -> str:
    names = ", ".join(step.after)
    if step.join is Join.ANY:
        return f"{names} (any of those that lead here)"
    return names if step.join is Join.ALL else f"{names} ({step.join} of those that lead here)"


def retry_words(retry: Retry) -> str:
    """A retry policy in words; empty where a step is tried once."""
    if retry.max_attempts == 1:
        return ""
    text = f"up to {retry.max_attempts}"
    text += f", {format_duration(retry.delay)} apart" if retry.delay else ", at once"
    if retry.delay and retry.backoff is Backoff.EXPONENTIAL:
        text += ", then twice as long each time"
        text += f", at most {format_duration(retry.max_delay)}" if retry.max_delay is not None else ""
    if retry.jitter:
        text += f"; up to {retry.jitter:.0%} of that is left to chance"
    kinds = [kind.value for kind in retry.retry_on]
    return text + (f"; only after {' or '.join(kinds)}" if len(kinds) == 1 else "")


def _parameter(parameter: Parameter, full: bool) -> Iterator[Fact]:
    yield from _text(parameter.path, as_text(parameter.value) if parameter.value is not None else "", full)
    if parameter.unknown:
        yield "", _not_known(parameter.unknown), Role.WARN
    for problem in parameter.problems:
        yield "", f"! {problem.message}", Role.BAD


def _text(label: str, text: str, full: bool, role: Role = Role.PLAIN) -> Iterator[Fact]:
    """A text of one line or many; the rest of a long one is only counted."""
    rows = text.splitlines() or [""]
    shown = rows if full or len(rows) <= SHORT else rows[: SHORT - 1]
    for at, row in enumerate(shown):
        yield label if not at else "", row or " ", role
    if len(rows) > len(shown):
        yield "", f"{_count(len(rows) - len(shown), 'more line', 'more lines')}; --full shows all", Role.MUTED


def _template(template: PlannedTemplate, full: bool) -> Iterator[Fact]:
    if template.version is None:
        yield "rendered", f"! there is no template {template.reference}", Role.BAD
        return
    hint = "" if full else "; --full shows it"
    yield (
        "rendered",
        f"{template.name} {template.version}, {_count(template.lines, 'line', 'lines')}{hint}",
        Role.PLAIN,
    )
    if template.unknown:
        yield "", _not_known(template.unknown), Role.WARN
    for problem in template.problems:
        yield "", f"! {problem}", Role.BAD
    if full:
        for row in template.content.splitlines():
            yield "", f"| {row}", Role.MUTED


def _move(move: PlannedMove) -> tuple[str, Role]:
    if move.error:
        return f"{move.states[0]} -> {move.goal}: not possible, {move.error}", Role.BAD
    if len(move.states) == 1:
        return f"is {move.goal} already", Role.PLAIN
    return " -> ".join(move.states), Role.PLAIN


def _taken(step: PlannedStep) -> str:
    if not step.assumed and step.ends == "success":
        return ""
    error = f": {step.error}" if step.error and step.ends != "timeout" and not step.assumed else ""
    output = f", with {as_text(step.output)}" if step.output else ""
    return f"{_ENDS.get(step.ends, step.ends)}{error}{output}"


_ENDS = {
    "success": "to succeed",
    "failed": "to fail",
    "timeout": "to take too long",
    "lost": "to fall silent",
    "rejected": "to be rejected",
    "skip": "as skipped",
    "running": "to go on without end",
    "cancelled": "as withdrawn: the execution is over",
}


def _next(step: PlannedStep) -> Iterator[Fact]:
    if step.undoes:
        return
    if step.retried:
        yield "next", "another try", Role.MUTED
        return
    label = "next"
    if step.route is Route.FIRST and len(step.edges) > 1:
        yield label, "the first of these that holds", Role.MUTED
        label = ""
    width = max((len(edge.to) for edge in step.edges), default=0)
    for edge in step.edges:
        yield label, f"{edge.to:<{width}}  {_edge(edge)}", _edge_role(edge)
        label = ""
    if step.ends in ("success", "skip") or step.on_failure == CONTINUE:
        yield label, "" if step.edges else "nothing: here a branch ends", Role.MUTED
    elif not any(edge.taken for edge in step.edges):
        yield "so", _FAILED.get(step.on_failure, f"{step.on_failure} begins"), Role.WARN


def _edge_role(edge: PlannedEdge) -> Role:
    if edge.error:
        return Role.BAD
    if edge.fits and edge.unknown:
        return Role.WARN
    return Role.GOOD if edge.taken else Role.MUTED


_FAILED = {FAIL: "the execution fails", ROLLBACK: "what was done is undone, then the execution fails"}


def _edge(edge: PlannedEdge) -> str:
    when = {When.FAILURE: "on failure", When.ALWAYS: "in any case"}.get(edge.when, "")
    condition = f"{edge.if_} -> {_value(edge)}" if edge.if_ is not None else ""
    if not edge.fits:
        when = "only on failure" if edge.when is When.FAILURE else "only on success"
    taken = "perhaps" if edge.fits and edge.unknown else "taken" if edge.taken else "not taken"
    why = ", ".join(part for part in (when, condition) if part)
    return f"{taken}: {why}" if why else taken


def _value(edge: PlannedEdge) -> str:
    if edge.unknown:
        return _not_known(edge.unknown)
    if edge.error:
        return edge.error
    return "true" if edge.value else "false"


def _not_known(names: Sequence[str]) -> str:
    steps, others = needed(names)
    if steps and not others:
        return f"not known before {', '.join(steps)} has run"
    return f"not known: {', '.join(names)}"


def _missing(missing: Missing) -> str:
    where = f"step {missing.step_key}" if missing.step_key else missing.kind.value
    if missing.path:
        where += f", {missing.path}" if missing.step_key else f" {missing.path}"
    place = ":".join(str(part) for part in (missing.file, missing.line, missing.column) if part is not None)
    return f"{where}: {missing.message}" + (f" ({place})" if place else "")


def _item(text: str, width: int) -> Iterator[Cell]:
    yield from _wrapped(" - ", text, width, Role.WARN)


def _facts(facts: Iterable[Fact], width: int, indent: int) -> Iterator[Cell]:
    """Labels and values below each other, without those that have none; long values go on below themselves."""
    known = [fact for fact in facts if fact[1]]
    column = min(max((len(label) for label, _, _ in known), default=0), _WIDEST_LABEL) + 2
    for label, text, role in known:
        if len(label) > column - 2:
            yield (Piece(" " * indent + printable(label), Role.MUTED),)
            label = ""
        yield from _wrapped(" " * indent + f"{printable(label):<{column}}", text, width, role)


def _wrapped(label: str, text: str, width: int, role: Role) -> Iterator[Cell]:
    text = printable(text)
    starts = [*breaks(text, max(20, width - len(label))), len(text)]
    for at, (start, end) in enumerate(pairwise(starts)):
        part = text[start:end].rstrip() if at == 0 else text[start:end].strip()
        before = label if at == 0 else " " * len(label)
        yield (Piece(before if part else before.rstrip(), Role.MUTED), Piece(part, role))

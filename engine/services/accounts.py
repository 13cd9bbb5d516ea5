"""Accounts of attempts and executions: everything of one moment, in one transaction, without the values of secrets."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from engine.core import accounts as core
from engine.core import deferred, expressions, planner, rendering, routing, scopes
from engine.core.accounts import Account, AttemptAccount, Way
from engine.core.artifacts import Artifact
from engine.core.changing import changed
from engine.core.conditions import values_of
from engine.core.events import SYSTEM, Event, Kind
from engine.core.executions import Attempt, AttemptStatus, Execution
from engine.core.links import Link
from engine.core.page import EVERYTHING, Page
from engine.core.redaction import Redactor
from engine.core.workflows import Step
from engine.errors import Invalid, NotFound
from engine.services.context import Context
from engine.services.rendering import lookup
from engine.services.runs import Run
from engine.services.traces import judged
from engine.store import artifacts, events, executions, links, logs
from engine.store.tx import Tx

_BEFORE = timedelta(minutes=10)  # a machine's contacts that may have to do with what began then
_HEAD = 20  # attempts at the beginning that are told where there are too many


class Accounts:
    """Accounts for people."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def attempt(self, execution_id: str, attempt_id: str) -> AttemptAccount:
        """One attempt: parameters as it was given them, where its outcome led and why, what it made elsewhere.

        Raises:
            NotFound: there is no such execution or attempt.
        """

        def work(tx: Tx) -> tuple[AttemptAccount, Redactor | None]:
            run = self._run(tx, execution_id)
            try:
                found = run.execution.find(attempt_id)
            except LookupError as error:
                raise NotFound(str(error)) from None
            return self._told(tx, run, found, _Noted.of(tx, run.execution)), self._context.vault.redactor(tx)

        told, redactor = await self._context.database.read(work)
        return told if redactor is None else await asyncio.to_thread(_masked_attempt, told, redactor)

    async def of(self, execution_id: str) -> Account:
        """A whole execution: its attempts with the ends of their logs, its events, its node and that one's boot trace.

        Raises:
            NotFound: there is no such execution.
        """

        def work(tx: Tx) -> tuple[Account, Redactor | None]:
            return self._account(tx, self._run(tx, execution_id)), self._context.vault.redactor(tx)

        account, redactor = await self._context.database.read(work)
        return account if redactor is None else await asyncio.to_thread(_masked, account, redactor)

    def _run(self, tx: Tx, execution_id: str) -> Run:
        return Run.load(self._context, tx, executions.get(tx, execution_id), principal=SYSTEM)

    def _account(self, tx: Tx, run: Run) -> Account:
        execution = run.execution
        noted = _Noted.of(tx, execution)
        shown = _shown(execution.attempts)
        told = [self._told(tx, run, each, noted) for each in shown]
        filters: Mapping[str, tuple[str, ...]] = {"execution_id": (execution.id,)}
        listed, total = events.find(tx, Page(limit=core.MOST_EVENTS, filters=filters))
        contacts, verdict = judged(tx, run.node, execution, self._context.now()) if run.node else ((), None)
        since, until = execution.created_at - _BEFORE, execution.completed_at
        near = [each for each in contacts if each.at >= since and (until is None or each.at <= until + _BEFORE)]
        return Account(
            made_at=self._context.now(),
            execution=execution,
            workflow=run.workflow,
            node=run.node,
            parent=None if execution.parent_id is None else executions.get(tx, execution.parent_id),
            children=tuple(executions.children(tx, execution.id)[: core.MOST_CHILDREN]),
            attempts=tuple(_with_logs(tx, told)),
            left_out=len(execution.attempts) - len(shown),
            events=tuple(reversed(listed)),
            events_left_out=total - len(listed),
            contacts=tuple(near[-core.MOST_CONTACTS :]),
            verdict=verdict if not execution.ended else None,
        )

    def _told(self, tx: Tx, run: Run, attempt: Attempt, noted: "_Noted") -> AttemptAccount:
        step = run.workflow.by_key.get(attempt.step_key)
        around = replace(run.around(attempt), secrets=self._context.vault.masked(tx), token=rendering.MASK)
        parameters, unfilled = _parameters(tx, step, attempt, around)
        is_running = attempt.status is AttemptStatus.RUNNING
        return AttemptAccount(
            attempt=attempt,
            parameters=parameters,
            unfilled=unfilled,
            ways=() if step is None else _ways(step, attempt, run, around, noted.routed.get(attempt.id)),
            links=tuple(each for each in noted.links if each.attempt_id == attempt.id),
            artifacts=tuple(each.name for each in noted.artifacts if each.attempt_id == attempt.id),
            lost_at=planner.silence(step, attempt, self._context.grace) if step is not None and is_running else None,
        )


def _shown(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    if len(attempts) <= core.MOST_ATTEMPTS:
        return attempts
    return (*attempts[:_HEAD], *attempts[_HEAD - core.MOST_ATTEMPTS :])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noted:
    """What was noted of all attempts: of their conditions, by attempt, and what they made here and elsewhere."""

    routed: Mapping[str, Event]
    links: Sequence[Link]
    artifacts: Sequence[Artifact]

    @classmethod
    def of(cls, tx: Tx, execution: Execution) -> "_Noted":
        """What was noted of an execution."""
        mine = {"execution_id": (execution.id,)}
        listed, _ = events.find(
            tx, Page(limit=core.MOST_ATTEMPTS, filters={**mine, "kind": (Kind.ATTEMPT_ROUTED.value,)})
        )
        made, _ = links.find(tx, replace(EVERYTHING, sort="created_at,id", filters=mine))
        routed = {str(each.data.get("attempt_id")): each for each in reversed(listed)}
        return cls(routed=routed, links=made, artifacts=artifacts.find(tx, execution.id))


# Parameters


def _parameters(
    tx: Tx, step: Step | None, attempt: Attempt, around: scopes.Surroundings
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What an attempt is given, and what of it cannot be told."""
    unfilled: list[str] = []
    config: Mapping[str, Any] = attempt.config
    if attempt.started_at is None and not config and step is not None:
        config = step.with_
    elif step is not None:
        try:
            config = deferred.complete(step, config, scopes.names(around))
        except Invalid as error:
            unfilled.append(str(error))
    filling = _Filling(tx, around, unfilled)
    return {key: filling.fill(value, key) for key, value in config.items()}, tuple(unfilled)


class _Filling:
    """Fills `${…}` variables in, secrets masked; what cannot be filled in stays as it is written."""

    def __init__(self, tx: Tx, around: scopes.Surroundings, unfilled: list[str]) -> None:
        self._include = lookup(tx)
        self._variables = scopes.variables(around)
        self._unfilled = unfilled

    def fill(self, tree: Any, path: str) -> Any:
        if isinstance(tree, str):
            return self._text(tree, path) if "${" in tree else tree
        if isinstance(tree, Mapping):
            return {key: self.fill(value, f"{path}.{key}") for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.fill(value, f"{path}[{at}]") for at, value in enumerate(tree)]
        return tree

    def _text(self, text: str, path: str) -> str:
        try:
            rendered = rendering.render(text, self._variables, include=self._include, name=path, masked=True)
        except Invalid as error:
            self._unfilled.append(f"{path}: {error}")
            return text
        self._unfilled += [f"{path}: {each.problem().message}" for each in rendered.unresolved]
        return rendered.content


# Ways


def _ways(step: Step, attempt: Attempt, run: Run, around: scopes.Surroundings, noted: Event | None) -> tuple[Way, ...]:
    """The edges of a step as its attempt's outcome took them; of one that goes on yet, only which there are."""
    seen = changed(run.execution, attempts=tuple(_known_then(run.execution, attempt)))
    names = scopes.names(replace(around, execution=seen)) if step.has_conditions else {}
    decided = _decided(step, attempt, names, noted)
    found = []
    for at, edge in enumerate(step.ways):
        to = run.workflow.by_key.get(edge.to)
        held, taken = decided[at] if at < len(decided) else (None, None)
        found.append(
            Way(
                to=edge.to,
                name=to.name if to is not None and to.name else edge.to,
                when=edge.when,
                if_=edge.if_,
                held=held,
                taken=taken,
                values=values_of(edge.if_, names) if edge.if_ is not None else (),
            )
        )
    return tuple(found)


def _known_then(execution: Execution, attempt: Attempt) -> list[Attempt]:
    """The attempts that there were when the conditions behind one were looked at."""
    end = attempt.completed_at
    return [each for each in execution.attempts if end is None or each.created_at <= end]


def _decided(
    step: Step, attempt: Attempt, names: expressions.Names, noted: Event | None
) -> list[tuple[bool | None, bool | None]]:
    """Of each edge whether its condition held and whether it was taken."""
    if noted is not None:
        return [(each.get("held"), each.get("taken")) for each in noted.data.get("edges") or ()]
    if attempt.routes is None or attempt.is_open or attempt.undoes is not None:
        return []
    if step.has_conditions:  # it was forgotten what they were worth
        return [(None, edge.to in attempt.routes) for edge in step.ways]
    return [(each.held, each.taken) for each in routing.decide(step, attempt, names)[1]]


# Logs


def _with_logs(tx: Tx, told: Sequence[AttemptAccount]) -> list[AttemptAccount]:
    """With the ends of the logs, as far as there is room for them all."""
    left = core.ALL_LOGS
    found: list[AttemptAccount] = []
    for each in reversed(told):
        text, is_cut = logs.end(tx, each.attempt.id, min(core.LOG_END, left)) if left > 0 else ("", True)
        left -= len(text)
        found.append(replace(each, log_end=text, log_cut=is_cut and bool(text)))
    return found[::-1]


# Masking


def _masked_attempt(told: AttemptAccount, redactor: Redactor) -> AttemptAccount:
    ways = [
        replace(way, values=tuple(replace(each, value=redactor.text(each.value)) for each in way.values))
        for way in told.ways
    ]
    return replace(
        told,
        attempt=_clean(told.attempt, redactor),
        parameters=redactor.tree(told.parameters),
        unfilled=tuple(map(redactor.text, told.unfilled)),
        ways=tuple(ways),
        links=tuple(
            replace(each, external_id=redactor.text(each.external_id), data=redactor.tree(each.data))
            for each in told.links
        ),
        log_end=redactor.text(told.log_end),
    )


def _clean(attempt: Attempt, redactor: Redactor) -> Attempt:
    return changed(
        attempt,
        config=redactor.tree(attempt.config),
        output=redactor.tree(attempt.output),
        error=None if attempt.error is None else redactor.text(attempt.error),
        message=None if attempt.message is None else redactor.text(attempt.message),
    )


def _clean_execution(execution: Execution, redactor: Redactor) -> Execution:
    return changed(
        execution,
        params=redactor.tree(execution.params),
        output=redactor.tree(execution.output),
        error=None if execution.error is None else redactor.text(execution.error),
        attempts=tuple(_clean(each, redactor) for each in execution.attempts),
    )


def _masked(account: Account, redactor: Redactor) -> Account:
    parent = account.parent
    return replace(
        account,
        execution=_clean_execution(account.execution, redactor),
        parent=None if parent is None else _clean_execution(parent, redactor),
        children=tuple(_clean_execution(each, redactor) for each in account.children),
        attempts=tuple(_masked_attempt(each, redactor) for each in account.attempts),
        events=tuple(replace(each, data=redactor.tree(each.data)) for each in account.events),
        contacts=tuple(
            replace(each, what=redactor.text(each.what), message=redactor.text(each.message))
            for each in account.contacts
        ),
    )

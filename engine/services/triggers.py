"""What can be done with triggers, and what makes them fire."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.clock import new_id
from engine.core import schedule, trigger_config, triggers
from engine.core.documents import DocumentKind
from engine.core.events import Kind, NewEvent
from engine.core.names import parse_name
from engine.core.page import Page
from engine.core.rendering import MASK
from engine.core.schedule import Schedule
from engine.core.shape import as_data
from engine.core.trigger_config import Listening, TriggerType, Webhook
from engine.core.triggers import Trigger
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Problem, PureBootError, Unavailable
from engine.services import due, firing, listening
from engine.services.context import Context
from engine.services.firing import Firing, Occurrence
from engine.services.vault import about_trigger
from engine.store import documents, events
from engine.store import triggers as store
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

SETTABLE = frozenset({"name", "description", "workflow", "node", "params", "config", "condition", "enabled"})

_PATH_BYTES = 24  # of chance in a path that nobody chose


class BadSignature(Forbidden):
    """A webhook's signature is missing or wrong."""


class Triggers:
    """Triggers. `by` is the principal who asks; what a trigger starts is done by `trigger:NAME`.

    Each occurrence starts one execution, across restarts and hosts: what is decided about it and the start are one
    transaction, and the occurrence's key is in the execution's `request_id`. A start that is refused stops nothing; it
    is in `last_error` and in the log. An event trigger never fires on what its own executions do, see `firing.fire`.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, values: Mapping[str, Any], *, by: str) -> Trigger:
        """Make a trigger: `name type workflow` and, as its type needs it, `config`. A webhook is given a path.

        Raises:
            Invalid: a value is wrong.
            NotFound: its workflow does not exist.
            Conflict: there is a trigger of this name, or with this path.
        """
        path = secrets.token_urlsafe(_PATH_BYTES)
        await self._prepare(values)
        trigger_id = new_id()
        now = self._context.now()

        def work(tx: Tx) -> Trigger:
            given = {"name": "", "workflow": "", "config": {}, **values}
            kind = _type(given.pop("type", TriggerType.MANUAL.value))
            if kind is TriggerType.WEBHOOK and isinstance(given["config"], Mapping):
                given["config"] = {**given["config"], "path": given["config"].get("path") or path}
            checked = _checked(tx, kind, given, {})
            trigger = Trigger(id=trigger_id, type=kind, created_at=now, updated_at=now, **checked)
            trigger = self._sealed(tx, trigger)
            trigger = _armed(tx, trigger, None, now)
            store.add(tx, trigger)
            self._note_sealing(tx, trigger)
            data = {"type": kind, "workflow": trigger.workflow, "config": trigger_config.told_config(trigger.config)}
            self._note(tx, Kind.TRIGGER_CREATED, by, trigger, data)
            return trigger

        return await self._context.database.write(work)

    async def get(self, reference: str) -> Trigger:
        """The trigger with this id or name.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: store.get(tx, reference))

    async def find(self, page: Page) -> tuple[list[Trigger], int]:
        """A page of the triggers, and how many there are. Filters: `name type workflow enabled`."""
        return await self._context.database.read(lambda tx: store.find(tx, page))

    async def update(self, reference: str, values: Mapping[str, Any], *, by: str) -> Trigger:
        """Set fields of a trigger; of `config` what is given, over what is there. Its type stays.

        What comes while a trigger is disabled, or before its schedule was changed, is not missed: it never was due.

        Raises:
            NotFound: there is no such trigger or workflow.
            Invalid: a value is wrong.
            Conflict: another trigger has its name or path.
        """
        await self._prepare(values)

        def work(tx: Tx) -> Trigger:
            before = store.get(tx, reference)
            now = self._context.now()
            given = dict(values)
            if _type(given.pop("type", before.type.value)) is not before.type:
                raise Invalid([Problem(path="type", message="cannot be changed; make another trigger")])
            checked = _checked(tx, before.type, given, _known_config(before))
            after = self._sealed(tx, replace(before, **checked, updated_at=now), before)
            after = _armed(tx, after, before, now)
            store.save(tx, after)
            self._note_sealing(tx, after)
            changes = {name: [_told(before, name), _told(after, name)] for name in given}
            self._note(tx, Kind.TRIGGER_UPDATED, by, after, {"changes": changes})
            return after

        return await self._context.database.write(work)

    async def delete(self, reference: str, *, by: str) -> Trigger:
        """Forget a trigger; what it started goes on.

        Raises:
            NotFound: there is no such trigger.
        """

        def work(tx: Tx) -> Trigger:
            trigger = store.get(tx, reference)
            store.remove(tx, trigger.id)
            self._note(tx, Kind.TRIGGER_DELETED, by, trigger, {})
            return trigger

        return await self._context.database.write(work)

    async def fire(self, reference: str, *, by: str, body: Any = None, key: str | None = None) -> Firing:
        """Fire a trigger by hand, of whatever type it is; the same `key` starts nothing a second time.

        Raises:
            NotFound: there is no such trigger.
            Conflict: it is disabled.
        """
        occurrence = Occurrence(key=f"manual-{key or new_id()}", at=self._context.now(), body=body)

        def work(tx: Tx) -> Firing:
            trigger = store.get(tx, reference)
            if not trigger.enabled:
                raise Conflict(f"trigger {trigger.name} is disabled; enable it first")
            return self._fire(tx, trigger, occurrence, by)

        return await self._context.database.write(work)

    async def receive(self, path: str, body: bytes, signature: str | None) -> Trigger:
        """The enabled webhook at a path, if whoever sends this may fire it. The signature is that of the bytes.

        Raises:
            NotFound: there is none; it takes as long to say so as that the signature is wrong.
            BadSignature: it has a secret, and the signature is not made with it.
            Unavailable: its secret cannot be opened here.
        """
        trigger = await self._context.database.read(lambda tx: store.by_path(tx, path))
        may = triggers.is_signed(self._secret(trigger), body, signature)
        if trigger is None or not trigger.enabled:
            raise NotFound("there is no webhook at this path")
        if not may:
            raise BadSignature("the signature is missing or wrong")
        return trigger

    async def _prepare(self, values: Mapping[str, Any]) -> None:
        config = values.get("config")
        if isinstance(config, Mapping) and config.get("secret") not in (None, "", MASK):
            await self._context.vault.prepare(make=True)

    def _sealed(self, tx: Tx, trigger: Trigger, before: Trigger | None = None) -> Trigger:
        """A trigger whose webhook's secret is sealed: the one that was given, or else the one it has."""
        config = trigger.config
        if not isinstance(config, Webhook) or config.secret is None:
            return trigger
        if config.secret == MASK:
            kept = before.config if before is not None else None
            known = kept if isinstance(kept, Webhook) else Webhook(path=config.path)
            return replace(trigger, config=replace(known, path=config.path))
        vault = self._context.vault
        sealed = vault.seal(tx, config.secret, about_trigger(trigger.id))
        return replace(trigger, config=Webhook(path=config.path, sealed=sealed))

    def _note_sealing(self, tx: Tx, trigger: Trigger) -> None:
        if isinstance(trigger.config, Webhook) and trigger.config.sealed is not None:
            self._context.vault.note_key(tx, trigger.config.sealed)

    def _secret(self, trigger: Trigger | None) -> str | None:
        config = trigger.config if trigger is not None else None
        if trigger is None or not isinstance(config, Webhook) or config.sealed is None:
            return config.secret if isinstance(config, Webhook) else None
        what = f"the secret of the webhook {trigger.name}"
        try:
            return self._context.vault.open(config.sealed, about_trigger(trigger.id), what)
        except PureBootError as error:
            _log.error("%s", error)
            raise Unavailable("the signature cannot be checked now; PureBoot's log says why") from None

    async def deliver(self, trigger: Trigger, body: Any, key: str | None) -> Firing:
        """Fire a webhook with the value that was sent; the same `key` starts nothing a second time.

        Raises:
            NotFound: it was deleted or disabled meanwhile.
        """
        occurrence = Occurrence(key=f"hook-{key or new_id()}", at=self._context.now(), body=body)

        def work(tx: Tx) -> Firing:
            now = store.known(tx, trigger.id)
            if now is None or not now.enabled:
                raise NotFound("there is no webhook at this path")
            return self._fire(tx, now, occurrence, now.principal)

        return await self._context.database.write(work)

    def _fire(self, tx: Tx, trigger: Trigger, occurrence: Occurrence, by: str) -> Firing:
        done = firing.fire(self._context, tx, trigger, occurrence, by=by)
        store.save_state(tx, done.trigger)
        return done

    async def next_at(self) -> datetime | None:
        """When a schedule fires next; may be past."""
        return await self._context.database.read(store.next_at)

    async def listens(self) -> bool:
        """Whether any trigger waits for events."""
        return await self._context.database.read(store.has_listeners)

    async def fire_due(self) -> int:
        """Fire the schedules that are due, as `engine.services.due` has it; gives how many executions that started."""
        return await due.fire_due(self._context)

    async def fire_events(self, limit: int = 500) -> bool:
        """Fire on what has happened, as `engine.services.listening` has it; True if there may be more."""
        return await self.listens() and await listening.fire_events(self._context, limit)

    def _note(self, tx: Tx, kind: Kind, by: str, trigger: Trigger, data: Mapping[str, Any]) -> None:
        whose = {"trigger_id": trigger.id, "name": trigger.name}
        events.append(tx, [NewEvent(kind=kind, at=self._context.now(), principal=by, data={**whose, **data})])


def _type(name: Any) -> TriggerType:
    if name not in set(TriggerType):
        raise Invalid(
            [Problem(path="type", message=f"{name!r} is no type of trigger; one of {', '.join(TriggerType)}")]
        )
    return TriggerType(name)


def _checked(tx: Tx, kind: TriggerType, values: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are given, checked; of `config` over what is there."""
    problems = [Problem(path=name, message="cannot be set on a trigger") for name in sorted(set(values) - SETTABLE)]
    checked = {name: value for name, value in values.items() if name in SETTABLE}
    for name in ("node", "condition"):
        if name in checked:
            checked[name] = checked[name] or None
    problems += triggers.check_texts(checked.get("node"), checked.get("params") or {}, checked.get("condition"))
    try:
        if "name" in checked:
            parse_name(checked["name"])
    except Invalid as error:
        problems += error.problems
    try:
        if "config" in checked:
            given = _over(config, checked["config"] or {})
            checked["config"] = trigger_config.parse_config(kind, given)
    except Invalid as error:
        problems += error.problems
    if "workflow" in checked and not checked["workflow"]:
        problems.append(Problem(path="workflow", message="is missing"))
    if problems:
        raise Invalid(problems)
    if "workflow" in checked:
        checked["workflow"] = documents.get(tx, DocumentKind.WORKFLOW, checked["workflow"]).name
    return checked


def _known_config(trigger: Trigger) -> dict[str, Any]:
    """What a trigger's config is, as a person writes it; the mask for a secret, which stays if nobody gives another."""
    data = trigger_config.config_data(trigger.config)
    if isinstance(trigger.config, Webhook):
        data.pop("sealed", None)
        data["secret"] = trigger.config.secret_
    return data


def _over(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A config over another. The mask in the place of a secret is what a reader of the trigger was shown, no secret."""
    return {**config, **{name: value for name, value in given.items() if (name, value) != ("secret", MASK)}}


def _armed(tx: Tx, after: Trigger, before: Trigger | None, now: datetime) -> Trigger:
    """A trigger that knows what it waits for: from now on, unless it waited for the same before."""
    config = after.config
    next_at, cursor = None, None
    if after.enabled and isinstance(config, Schedule):
        waited = before is not None and before.enabled and _times(before) == _times(after)
        next_at = after.next_at if waited else next(iter(schedule.next_times(config, now, 1)), None)
    if after.enabled and isinstance(config, Listening):
        cursor = events.cursor(tx) if after.cursor is None else after.cursor
    return replace(after, next_at=next_at, cursor=cursor)


def _times(trigger: Trigger) -> tuple[str, str] | None:
    return (trigger.config.cron, trigger.config.timezone) if isinstance(trigger.config, Schedule) else None


def _told(trigger: Trigger, name: str) -> Any:
    """A field as the log may have it."""
    return trigger_config.told_config(trigger.config) if name == "config" else as_data(getattr(trigger, name))

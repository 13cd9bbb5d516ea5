"""What each type of trigger needs to know: its `config`.

| type | fires | its `config` |
|---|---|---|
| manual | when somebody says so | |
| webhook | on a POST to its path, signed if it has a secret | `path`, `secret` |
| schedule | at the times of a cron expression | `cron`, `timezone`, `missed` |
| event | on events of some kinds that fit its filters | `event`, `filters` |

What happens to triggers themselves (`trigger.*`, and whatever else names a trigger) fires none: a trigger that fires on
failures of triggers and fails would not come to an end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, ClassVar

from engine.core import schedule
from engine.core.events import Event, Kind
from engine.core.rendering import MASK
from engine.core.schedule import Missed, Schedule
from engine.core.shape import as_data
from engine.core.values import as_text
from engine.errors import Invalid, Problem

_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_LONGEST_PATH = 200
_LONGEST_SECRET = 256
_MOST_EVENTS = 20


class TriggerType(StrEnum):
    """What makes a trigger fire."""

    MANUAL = "manual"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Fires when somebody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Fires on a POST to `/hooks/PATH`. Without a `secret` whoever knows the path may fire it.

    The secret is kept `sealed`, for a signature can only be checked with the secret itself; it is never shown again.
    `secret` is there on its way to the store, and where an older PureBoot kept it as it is.
    """

    HIDDEN: ClassVar = frozenset({"secret", "sealed"})
    MASKED: ClassVar = frozenset({"secret", "sealed"})
    SHOWN: ClassVar = ("secret_",)

    path: str
    secret: str | None = None
    sealed: str | None = None

    @property
    def is_signed(self) -> bool:
        """Whether it takes a signature to fire it."""
        return bool(self.secret or self.sealed)

    @property
    def secret_(self) -> str | None:
        """What is shown in the place of the secret."""
        return MASK if self.is_signed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Fires on events: those of one of the kinds, whose fields have the values that `filters` has for them.

    A filter names a field of the event or of its data, and has a value or a list of them; `state` is where a node went.
    """

    event: str | tuple[str, ...]
    filters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events."""
        return (self.event,) if isinstance(self.event, str) else self.event


Config = Manual | Webhook | Schedule | Listening


def parse_config(kind: TriggerType, data: Mapping[str, Any]) -> Config:
    """What a type of trigger needs to know, from its `config`.

    Raises:
        Invalid: a value is wrong, missing or unknown; every one is named.
    """
    known = _KNOWN[kind]
    problems = [_unknown(name, kind) for name in data if name not in known]
    problems += [Problem(path=name, message="is missing") for name in known[: _NEEDED[kind]] if not data.get(name)]
    given = {name: value for name, value in data.items() if name in known}
    if not problems:
        config, problems = _PARSERS[kind](given)
    if problems:
        raise Invalid([Problem(path=f"config.{each.path}", message=each.message) for each in problems])
    return config


_KNOWN = {
    TriggerType.MANUAL: (),
    TriggerType.WEBHOOK: ("path", "secret"),
    TriggerType.SCHEDULE: ("cron", "timezone", "missed"),
    TriggerType.EVENT: ("event", "filters"),
}
_NEEDED = {TriggerType.MANUAL: 0, TriggerType.WEBHOOK: 1, TriggerType.SCHEDULE: 1, TriggerType.EVENT: 1}


def _unknown(name: str, kind: TriggerType) -> Problem:
    known = _KNOWN[kind]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"a {kind} trigger has: {', '.join(known) or 'none'}"
    return Problem(path=name[:60], message=f"is no field here; {hint}")


_Parsed = tuple[Config, list[Problem]]


def _manual(_given: Mapping[str, Any]) -> _Parsed:
    return Manual(), []


def _webhook(given: Mapping[str, Any]) -> _Parsed:
    path, secret = given["path"], given.get("secret") or None
    problems = []
    if not isinstance(path, str) or not _is_path(path.strip("/")):
        message = f"may have A-Z, a-z, 0-9, '.', '_', '~', '-' and single '/', at most {_LONGEST_PATH} characters"
        problems.append(Problem(path="path", message=message))
    if secret is not None and not (isinstance(secret, str) and len(secret) <= _LONGEST_SECRET):
        problems.append(Problem(path="secret", message=f"must be a text of at most {_LONGEST_SECRET} characters"))
    return Webhook(path=str(path).strip("/"), secret=secret), problems


def _is_path(path: str) -> bool:
    segments = path.split("/")
    fit = all(_SEGMENT.fullmatch(segment) and segment not in (".", "..") for segment in segments)
    return fit and len(path) <= _LONGEST_PATH


def _schedule(given: Mapping[str, Any]) -> _Parsed:
    given = {"timezone": None, "missed": None, **given}
    problems = [
        Problem(path=name, message=f"must be text of at most {_LONGEST_PATH} characters")
        for name, value in given.items()
        if not isinstance(value, str | None) or len(value or "") > _LONGEST_PATH
    ]
    policies = [each.value for each in Missed]
    missed = given["missed"] or Missed.ONCE.value
    if not problems and missed not in policies:
        problems.append(Problem(path="missed", message=f"is {missed!r}, not one of {', '.join(policies)}"))
    if problems:
        return Manual(), problems
    value = Schedule(cron=given["cron"], timezone=given["timezone"] or "UTC", missed=Missed(missed))
    return value, schedule.check(value)


def _listening(given: Mapping[str, Any]) -> _Parsed:
    event, filters = given["event"], given.get("filters") or {}
    names = [event] if isinstance(event, str) else event
    if not isinstance(names, list | tuple) or len(names) > _MOST_EVENTS:
        return Manual(), [Problem(path="event", message=f"must be a kind of event or a list of at most {_MOST_EVENTS}")]
    problems = [Problem(path="event", message=text) for name in names if (text := _wrong_event(name))]
    if not isinstance(filters, Mapping) or not all(_is_wanted(value) for value in filters.values()):
        problems.append(Problem(path="filters", message="must be an object whose values are plain, or lists of such"))
        filters = {}
    return Listening(event=event if isinstance(event, str) else tuple(names), filters=dict(filters)), problems


def _is_wanted(value: Any) -> bool:
    plain = value if isinstance(value, list | tuple) else (value,)
    return all(isinstance(each, str | int | float | bool) for each in plain)


def _wrong_event(name: Any) -> str | None:
    kind, _ = _meaning(name) if isinstance(name, str) else (None, {})
    if kind is None:
        near = get_close_matches(str(name), [*_FRIENDLY, *Kind], n=1)
        return f"{str(name)[:60]!r} is no kind of event" + (f"; did you mean {near[0]}?" if near else "")
    if kind.startswith("trigger."):
        return f"{kind} fires nothing: triggers that fire on triggers would not come to an end"
    return None


_PARSERS = {
    TriggerType.MANUAL: _manual,
    TriggerType.WEBHOOK: _webhook,
    TriggerType.SCHEDULE: _schedule,
    TriggerType.EVENT: _listening,
}


def config_data(config: Config) -> dict[str, Any]:
    """A config as it is kept, with its secret."""
    data: dict[str, Any] = as_data(config)
    if isinstance(config, Webhook):
        data |= {"secret": config.secret} if config.sealed is None else {"secret": None, "sealed": config.sealed}
    return data


def kept_config(kind: TriggerType, data: Mapping[str, Any]) -> Config:
    """A config out of the store: what was right when it was written is not checked again."""
    match kind:
        case TriggerType.MANUAL:
            return Manual()
        case TriggerType.WEBHOOK:
            return Webhook(**data)
        case TriggerType.SCHEDULE:
            return Schedule(**{**data, "missed": Missed(data["missed"])})
        case TriggerType.EVENT:
            event = data["event"]
            return Listening(event=event if isinstance(event, str) else tuple(event), filters=data["filters"])


def told_config(config: Config) -> dict[str, Any]:
    """A config for those who may know of a trigger but not fire it: a path that is all it takes is masked."""
    data: dict[str, Any] = as_data(config)
    return data | {"path": MASK} if isinstance(config, Webhook) and not config.is_signed else data


# Words for what people wait for, where the log has it in a field of an event.
_FRIENDLY: Mapping[str, tuple[Kind, Mapping[str, str]]] = {
    "execution.ended": (Kind.EXECUTION_FINISHED, {}),
    "execution.succeeded": (Kind.EXECUTION_FINISHED, {"status": "succeeded"}),
    "execution.failed": (Kind.EXECUTION_FINISHED, {"status": "failed"}),
    "execution.cancelled": (Kind.EXECUTION_FINISHED, {"status": "cancelled"}),
    "node.installed": (Kind.NODE_STATE_CHANGED, {"to_state": "installed"}),
    "node.install_failed": (Kind.NODE_STATE_CHANGED, {"to_state": "install_failed"}),
    "node.retired": (Kind.NODE_STATE_CHANGED, {"to_state": "retired"}),
}


def _meaning(name: str) -> tuple[Kind | None, Mapping[str, Any]]:
    if name in _FRIENDLY:
        return _FRIENDLY[name]
    return (Kind(name), {}) if name in set(Kind) else (None, {})


def kinds(config: Listening) -> frozenset[Kind]:
    """The kinds of events among which are those that fit."""
    return frozenset(kind for name in config.events if (kind := _meaning(name)[0]) is not None)


def fits(config: Listening, event: Event) -> bool:
    """Whether an event is one on which a trigger fires."""
    if "trigger_id" in event.data:
        return False
    facts = {**event.data, **{name: getattr(event, name) for name in _FIELDS}}
    if "to_state" in facts:
        facts.setdefault("state", facts["to_state"])
    meanings = (_meaning(name) for name in config.events)
    mine = any(kind is event.kind and _agrees(facts, wanted) for kind, wanted in meanings)
    return mine and _agrees(facts, config.filters)


_FIELDS = ("principal", "node_id", "execution_id", "step_key")


def _agrees(facts: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in facts and _is_one_of(facts[name], values) for name, values in wanted.items())


def _is_one_of(fact: Any, wanted: Any) -> bool:
    values = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return as_text(fact) in {as_text(value) for value in values}

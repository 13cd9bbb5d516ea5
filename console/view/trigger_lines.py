"""The rows of the triggers, and what there is to say of one. Pure."""

import json
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, Symbols, ago, cell, clock, duration, safe
from console.view.listing import SortKey, natural
from console.view.node_lines import fact, heading
from console.view.pieces import Piece
from engine.core.schedule import Schedule
from engine.core.shape import as_data
from engine.core.trigger_config import Listening, Webhook
from engine.core.triggers import Trigger

COLUMNS = (
    Column(key="name", title="TRIGGER", width=14, flex=2, most=30, keep=100),
    Column(key="state", title="STATE", width=10, keep=95),
    Column(key="next", title="NEXT", width=10, keep=90),
    Column(key="workflow", title="WORKFLOW", width=12, flex=2, most=30, keep=85),
    Column(key="on", title="ON", width=14, flex=2, keep=50),
    Column(key="last", title="LAST", width=5, keep=70, right=True),
    Column(key="fired", title="FIRED", width=5, keep=40, right=True),
)
FIELDS = ("name", "type", "state", "workflow", "node", "on", "description")
SORTS = ("name", "next", "last")


def state(trigger: Trigger) -> tuple[str, Role]:
    """Whether it fires, and whether that went well the last time."""
    if not trigger.enabled:
        return "disabled", Role.MUTED
    return ("failed", Role.BAD) if trigger.last_error else ("enabled", Role.GOOD)


def what_on(trigger: Trigger) -> str:
    """What it waits for, in a few words; never a path, which may be all the proof there is."""
    config = trigger.config
    if isinstance(config, Schedule):
        return f"{config.cron} {config.timezone}"
    if isinstance(config, Listening):
        wanted = (f"{name}={value}" for name, value in config.filters.items())
        return " ".join((", ".join(config.events), *wanted))
    if isinstance(config, Webhook):
        return "webhook, signed" if config.is_signed else "webhook"
    return trigger.type.value


def next_firing(trigger: Trigger, now: datetime) -> str:
    """In how long it fires next; empty if nobody knows."""
    if not trigger.enabled or trigger.next_at is None:
        return ""
    left = (trigger.next_at - now).total_seconds()
    return f"in {duration(left)}" if left >= 0 else "due"


def row(trigger: Trigger, now: datetime, symbols: Symbols) -> Row:
    """A trigger's row, in the order of `COLUMNS`."""
    word, role = state(trigger)
    mark = symbols.warning if role is Role.BAD else symbols.running if trigger.enabled else symbols.separator
    return (
        cell(trigger.name, Role.STRONG if trigger.enabled else Role.MUTED),
        (Piece(f"{mark} {word}", role),),
        cell(next_firing(trigger, now)),
        cell(trigger.workflow + (f" on {trigger.node}" if trigger.node else "")),
        cell(what_on(trigger), Role.MUTED),
        cell(ago(trigger.last_fired_at, now) or "never", Role.MUTED),
        cell(str(trigger.fired), Role.MUTED),
    )


def fields(trigger: Trigger) -> Fields:
    """What a trigger is searched by."""
    values = {
        "name": trigger.name,
        "type": trigger.type.value,
        "state": state(trigger)[0],
        "workflow": trigger.workflow,
        "node": trigger.node or "",
        "on": what_on(trigger),
        "description": trigger.description,
    }
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(trigger: Trigger, sort: str) -> SortKey:
    """What a trigger is sorted by; what fires next, or fired last, comes first."""
    if sort == "next":
        return trigger.next_at is None, trigger.next_at.timestamp() if trigger.next_at else 0.0, natural(trigger.name)
    if sort == "last":
        return -(trigger.last_fired_at.timestamp() if trigger.last_fired_at else 0.0), natural(trigger.name)
    return (natural(trigger.name),)


def details(trigger: Trigger, now: datetime, server_url: str) -> list[Cell]:
    """What a trigger waits for, what it starts, and when it fires next."""
    word, role = state(trigger)
    lines: list[Cell] = [
        (Piece(" "), *cell(trigger.name, Role.STRONG), Piece(f"  {word}", role)),
        *([(Piece(f" {safe(trigger.description)}", Role.PLAIN),)] if trigger.description else []),
        *([fact("last error", trigger.last_error, Role.BAD)] if trigger.last_error else []),
        fact("starts", trigger.workflow + (f" on {trigger.node}" if trigger.node else "")),
        *(fact(name, _text(value)) for name, value in trigger.params.items()),
        *([fact("if", trigger.condition)] if trigger.condition else []),
    ]
    times = list(_times(trigger))
    if times:
        lines += [(), heading("NEXT"), *times]
    return [
        *lines,
        (),
        heading("FIRES"),
        fact("type", trigger.type.value),
        *(fact(name, _text(value)) for name, value in as_data(trigger.config).items() if value),
        *([fact("url", f"{server_url}{trigger.url}")] if trigger.url else []),
        fact("last", f"{clock(trigger.last_fired_at, now)} ({trigger.fired} in all)" if trigger.fired else "never"),
    ]


def _times(trigger: Trigger) -> Iterator[Cell]:
    zone = trigger.config.timezone if isinstance(trigger.config, Schedule) else "UTC"
    for moment in trigger.next:
        there = "" if zone == "UTC" else f"   {moment.astimezone(ZoneInfo(zone)):%a %H:%M %Z}"
        yield (Piece(f"   {moment:%a %Y-%m-%d %H:%M} UTC", Role.PLAIN), Piece(there, Role.MUTED))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)

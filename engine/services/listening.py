"""Firing on what has happened.

Each trigger that waits for events has a cursor: the last event of the log that it has seen. Events are looked up beside
the writer; the starts and the cursor's move past them are one transaction, which does nothing if the cursor has moved
meanwhile: then another host has done it. So each event counts once, also over restarts.
"""

import logging
from dataclasses import replace

from engine.core import trigger_config, triggers
from engine.core.events import Event
from engine.core.trigger_config import Listening
from engine.core.triggers import Trigger
from engine.errors import Unavailable
from engine.services import firing
from engine.services.context import Context
from engine.services.firing import Occurrence
from engine.store import events
from engine.store import triggers as store
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

_PIECE = 50  # how many executions one transaction starts: others wait for it


async def fire_events(context: Context, limit: int) -> bool:
    """Let each trigger have at most `limit` of the events it has not seen; True if there may be more."""
    waiting = await context.database.read(store.listeners)
    return any([await _listen(context, trigger, limit) for trigger in waiting])


async def _listen(context: Context, trigger: Trigger, limit: int) -> bool:
    seen, config, piece = trigger.cursor, trigger.config, min(limit, _PIECE)
    if seen is None or not isinstance(config, Listening):
        return False

    def look(tx: Tx) -> tuple[list[Event], int]:
        return store.events_of(tx, trigger_config.kinds(config), seen, piece), events.cursor(tx)

    found, newest = await context.database.read(look)
    is_full = len(found) == piece
    upto = found[-1].id if is_full else newest
    fitting = [event for event in found if trigger_config.fits(config, event)]
    # What does not concern it is seldom worth a write: it is only not to be looked through again and again.
    if not fitting and not is_full and upto - seen <= limit:
        return False
    try:
        await context.database.write(lambda tx: _take(context, tx, trigger, fitting, upto))
    except Unavailable:
        raise
    except Exception:
        _log.exception("trigger %s cannot fire", trigger.name)
        await _take_one_by_one(context, trigger, fitting, upto)
    return is_full


def _take(context: Context, tx: Tx, seen: Trigger, found: list[Event], upto: int, reason: str | None = None) -> bool:
    """Fire on events and move the cursor past them; with a `reason`, do not even try. False if another did it."""
    trigger = store.known(tx, seen.id)
    if trigger is None or (trigger.cursor, trigger.config) != (seen.cursor, seen.config):
        return False
    for event in found:
        occurrence = Occurrence(key=triggers.event_key(event.id), at=event.at, event=event)
        if reason is None:
            trigger = firing.fire(context, tx, trigger, occurrence, by=trigger.principal).trigger
        else:
            trigger = firing.give_up(context, tx, trigger, occurrence, reason, by=trigger.principal)
    store.save_state(tx, replace(trigger, cursor=upto))
    return True


async def _take_one_by_one(context: Context, trigger: Trigger, found: list[Event], upto: int) -> None:
    """Pass over the events that cannot even be tried, and over no others."""
    for event in found:
        end = upto if event is found[-1] else event.id
        if not await _take_alone(context, trigger, event, end):
            return
        trigger = replace(trigger, cursor=end)


async def _take_alone(context: Context, trigger: Trigger, event: Event, upto: int) -> bool:
    write = context.database.write
    try:
        return await write(lambda tx: _take(context, tx, trigger, [event], upto))
    except Unavailable:
        raise
    except Exception as error:
        reason = f"unexpected {type(error).__name__}: {error}"
        return await write(lambda tx: _take(context, tx, trigger, [event], upto, reason))

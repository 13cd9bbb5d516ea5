"""Firing the schedules that are due.

Any number of hosts may do so at once. What is due is looked up beside the writer; what becomes of it, the starts and
the next time are one transaction, which does nothing if the trigger's next time has moved meanwhile: then another host
has done it.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime

from engine.core import schedule, triggers
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.schedule import Due, Schedule
from engine.core.triggers import Trigger
from engine.errors import Unavailable
from engine.services import firing
from engine.services.context import Context
from engine.services.firing import Occurrence
from engine.store import events
from engine.store import triggers as store
from engine.store.tx import Tx

_log = logging.getLogger(__name__)


async def fire_due(context: Context) -> int:
    """Fire what is due now; gives how many executions that started."""
    now = context.now()
    waiting = await context.database.read(lambda tx: store.due(tx, now))
    return sum([await _fire(context, trigger, now) for trigger in waiting])


async def _fire(context: Context, trigger: Trigger, now: datetime) -> int:
    first = trigger.next_at
    if first is None or not isinstance(trigger.config, Schedule):
        return 0
    plan = await asyncio.to_thread(schedule.due, trigger.config, first, now)  # there may be years of minutes
    try:
        return await context.database.write(lambda tx: _carry_out(context, tx, trigger, plan))
    except Unavailable:
        raise
    except Exception as error:
        _log.exception("trigger %s cannot fire", trigger.name)
        reason = f"unexpected {type(error).__name__}: {error}"
        await context.database.write(lambda tx: _pass_over(context, tx, trigger, plan, reason))
        return 0


def _carry_out(context: Context, tx: Tx, seen: Trigger, plan: Due) -> int:
    trigger = store.known(tx, seen.id)
    if trigger is None or (trigger.next_at, trigger.config) != (seen.next_at, seen.config):
        return 0
    count = trigger.fired
    for moment in plan.fire:
        missed = plan.missed if moment is plan.fire[0] else 0
        occurrence = Occurrence(key=triggers.time_key(moment), at=moment, missed=missed, more=plan.more)
        trigger = firing.fire(context, tx, trigger, occurrence, by=trigger.principal).trigger
    if not plan.fire:
        _tell_of_skipped(context, tx, trigger, plan)
    store.save_state(tx, replace(trigger, next_at=plan.next_at))
    return trigger.fired - count


def _tell_of_skipped(context: Context, tx: Tx, trigger: Trigger, plan: Due) -> None:
    data = {
        "trigger_id": trigger.id,
        "name": trigger.name,
        "next_at": plan.next_at,
        "missed": plan.missed,
        "missed_at_least": plan.more,
    }
    events.append(tx, [NewEvent(kind=Kind.TRIGGER_SKIPPED, at=context.now(), principal=SYSTEM, data=data)])


def _pass_over(context: Context, tx: Tx, seen: Trigger, plan: Due, reason: str) -> None:
    """Go on without what cannot even be tried."""
    trigger = store.known(tx, seen.id)
    if trigger is None or trigger.next_at != seen.next_at:
        return
    missed = plan.missed + max(0, len(plan.fire) - 1)
    occurrence = Occurrence(key="", at=context.now(), missed=missed, more=plan.more)
    after = firing.give_up(context, tx, trigger, occurrence, reason, by=trigger.principal)
    store.save_state(tx, replace(after, next_at=plan.next_at))

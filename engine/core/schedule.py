"""When a schedule's occurrences are, and what is made of those that were missed. Times are aware and in UTC.

A schedule is a cron expression of five fields in a time zone; what it means is what Debian's cron makes of it. Where
the clocks change, that is: at a fixed time of day (neither minute nor hour begins with `*`) an occurrence in the hour
that is left out comes at the first moment after it, and one in the hour that comes twice happens once, the first time.
Every other schedule goes by the time that really passes, so `*/30 * * * *` is half an hour on every day of the year.

A missed occurrence is one that nobody fired when it was due, since no engine ran. The policy says what becomes of it:

| missed | fires |
|---|---|
| skip | only what is due for less than a minute |
| once | the newest of what is due, for all of it |
| all | everything that is due, the newest 100 at most |
"""

import zoneinfo
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import chain, islice, takewhile

from engine.errors import Problem

MAX_FIRED = 100
"""How many missed occurrences fire at most."""

MAX_COUNTED = 10_000
"""How many missed occurrences are counted; of more it is only said that there were more."""

GRACE = timedelta(minutes=1)
"""How late an occurrence may be fired and is not missed: the shortest time between two of them."""

_LONGEST = 200
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Missed(StrEnum):
    """What becomes of occurrences that were missed."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a trigger fires: a cron expression, the IANA name of a time zone, and what becomes of what is missed."""

    cron: str
    timezone: str = "UTC"
    missed: Missed = Missed.ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to fire now, oldest first; how many due occurrences do not (with `more`: at least); what comes next."""

    fire: tuple[datetime, ...]
    missed: int
    more: bool
    next_at: datetime | None


def check(value: Schedule) -> list[Problem]:
    """What is wrong with a schedule; the paths begin below its `config`."""
    problems = []
    if _zone(value.timezone) is None:
        message = f"{value.timezone[:60]!r} is no time zone that is known here; write one as Europe/Berlin or UTC"
        problems.append(Problem(path="timezone", message=message))
    wrong = _wrong(value.cron)
    if wrong is not None:
        problems.append(Problem(path="cron", message=f"{value.cron[:60]!r} {wrong}"))
    return problems


def _wrong(cron: str) -> str | None:
    """What is wrong with a cron expression, as the end of a sentence; None if nothing is."""
    from cronsim import CronSim, CronSimError  # only schedules need it

    expression = _expression(cron)
    if len(expression.split()) != 5 or len(expression) > _LONGEST:
        return "is no cron expression: it has five fields (minute hour day-of-month month day-of-week), as 30 4 * * 1"
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return f"is no cron expression: {str(error)[:1].lower()}{str(error)[1:]}"
    except StopIteration:
        return "never comes: no day fits it"
    return None


def _expression(cron: str) -> str:
    return _ALIASES.get(cron.strip().lower(), cron)


def _zone(name: str) -> tzinfo | None:
    if name.upper() == "UTC":
        return UTC  # also where no time zones are installed
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of them
        return None


def occurrences(value: Schedule, after: datetime) -> Iterator[datetime]:
    """The occurrences later than `after`, in order, without end unless the schedule has one."""
    from cronsim import CronSim

    last = after.astimezone(UTC)
    for moment in CronSim(_expression(value.cron), after.astimezone(_zone(value.timezone) or UTC)):
        found = moment.astimezone(UTC)
        # Begun in the second of two equal hours, a fixed time of day is first found in the hour before.
        if found > last:
            yield found
            last = found


def next_times(value: Schedule, after: datetime, n: int = 5) -> tuple[datetime, ...]:
    """The next `n` occurrences later than `after`."""
    return tuple(islice(occurrences(value, after), n))


def due(value: Schedule, first: datetime, now: datetime) -> Due:
    """What to make of the occurrences from `first`, which is one, to `now`. `first` must not be later than `now`."""
    newest = _newest(value, first, now)
    match value.missed:
        case Missed.SKIP:
            fire = tuple(moment for moment in newest if now - moment < GRACE)
        case Missed.ONCE:
            fire = newest[-1:]
        case Missed.ALL:
            fire = newest
    count = sum(1 for _ in islice(_between(value, first, now), MAX_COUNTED + 1))
    more = count > MAX_COUNTED
    missed = max(0, min(count, MAX_COUNTED) - len(fire))
    return Due(fire=fire, missed=missed, more=more, next_at=next(occurrences(value, now), None))


def _between(value: Schedule, first: datetime, last: datetime) -> Iterator[datetime]:
    return takewhile(lambda moment: moment <= last, chain((first,), occurrences(value, first)))


def _newest(value: Schedule, first: datetime, now: datetime) -> tuple[datetime, ...]:
    """The newest of the occurrences, found without walking through years of them."""
    span = timedelta(hours=2)
    while now - span > first:
        late = takewhile(lambda moment: moment <= now, occurrences(value, now - span))
        found = deque(late, maxlen=MAX_FIRED)
        if len(found) == MAX_FIRED:
            return tuple(found)
        span *= 4
    return tuple(deque(_between(value, first, now), maxlen=MAX_FIRED))

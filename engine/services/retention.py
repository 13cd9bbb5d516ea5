"""Forgetting the past as the settings say, in small transactions: what happens now never waits long for it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.retention import Cut, Pruned
from engine.services.context import Context
from engine.settings import Retention as Rules
from engine.store import events
from engine.store import retention as store

INTERVAL_SECONDS = 3600.0
"""How often it is worth while."""

_EXECUTIONS = 200  # in a transaction, at most
_ROWS = 1000


class Retention:
    """What is kept of the past: `retention.*` of the settings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prune(self, *, dry_run: bool = False, by: str = SYSTEM, rules: Rules | None = None) -> Pruned:
        """Forget what is older or more than `rules` (if not given, the settings) say; `dry_run` only counts it.

        Executions go with their attempts, logs and artifacts. What lives stays, as does all whose parent or child
        lives or for which a dead letter waits, and every event that is an audit row. Links stay.

        Raises:
            Unavailable: the store cannot be used now; what went until then is gone.
        """
        cut = _cut(rules or self._context.settings.retention, self._context.now())
        if dry_run:
            return await self._count(cut)
        executions, attempts, logs = await self._prune_executions(cut)
        logs += await self._prune_logs(cut)
        pruned = Pruned(
            executions=executions, attempts=attempts, logs=logs, events=await self._prune_events(cut.events)
        )
        if pruned.total:
            await self._note(pruned, by)
        return pruned

    async def _prune_executions(self, cut: Cut) -> tuple[int, int, int]:
        database = self._context.database
        totals = (0, 0, 0)
        for ids in _portions(await database.read(lambda tx: store.executions_to_go(tx, cut))):
            more = await self._remove_logs(ids)
            gone = await database.write(lambda tx, ids=ids: store.remove_executions(tx, ids))  # type: ignore[misc]
            totals = (totals[0] + gone[0], totals[1] + gone[1], totals[2] + gone[2] + more)
        return totals

    async def _prune_logs(self, cut: Cut) -> int:
        before = cut.logs
        if before is None:
            return 0
        owners = await self._context.database.read(lambda tx: store.logs_to_go(tx, before))
        return sum([await self._remove_logs(ids) for ids in _pieces(owners)])

    async def _remove_logs(self, execution_ids: Sequence[str]) -> int:
        total = 0
        while gone := await self._context.database.write(lambda tx: store.remove_logs(tx, execution_ids, _ROWS)):
            total += gone
        return total

    async def _prune_events(self, before: datetime | None) -> int:
        total = after = 0
        while ids := await self._old_events(before, after):
            total += await self._context.database.write(lambda tx, ids=ids: store.remove_events(tx, ids))  # type: ignore[misc]
            after = ids[-1]
        return total

    async def _old_events(self, before: datetime | None, after: int) -> list[int]:
        if before is None:
            return []
        return await self._context.database.read(lambda tx: store.events_to_go(tx, before, after, _ROWS))

    async def _count(self, cut: Cut) -> Pruned:
        read = self._context.database.read
        going = dict(await read(lambda tx: store.executions_to_go(tx, cut)))
        owners = set(going)
        if cut.logs is not None:
            before = cut.logs
            owners.update(await read(lambda tx: store.logs_to_go(tx, before)))
        logs = [await read(lambda tx, ids=ids: store.count_logs(tx, ids)) for ids in _pieces(sorted(owners))]  # type: ignore[misc]
        count = after = 0
        while ids := await self._old_events(cut.events, after):
            count, after = count + len(ids), ids[-1]
        return Pruned(executions=len(going), attempts=sum(going.values()), logs=sum(logs), events=count, dry_run=True)

    async def _note(self, pruned: Pruned, by: str) -> None:
        data = {name: count for name, count in pruned.counts.items() if count}
        fact = NewEvent(kind=Kind.STORE_PRUNED, at=self._context.now(), principal=by, data=data)
        await self._context.database.write(lambda tx: events.append(tx, [fact]))


def _cut(rules: Rules, now: datetime) -> Cut:
    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else now - timedelta(seconds=seconds)

    return Cut(executions=ago(rules.executions), keep=rules.keep, logs=ago(rules.logs), events=ago(rules.events))


def _portions(counted: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Executions in portions for one transaction each, by how many rows each has."""
    portion: list[str] = []
    rows = 0
    for execution_id, attempts in counted:
        if portion and (len(portion) == _EXECUTIONS or rows + attempts > _ROWS):
            yield portion
            portion, rows = [], 0
        portion.append(execution_id)
        rows += attempts
    if portion:
        yield portion


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _EXECUTIONS] for at in range(0, len(ids), _EXECUTIONS))

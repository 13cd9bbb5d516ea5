"""How long what runs will take, and how long each step took before: from earlier runs, remembered for a while."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from engine.core.estimates import Eta, History, eta, history
from engine.core.executions import Execution
from engine.services.context import Context
from engine.store.estimates import past_runs
from engine.store.tx import Tx

RUNS = 100
"""From how many runs of a workflow it is told how long the next one takes."""
REMEMBERED = timedelta(minutes=5)
SOON = timedelta(seconds=20)  # where there was no run yet, the first one counts
WORKFLOWS = 200


class Estimates:
    """What earlier runs tell. What is told of a workflow is some minutes old at most; asking again costs nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: OrderedDict[str, tuple[datetime, History]] = OrderedDict()

    async def histories(self, workflow_ids: Iterable[str]) -> Mapping[str, History]:
        """What earlier runs of some workflows tell, by their ids; a workflow without any has an empty history.

        Raises:
            Unavailable: the store cannot be read.
        """
        wanted = dict.fromkeys(workflow_ids)
        stale = [each for each in wanted if not self._is_fresh(each)]
        if stale:

            def work(tx: Tx) -> dict[str, History]:
                return {each: history(past_runs(tx, each, RUNS)) for each in stale}

            read = await self._context.database.read(work)
            for workflow_id, found in read.items():
                self._remember(workflow_id, found)
        return {each: self._known[each][1] for each in wanted if each in self._known}

    async def of(self, executions: Iterable[Execution]) -> dict[str, Eta]:
        """When executions will be done, by their ids; those of which nobody can tell are left out.

        Raises:
            Unavailable: the store cannot be read.
        """
        listed = [each for each in executions if not each.ended]
        known = await self.histories(each.workflow_id for each in listed)
        now = self._context.now()
        found = ((each.id, eta(each, known[each.workflow_id], now)) for each in listed if each.workflow_id in known)
        return {execution_id: about for execution_id, about in found if about is not None}

    def _is_fresh(self, workflow_id: str) -> bool:
        known = self._known.get(workflow_id)
        if known is None:
            return False
        at, found = known
        return self._context.now() - at < (REMEMBERED if found.runs else SOON)

    def _remember(self, workflow_id: str, found: History) -> None:
        self._known[workflow_id] = (self._context.now(), found)
        self._known.move_to_end(workflow_id)
        while len(self._known) > WORKFLOWS:
            self._known.popitem(last=False)

"""What the dashboard knows beside the model: who needs a person, what runs, and how the states were before.

All of it is kept up to date by what has changed; only at its begin each node is looked at once.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from console.model import Changes, Model
from console.view import needs
from console.view.dashboard_lines import AT_WORK
from console.view.needs import Need
from console.view.waiting import asking
from engine.core.dead_letters import DeadLetter
from engine.core.nodes import NodeState
from engine.core.trends import Moves, walked_back

MINUTES = 60


class Overview:
    """Needs, and what runs, by key."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._failed: set[str] = set()
        self._held: set[str] = set()
        self._asking: set[str] = set()
        self._at_work: dict[str, tuple[float, str]] = {}
        self._order: list[str] | None = None
        self.letters: Sequence[DeadLetter] = ()
        self.is_whole = False
        self.needs: dict[str, Need] = {}

    def begin(self) -> None:
        """Look at everything that has not ended; the nodes are looked at by and by (`look_at`)."""
        self._take_up(self._model.live)

    def look_at(self, node_ids: Iterable[str]) -> None:
        """See whether something has failed on these nodes."""
        for node_id in node_ids:
            if node_id in self._model.nodes and needs.has_failed(self._model.node_view(node_id)):
                self._failed.add(node_id)
            else:
                self._failed.discard(node_id)

    def follow(self, changes: Changes) -> None:
        """Take up what has changed; the model has it already."""
        self._take_up(changes.executions)
        self.look_at(changes.nodes | self._model.nodes_of(changes.executions))

    def _take_up(self, execution_ids: Iterable[str]) -> None:
        for each in execution_ids:
            execution = self._model.executions.get(each)
            is_at_work = execution is not None and execution.status in AT_WORK and execution.parent_id is None
            if execution is not None and is_at_work:
                key = (-(execution.started_at or execution.created_at).timestamp(), each)
                if self._at_work.get(each) != key:
                    self._at_work[each] = key
                    self._order = None
            elif self._at_work.pop(each, None) is not None:
                self._order = None
            is_held = execution is not None and needs.is_held(execution)
            (self._held.add if is_held else self._held.discard)(each)
            is_asking = execution is not None and bool(asking(execution))
            (self._asking.add if is_asking else self._asking.discard)(each)

    @property
    def at_work(self) -> Sequence[str]:
        """The executions that run or are paused and that no other started, the newest first."""
        if self._order is None:
            self._order = sorted(self._at_work, key=self._at_work.__getitem__)
        return self._order

    def gather(self, trouble: str | None) -> list[str]:
        """Make the needs anew; gives their keys, the most urgent first."""
        model = self._model
        found: list[Need] = [needs.of_store(trouble)] if trouble else []
        for each in self._asking:
            found += needs.of_approvals(model.executions[each], self._name(model.executions[each].node_id))
        found += [needs.of_letter(letter, self._name(letter.node_id)) for letter in self.letters]
        known = {letter.execution_id for letter in self.letters}
        for each in self._failed:
            view = model.node_view(each)
            if view.execution is None or view.execution.id not in known:
                found.append(needs.of_failed(view))
        stuck = ((each, why) for each, why in model.stuck.items() if each in model.nodes and each not in self._failed)
        found += [needs.of_stuck(model.node_view(each), why) for each, why in stuck]
        held = (model.executions[each] for each in self._held)
        found += needs.of_held((execution, self._name(execution.node_id)) for execution in held)
        found.sort(key=lambda need: need.rank)
        self.needs = {need.key: need for need in found}
        return list(self.needs)

    def _name(self, node_id: str | None) -> str:
        node = self._model.nodes.get(node_id or "")
        return node.name if node is not None else ""


class StateTrend:
    """How many nodes were in each state, minute by minute, in the last hour."""

    def __init__(self) -> None:
        self._points: deque[Mapping[NodeState, int]] = deque(maxlen=MINUTES)
        self._until: datetime | None = None

    def load(self, past: Moves, counts: Mapping[NodeState, int], now: datetime) -> None:
        """Begin with what the log tells of the last hour, as far as it does."""
        minute = now.replace(second=0, microsecond=0)
        times = [minute - timedelta(minutes=ago) for ago in range(MINUTES - 1, -1, -1)]
        self._points = deque(walked_back(counts, past.moves, [time for time in times if time >= past.since]), MINUTES)
        self._until = minute

    def tick(self, counts: Mapping[NodeState, int], now: datetime) -> bool:
        """Note how it is at the begin of another minute; True if there was one."""
        minute = now.replace(second=0, microsecond=0)
        if self._until is None or minute <= self._until:
            return False
        passed = int((minute - self._until).total_seconds() // 60)
        self._points.extend([dict(counts)] * min(passed, MINUTES))
        self._until = minute
        return True

    def series(self, state: NodeState, count: int) -> tuple[int, ...]:
        """How many there were, oldest first, and how many there are now."""
        return (*(point.get(state, 0) for point in self._points), count)

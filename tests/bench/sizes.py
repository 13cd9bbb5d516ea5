"""How much each bench does: enough for a steady figure, or just enough to see that the bench itself works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything; the names of fields end in their unit where it is no count.

    `looped_by_peers` is how many workflows of the closed loop those make who are known to be slow, `slow_workflows` and
    `slow_peers` how many they make in all on a slow disk; their rates do not depend on it.
    `peers` says whether anybody but us takes part, `everywhere` whether benches that are not about PostgreSQL do their
    work there as well. An old store holds `ended` executions with `past_events` events.
    """

    rounds: int = 3
    peers: bool = True
    everywhere: bool = True
    workflows: int = 500
    clients: int = 50
    looped_by_peers: int = 200
    slow_workflows: int = 100
    slow_peers: int = 40
    killed: int = 200
    connections: int = 64
    machines: int = 1000
    heartbeats_per_s: int = 2000
    callbacks_per_s: int = 200
    mixed_seconds: float = 60.0
    ended: int = 10_000
    past_events: int = 500_000
    waiting: int = 2000
    quiet_seconds: float = 20.0
    soak_seconds: float = 60.0
    soak_per_s: int = 100

    @property
    def requests(self) -> int:
        """How many reports the bench of callbacks makes: a progress and a success for each step of each machine."""
        return self.machines * 2 * STEPS


STEPS = 5

TINY = Sizes(
    rounds=1,
    peers=False,
    everywhere=False,
    workflows=4,
    clients=2,
    looped_by_peers=2,
    slow_workflows=3,
    slow_peers=2,
    killed=8,
    connections=2,
    machines=3,
    heartbeats_per_s=40,
    callbacks_per_s=10,
    mixed_seconds=0.5,
    ended=5,
    past_events=100,
    waiting=3,
    quiet_seconds=0.2,
    soak_seconds=0.6,
    soak_per_s=10,
)
"""For the test of the benches."""

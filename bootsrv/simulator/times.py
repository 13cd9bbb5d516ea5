"""How long what a simulated rack does takes, by stage: kept as bare numbers, told as percentiles. Pure."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class Stage(StrEnum):
    """A part of a machine's way that is timed, in the order of the way.

    `FILE` is each file that iPXE fetches, `CALL` each call of an agent but those that wait for a step, `INSTALL` all of
    it from the power button to the new system.
    """

    LOADER = "loader"
    SCRIPT = "script"
    FILE = "file"
    ANSWERS = "answers"
    STEPS = "steps"
    CALL = "call"
    INSTALL = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How some times lie, in seconds."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float


def spread(seconds: "array[float]") -> Spread:
    """How some times lie; there must be at least one."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    shares = {name: ordered[min(last, int(len(ordered) * share))] for name, share in SHARES.items()}
    return Spread(count=len(ordered), most=ordered[last], **shares)


@dataclass(slots=True)
class Times:
    """What was timed so far, of all machines."""

    _taken: dict[Stage, "array[float]"] = field(default_factory=dict)

    def note(self, stage: Stage, seconds: float) -> None:
        """Something took so long."""
        taken = self._taken.get(stage)
        if taken is None:
            taken = self._taken[stage] = array("d")
        taken.append(seconds)

    def spreads(self) -> Mapping[Stage, Spread]:
        """How the times of each stage lie, in the order of a machine's way; of stages that were never timed nothing."""
        return {stage: spread(self._taken[stage]) for stage in Stage if stage in self._taken}

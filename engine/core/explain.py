"""Why a machine stands where it does: one sentence from its boot trace, its node, its execution and the time.

The causes are a table (`boot_causes`), looked through from top to bottom: the first that fits is told. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from engine.core.boot_case import Case
from engine.core.boot_causes import CAUSES, Level
from engine.core.boot_trace import Contact
from engine.core.executions import Execution
from engine.core.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far a machine came (`reached`), what was to come next (`expected`), why it probably did not (`why`) and what
    to do (`advice`). `cause` is the name of the row of the catalogue; `level` says whether somebody should care.
    """

    SHOWN: ClassVar = ("sentence",)

    cause: str
    level: Level
    reached: str
    expected: str = ""
    why: str = ""
    advice: str = ""
    last_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        head = ", ".join(part for part in (self.reached, self.expected) if part)
        tail = "; ".join(part for part in (self.why, self.advice) if part)
        return f"{head}: {tail}" if tail else head

    @property
    def brief(self) -> str:
        """What did not follow, or else how far it came, for where there is little room."""
        return self.expected.removeprefix("and ").removeprefix("but ") or self.reached

    @property
    def is_trouble(self) -> bool:
        """Whether it hangs."""
        return self.level is Level.TROUBLE


def explain(contacts: Sequence[Contact], node: Node | None, execution: Execution | None, now: datetime) -> Verdict:
    """Judge a machine.

    `contacts` are the lines of its trace, oldest first; `node` is None for a machine that is none yet, `execution` its
    live execution or else its newest.
    """
    case = Case(contacts=contacts, node=node, execution=execution, now=now)
    for cause in CAUSES:
        words = cause.fits(case)
        if words is not None:
            return Verdict(
                cause=cause.key,
                level=cause.level,
                reached=cause.reached.format_map(words),
                expected=cause.expected.format_map(words),
                why=cause.why.format_map(words),
                advice=cause.advice.format_map(words),
                last_at=case.life_end if case.life else None,
            )
    raise AssertionError("the last row of the catalogue fits everything")

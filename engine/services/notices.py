"""What a committed transaction tells the process that made it, so that nobody there has to ask the store.

Other processes learn of the same from the store (`Feed`). A notice that is lost with its process is no loss: whoever
comes next finds the same in the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.executions import Attempt, Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An attempt that this engine has taken and now performs; `config` is complete and `parameters` what its action's
    model makes of it, or `error` says why they are not.
    """

    attempt: Attempt
    config: Mapping[str, Any] = field(default_factory=dict)
    parameters: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """An attempt is no longer wanted: whoever performs it stops."""

    attempt_id: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Some execution has to be planned at this time although nothing happens."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """An execution has ended, and with it gave its place to another."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Queued:
    """An execution waits for its turn."""


Notice = Task | Stop | Wake | Over | Queued

"""What there is to know of an attempt, and of a whole execution, for people: secrets masked, nothing without bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.boot_trace import Contact
from engine.core.conditions import Named
from engine.core.events import Event
from engine.core.executions import Attempt, Execution
from engine.core.explain import Verdict
from engine.core.links import Link
from engine.core.nodes import Node
from engine.core.workflows import When, Workflow

MOST_ATTEMPTS = 400
"""Attempts of an execution that a report tells of one by one: the first few and the newest."""

MOST_EVENTS = 500
MOST_CONTACTS = 200
MOST_CHILDREN = 50
LOG_END = 4_000
"""Characters of the end of an attempt's log."""

ALL_LOGS = 200_000
"""Characters of all ends of logs together; the newest attempts come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An edge of a step, with what became of it: `held` is what its condition was worth (None: there is none, or nobody
    looked at it), `taken` whether it was taken (None: that is not decided yet). `values` are those that it names.
    """

    to: str
    name: str
    when: When
    if_: str | None = None
    held: bool | None = None
    taken: bool | None = None
    values: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAccount:
    """One attempt. `parameters` are those it was performed with, `unfilled` says what of them cannot be told and why;
    `lost_at` is when it counts as lost if nothing is heard of it. `log_end` is the end of its log, `log_cut` whether
    there is more before it.
    """

    attempt: Attempt
    parameters: Mapping[str, Any] = field(default_factory=dict)
    unfilled: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    links: tuple[Link, ...] = ()
    artifacts: tuple[str, ...] = ()
    lost_at: datetime | None = None
    log_end: str = ""
    log_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One execution, whole: for a report that is read elsewhere. Attempts stand in the order of their creation; where
    there are too many some in the middle are `left_out`. Events and contacts are oldest first.
    """

    made_at: datetime
    execution: Execution
    workflow: Workflow
    node: Node | None = None
    parent: Execution | None = None
    children: tuple[Execution, ...] = ()
    attempts: tuple[AttemptAccount, ...] = ()
    left_out: int = 0
    events: tuple[Event, ...] = ()
    events_left_out: int = 0
    contacts: tuple[Contact, ...] = ()
    verdict: Verdict | None = None

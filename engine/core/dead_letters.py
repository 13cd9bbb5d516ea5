"""Dead letters: what cannot go on without a person, with the reason and all that is needed to try again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.core.executions import Attempt, Execution

MAX_REASON = 10_000  # characters


class LetterKind(StrEnum):
    """What could not go on: an execution that has failed for good, or a trigger's start that was refused."""

    EXECUTION = "execution"
    TRIGGER = "trigger"


class Resolution(StrEnum):
    """What became of a letter: it was replayed or discarded, or its execution was retried without looking at it."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"
    RETRIED = "retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One thing for a person to look at; it is open until it is resolved.

    The `payload` of an execution's letter says which attempt failed and with what; that of a trigger's is the start
    that was refused: `workflow, node, params, trigger, request_id`. Once such a start is replayed, `execution_id` is
    what it started. `comment` is why it was discarded.
    """

    id: str
    kind: LetterKind
    execution_id: str | None = None
    trigger_id: str | None = None
    node_id: str | None = None
    step_key: str | None = None
    reason: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: Resolution | None = None
    comment: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has dealt with it."""
        return self.resolved_at is None


def of_execution(
    letter_id: str, execution: Execution, attempt: Attempt | None, reason: str, at: datetime
) -> DeadLetter:
    """The letter of an execution that has failed for good, with the attempt that let it fail if there is one."""
    payload: dict[str, Any] = {
        "workflow": execution.workflow_name,
        "workflow_version": execution.workflow_version,
        "params": execution.params,
    }
    if attempt is not None:
        payload |= {
            "attempt_id": attempt.id,
            "attempt": attempt.attempt,
            "action": attempt.action,
            "config": attempt.config,
        }
    return DeadLetter(
        id=letter_id,
        kind=LetterKind.EXECUTION,
        execution_id=execution.id,
        node_id=execution.node_id,
        step_key=attempt.step_key if attempt is not None else None,
        reason=reason[:MAX_REASON],
        payload=payload,
        created_at=at,
    )


def of_start(
    letter_id: str,
    trigger_id: str | None,
    start: Mapping[str, Any],
    reason: str,
    at: datetime,
    *,
    node_id: str | None = None,
) -> DeadLetter:
    """The letter of a start that was refused: `workflow, node, params, trigger, request_id`."""
    return DeadLetter(
        id=letter_id,
        kind=LetterKind.TRIGGER,
        trigger_id=trigger_id,
        node_id=node_id,
        reason=reason[:MAX_REASON],
        payload=start,
        created_at=at,
    )

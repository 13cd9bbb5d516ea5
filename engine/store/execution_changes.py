"""What a batch of transactions changed of executions: gathered, and written in a few statements at its end."""

from dataclasses import fields
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection

from engine.core.executions import Attempt, Execution
from engine.store.bulk import Bulk, Saver, plain
from engine.store.schema import attempt, execution

COLUMNS = [field.name for field in fields(Execution) if field.name != "attempts"]
ATTEMPT_COLUMNS = [field.name for field in fields(Attempt)]
# Stated once: making a statement costs more than running it.
_ADD = Bulk(execution, [*COLUMNS, "wake_at", "token_digest"])
_SAVE = Saver(
    execution,
    groups=[
        ["progress_percent"],
        [
            "status",
            "concurrency_key",
            "waits_for",
            "output",
            "error",
            "failing",
            "rolling_back",
            "started_at",
            "completed_at",
            "deadline_at",
            "paused_at",
        ],
    ],
    extra=["wake_at"],
)
_SAVE_WAKE = Bulk(execution, ["id", "wake_at"], key="id")
_ADD_ATTEMPT = Bulk(attempt, [*ATTEMPT_COLUMNS, "number"])
_SAVE_ATTEMPT = Saver(
    attempt,
    groups=[
        ["progress_percent", "message", "heard_at"],
        ["status", "output", "failure", "error", "exit_code", "completed_at", "routes"],
        ["due_at", "started_at", "deadline_at", "ends_at", "taken_by", "performer"],
    ],
)
_SAVE_CONFIG = Bulk(attempt, ["id", "config"], key="id")
_SAVE_HEARD = Bulk(attempt, ["id", "heard_at"], key="id")
_values = attrgetter(*plain(COLUMNS))
_attempt_values = attrgetter(*plain(ATTEMPT_COLUMNS))


class Changes:
    """The executions that a batch changed: each is written once, as it is at the end, and of its attempts those that
    are new or other than they were.
    """

    def __init__(self) -> None:
        self._before: dict[str, Execution | None] = {}
        self._after: dict[str, tuple[Execution, datetime | None, str | None]] = {}
        self._wakes: dict[str, datetime | None] = {}

    def add(self, before: Execution | None, after: Execution, wake_at: datetime | None, digest: str | None) -> None:
        """Note a change; `before` is what the store has, if the execution is not new."""
        if after.id in self._before:
            digest = digest or self._after[after.id][2]
        else:
            self._before[after.id] = before
        self._after[after.id] = (after, wake_at, digest)
        self._wakes.pop(after.id, None)

    def wake(self, execution_id: str, wake_at: datetime | None) -> None:
        """Note only when an execution has to be planned next."""
        if execution_id in self._after:
            after, _, digest = self._after[execution_id]
            self._after[execution_id] = (after, wake_at, digest)
        else:
            self._wakes[execution_id] = wake_at

    def flush(self, connection: Connection) -> None:
        """Write them."""
        new, saved, new_attempts, saved_attempts, configs = [], [], [], [], []
        for key, (after, wake_at, digest) in self._after.items():
            before = self._before[key]
            if before is None:
                new.append((*_values(after), wake_at, digest))
            else:
                saved.append((before, after, wake_at))
            known = () if before is None else before.attempts  # an attempt keeps its place
            for was, each in zip(known, after.attempts, strict=False):
                if was is not each:
                    saved_attempts.append((was, each))
                    if was.config is not each.config:
                        configs.append((each.id, each.config))
            places = range(len(known), len(after.attempts))
            new_attempts += [(*_attempt_values(after.attempts[at]), at) for at in places]
        _ADD.run(connection, new)
        _SAVE.run(connection, saved)
        _SAVE_WAKE.run(connection, list(self._wakes.items()))
        _ADD_ATTEMPT.run(connection, new_attempts)
        _SAVE_ATTEMPT.run(connection, saved_attempts)
        _SAVE_CONFIG.run(connection, configs)


class Heard:
    """Signs of life of a batch: of each attempt the last."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}

    def add(self, attempt_id: str, at: datetime) -> None:
        """Note one."""
        self._at[attempt_id] = at

    def flush(self, connection: Connection) -> None:
        """Write them."""
        _SAVE_HEARD.run(connection, list(self._at.items()))

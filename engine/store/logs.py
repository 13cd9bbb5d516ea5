"""How the logs of attempts are kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from engine.core.executions import Attempt
from engine.store.bulk import Bulk
from engine.store.schema import attempt, attempt_log
from engine.store.tx import Tx

MAX_LOG = 8 * 1024 * 1024  # characters of log an attempt may have
_SAVE_SIZE = Bulk(attempt, ["id", "log_size"], key="id")
_ADD = Bulk(attempt_log, ["execution_id", "attempt_id", "at", "text"])


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """A piece of an attempt's log. Ids grow in the order of commits, over all attempts."""

    id: int
    execution_id: str
    attempt_id: str
    at: datetime
    text: str


def append(tx: Tx, value: Attempt, at: datetime, text: str) -> None:
    """Add to an attempt's log; beyond `MAX_LOG` characters only that there was more."""
    tx.defer("log", _Logs).add(value, at, text)


class _Logs:
    """What a batch adds to logs."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[str, str, datetime, str]]] = {}

    def add(self, value: Attempt, at: datetime, text: str) -> None:
        """Note a text."""
        self._rows.setdefault(value.id, []).append((value.execution_id, value.id, at, text))

    def flush(self, connection: Connection) -> None:
        """Write them, as far as each log may grow."""
        sizes = select(attempt.c.id, attempt.c.log_size).where(attempt.c.id.in_(self._rows))
        known = {row.id: row.log_size for row in connection.execute(sizes)}
        grown, rows = [], []
        for attempt_id, size in known.items():
            for execution_id, _, at, text in self._rows[attempt_id]:
                if size <= MAX_LOG:
                    size += len(text)
                    kept = text if size <= MAX_LOG else _cut(text, size)
                    rows.append((execution_id, attempt_id, at, kept))
            grown.append((attempt_id, size))
        _SAVE_SIZE.run(connection, grown)
        _ADD.run(connection, rows)


def _cut(text: str, size: int) -> str:
    kept = text[: max(0, MAX_LOG - (size - len(text)))]
    return f"{kept}\n[the log is cut here: it passed {MAX_LOG} characters]\n"


def pieces(
    tx: Tx, execution_id: str, *, attempt_id: str | None = None, after: int = 0, limit: int = 1000
) -> list[LogChunk]:
    """The pieces of an execution's log (or of one attempt's) with ids above `after`, oldest first."""
    tx.flush()
    query = select(attempt_log).where(attempt_log.c.execution_id == execution_id, attempt_log.c.id > after)
    if attempt_id is not None:
        query = query.where(attempt_log.c.attempt_id == attempt_id)
    return [LogChunk(**row) for row in tx.rows(query.order_by(attempt_log.c.id).limit(limit))]

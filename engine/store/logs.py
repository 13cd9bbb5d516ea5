"""How the logs of attempts are kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from engine.core.executions import Attempt
from engine.core.redaction import Redactor
from engine.store.bulk import Bulk
from engine.store.schema import attempt, attempt_log
from engine.store.tx import Tx

MAX_LOG = 8 * 1024 * 1024  # characters of log an attempt may have
_TAIL_ROWS = 16
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


def append(tx: Tx, value: Attempt, at: datetime, text: str, redactor: Redactor | None = None) -> None:
    """Add to an attempt's log; beyond `MAX_LOG` characters only that there was more.

    The text is redacted already. With the redactor, a secret of which the end comes only now is masked as well, in the
    pieces that are kept already: who follows the log may have seen its beginning, but nobody sees the whole. (To hold
    back what might be a beginning would hold back the last line of a machine that then says nothing more.)
    """
    tx.defer("log", _Logs).add(value, at, text, redactor)


class _Logs:
    """What a batch adds to logs."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[str, str, datetime, str]]] = {}
        self._redactor: Redactor | None = None

    def add(self, value: Attempt, at: datetime, text: str, redactor: Redactor | None) -> None:
        """Note a text."""
        self._redactor = redactor
        self._rows.setdefault(value.id, []).append((value.execution_id, value.id, at, text))

    def flush(self, connection: Connection) -> None:
        """Write them, as far as each log may grow."""
        sizes = select(attempt.c.id, attempt.c.log_size).where(attempt.c.id.in_(self._rows))
        known = {row.id: row.log_size for row in connection.execute(sizes)}
        grown, rows = [], []
        for attempt_id, size in known.items():
            if self._redactor is not None:
                self._mask_seams(connection, self._redactor, attempt_id, is_first=size == 0)
            for execution_id, _, at, text in self._rows[attempt_id]:
                if size <= MAX_LOG:
                    size += len(text)
                    kept = text if size <= MAX_LOG else _cut(text, size)
                    rows.append((execution_id, attempt_id, at, kept))
            grown.append((attempt_id, size))
        _SAVE_SIZE.run(connection, grown)
        _ADD.run(connection, rows)

    def _mask_seams(self, connection: Connection, redactor: Redactor, attempt_id: str, *, is_first: bool) -> None:
        """Mask what stands over the seams between the new pieces, and between them and the last that are kept."""
        new = self._rows[attempt_id]
        if is_first and len(new) == 1:
            return
        kept = [] if is_first else _tail(connection, attempt_id, redactor.reach)
        before = [*(text for _, text in kept), *(row[3] for row in new)]
        after = redactor.across(before)
        if after == before:
            return
        for (row_id, text), clean in zip(kept, after, strict=False):
            if clean != text:
                connection.execute(update(attempt_log).where(attempt_log.c.id == row_id).values(text=clean))
        self._rows[attempt_id] = [(*row[:3], text) for row, text in zip(new, after[len(kept) :], strict=True)]


def _tail(connection: Connection, attempt_id: str, reach: int) -> list[tuple[int, str]]:
    """The last pieces of a log, so many that a secret which ends after them cannot begin before them; oldest first."""
    query = select(attempt_log.c.id, attempt_log.c.text).where(attempt_log.c.attempt_id == attempt_id)
    query = query.order_by(attempt_log.c.id.desc()).limit(_TAIL_ROWS)
    found: list[tuple[int, str]] = []
    while (missing := reach - sum(len(text) for _, text in found)) > 0:
        older = query if not found else query.where(attempt_log.c.id < found[-1][0])
        rows = [(row.id, row.text) for row in connection.execute(older)]
        found += _enough(rows, missing)
        if len(rows) < _TAIL_ROWS:
            break
    return found[::-1]


def _enough(rows: list[tuple[int, str]], characters: int) -> Iterator[tuple[int, str]]:
    for row in rows:
        if characters <= 0:
            return
        characters -= len(row[1])
        yield row


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


def end(tx: Tx, attempt_id: str, characters: int) -> tuple[str, bool]:
    """The end of an attempt's log, of so many characters at most, from the beginning of a line on if there is one; and
    whether there is more before it.
    """
    tx.flush()
    query = select(attempt_log.c.id, attempt_log.c.text).where(attempt_log.c.attempt_id == attempt_id)
    query = query.order_by(attempt_log.c.id.desc()).limit(_TAIL_ROWS)
    pieces: list[str] = []
    last: int | None = None
    while sum(map(len, pieces)) <= characters:
        rows = tx.rows(query if last is None else query.where(attempt_log.c.id < last))
        if not rows:
            return "".join(reversed(pieces)), False
        pieces += [row["text"] for row in rows]
        last = rows[-1]["id"]
    text = "".join(reversed(pieces))
    begin = len(text) - characters
    line = text.find("\n", begin - 1) + 1
    return text[line if 0 < line < len(text) else begin :], True

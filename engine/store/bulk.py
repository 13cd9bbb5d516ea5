"""Many rows of a table by few statements: inserts, and updates by primary key.

SQLAlchemy's `executemany` is what PostgreSQL wants (one round trip). On SQLite it is one step of the statement a row,
and the driver gives Python's lock away at each: beside a busy event loop the writer then waits for it a hundred times a
commit (measured: 10 to 60 times slower). There a statement carries a hundred rows (`VALUES (…), (…), …`, and
`WITH … UPDATE … FROM`, which SQLite has since 3.33), in a few fixed sizes, so that the driver finds them prepared.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Table, bindparam, insert, update

from engine.store.schema import Moment, to_json

Row = Sequence[Any]
Convert = Callable[[Any], Any]

_SIZES = (128, 64, 32, 16, 8, 4, 2, 1)


class Bulk:
    """The rows of one table with one set of columns; a row has their values in this order."""

    def __init__(self, table: Table, columns: Sequence[str], key: str | None = None) -> None:
        """With `key` the rows with that value in the key's column are updated, else new ones inserted."""
        self._table = table
        self._key = key
        self._columns: list[Column[Any]] = [table.c[name] for name in columns]
        self._names = tuple(columns)

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows; none is no work."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            names = ["its_key" if name == self._key else name for name in self._names]
            connection.execute(self._statement, [dict(zip(names, row, strict=True)) for row in rows])
            return
        for part in _parts(rows):
            values: list[Any] = []
            for row in part:
                values += self._converted(row)
            connection.exec_driver_sql(self._text(len(part)), tuple(values))

    def _converted(self, row: Row) -> list[Any]:
        values = list(row)
        for at, convert in self._conversions:
            value = values[at]
            if value is not None:
                values[at] = convert(value)
        return values

    @cached_property
    def _conversions(self) -> list[tuple[int, Convert]]:
        """What the driver does not know how to write, by its place in a row."""
        return [
            (at, convert) for at, column in enumerate(self._columns) if (convert := _conversion(column)) is not None
        ]

    @cached_property
    def _statement(self) -> Any:
        if self._key is None:
            return insert(self._table)
        changed: dict[str, Any] = {name: bindparam(name) for name in self._names if name != self._key}
        return update(self._table).where(self._table.c[self._key] == bindparam("its_key")).values(changed)

    @lru_cache(maxsize=256)  # noqa: B019 - there is one for each table, for ever
    def _text(self, rows: int) -> str:
        one = f"({', '.join('?' * len(self._names))})"
        values = ", ".join([one] * rows)
        table, names = self._table.name, ", ".join(f'"{name}"' for name in self._names)
        if self._key is None:
            return f'INSERT INTO "{table}" ({names}) VALUES {values}'  # noqa: S608 - names of ours
        pairs = ", ".join(f'"{name}" = v."{name}"' for name in self._names if name != self._key)
        return (
            f"WITH v({names}) AS (VALUES {values}) "  # noqa: S608 - names of ours
            f'UPDATE "{table}" SET {pairs} FROM v WHERE "{table}"."{self._key}" = v."{self._key}"'
        )


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


def _conversion(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Moment):
        return _moment
    if isinstance(column.type, JSON):
        return _json
    return int if isinstance(column.type, Boolean) else None


@lru_cache(maxsize=8192)
def _moment(value: datetime) -> str:
    """As SQLAlchemy writes it, without its detours; one moment stands in many columns of a batch, and in later ones."""
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _json(value: Any) -> str:
    if not value:
        kind = type(value)
        if kind is dict:
            return "{}"
        if kind is tuple:
            return "[]"
    return to_json(value)

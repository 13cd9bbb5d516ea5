"""Many rows of a table by few statements: inserts, and updates by primary key.

`executemany` takes a row at a time. On SQLite that is one step of the statement a row, and the driver gives Python's
lock away at each: beside a busy event loop the writer then waits for it a hundred times a commit (measured: 10 to 60
times slower). There a statement carries many rows (`VALUES (…), (…), …`, and `WITH … UPDATE … FROM`, which SQLite has
since 3.33), in a few fixed sizes, so that the driver finds them prepared. PostgreSQL is given the columns as arrays
(`unnest`): one statement is enough for any number of rows (measured: 1.4 times the workflows of one statement a row).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Integer, Table
from sqlalchemy.exc import DBAPIError

from engine.store.schema import Moment, to_json

Row = Sequence[Any]
Convert = Callable[[Any], Any]

_SIZES = (128, 64, 32, 16, 8, 4, 2, 1)


class Bulk:
    """The rows of one table with one set of columns; a row has their values in this order."""

    def __init__(self, table: Table, columns: Sequence[str], key: str | None = None) -> None:
        """With `key` the rows with that value in the key's column are updated, else new ones inserted."""
        self._table = table.name
        self._key = key
        self._columns: list[Column[Any]] = [table.c[name] for name in columns]
        self._names = tuple(columns)

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows; none is no work."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql(self._by_arrays, tuple(self._arrays(rows)))
            return
        for part in _parts(rows):
            values: list[Any] = []
            for row in part:
                values += self._converted(row)
            _execute(connection, self._by_values(len(part)), values)

    def _converted(self, row: Row) -> list[Any]:
        values = list(row)
        for at, convert in self._conversions:
            value = values[at]
            if value is not None:
                values[at] = convert(value)
        return values

    @cached_property
    def _conversions(self) -> list[tuple[int, Convert]]:
        """What SQLite's driver does not know how to write, by its place in a row."""
        found = ((at, _for_sqlite(column)) for at, column in enumerate(self._columns))
        return [(at, convert) for at, convert in found if convert is not None]

    @lru_cache(maxsize=256)  # noqa: B019 - there is one for each table, for ever
    def _by_values(self, rows: int) -> str:
        one = f"({', '.join('?' * len(self._names))})"
        values = ", ".join([one] * rows)
        if self._key is None:
            return f'INSERT INTO "{self._table}" ({_listed(self._names)}) VALUES {values}'  # noqa: S608 - names of ours
        update = self._update({name: f'v."{name}"' for name in self._names})
        return f"WITH v({_listed(self._names)}) AS (VALUES {values}) {update} FROM v WHERE {self._is_same}"

    def _arrays(self, rows: Sequence[Row]) -> Iterator[Sequence[Any]]:
        for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
            convert = _for_postgres(column)
            if convert is None:
                yield values
            else:
                yield [None if value is None else convert(value) for value in values]

    @cached_property
    def _by_arrays(self) -> str:
        arrays = ", ".join(f"${at}::{_postgres_type(column)}[]" for at, column in enumerate(self._columns, 1))
        values = {
            column.name: f'v."{column.name}"' + ("::json" if isinstance(column.type, JSON) else "")
            for column in self._columns
        }
        if self._key is None:
            source = f"unnest({arrays}) WITH ORDINALITY AS v({_listed((*self._names, _PLACE))})"
            select = f'SELECT {", ".join(values.values())} FROM {source} ORDER BY v."{_PLACE}"'  # noqa: S608
            return f'INSERT INTO "{self._table}" ({_listed(self._names)}) {select}'
        source = f"unnest({arrays}) AS v({_listed(self._names)})"
        return f"{self._update(values)} FROM {source} WHERE {self._is_same}"

    def _update(self, values: Mapping[str, str]) -> str:
        pairs = ", ".join(f'"{name}" = {value}' for name, value in values.items() if name != self._key)
        return f'UPDATE "{self._table}" SET {pairs}'  # noqa: S608 - names of ours

    @property
    def _is_same(self) -> str:
        return f'"{self._table}"."{self._key}" = v."{self._key}"'


class Saver:
    """Updates of values of one kind, of no more columns than changed: what is not named costs nothing, above all no
    index of it is written anew.

    `groups` of columns stand in the order of how often they change: all up to the last in which a value differs are
    written, the first always.
    """

    def __init__(self, table: Table, groups: Sequence[Sequence[str]], extra: Sequence[str] = ()) -> None:
        self._groups = [_tuples(group) for group in groups]
        self._bulks: list[Bulk] = []
        columns = ["id", *extra]
        for group in groups:
            columns += group
            self._bulks.append(Bulk(table, columns, key="id"))

    def run(self, connection: Connection, changes: Iterable[tuple[Any, ...]]) -> None:
        """Write changes: each a value as it is in the store, as it is now, and its `extra`."""
        rows: list[list[Row]] = [[] for _ in self._groups]
        for before, after, *extra in changes:
            last = self._last(before, after)
            row = [after.id, *extra]
            for group in self._groups[: last + 1]:
                row += group(after)
            rows[last].append(row)
        for bulk, its in zip(self._bulks, rows, strict=True):
            bulk.run(connection, its)

    def _last(self, before: Any, after: Any) -> int:
        """Which is the last group in which two values differ."""
        for at in range(len(self._groups) - 1, 0, -1):
            group = self._groups[at]
            if group(before) != group(after):
                return at
        return 0


def _tuples(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    read: Callable[[Any], Any] = attrgetter(*plain(names))
    return read if len(names) > 1 else lambda value: (read(value),)


def plain(names: Iterable[str]) -> list[str]:
    """The names of attributes by which a row is read from a value; an enumeration gives its text."""
    return [f"{name}._value_" if name in ("status", "performer") else name for name in names]


_PLACE = "its_place"  # ids are given in the order of the rows


def _execute(connection: Connection, statement: str, values: Sequence[Any]) -> None:
    """Run a statement by SQLite's driver: SQLAlchemy's bookkeeping about one takes longer than most take to run."""
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(statement, values)
    except sqlite3.Error as error:
        raise DBAPIError.instance(statement, None, error, sqlite3.Error, dialect=connection.dialect) from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


def _for_sqlite(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Moment):
        return _moment
    if isinstance(column.type, JSON):
        return _json
    return int if isinstance(column.type, Boolean) else None


def _for_postgres(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Moment):
        return _aware
    return _json if isinstance(column.type, JSON) else None


def _postgres_type(column: Column[Any]) -> str:
    if isinstance(column.type, Moment):
        return "timestamptz"
    for kind, name in ((Boolean, "boolean"), (BigInteger, "bigint"), (Integer, "integer")):
        if isinstance(column.type, kind):
            return name
    return "text"


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


@lru_cache(maxsize=8192)
def _moment(value: datetime) -> str:
    """As SQLAlchemy writes it, without its detours; one moment stands in many columns of a batch, and in later ones."""
    if value.tzinfo is not UTC:
        value = _aware(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _json(value: Any) -> str:
    if not value:
        kind = type(value)
        if kind is dict:
            return "{}"
        if kind is tuple:
            return "[]"
    return to_json(value)

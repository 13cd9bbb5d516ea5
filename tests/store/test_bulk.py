"""Many rows by few statements, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import func, select, text

from engine.store.bulk import Bulk
from engine.store.database import Database, open_database
from engine.store.schema import event, node_group
from engine.store.tx import Tx

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
EVENTS = Bulk(event, ["kind", "at", "principal", "node_id", "data"])
PRINCIPALS = Bulk(event, ["id", "principal"], key="id")


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """An empty store."""
    opened = await open_database(store_url)
    yield opened
    await opened.close()


def fact(number: int, **changed: Any) -> tuple[Any, ...]:
    values = {"kind": f"k{number}", "at": AT, "principal": "ada", "node_id": None, "data": {"number": number}}
    return tuple((values | changed).values())


@pytest.mark.parametrize("count", [0, 1, 2, 3, 127, 128, 300])
async def test_rows_come_in_their_order_and_as_they_were(database: Database, count: int) -> None:
    def work(tx: Tx) -> list[dict[str, Any]]:
        EVENTS.run(tx.connection, [fact(number) for number in range(count)])
        return tx.rows(select(event).order_by(event.c.id))

    found = await database.write(work)
    assert [each["kind"] for each in found] == [f"k{number}" for number in range(count)]
    assert all((each["at"], each["node_id"]) == (AT, None) for each in found)
    assert [each["data"] for each in found] == [{"number": number} for number in range(count)]


async def test_only_the_rows_of_these_keys_are_changed_and_only_in_these_columns(database: Database) -> None:
    def work(tx: Tx) -> list[dict[str, Any]]:
        EVENTS.run(tx.connection, [fact(number) for number in range(10)])
        ids = list(tx.execute(select(event.c.id).order_by(event.c.id)).scalars())
        PRINCIPALS.run(tx.connection, [(ids[3], "bob"), (ids[7], "eve"), (ids[9] + 1, "nobody")])
        return tx.rows(select(event).order_by(event.c.id))

    found = await database.write(work)
    assert [each["principal"] for each in found] == ["ada"] * 3 + ["bob"] + ["ada"] * 3 + ["eve", "ada", "ada"]
    assert [each["kind"] for each in found] == [f"k{number}" for number in range(10)]


async def test_times_are_kept_in_utc_and_one_without_a_zone_is_refused(database: Database) -> None:
    there = AT.astimezone(timezone(timedelta(hours=2)))
    bulk = Bulk(node_group, ["id", "name", "description", "metadata", "created_at", "updated_at"])

    def group(at: datetime) -> tuple[Any, ...]:
        return ("g", "r4", "", {"rack": ["4", None]}, at, AT)

    with pytest.raises(ValueError, match="has no time zone"):
        await database.write(lambda tx: bulk.run(tx.connection, [group(AT.replace(tzinfo=None))]))
    await database.write(lambda tx: bulk.run(tx.connection, [group(there)]))
    row = await database.read(lambda tx: tx.row(select(node_group)))
    assert row is not None
    assert (row["created_at"], row["metadata"]) == (AT, {"rack": ["4", None]})


async def test_a_statement_that_was_planned_for_a_small_table_does_not_read_a_large_one(
    postgres_url: str,
) -> None:
    """Else what is live would cost more with all that is past."""

    def change(tx: Tx) -> int:
        first = tx.number(select(func.min(event.c.id)))
        reads = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'event'")
        before = tx.number(reads)
        PRINCIPALS.run(tx.connection, [(first + number, "bob") for number in range(20)])
        return tx.number(reads) - before

    def fill(tx: Tx) -> None:
        EVENTS.run(tx.connection, [fact(number) for number in range(20_000)])

    database = await open_database(postgres_url)
    await database.write(lambda tx: EVENTS.run(tx.connection, [fact(1)]))
    for _ in range(10):
        await database.write(change)
    await database.write(fill)
    assert await database.write(change) == 0
    await database.close()

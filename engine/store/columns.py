"""What the tables of both databases are made of: their columns' types, partial indexes, how JSON is written."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    TextClause,
    TypeDecorator,
)
from sqlalchemy.event import listens_for
from sqlalchemy.schema import SchemaItem

from engine.core.shape import as_data


class Moment(TypeDecorator[datetime]):
    """An aware time in UTC: native on PostgreSQL, text in UTC on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: nobody knows what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite gives it back naive, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_AS_IT_IS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_ENCODER = json.JSONEncoder(default=as_data, ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any) -> str:
    """A value as the JSON columns carry it; what JSON has no form for is written as `as_data` shows it."""
    try:
        return orjson.dumps(value, as_data, _AS_IT_IS).decode()
    except (TypeError, ValueError):  # a number of more than 64 bits, half a surrogate pair: or really nothing for JSON
        return _ENCODER.encode(value)


def from_json(text: Any) -> Any:
    """What a JSON column carries; SQLite keeps a bare number as one."""
    return orjson.loads(text) if isinstance(text, str | bytes) else text


JSON_AS: dict[str, Any] = {"json_serializer": to_json, "json_deserializer": from_json}
"""How the engines of SQLAlchemy write and read JSON."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON(none_as_null=True)  # not JSONB: the order of keys is somebody's, and nothing is queried inside
BigId = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is a row id there


def partial(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    """An index of those rows alone of which something holds."""
    return Index(name, *columns, unique=unique, info={"where": where})


@listens_for(metadata, "before_create")
def _state_conditions(target: MetaData, connection: Connection, **_: Any) -> None:
    """Give partial indexes their conditions. Stated for both databases from the start, they would load both."""
    for index in (index for table in target.tables.values() for index in table.indexes if "where" in index.info):
        index.dialect_options[connection.dialect.name]["where"] = index.info["where"]


def id_column() -> Column[str]:
    """A UUID that is the key."""
    return Column("id", String(36), primary_key=True)


def required(name: str, kind: Any, *constraints: SchemaItem, **options: Any) -> Column[Any]:
    """A column that is never empty."""
    return Column(name, kind, *constraints, nullable=False, **options)

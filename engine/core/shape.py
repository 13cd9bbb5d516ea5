"""Values as JSON: the one way in which API, command line and events show them.

A field's name is its name in the contract, so a value's shape is its fields; a class lists in `HIDDEN` what is for the
house only, in `SHOWN` the properties that belong to its shape, and in `SPARSE` the fields that are left out where they
say nothing. A trailing underscore only keeps a name apart from Python's own (`with_`).
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any


def as_data(value: Any) -> Any:
    """Turn a value into what JSON can carry; times become ISO 8601 in UTC with `Z`."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): as_data(item) for key, item in value.items()}
    if is_dataclass(value):
        hidden: frozenset[str] = getattr(value, "HIDDEN", frozenset())
        sparse: frozenset[str] = getattr(value, "SPARSE", frozenset())
        hidden |= {name for name in sparse if not getattr(value, name)}
        names = [field.name for field in fields(value) if field.name not in hidden]
        return {name.rstrip("_"): as_data(getattr(value, name)) for name in (*names, *getattr(value, "SHOWN", ()))}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_data(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no shape in JSON")

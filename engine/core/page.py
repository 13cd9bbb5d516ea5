"""A page of a list: which rows, in which order, how many."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What part of a list is wanted.

    `sort` is a field's name, with `-` before it for descending order; empty for the list's own order. `filters` maps a
    field to the values it may have. `limit` None is no limit, for the console and commands that show everything.
    """

    limit: int | None = 50
    offset: int = 0
    sort: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


EVERYTHING = Page(limit=None)

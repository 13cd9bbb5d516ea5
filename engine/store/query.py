"""Lists: filter, sort and cut, once for every noun."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from engine.core.page import Page
from engine.errors import Invalid, Problem
from engine.store.tx import Tx

Sortable = Mapping[str, ColumnElement[Any]]


def page_of(
    tx: Tx, query: Select[Any], page: Page, sortable: Sortable, default: str
) -> tuple[list[dict[str, Any]], int]:
    """The rows of a page and how many there are without its cut.

    Raises:
        Invalid: the page sorts by a field that this list has not.
    """
    total = None
    if page.limit is not None:
        total = tx.number(select(func.count()).select_from(query.order_by(None).subquery()))
    query = _sorted(query, page.sort or default, sortable)
    if page.limit is not None:
        query = query.limit(page.limit).offset(page.offset)
    found = tx.rows(query)
    return found, len(found) if total is None else total


def _sorted(query: Select[Any], sort: str, sortable: Sortable) -> Select[Any]:
    for part in sort.split(","):
        name = part.strip().removeprefix("-")
        if name not in sortable:
            raise Invalid([Problem(path="sort", message=f"cannot sort by {name!r}; by {', '.join(sorted(sortable))}")])
        column = sortable[name]
        query = query.order_by(column.desc() if part.strip().startswith("-") else column.asc())
    return query


def filtered(query: Select[Any], page: Page, columns: Sortable) -> Select[Any]:
    """Keep the rows whose fields have one of the values the page asks for; fields not among `columns` are left out."""
    for name, values in page.filters.items():
        if name in columns:
            query = query.where(columns[name].in_(values))
    return query

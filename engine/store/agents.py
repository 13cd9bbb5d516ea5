"""How remote agents are kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from engine.core.agents import Agent, AgentStatus, AuthType, RetryConfig
from engine.core.page import Page
from engine.core.shape import as_data
from engine.errors import Conflict, NotFound
from engine.store.agent_tables import agent
from engine.store.query import filtered, page_of
from engine.store.tx import Tx

_FILTERS = {name: agent.c[name] for name in ("name", "status", "auth_type")}
_SORTABLE = _FILTERS | {
    name: agent.c[name] for name in ("id", "url", "last_health_at", "last_error", "created_at", "updated_at")
}


def add(tx: Tx, value: Agent) -> None:
    """Keep a new agent.

    Raises:
        Conflict: another has its name.
    """
    _refuse_twin(tx, value)
    tx.execute(insert(agent).values(**_row(value)))


def save(tx: Tx, value: Agent) -> None:
    """Keep a changed agent.

    Raises:
        Conflict: another has its name.
    """
    _refuse_twin(tx, value)
    tx.execute(update(agent).where(agent.c.id == value.id).values(**_row(value)))


def note_health(tx: Tx, agent_id: str, status: AgentStatus, error: str | None, at: datetime) -> None:
    """Keep what a health check found, and nothing else of the agent."""
    found = {"status": status.value, "last_error": error, "last_health_at": at}
    tx.execute(update(agent).where(agent.c.id == agent_id).values(**found))


def remove(tx: Tx, agent_id: str) -> None:
    """Forget an agent."""
    tx.execute(delete(agent).where(agent.c.id == agent_id))


def get(tx: Tx, reference: str) -> Agent:
    """The agent with this id or name.

    Raises:
        NotFound: there is none.
    """
    row = tx.row(select(agent).where(or_(agent.c.id == reference, agent.c.name == reference)))
    if row is None:
        raise NotFound(f"there is no agent {reference}")
    return _agent(row)


def find(tx: Tx, page: Page) -> tuple[list[Agent], int]:
    """A page of the agents, by name unless sorted otherwise."""
    rows, total = page_of(tx, filtered(select(agent), page, _FILTERS), page, _SORTABLE, "name")
    return [_agent(row) for row in rows], total


def sealed(tx: Tx) -> dict[str, str]:
    """The sealed `auth_config` of each agent that has one, by its id."""
    rows = tx.rows(select(agent.c.id, agent.c.sealed).where(agent.c.sealed.is_not(None)))
    return {row["id"]: row["sealed"] for row in rows}


def reseal(tx: Tx, values: Mapping[str, str]) -> None:
    """Keep what was sealed anew, and nothing else of them."""
    for agent_id, value in values.items():
        tx.execute(update(agent).where(agent.c.id == agent_id).values(sealed=value))


def _refuse_twin(tx: Tx, value: Agent) -> None:
    twin = tx.row(select(agent.c.id).where(agent.c.name == value.name, agent.c.id != value.id))
    if twin is not None:
        raise Conflict(f"there is an agent {value.name} already")


def _row(value: Agent) -> dict[str, Any]:
    row = {column.name: getattr(value, column.name) for column in agent.columns}
    return {
        **row,
        "retry_config": as_data(value.retry_config),
        "auth_type": value.auth_type.value,
        "status": value.status.value,
    }


def _agent(row: Mapping[str, Any]) -> Agent:
    parsed = {
        "auth_type": AuthType(row["auth_type"]),
        "status": AgentStatus(row["status"]),
        "retry_config": RetryConfig(**row["retry_config"]),
    }
    return Agent(**{**row, **parsed})

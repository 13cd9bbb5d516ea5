"""The rows of the remote agents, and what there is to say of one. Pure."""

from datetime import datetime

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, Symbols, ago, cell, clock, safe
from console.view.listing import SortKey, natural
from console.view.node_lines import fact, heading
from console.view.pieces import Piece
from engine.core.agents import Agent, AgentStatus
from engine.durations import format_duration

COLUMNS = (
    Column(key="name", title="AGENT", width=14, flex=1, most=30, keep=100),
    Column(key="status", title="STATUS", width=11, keep=95),
    Column(key="seen", title="LOOKED", width=6, keep=80, right=True),
    Column(key="url", title="URL", width=20, flex=3, keep=70),
    Column(key="error", title="LAST ERROR", width=16, flex=3, keep=60),
)
FIELDS = ("name", "status", "url", "auth", "error", "description")
SORTS = ("status", "name")
_ROLES = {AgentStatus.HEALTHY: Role.GOOD, AgentStatus.UNHEALTHY: Role.BAD, AgentStatus.UNKNOWN: Role.MUTED}
_ORDER = (AgentStatus.UNHEALTHY, AgentStatus.UNKNOWN, AgentStatus.HEALTHY)


def row(agent: Agent, now: datetime, symbols: Symbols) -> Row:
    """An agent's row, in the order of `COLUMNS`."""
    mark = {AgentStatus.HEALTHY: symbols.running, AgentStatus.UNHEALTHY: symbols.warning}.get(agent.status)
    return (
        cell(agent.name, Role.STRONG),
        (Piece(f"{mark or symbols.separator} {agent.status}", _ROLES[agent.status]),),
        cell(ago(agent.last_health_at, now), Role.MUTED),
        cell(agent.url, Role.MUTED),
        cell(agent.last_error, Role.BAD),
    )


def fields(agent: Agent) -> Fields:
    """What an agent is searched by."""
    values = {
        "name": agent.name,
        "status": agent.status.value,
        "url": agent.url,
        "auth": agent.auth_type.value,
        "error": agent.last_error or "",
        "description": agent.description,
    }
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(agent: Agent, sort: str) -> SortKey:
    """What an agent is sorted by; those that are not well come first."""
    if sort == "status":
        return _ORDER.index(agent.status), natural(agent.name)
    return (natural(agent.name),)


def details(agent: Agent, now: datetime) -> list[Cell]:
    """How an agent is reached, and how it was."""
    retry = agent.retry_config
    told = f"{retry.max_attempts} attempts, {format_duration(retry.delay)} between them, {retry.backoff}"
    return [
        (Piece(" "), *cell(agent.name, Role.STRONG), Piece(f"  {agent.status}", _ROLES[agent.status])),
        *([(Piece(f" {safe(agent.description)}", Role.PLAIN),)] if agent.description else []),
        *([fact("last error", agent.last_error, Role.BAD)] if agent.last_error else []),
        fact("url", agent.url),
        fact("auth", agent.auth_type.value),
        fact("timeout", format_duration(agent.timeout_ms / 1000)),
        fact("retries", told),
        fact("looked at", clock(agent.last_health_at, now) or "never"),
        (),
        heading("IN A STEP"),
        (Piece("   action: agent.call", Role.MUTED),),
        (Piece(f"   with: {{agent: {safe(agent.name)}, input: {{…}}}}", Role.MUTED),),
    ]

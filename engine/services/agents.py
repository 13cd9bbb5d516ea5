"""Remote agents: registering them, knowing whether they are there, and what a step needs to call one."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from engine import outbound
from engine.clock import new_id
from engine.core import agents as core
from engine.core.agents import Agent, AgentStatus, AuthType
from engine.core.breaker import Breaker
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.executions import Attempt
from engine.core.names import parse_name
from engine.core.page import EVERYTHING, Page
from engine.core.shape import as_data
from engine.errors import Conflict, Invalid, NotFound, Problem, PureBootError, Unavailable
from engine.outbound import NotReached
from engine.services.context import Context
from engine.services.vault import about_agent
from engine.store import agents as store
from engine.store import events
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

SETTABLE = frozenset({"name", "url", "description", "auth_type", "auth_config", "timeout_ms", "retry_config"})
_HEALTH_SECONDS = 10.0
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a health check found, and how long the agent took to answer (seconds; None if it did not)."""

    agent: str
    status: AgentStatus
    error: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How one attempt reaches an agent, and where the agent reports."""

    agent: Agent
    auth: Mapping[str, str]
    callback_url: str
    guard: outbound.Guard
    heard: Any  # called with whether it answered

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that show the agent who asks."""
        return core.auth_headers(self.agent.auth_type, self.auth, body)


class Agents:
    """Remote agents. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._breakers: dict[str, Breaker] = {}

    async def create(self, values: Mapping[str, Any], *, by: str) -> Agent:
        """Register an agent: `name url` and, if it asks who calls, `auth_type` and `auth_config`.

        Raises:
            Invalid: a value is wrong; every one is named.
            Conflict: there is an agent of this name.
        """
        now = self._context.now()
        blank = Agent(id=new_id(), name="", url="", created_at=now, updated_at=now)
        after, auth = _checked(blank, {"name": "", "url": "", **values})
        await self._prepare(auth)

        def work(tx: Tx) -> Agent:
            made = self._sealed(tx, after, auth)
            store.add(tx, made)
            self._note(tx, Kind.AGENT_CREATED, by, made, {"url": made.url, "auth_type": made.auth_type})
            return made

        return await self._context.database.write(work)

    async def get(self, reference: str) -> Agent:
        """The agent with this id or name.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: store.get(tx, reference))

    async def find(self, page: Page) -> tuple[list[Agent], int]:
        """A page of the agents, and how many there are. Filters: `name status auth_type`."""
        return await self._context.database.read(lambda tx: store.find(tx, page))

    async def update(self, reference: str, values: Mapping[str, Any], *, by: str) -> Agent:
        """Set fields of an agent. Another `auth_type` needs its `auth_config`; without one the known one stays.

        Raises:
            NotFound: there is no such agent.
            Invalid: a value is wrong.
            Conflict: another agent has its name.
        """
        before = await self.get(reference)
        await self._prepare(_checked(before, values)[1])

        def work(tx: Tx) -> Agent:
            now = store.get(tx, before.id)
            changed, auth = _checked(now, values)
            changed = self._sealed(tx, replace(changed, updated_at=self._context.now()), auth)
            store.save(tx, changed)
            shown = {name for name in values if name != "auth_config"}
            changes = {name: [_told(now, name), _told(changed, name)] for name in sorted(shown)}
            if "auth_config" in values:
                changes["auth_config"] = ["********", "********"]
            self._note(tx, Kind.AGENT_UPDATED, by, changed, {"changes": changes})
            return changed

        self._breakers.pop(before.id, None)
        return await self._context.database.write(work)

    async def delete(self, reference: str, *, by: str) -> Agent:
        """Forget an agent; what it was given it may still report.

        Raises:
            NotFound: there is no such agent.
        """

        def work(tx: Tx) -> Agent:
            gone = store.get(tx, reference)
            store.remove(tx, gone.id)
            self._note(tx, Kind.AGENT_DELETED, by, gone, {})
            return gone

        gone = await self._context.database.write(work)
        self._breakers.pop(gone.id, None)
        return gone

    async def check(self, reference: str) -> Health:
        """Ask an agent how it is (`GET URL/health`), and keep what is found.

        Raises:
            NotFound: there is no such agent.
        """
        return await self._check(await self.get(reference))

    async def check_all(self) -> list[Health]:
        """Ask all agents how they are, some at once."""
        found, _ = await self.find(EVERYTHING)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(agent: Agent) -> Health:
            async with places:
                return await self._check(agent)

        return list(await asyncio.gather(*(one(agent) for agent in found)))

    async def watch(self) -> None:
        """Ask them again and again, every `agents.health_interval`."""
        seconds = self._context.settings.agents.health_interval
        while True:
            try:
                await self.check_all()
            except Unavailable as error:
                _log.debug("agents cannot be checked now: %s", error)
            await self._context.clock.sleep_until(self._context.now() + timedelta(seconds=seconds))

    async def _check(self, agent: Agent) -> Health:
        began = time.monotonic()
        try:
            auth = await self._auth(agent)
            limit = min(_HEALTH_SECONDS, agent.timeout_ms / 1000)
            answer = await outbound.ask(
                "GET",
                f"{agent.url}/health",
                headers=core.auth_headers(agent.auth_type, auth, b""),
                seconds=limit,
                guard=self._guard,
            )
            error = None if 200 <= answer.status < 300 else f"GET /health answered {answer.status}"
            seconds = time.monotonic() - began
        except (NotReached, PureBootError) as reason:
            error, seconds = str(reason), None
        status = AgentStatus.UNHEALTHY if error else AgentStatus.HEALTHY
        await self._context.database.write(lambda tx: self._found(tx, agent.id, status, error))
        if status is AgentStatus.HEALTHY:
            self._breakers.pop(agent.id, None)
        return Health(agent=agent.name, status=status, error=error, seconds=seconds)

    def _found(self, tx: Tx, agent_id: str, status: AgentStatus, error: str | None) -> None:
        try:
            before = store.get(tx, agent_id)
        except NotFound:
            return  # deleted meanwhile
        told = self._context.vault.text(tx, error) if error else None
        store.note_health(tx, agent_id, status, told, self._context.now())
        if before.status is not status and (before.status, status) != (AgentStatus.UNKNOWN, AgentStatus.HEALTHY):
            self._note(tx, Kind.AGENT_STATUS_CHANGED, SYSTEM, before, {"status": status, "error": told})

    async def door(self, reference: str, attempt: Attempt) -> Door:
        """How an attempt reaches an agent.

        Raises:
            NotFound: there is no such agent.
            Conflict: it did not answer some times in a row, and is left alone for now.
            Invalid: its `auth_config` cannot be opened here.
        """
        agent = await self.get(reference)
        now = self._context.now()
        breaker = self._breakers.get(agent.id, Breaker())
        if (until := breaker.closed_at(now)) is not None:
            raise Conflict(
                f"agent {agent.name} did not answer {breaker.failures} times in a row and is left alone until "
                f"{until:%H:%M:%S} UTC"
            )
        self._breakers[agent.id] = breaker.trying(now)

        def heard(answered: bool) -> None:
            known = self._breakers.get(agent.id, Breaker())
            self._breakers[agent.id] = known.answered() if answered else known.failed(self._context.now())

        token = self._context.capability(attempt.execution_id)
        base = self._context.server[0].url
        path = f"/api/v1/callback/{attempt.execution_id}/step/{attempt.step_key}"
        return Door(
            agent=agent,
            auth=await self._auth(agent),
            callback_url=f"{base}{path}?token={token}",
            guard=self._guard,
            heard=heard,
        )

    @property
    def _guard(self) -> outbound.Guard:
        return outbound.Guard(self._context.settings.outbound.allow)

    async def _auth(self, agent: Agent) -> dict[str, str]:
        if agent.sealed is None:
            return {}
        await self._context.vault.prepare()
        opened = self._context.vault.open(agent.sealed, about_agent(agent.id), f"the auth_config of agent {agent.name}")
        found: dict[str, str] = json.loads(opened)
        return found

    async def _prepare(self, auth: Mapping[str, str] | None) -> None:
        if auth:
            await self._context.vault.prepare(make=True)

    def _sealed(self, tx: Tx, agent: Agent, auth: Mapping[str, str] | None) -> Agent:
        if auth is None:
            return agent
        if not auth:
            return replace(agent, sealed=None)
        sealed = self._context.vault.seal(tx, json.dumps(dict(auth)), about_agent(agent.id))
        self._context.vault.note_key(tx, sealed)
        return replace(agent, sealed=sealed)

    def _note(self, tx: Tx, kind: Kind, by: str, agent: Agent, data: Mapping[str, Any]) -> None:
        whose = {"agent_id": agent.id, "name": agent.name}
        events.append(tx, [NewEvent(kind=kind, at=self._context.now(), principal=by, data={**whose, **data})])


def _checked(before: Agent, values: Mapping[str, Any]) -> tuple[Agent, dict[str, str] | None]:
    """The agent with these values, and its `auth_config` if that is given or has to be another; None: it stays."""
    problems = [Problem(path=name, message="cannot be set on an agent") for name in sorted(set(values) - SETTABLE)]
    fields: dict[str, Any] = {}
    auth: dict[str, str] | None = None
    kind = before.auth_type
    for name, parse in _PARSERS.items():
        if name in values:
            try:
                fields[name] = parse(values[name])
            except Invalid as error:
                problems += error.problems
    kind = fields.get("auth_type", kind)
    if "auth_config" in values or kind is not before.auth_type:
        try:
            auth = core.parse_auth(kind, values.get("auth_config") or {})
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    return replace(before, **fields), auth


def _timeout(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= core.MAX_TIMEOUT_MS:
        message = f"{value!r} is not a number of milliseconds from 1 to {core.MAX_TIMEOUT_MS}"
        raise Invalid([Problem(path="timeout_ms", message=message)])
    return value


def _auth_type(value: Any) -> AuthType:
    if value not in set(AuthType):
        raise Invalid([Problem(path="auth_type", message=f"{value!r} is not one of {', '.join(AuthType)}")])
    return AuthType(value)


_PARSERS: Mapping[str, Any] = {
    "name": parse_name,
    "url": core.parse_url,
    "description": str,
    "auth_type": _auth_type,
    "timeout_ms": _timeout,
    "retry_config": core.parse_retry,
}


def _told(agent: Agent, name: str) -> Any:
    return as_data(getattr(agent, name))

"""/api/v1/agents: remote agents. Their `auth_config` goes in and never comes out."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import one_of, text
from engine.core.agents import AgentStatus, AuthType
from engine.core.shape import as_data

FILTERS = {"name": text, "status": one_of(AgentStatus), "auth_type": one_of(AuthType)}


class _Fields(Body):
    description: Prose = ""
    auth_type: AuthType = AuthType.NONE
    auth_config: dict[str, Any] = Field(default={})
    timeout_ms: int = 30_000
    retry_config: dict[str, Any] = Field(default={})


class NewAgent(_Fields):
    """An agent."""

    name: Line
    url: Line


class ChangedAgent(_Fields):
    """What of an agent is to change."""

    name: Line = ""
    url: Line = ""


async def list_(call: Call) -> web.Response:
    """A page of the agents."""
    found, total = await call.pureboot.agents.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new agent."""
    agent = await call.pureboot.agents.create((await call.body(NewAgent)).given(), by=call.by)
    return created(agent, f"agent {agent.name} was registered", at=f"/api/v1/agents/{agent.id}")


async def get(call: Call) -> web.Response:
    """An agent."""
    return ok(await call.pureboot.agents.get(call.part("id")))


async def update(call: Call) -> web.Response:
    """An agent with some fields changed."""
    values = (await call.body(ChangedAgent)).given()
    return ok(await call.pureboot.agents.update(call.part("id"), values, by=call.by))


async def delete(call: Call) -> web.Response:
    """An agent that is no more."""
    agent = await call.pureboot.agents.delete(call.part("id"), by=call.by)
    return ok(agent, f"agent {agent.name} is deleted")


async def health(call: Call) -> web.Response:
    """What a look at an agent found last."""
    agent = await call.pureboot.agents.get(call.part("id"))
    return ok({"status": agent.status, "last_health_at": as_data(agent.last_health_at), "error": agent.last_error})


async def check(call: Call) -> web.Response:
    """What a look at an agent finds now."""
    found = await call.pureboot.agents.check(call.part("id"))
    return ok(found, f"agent {found.agent} is {found.status}{f': {found.error}' if found.error else ''}")

"""/api/v1/triggers."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import one_of, text, truth
from engine.core.permissions import Permission, may
from engine.core.rendering import MASK
from engine.core.shape import as_data
from engine.core.trigger_config import TriggerType, Webhook
from engine.core.triggers import Trigger
from engine.errors import Conflict, NotFound
from engine.services.firing import Firing

FILTERS = {"name": text, "type": one_of(TriggerType), "workflow": text, "enabled": truth}


class _Fields(Body):
    description: Prose = ""
    node: Prose | None = None
    params: dict[str, Any] = Field(default={})
    config: dict[str, Any] = Field(default={})
    condition: Prose | None = None
    enabled: bool = True


class NewTrigger(_Fields):
    """A trigger. `workflow` takes an id as well."""

    name: Line
    type: TriggerType = TriggerType.MANUAL
    workflow: Line


class ChangedTrigger(_Fields):
    """What of a trigger is to change; of `config` only what is given."""

    name: Line = ""
    type: TriggerType = TriggerType.MANUAL
    workflow: Line = ""


class Fire(Body):
    """What a trigger that is fired by hand is told; the same `request_id` starts nothing a second time."""

    body: Any = None
    request_id: Line | None = None


async def list_(call: Call) -> web.Response:
    """A page of the triggers."""
    found, total = await call.pureboot.triggers.find(call.page())
    return listed((_shown(call, each) for each in found), total)


async def create(call: Call) -> web.Response:
    """A new trigger."""
    trigger = await call.pureboot.triggers.create((await call.body(NewTrigger)).given(), by=call.by)
    return created(_shown(call, trigger), f"trigger {trigger.name} was made", at=f"/api/v1/triggers/{trigger.id}")


async def get(call: Call) -> web.Response:
    """A trigger."""
    return ok(_shown(call, await call.pureboot.triggers.get(call.part("id"))))


async def update(call: Call) -> web.Response:
    """A trigger with some fields changed."""
    values = (await call.body(ChangedTrigger)).given()
    return ok(_shown(call, await call.pureboot.triggers.update(call.part("id"), values, by=call.by)))


async def enable(call: Call) -> web.Response:
    """A trigger that fires from now on."""
    return await _set_enabled(call, True)


async def disable(call: Call) -> web.Response:
    """A trigger that does not fire."""
    return await _set_enabled(call, False)


async def _set_enabled(call: Call, enabled: bool) -> web.Response:
    trigger = await call.pureboot.triggers.update(call.part("id"), {"enabled": enabled}, by=call.by)
    return ok(_shown(call, trigger), f"trigger {trigger.name} is {'enabled' if enabled else 'disabled'}")


async def delete(call: Call) -> web.Response:
    """A trigger that is no more."""
    trigger = await call.pureboot.triggers.delete(call.part("id"), by=call.by)
    return ok(_shown(call, trigger), f"trigger {trigger.name} is deleted")


async def fire(call: Call) -> web.Response:
    """What a trigger that is fired by hand has started."""
    told = await call.body(Fire)
    done = await call.pureboot.triggers.fire(call.part("id"), by=call.by, body=told.body, key=told.request_id)
    return fired(done)


def fired(done: Firing) -> web.Response:
    """What became of an occurrence.

    Raises:
        PureBootError: what was to be started cannot be.
    """
    if isinstance(done.error, NotFound):
        raise Conflict(done.error.message)  # the trigger is there; what it names is not
    if done.error is not None:
        raise done.error
    execution = done.execution
    if execution is None:
        return ok({"execution_id": None}, done.trigger.last_error or "its condition does not hold: nothing is started")
    data = {
        "execution_id": execution.id,
        "status": execution.status,
        "status_url": f"/api/v1/executions/{execution.id}",
    }
    return ok(data, f"{execution.workflow_name} {execution.workflow_version} was started", status=202)


def _shown(call: Call, trigger: Trigger) -> dict[str, Any]:
    """A trigger with the whole `url` of a webhook; whoever may only look is not shown a path that is all it takes."""
    data: dict[str, Any] = as_data(trigger)
    if not isinstance(trigger.config, Webhook):
        return data
    if not trigger.config.is_signed and not may(call.caller.role, Permission.WORK):
        return {**data, "url": None, "config": {**data["config"], "path": MASK}}
    return {**data, "url": f"{call.server.url}{trigger.url}"}

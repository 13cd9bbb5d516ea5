"""`agent.call`: a remote agent performs the step, at once or by a callback later."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from engine import outbound
from engine.actions.http import KEY_HEADER
from engine.actions.registry import Action, ActionFailed, Call, Outcome, Parameters
from engine.core.executions import Performer
from engine.errors import PureBootError
from engine.outbound import Answer, NotReached

ACCEPTED = 202


class CallAgent(Parameters):
    """`agent.call`: which agent (its name), and what it is told."""

    agent: str = Field(min_length=1, max_length=128)
    input: dict[str, Any] = Field(default={})


async def _call(call: Call) -> Outcome:
    wanted: CallAgent = call.parameters
    try:
        door = await call.agent(wanted.agent)
    except PureBootError as error:
        raise ActionFailed(str(error)) from None
    body = json.dumps(
        {
            "execution_id": call.execution_id,
            "step_id": call.step_id,
            "step_key": call.step_key,
            "attempt": call.attempt,
            "idempotency_key": call.idempotency_key,
            "input": wanted.input,
            "callback_url": door.callback_url,
        },
        ensure_ascii=False,
    ).encode()
    answer = await _answered(call, door, body)
    if answer.status == ACCEPTED:
        return Outcome(handed_to=door.agent.principal, message=f"{door.agent.name} took it and will report")
    if not 200 <= answer.status < 300:
        raise ActionFailed(f"agent {door.agent.name} answered {answer.status} {answer.reason}", quote=answer.text)
    output = answer.json if isinstance(answer.json, Mapping) else {"result": answer.json} if answer.text else {}
    return Outcome(output=dict(output), message=f"{door.agent.name} answered {answer.status}")


async def _answered(call: Call, door: Any, body: bytes) -> Answer:
    """The agent's answer, asked again where it could not take the call; each time with the same idempotency key."""
    headers = {"Content-Type": "application/json", KEY_HEADER: call.idempotency_key, **door.headers(body)}
    problem = ""
    for delay in (0.0, *door.agent.retry_config.delays()):
        if delay:
            await call.log(f"{problem}; asking again in {delay:g}s\n")
            await call.clock.sleep_until(call.clock.now() + timedelta(seconds=delay))
        try:
            seconds = _seconds(call, door.agent.timeout_ms / 1000)
            answer = await outbound.ask(
                "POST", door.agent.url, headers=headers, body=body, seconds=seconds, guard=door.guard
            )
        except NotReached as error:
            problem = f"agent {door.agent.name}: {error}"
            door.heard(False)
            continue
        if answer.status < 500:
            door.heard(True)
            return answer
        problem = f"agent {door.agent.name} answered {answer.status} {answer.reason}"
        door.heard(False)
    raise ActionFailed(problem)


def _seconds(call: Call, most: float) -> float:
    if call.deadline_at is None:
        return most
    return max(0.1, min(most, (call.deadline_at - call.clock.now()).total_seconds()))


AGENT_CALL = Action(
    name="agent.call",
    summary="let a remote agent perform the step",
    performer=Performer.ENGINE,
    parameters=CallAgent,
    run=_call,
)

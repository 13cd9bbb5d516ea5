"""The actions that come with PureBoot."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from engine.actions.http import HTTP
from engine.actions.registry import Action, ActionFailed, Call, Outcome, Parameters
from engine.actions.render import RENDER
from engine.core.executions import Performer
from engine.core.nodes import NodeState
from engine.durations import format_duration, parse_duration

_Duration = Annotated[float, BeforeValidator(parse_duration)]
_Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value or ())]


class Boot(Parameters):
    """`node.boot`: what the machine boots. Names are paths below the boot files, or whole URLs."""

    kernel: str = Field(min_length=1)
    initrd: _Names = ()
    cmdline: str = ""


class Script(Parameters):
    """`node.script`: a script that the node's agent runs, written here or in a template."""

    script: str | None = None
    template: str | None = None
    interpreter: str = "/bin/sh"
    env: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _one_text(self) -> "Script":
        if (self.script is None) == (self.template is None):
            raise ValueError("needs either script or template")
        return self


class Reboot(Parameters):
    """`node.reboot`: the agent reboots the machine, or powers it off with `op: poweroff`."""

    op: Annotated[str, Field(pattern="^(reboot|poweroff)$")] = "reboot"


class State(Parameters):
    """`node.state`: move the node."""

    state: NodeState


class Echo(Parameters):
    """`core.echo`: give back a message."""

    message: Any = ""


class Delay(Parameters):
    """`core.delay`: wait."""

    duration: _Duration


class Approve(Parameters):
    """`core.approve`: a person approves or rejects; the step's `timeout` is until when."""

    message: str = ""


class SubWorkflow(Parameters):
    """`core.workflow`: run another workflow, on the same node unless another is named; wait for its end or not."""

    workflow: str = Field(min_length=1)
    params: dict[str, Any] = Field(default={})
    wait: bool = True
    node: str | None = None


class Fail(Parameters):
    """`core.fail`: fail."""

    message: str = "the workflow asked for it"


async def _state(call: Call) -> Outcome:
    state: NodeState = call.parameters.state
    return Outcome(output={"state": state.value}, next_state=state)


async def _echo(call: Call) -> Outcome:
    message = call.parameters.message
    await call.log(f"{message}\n")
    return Outcome(output={"echo": message}, message=str(message))


def _delayed(parameters: Any) -> Outcome:
    seconds: float = parameters.duration
    return Outcome(output={"duration": seconds}, message=f"waited {format_duration(seconds)}")


async def _fail(call: Call) -> Outcome:
    raise ActionFailed(call.parameters.message)


BUILTIN = (
    Action(
        name="node.boot",
        summary="boot the machine over the network",
        performer=Performer.NODE,
        parameters=Boot,
    ),
    Action(
        name="node.script",
        summary="run a script on the machine",
        performer=Performer.NODE,
        parameters=Script,
    ),
    Action(
        name="node.reboot",
        summary="reboot the machine, or power it off",
        performer=Performer.NODE,
        parameters=Reboot,
    ),
    Action(
        name="node.state",
        summary="move the node to another state",
        performer=Performer.ENGINE,
        parameters=State,
        run=_state,
    ),
    Action(name="core.echo", summary="give back a message", performer=Performer.ENGINE, parameters=Echo, run=_echo),
    Action(
        name="core.delay",
        summary="wait",
        performer=Performer.TIMER,
        parameters=Delay,
        wait=lambda parameters: parameters.duration,
        waited=_delayed,
    ),
    Action(
        name="core.approve",
        summary="wait until a person approves or rejects",
        performer=Performer.PERSON,
        parameters=Approve,
    ),
    Action(
        name="core.workflow",
        summary="run another workflow",
        performer=Performer.WORKFLOW,
        parameters=SubWorkflow,
    ),
    HTTP,
    RENDER,
    Action(name="core.fail", summary="fail", performer=Performer.ENGINE, parameters=Fail, run=_fail),
)

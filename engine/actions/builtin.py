"""The actions that come with PureBoot."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.actions.agent import AGENT_CALL
from engine.actions.http import HTTP
from engine.actions.registry import Action, ActionFailed, Call, Outcome, Parameters
from engine.actions.render import RENDER
from engine.core.executions import Performer
from engine.core.nodes import NodeState
from engine.durations import format_duration, parse_duration

FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
OVERLAY_PATH = r"^\.?[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}(?:/\.?[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}){0,15}$"

_Duration = Annotated[float, BeforeValidator(parse_duration)]
_Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value or ())]


_Named = Annotated[str | None, Field(min_length=1)]
_WAYS = ("kernel", "iso", "chain", "efi", "wimboot")
_GOES_WITH = {
    "initrd": ("kernel",),
    "agent": ("kernel",),
    "overlay": ("kernel",),
    "cmdline": ("kernel", "chain", "efi", "wimboot"),
    "files": ("wimboot",),
    "verify": ("kernel", "efi", "wimboot"),
}


class Boot(Parameters):
    """`node.boot`: what the machine boots. Names are paths below the boot files, or whole URLs.

    Exactly one of: `kernel` (with `initrd` and `cmdline`); `iso`, an image of a disk or CD that is read over HTTP;
    `chain`, another loader or script; `efi`, an EFI program; `wimboot`, with the `files` of Windows PE by the names
    that it looks for. With `agent` the node agent is put into the initrd, and with it the templates that `overlay`
    names by their paths there. With `verify` iPXE checks the signature (`.sig`) that lies beside each file. `metadata`
    names the templates of `/metadata/{token}/…`: `user-data`, `meta-data`, `vendor-data`, `network-config`.
    """

    kernel: _Named = None
    iso: _Named = None
    chain: _Named = None
    efi: _Named = None
    wimboot: _Named = None
    initrd: _Names = ()
    cmdline: str = ""
    files: dict[Annotated[str, Field(pattern=FILE_NAME)], Annotated[str, Field(min_length=1)]] = Field(default={})
    agent: bool = False
    overlay: dict[Annotated[str, Field(pattern=OVERLAY_PATH)], Annotated[str, Field(min_length=1)]] = Field(default={})
    verify: bool = False
    metadata: dict[Literal["user-data", "meta-data", "vendor-data", "network-config"], str] = Field(default={})

    @model_validator(mode="after")
    def _one_way(self) -> "Boot":
        ways = [way for way in _WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            found = f"has {' and '.join(ways)}" if ways else "has none of them"
            raise ValueError(f"needs one of {', '.join(_WAYS)}; it {found}")
        for name, goes_with in _GOES_WITH.items():
            if getattr(self, name) and ways[0] not in goes_with:
                raise ValueError(f"{name} goes with {' or '.join(goes_with)}, not with {ways[0]}")
        if self.wimboot is not None and not any(name.lower().endswith(".wim") for name in self.files):
            raise ValueError("wimboot needs files with a .wim, such as {BCD: …, boot.sdi: …, boot.wim: …}")
        return self


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
    AGENT_CALL,
    RENDER,
    Action(name="core.fail", summary="fail", performer=Performer.ENGINE, parameters=Fail, run=_fail),
)

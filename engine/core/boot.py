"""What a machine that asks the network is told: the one place that decides whether a disk is left alone.

A machine is served something to boot only when all of this holds: it is known, it is not locked, its state does not say
that the disk holds what somebody wants, a live execution was started for it, and that execution stands at a boot step.
In every other case it boots its disk. Asked again, the answer is the same, so a machine that retries does no harm; and
once the step is over the next boot falls through to the disk, so there is no reinstall loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.nodes import BOOTS_ITS_DISK, Node, keeps_its_disk
from engine.core.workflows import Workflow

BOOT_ACTION = "node.boot"


class BootKind(StrEnum):
    """What a boot step starts, by the parameter that names it: a Linux kernel (or what looks like one), an image of a
    disk or CD that is read over HTTP, another loader or script, an EFI program, Windows PE by wimboot.
    """

    KERNEL = "kernel"
    ISO = "iso"
    CHAIN = "chain"
    EFI = "efi"
    WIMBOOT = "wimboot"


class Choice(StrEnum):
    """What a person at a machine that is new here may choose, beside its disk."""

    ENROL = "enrol"
    INVENTORY = "inventory"
    RESCUE = "rescue"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootRequest:
    """What firmware or iPXE said of itself.

    `platform` is iPXE's word: `pcbios` or `efi`; `chip` is the driver of its network card. `again` says that the
    machine was not started anew since it asked last: it was told to ask again. `choice` is what a person chose in the
    menu that it showed; `has_https` whether it can fetch `https://` (None: it was not asked).
    """

    mac_address: str
    uuid: str | None = None
    serial: str | None = None
    arch: str | None = None
    platform: str | None = None
    vendor: str | None = None
    model: str | None = None
    hostname: str | None = None
    ip_address: str | None = None
    chip: str | None = None
    again: bool = False
    choice: Choice | None = None
    has_https: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """What is offered on a machine's screen; after `seconds` without a key it boots its disk."""

    title: str
    choices: tuple[Choice, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Boot the disk. `message` is a short line for the screen of the machine.

    `ask_again` is for a machine whose disk may well hold nothing yet: if it does not boot, the machine stays and asks
    again, so that a workflow that is started meanwhile finds it there. One whose disk holds what somebody wants goes
    back to its firmware instead, which may know another way to boot it. `menu` is shown before, if there is one.
    `reason` is a word for `explain`: why.
    """

    message: str
    ask_again: bool = False
    menu: Menu | None = None
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """Boot this. Names are paths below the boot files or whole URLs; the texts are rendered and complete.

    `kernel` is what is started: a kernel, or what `kind` says. `files` are what wimboot finds, by the names it sees.
    Where `agent` is set, the node agent belongs to the initrd: below this path of the server there are `initrd.img`,
    all of `initrd` with it, and `agent.img`, it alone. With `verify` each file must have a signature
    beside it (`.sig`) that iPXE trusts. `boot_mode` is what it is for: `bios`, `uefi` or `any`; a loader that did not
    say on which it runs has to look.
    """

    step_name: str
    kernel: str
    initrd: tuple[str, ...] = ()
    cmdline: str = ""
    kind: BootKind = BootKind.KERNEL
    files: tuple[tuple[str, str], ...] = ()
    agent: str | None = None
    verify: bool = False
    boot_mode: str = "any"

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Every file that is needed, with the parameter that names it."""
        found = [(self.kind.value, self.kernel), *(("initrd", name) for name in self.initrd)]
        found += [("files", path) for _, path in self.files]
        if self.verify:
            found += [("the signature", f"{name}.sig") for _, name in found]
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Ask again in `seconds`: an execution will serve this machine, but not yet."""

    message: str
    seconds: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Start another loader first, by its file name; it asks again."""

    loader: str


BootDecision = Local | Serve | Wait | Load


def served(step_name: str, config: Mapping[str, Any]) -> Serve:
    """What a boot step's parameters, complete and checked, mean."""
    kind = next(each for each in BootKind if config.get(each.value))
    initrd = config.get("initrd") or ()
    return Serve(
        step_name=step_name,
        kernel=config[kind.value],
        initrd=(initrd,) if isinstance(initrd, str) else tuple(initrd),
        cmdline=" ".join(str(config.get("cmdline") or "").split()),
        kind=kind,
        files=tuple((config.get("files") or {}).items()),
        verify=bool(config.get("verify")),
    )


def decide_boot(node: Node, execution: Execution, workflow: Workflow) -> Local | Wait | Attempt:
    """What to tell a node with an execution; an attempt is the boot step's, whose parameters are to be served."""
    if node.locked or execution.ended:
        return no_work(node)
    if keeps_its_disk(node.state, installs=workflow.installs):
        return Local(message=f"{node.name} is {node.state} and boots its disk", reason="state")
    return _at_step(execution, workflow)


def no_work(node: Node) -> Local:
    """What to tell a node that nothing is to be done with."""
    if node.locked:
        return Local(message=f"{node.name} is locked and boots its disk", reason="locked")
    if node.state in BOOTS_ITS_DISK:
        return Local(message=f"{node.name} is {node.state} and boots its disk", reason="state")
    return stays(f"{node.name} is {node.state}, nothing is to be done: it boots its disk", "nothing")


def stays(message: str, reason: str = "") -> Local:
    """Boot the disk, or else stay and ask again."""
    return Local(message=message, ask_again=True, reason=reason)


def _at_step(execution: Execution, workflow: Workflow) -> Local | Wait | Attempt:
    still_open = [attempt for attempt in execution.attempts if attempt.is_open]
    boot = next((attempt for attempt in still_open if attempt.action == BOOT_ACTION), None)
    if boot is not None and execution.status is not ExecutionStatus.PENDING:
        if boot.status is AttemptStatus.RUNNING:
            return boot
        return Wait(message=f"the step {boot.step_name} is tried again soon")
    if any(attempt.performer is Performer.NODE for attempt in still_open if attempt.action != BOOT_ACTION):
        # The step's agent may live on the disk: booting the installer again would undo what it did.
        return stays("a step waits for this machine's agent: it boots its disk", "agent")
    if any(step.action == BOOT_ACTION and execution.latest(step.key) is None for step in workflow.reachable):
        return Wait(message=f"{execution.workflow_name} will boot this machine, but not yet")
    return stays(f"{execution.workflow_name} does not boot this machine any more: it boots its disk", "done")

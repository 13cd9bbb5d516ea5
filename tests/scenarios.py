"""A small rack in the middle of its day: what the console's tests and the pictures of it are made from.

Everything is done through the services, as machines and people would; the clock is moved by hand, so that every picture
is the same each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.app import PureBoot
from engine.core.boot import BootRequest
from engine.core.events import Kind
from engine.core.executions import Execution
from engine.core.nodes import Node, NodeState
from engine.core.scopes import Server
from tests.clock import ManualClock
from tests.story import ADA, SERVER, event, published, report

DEBIAN = """\
name: debian-12
description: Debian 12 on one disk
os_family: linux
architecture: x86_64
params:
  disk: {type: string, default: /dev/vda, description: the disk to install on}
  mirror: {type: string, default: "http://mirror.example/debian"}
timeout: 2h
steps:
  - key: netboot
    name: Boot the installer
    action: node.boot
    with: {kernel: debian-12/linux, initrd: debian-12/initrd.gz, cmdline: "auto=true quiet"}
    next_state: installing
    timeout: 40m
  - key: partition
    name: Partition the disk
    action: node.script
    with: {script: "sfdisk {{ params.disk }}"}
    retry: {max_attempts: 3, delay: 30s}
    timeout: 10m
  - key: install
    name: Install packages
    action: node.script
    with: {script: "debootstrap bookworm /target {{ params.mirror }}"}
    timeout: 30m
  - key: finish
    name: First boot
    action: node.reboot
    next_state: installed
"""

CHECK = """\
name: burn-in
description: Memory and disk under load for an hour
os_family: other
steps:
  - key: load
    name: Load memory and disks
    action: node.script
    with: {script: "stress-ng --all 0 --timeout 1h"}
    timeout: 90m
  - {key: report, name: Say it went well, action: core.echo, with: {message: all well}}
"""

WIPE = """\
name: wipe-disks
description: Overwrite every disk, for machines that leave
os_family: other
params:
  passes: {type: integer, default: 1}
  reason: {type: string, description: goes into the state log}
steps:
  - {key: wipe, name: Overwrite the disks, action: node.script, with: {script: "shred -n {{ params.passes }} /dev/sd?"}}
"""

PRESEED_1 = """\
d-i debian-installer/locale string en_GB.UTF-8
d-i netcfg/get_hostname string ${node.hostname|unnamed}
d-i mirror/http/hostname string mirror.example
d-i partman-auto/disk string /dev/vda
d-i partman-auto/method string lvm
d-i passwd/root-login boolean false
d-i finish-install/reboot_in_progress note
"""
PRESEED_2 = PRESEED_1.replace("method string lvm", "method string regular").replace(
    "mirror.example", "${meta.mirror|mirror.example}"
)

_MACHINES = ((1, "Dell Inc.", "PowerEdge R650"), (2, "Supermicro", "SYS-1029P"), (3, "HPE", "ProLiant DL360 Gen10"))


def mac(number: int) -> str:
    """The MAC address of the machine with a number."""
    return f"52:54:00:4a:{number // 256:02x}:{number % 256:02x}"


def request(number: int, name: str | None = None) -> BootRequest:
    """What the firmware of a machine asks with."""
    _, vendor, model = _MACHINES[number % len(_MACHINES)]
    return BootRequest(
        mac_address=mac(number),
        hostname=name,
        ip_address=f"10.0.4.{number}",
        vendor=vendor,
        model=model,
        serial=f"S{number:05}",
        uuid=f"4c4c4544-0000-4a10-8000-{number:012x}",
        arch="x86_64",
        platform="efi",
    )


async def boot(pureboot: PureBoot, number: int, name: str | None = None) -> Node:
    """A machine asks the network for its boot; gives its node."""
    await pureboot.boots.boot(request(number, name), server=SERVER)
    return await pureboot.nodes.get(mac(number))


async def move(pureboot: PureBoot, node: Node, *states: NodeState, comment: str = "") -> None:
    """A person moves a node over some states."""
    for state in states:
        await pureboot.nodes.move(node.id, state, by=ADA, comment=comment or None)


@dataclass(slots=True, kw_only=True)
class Rack:
    """What there is, by the names that tests use."""

    nodes: dict[str, Node] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)


async def library(pureboot: PureBoot) -> None:
    """Three workflows, of which one is a draft, and a template of two versions."""
    await published(pureboot, DEBIAN)
    await published(pureboot, CHECK)
    await pureboot.workflows.import_(WIPE, by=ADA)
    await pureboot.templates.create(
        "debian-preseed", PRESEED_1, by=ADA, type_="preseed", description="Debian 12, one disk"
    )
    await pureboot.templates.add_version(
        "debian-preseed", PRESEED_2, by=ADA, commit_message="no LVM, and the mirror nearest"
    )


async def rack(pureboot: PureBoot, clock: ManualClock) -> Rack:
    """Twelve machines of two groups: new, waiting, installing, failed, installed, active and retired ones."""
    pureboot.server = Server(url="http://10.0.4.1:8080", tftp_url="tftp://10.0.4.1")
    await library(pureboot)
    made = Rack()
    r4 = await pureboot.groups.create({"name": "r4", "description": "Rack 4"}, by=ADA)
    r5 = await pureboot.groups.create({"name": "r5", "description": "Rack 5"}, by=ADA)
    for number in range(1, 13):
        name = f"r4-{number:02}" if number < 9 else f"r5-{number - 8:02}" if number < 12 else None
        made.nodes[name or "new"] = node = await boot(pureboot, number, name)
        if name:
            await pureboot.nodes.update(node.id, {"group_id": (r4 if number < 9 else r5).id}, by=ADA)
        clock.advance(20)
    await _settled(pureboot, clock, made)
    await _at_work(pureboot, clock, made)
    await settled(pureboot)
    return made


async def _settled(pureboot: PureBoot, clock: ManualClock, made: Rack) -> None:
    """Some have been installed before, and one has left."""
    for name in ("r4-01", "r4-02", "r4-03", "r5-01"):
        await install(pureboot, clock, made, name)
    for name in ("r4-01", "r4-02"):
        await move(pureboot, made.nodes[name], NodeState.ACTIVE, comment="in service")
    clock.advance(3600)
    await move(pureboot, made.nodes["r4-02"], NodeState.DEPROVISIONING, NodeState.RETIRED, comment="board is dead")


async def start(pureboot: PureBoot, made: Rack, name: str, workflow: str = "debian-12") -> Execution:
    """A person starts a workflow on a node."""
    execution = await pureboot.executions.start(workflow, by=ADA, node=made.nodes[name].id)
    made.executions[name] = execution
    return execution


async def install(
    pureboot: PureBoot, clock: ManualClock, made: Rack, name: str, steps: Sequence[str] = ("partition", "install")
) -> None:
    """A machine is installed, as far as these steps."""
    execution = await start(pureboot, made, name)
    clock.advance(8)
    await boot(pureboot, int(made.nodes[name].mac_address[-2:], 16), name)
    await report(pureboot, execution, "netboot")
    for step in steps:
        clock.advance(45)
        await report(pureboot, execution, step)
    if "install" in steps:
        clock.advance(12)
        await report(pureboot, execution, "finish")


async def _at_work(pureboot: PureBoot, clock: ManualClock, made: Rack) -> None:
    """Three install now, one waits for its retry, one has failed for good, one is under load."""
    await _fail(pureboot, clock, made, "r4-07")
    await install(pureboot, clock, made, "r4-04", steps=("partition",))
    clock.advance(30)
    await report(pureboot, made.executions["r4-04"], "install", "progress", progress_percent=62, message="unpacking")
    await install(pureboot, clock, made, "r4-05", steps=())
    clock.advance(14)
    await report(
        pureboot, made.executions["r4-05"], "partition", "failed", exit_code=1, message="/dev/vda: device is busy"
    )
    await start(pureboot, made, "r4-06")
    clock.advance(3)
    await start(pureboot, made, "r5-02", "burn-in")
    clock.advance(7)
    await report(
        pureboot, made.executions["r5-02"], "load", "progress", progress_percent=20, message="12 of 60 minutes"
    )


async def _fail(pureboot: PureBoot, clock: ManualClock, made: Rack, name: str) -> None:
    """An installation fails as often as it may."""
    for _ in range(3):
        await install(pureboot, clock, made, name, steps=())
        execution = made.executions[name]
        for number in range(1, 4):
            clock.advance(31)
            await event(
                pureboot,
                lambda each, number=number, execution=execution: (  # type: ignore[misc]
                    each.kind is Kind.ATTEMPT_STARTED
                    and each.execution_id == execution.id
                    and each.step_key == "partition"
                    and each.data["attempt"] == number
                ),
            )
            await report(
                pureboot,
                execution,
                "partition",
                "failed",
                exit_code=5,
                message="/dev/vda: medium error, sector 1953525160",
                attempt=number,
            )


async def settled(pureboot: PureBoot) -> None:
    """Wait until the engine has done what it can do at this time."""
    cursor = -1
    while cursor != (cursor := await pureboot.feed.cursor()):
        await pureboot.executions.advance_due()

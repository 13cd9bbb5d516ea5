"""Simulated machines at a real PureBoot: TFTP, HTTP and the callback API on loopback."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bootsrv.doors import Doors
from bootsrv.loaders import BIOS_LOADER, LOCALBOOT, UEFI_LOADER
from bootsrv.simulator import Firmware, Hardware, Network, Personality, Power, Rack
from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import AttemptStatus, Execution, ExecutionStatus
from engine.core.nodes import NodeState
from tests.conftest import Opener

SPEED = 60.0
SECONDS = 30.0  # for what takes a second or two where nothing else runs

INSTALL = """\
name: install
boot_mode: any
timeout: 10m
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: k
      initrd: [i, j]
      cmdline: >-
        url=${server.http_url}/render/${execution.token}/answers
        pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}
    next_state: installing
  - key: image
    action: node.script
    with: {script: "set -e\\ndd of=/dev/sda bs=4M\\necho disk=/dev/sda >> $PUREBOOT_OUTPUT\\ngrub-install /dev/sda"}
    retry: {max_attempts: 2}
    heartbeat: 1m
  - key: reboot
    action: node.reboot
    next_state: installed
"""
SLEEP = """\
name: sleep
steps:
  - key: netboot
    action: node.boot
    with: {kernel: k, cmdline: "pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}"}
  - key: wait
    action: node.script
    with: {script: "echo begun\\nsleep 600"}
"""
LATER = """\
name: later
steps:
  - {key: wait, action: core.delay, with: {duration: 1h}}
  - {key: netboot, action: node.boot, with: {kernel: k}}
"""

STEADY = Hardware(
    mac_address="52:54:00:00:00:01",
    hostname="s-01",
    address="10.9.0.1",
    vendor="Dell Inc.",
    model="R640",
    serial="S1",
    uuid="0fa674c1-8145-5e2f-9c1d-53d8e99d26cc",
)
OLD = replace(STEADY, mac_address="52:54:00:00:00:02", hostname="s-02", firmware=Firmware.BIOS, installed=True)


@contextlib.asynccontextmanager
async def site(
    opener: Opener, url: str, folder: Path, hardware: Iterable[Hardware], *, speed: float = SPEED
) -> AsyncIterator[tuple[PureBoot, Rack]]:
    """An open PureBoot with files to boot, the workflows above, and a rack at it."""
    files, loaders = folder / "files", folder / "loaders"
    for path in (files / "k", files / "i", files / "j", *(loaders / name for name in (BIOS_LOADER, UEFI_LOADER))):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 50_000)
    (loaders / LOCALBOOT).write_bytes(b"MZ")
    flags = {"files__loaders": str(loaders)}
    async with opener(url, **flags) as pureboot, Doors(pureboot) as doors:
        await pureboot.templates.create("answers", "host ${node.hostname}\n", by="user:t")
        for text in (INSTALL, SLEEP, LATER):
            for workflow, _ in await pureboot.workflows.import_(text, by="user:t"):
                await pureboot.workflows.publish(workflow.name, by="user:t")
        assert doors.tftp_address is not None
        network = Network(url=doors.http_url, tftp_port=doors.tftp_address[1])
        async with Rack(hardware, network, speed=speed).running() as rack:
            yield pureboot, rack


async def event(pureboot: PureBoot, wanted: Callable[[Event], bool], after: int = 0) -> Event:
    """The first event that is wanted."""
    async with asyncio.timeout(SECONDS):
        async for batch in pureboot.feed.follow(after):
            for each in batch:
                if wanted(each):
                    return each
    raise AssertionError


async def ended(pureboot: PureBoot, execution: Execution) -> Execution:
    """The execution once it has ended."""
    await event(pureboot, lambda each: each.kind is Kind.EXECUTION_FINISHED and each.execution_id == execution.id)
    return await pureboot.executions.get(execution.id)


async def does(rack: Rack, mac_address: str, power: Power) -> None:
    """Wait until a machine does something."""
    async with asyncio.timeout(SECONDS):
        await rack.machines[mac_address].until(power)


async def test_an_unknown_machine_is_discovered_with_what_it_is_and_left_to_its_disk(
    opener: Opener, sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with site(opener, sqlite_url, tmp_path, [STEADY, OLD]) as (pureboot, rack):
        for machine in (STEADY, OLD):
            assert rack.power_on(machine.mac_address)
        await does(rack, OLD.mac_address, Power.DISK)
        for machine in (STEADY, OLD):
            await event(pureboot, lambda each: each.kind is Kind.NODE_BOOT_LOCAL)
            node = await pureboot.nodes.get(machine.mac_address)
            assert node.state is NodeState.DISCOVERED
            assert (node.hostname, node.ip_address, node.vendor, node.model, node.serial_number, node.system_uuid) == (
                machine.hostname,
                machine.address,
                machine.vendor,
                machine.model,
                machine.serial,
                machine.uuid,
            )
            assert (node.arch, node.boot_mode) == ("x86_64", machine.firmware.value)
        assert rack.counters.tftp_transfers == 2
        assert rack.counters.tftp_bytes == 100_000
    served = [record.getMessage() for record in caplog.records if record.name == "bootsrv.tftp.server"]
    assert sum("ipxe.efi: done" in text for text in served) == 1
    assert sum("undionly.kpxe: done" in text for text in served) == 1
    assert len({text.split()[1] for text in served if "done" in text}) == 2  # each from an address of its own


async def test_a_machine_is_installed_and_then_boots_its_disk(
    opener: Opener, sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with site(opener, sqlite_url, tmp_path, [STEADY]) as (pureboot, rack):
        node = await pureboot.nodes.create(STEADY.mac_address, by="user:t")
        execution = await pureboot.executions.start("install", node=node.id, by="user:t")
        rack.power_on(STEADY.mac_address)
        done = await ended(pureboot, execution)
        assert done.status is ExecutionStatus.SUCCEEDED
        assert [attempt.step_key for attempt in done.attempts] == ["netboot", "image", "reboot"]
        image = done.attempts[1]
        assert (image.exit_code, dict(image.output)) == (0, {"disk": "/dev/sda"})
        text = "".join(chunk.text for chunk in await pureboot.executions.log(done.id, attempt_id=image.id))
        assert "copied" in text
        assert text.rstrip().endswith("Installation finished. No error reported.")
        assert (await pureboot.nodes.get(node.id)).state is NodeState.INSTALLED
        await does(rack, STEADY.mac_address, Power.DISK)
        asked = [record.getMessage() for record in caplog.records if record.name.startswith("bootsrv.http")]
        for path in ("/boot.ipxe: 200", "/files/k: 200", "/files/j: 200", "/answers: 200", "/current?wait=30"):
            assert any(path in text for text in asked), path
        assert rack.counters.http_bytes > 150_000
        last = await event(pureboot, lambda each: each.kind is Kind.NODE_BOOT_LOCAL)
        assert "is installed and boots its disk" in last.data["message"]


async def test_progress_is_told_while_a_step_runs(opener: Opener, sqlite_url: str, tmp_path: Path) -> None:
    slow = replace(STEADY, personality=Personality.SLOW_DISK)
    async with site(opener, sqlite_url, tmp_path, [slow], speed=8) as (pureboot, rack):
        node = await pureboot.nodes.create(slow.mac_address, by="user:t")
        execution = await pureboot.executions.start("install", node=node.id, by="user:t")
        rack.power_on(slow.mac_address)
        told = await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_PROGRESSED and each.step_key == "image")
        assert 0 < told.data["progress_percent"] < 100
        first = await anext(pureboot.feed.follow_log(execution.id))
        assert first[0].text.endswith("\n")
        assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.RUNNING


@pytest.mark.parametrize(
    ("personality", "status", "attempts"),
    [
        (Personality.FAILING_DISK, ExecutionStatus.FAILED, [AttemptStatus.FAILED, AttemptStatus.FAILED]),
        (Personality.TIRED_DISK, ExecutionStatus.SUCCEEDED, [AttemptStatus.FAILED, AttemptStatus.SUCCEEDED]),
        (Personality.FLAKY_NETWORK, ExecutionStatus.SUCCEEDED, [AttemptStatus.SUCCEEDED]),
    ],
)
async def test_personalities(
    opener: Opener,
    sqlite_url: str,
    tmp_path: Path,
    personality: Personality,
    status: ExecutionStatus,
    attempts: list[AttemptStatus],
) -> None:
    machine = replace(STEADY, personality=personality)
    async with site(opener, sqlite_url, tmp_path, [machine]) as (pureboot, rack):
        node = await pureboot.nodes.create(machine.mac_address, by="user:t")
        execution = await pureboot.executions.start("install", node=node.id, by="user:t")
        rack.power_on(machine.mac_address)
        done = await ended(pureboot, execution)
        assert done.status is status
        written = [attempt for attempt in done.attempts if attempt.step_key == "image"]
        assert [attempt.status for attempt in written] == attempts
        node = await pureboot.nodes.get(node.id)
        if status is ExecutionStatus.FAILED:
            assert "Input/output error" in (done.error or "")
            assert (node.state, node.install_attempts) == (NodeState.INSTALLING, 1)
            await does(rack, machine.mac_address, Power.OFF)
        else:
            assert node.state is NodeState.INSTALLED
        assert (rack.counters.lost > 0) == (personality is Personality.FLAKY_NETWORK)


async def test_a_machine_whose_execution_is_cancelled_gives_up(opener: Opener, sqlite_url: str, tmp_path: Path) -> None:
    async with site(opener, sqlite_url, tmp_path, [STEADY]) as (pureboot, rack):
        node = await pureboot.nodes.create(STEADY.mac_address, by="user:t")
        execution = await pureboot.executions.start("sleep", node=node.id, by="user:t")
        rack.power_on(STEADY.mac_address)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_TAKEN and each.step_key == "wait")
        await pureboot.executions.cancel(execution.id, by="user:t")
        await does(rack, STEADY.mac_address, Power.OFF)


async def test_a_busy_machine_has_no_use_for_its_button(opener: Opener, sqlite_url: str, tmp_path: Path) -> None:
    async with site(opener, sqlite_url, tmp_path, [STEADY]) as (pureboot, rack):
        node = await pureboot.nodes.create(STEADY.mac_address, by="user:t")
        await pureboot.executions.start("sleep", node=node.id, by="user:t")
        rack.power_on(STEADY.mac_address)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_TAKEN and each.step_key == "wait")
        assert not rack.machines[STEADY.mac_address].is_idle
        rack.power_on(STEADY.mac_address)
        assert rack.counters.power_ons == 1
        assert not rack.power_on("52:54:00:00:00:99")


async def test_a_machine_that_waits_starts_again_at_the_press_of_its_button(
    opener: Opener, sqlite_url: str, tmp_path: Path
) -> None:
    async with site(opener, sqlite_url, tmp_path, [STEADY], speed=10) as (pureboot, rack):
        machine = rack.machines[STEADY.mac_address]
        node = await pureboot.nodes.create(STEADY.mac_address, by="user:t")
        await pureboot.executions.start("later", node=node.id, by="user:t")
        machine.power_on()
        await asyncio.wait_for(machine.until(Power.WAITING), SECONDS)
        machine.power_on()
        await asyncio.wait_for(machine.until(Power.FIRMWARE), SECONDS)
        assert (machine.boots, rack.counters.power_ons) == (2, 2)


async def test_the_end_of_a_rack_leaves_nothing_behind(opener: Opener, sqlite_url: str, tmp_path: Path) -> None:
    machines = [replace(STEADY, mac_address=f"52:54:00:00:01:{at:02x}", hostname=f"e-{at:02}") for at in range(12)]
    async with site(opener, sqlite_url, tmp_path, machines, speed=1) as (_, rack):
        for machine in machines:
            rack.power_on(machine.mac_address)
        await does(rack, machines[-1].mac_address, Power.FIRMWARE)
    left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not [name for name in left if name.startswith(("machine", "heartbeat"))]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("simulated")]


async def test_a_server_that_is_not_there_leaves_machines_switched_off(tmp_path: Path, unused_tcp_port: int) -> None:
    network = Network(url=f"http://127.0.0.1:{unused_tcp_port}", tftp_port=unused_tcp_port)
    async with Rack([STEADY], network, speed=1000).running() as rack:
        rack.power_on(STEADY.mac_address)
        await does(rack, STEADY.mac_address, Power.FIRMWARE)
        await does(rack, STEADY.mac_address, Power.OFF)
        assert rack.counters.failures > 0

"""A rack of four that installs at once, by every way firmware has, and a server that is killed in the middle of it."""

import asyncio
from pathlib import Path

import pytest

from engine.core.events import Kind
from tests.e2e.lab import Machine, Rack
from tests.e2e.technician import SCRATCH, Site, ran, serving, stocked

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]

STEPS = [("netboot", 1, "succeeded"), ("write", 1, "succeeded"), ("reboot", 1, "succeeded")]


async def test_four_machines_install_at_once_and_a_killed_server_is_but_a_pause(rack: Rack, tmp_path: Path) -> None:
    """Two by BIOS, one by UEFI and PXE, one by UEFI over HTTP, as the site's DHCP server says."""
    machines = [
        await rack.machine(firmware="bios", memory_mib=384),
        await rack.machine(firmware="bios", memory_mib=384),
        await rack.machine(firmware="uefi", memory_mib=384),
        await rack.machine(firmware="uefi", memory_mib=384, http_boot=True),
    ]
    async with serving(rack, tmp_path) as site:
        workflow = await stocked(site, rack)
        executions = [
            await site.asked_for(machine, workflow, f"r{number}") for number, machine in enumerate(machines, start=1)
        ]
        await asyncio.gather(*(machine.power_on() for machine in machines))
        await asyncio.gather(*(site.logged(execution, "writes /dev/vda") for execution in executions))
        await site.kill()
        assert [ran(machine) for machine in machines] == [1, 1, 1, 1]
        await site.start()
        (site.files / "seen").write_text("yes")  # what each of them waits for in the middle of its script
        for machine, execution in zip(machines, executions, strict=True):
            finished = await site.happened(Kind.EXECUTION_FINISHED, execution_id=execution)
            assert finished.data["status"] == "succeeded"
            await _is_installed_once(site, machine, execution)
        assert await _loader_of(site, "r4") == ("http", "/boot/ipxe.efi")
        assert await _loader_of(site, "r3") == ("tftp", "ipxe.efi")


async def _is_installed_once(site: Site, machine: Machine, execution: str) -> None:
    attempts = await site.api("GET", f"/executions/{execution}/steps")
    assert [(each["step_key"], each["attempt"], each["status"]) for each in attempts] == STEPS
    node = await site.api("GET", f"/nodes/{machine.mac}")
    assert node["state"] == "installed"
    assert ran(machine) == 1
    assert machine.read_disk(SCRATCH, 64).startswith(f"installed by pureboot: {machine.mac}".encode())
    image = (site.files / "disk.img").read_bytes()
    assert machine.read_disk(0, len(image)) == image


async def _loader_of(site: Site, name: str) -> tuple[str, str]:
    told = (await site.watcher.traces.explain(name)).as_data()
    return next((line["kind"], line["what"]) for line in told["trace"] if line["what"].endswith("ipxe.efi"))

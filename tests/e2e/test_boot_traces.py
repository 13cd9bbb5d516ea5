"""Real machines that do not come up: what each leaves in its boot trace, and what `node explain` makes of it.

The traces are also test data of the catalogue (`keep`); that of a machine that comes up is made by test_first_light.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.lab import Machine, Rack
from tests.e2e.technician import WORKFLOW, Site, keep, serving, stocked

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is wrong: the loader that the site's DHCP server names to a machine's UEFI, or a text of the workflow."""

    cause: str
    loader: str | None = None
    change: tuple[str, str] | None = None

    @property
    def firmware(self) -> str:
        """What shows it soonest."""
        return "uefi" if self.loader else "bios"


CASES = {
    "no-loader": Case(cause="loader-missing", loader="ipxe-signed.efi"),
    "wrong-file": Case(cause="wrong-file", loader="wdsmgfw.efi"),
    # a whole URL is not looked for before the script is told
    "kernel-gone": Case(
        cause="file-missing", change=("kernel: vmlinuz", "kernel: ${server.http_url}/files/removed/vmlinuz")
    ),
    "no-callback": Case(
        cause="kernel-starts", change=("pureboot.agent=${server.http_url}/agent/linux.sh", "rdinit=/bin/false")
    ),
    "callback-refused": Case(cause="callback-refused", change=("${execution.token}", "stale-${execution.token}")),
}


async def test_real_machines_leave_traces_that_say_why(rack: Rack, tmp_path: Path) -> None:
    """All of them at once, on one site."""
    machines = {
        name: await rack.machine(firmware=case.firmware, uefi_loader=case.loader or "ipxe.efi", memory_mib=384)
        for name, case in CASES.items()
    }
    async with serving(rack, tmp_path) as site:
        await stocked(site, rack)
        (site.files / "seen").write_text("yes")
        async with asyncio.TaskGroup() as told:
            for name, machine in machines.items():
                told.create_task(_is_told(site, machine, name, CASES[name]))


async def _is_told(site: Site, machine: Machine, name: str, case: Case) -> None:
    text = WORKFLOW.replace("name: first-light", f"name: {name}")
    workflow = await site.published(text.replace(*case.change) if case.change else text)
    await site.asked_for(machine, workflow, name)
    await machine.power_on()
    found = await site.explained(name, lambda told: told["cause"] == case.cause)
    keep(name, found)
    assert found["trace"]
    await machine.power_off()

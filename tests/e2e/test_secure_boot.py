"""Secure Boot, really on: Microsoft's keys in the firmware, Debian's shim, GRUB and kernel, and PureBoot's grub.cfg."""

from pathlib import Path

import pytest

from engine.core.events import Kind
from tests.e2e.lab import MARKER, Rack
from tests.e2e.technician import PATIENCE, SCRIPT, ran, serving, stocked

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]

# What the kernel itself says of it: it locks itself down where the firmware checked it.
LOOK = """
mount -t securityfs none /sys/kernel/security
echo "lockdown=$(cat /sys/kernel/security/lockdown)" >>"$PUREBOOT_OUTPUT"
dmesg | grep -i "secure boot"
"""


async def test_a_machine_with_secure_boot_is_installed_by_shim_and_grub(rack: Rack, tmp_path: Path) -> None:
    machine = await rack.machine(firmware="uefi", secure_boot=True, uefi_loader="shimx64.efi")
    async with serving(rack, tmp_path) as site:
        workflow = await stocked(site, rack, signed=True, script=SCRIPT + LOOK)
        (site.files / "seen").write_text("yes")
        execution = await site.asked_for(machine, workflow, "r1")
        await machine.power_on()
        await machine.console.wait_for("PureBoot: Boot the small system", timeout=PATIENCE)  # grub.cfg of this node
        await site.happened(Kind.EXECUTION_FINISHED, execution_id=execution)
        attempts = await site.api("GET", f"/executions/{execution}/steps")
        assert [(each["step_key"], each["status"]) for each in attempts] == [
            ("netboot", "succeeded"),
            ("write", "succeeded"),
            ("reboot", "succeeded"),
        ]
        assert attempts[1]["output"] == {"disk": "/dev/vda", "lockdown": "none [integrity] confidentiality"}
        said = "".join(chunk.text for chunk in await site.watcher.executions.log(execution))
        assert "Kernel is locked down from EFI Secure Boot" in said
        # From then on its disk: grub.cfg of an installed node, and the signed shim and GRUB on that disk.
        await machine.console.wait_for("PureBoot: r1 is installed and boots its disk", timeout=PATIENCE)
        await machine.console.wait_for(f"{MARKER} uefi", timeout=PATIENCE)
        await machine.wait_off(timeout=60)
        assert ran(machine) == 1

"""Every way a boot step knows, in real iPXE: ISO, another script, an EFI program, wimboot, an initrd with the agent.

No package of Debian has wimboot. What PureBoot and iPXE do for it is to start an EFI program that finds files under the
names of the step; here that program is Debian's kernel, which looks for its initrd in the same way.
"""

import asyncio
from pathlib import Path

import pytest

from engine.core.events import Kind
from tests.e2e.lab import Machine, Rack, bootable_cd, efi_program
from tests.e2e.technician import PATIENCE, Site, serving, stocked

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]

BIOS = """
name: bios-ways
steps:
  - {key: flash, action: node.boot, with: {efi: hello.efi}}
  - {key: live, action: node.boot, with: {iso: live.iso}}
  - {key: other, action: node.boot, with: {chain: "${server.http_url}/render/${execution.token}/other"}}
  - key: agent
    action: node.boot
    with:
      kernel: vmlinuz
      initrd: initrd.gz
      cmdline: console=ttyS0 pureboot.agent=none
      agent: true
      overlay: {etc/motd: motd}
  - {key: look, action: node.script, with: {script: 'echo "motd=$(cat /etc/motd)" >>"$PUREBOOT_OUTPUT"'}}
  - {key: "off", action: node.reboot, with: {op: poweroff}}
"""

UEFI = """
name: uefi-ways
steps:
  - {key: tool, action: node.boot, with: {efi: hello.efi}}
  - key: windows
    action: node.boot
    with:
      wimboot: vmlinuz
      files: {BCD: bcd, boot.wim: initrd.gz}
      cmdline: >-
        initrd=boot.wim console=ttyS0 pureboot.agent=${server.http_url}/agent/linux.sh
        pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}
  - {key: "off", action: node.reboot, with: {op: poweroff}}
"""

OTHER = """#!ipxe
echo PUREBOOT-SCRIPT of ${node.mac}
prompt Press a key to ask PureBoot again
chain --replace --autofree ${server.http_url}/boot.ipxe
"""


async def test_every_way_to_boot_by_both_kinds_of_firmware(rack: Rack, tmp_path: Path) -> None:
    bios, uefi = await rack.machine(firmware="bios"), await rack.machine(firmware="uefi")
    async with serving(rack, tmp_path) as site:
        await stocked(site, rack)
        bootable_cd(site.files / "live.iso", "PUREBOOT-CD-OK")
        efi_program(site.files / "hello.efi", "echo PUREBOOT-EFI-OK\nhalt\n", "echo", "halt")
        (site.files / "bcd").write_bytes(b"regf")
        await site.api("POST", "/templates", {"name": "other", "type": "ipxe", "content": OTHER})
        await site.api("POST", "/templates", {"name": "motd", "type": "script", "content": "you are ${node.mac}"})
        async with asyncio.TaskGroup() as both:
            both.create_task(_by_bios(site, bios))
            both.create_task(_by_uefi(site, uefi))


async def _by_bios(site: Site, machine: Machine) -> None:
    execution = await site.asked_for(machine, await site.published(BIOS), "b1")
    await machine.power_on()
    why = "the EFI program (efi) hello.efi needs UEFI firmware, but this machine starts in BIOS mode"
    await machine.console.wait_for(
        "machine starts in BIOS mode", timeout=PATIENCE
    )  # the end of it; the line is wrapped
    refused = await site.happened(Kind.NODE_BOOT_REFUSED)
    assert (refused.step_key, refused.data["message"]) == ("flash", why)
    await _skipped(site, execution, "flash")
    await machine.reset()

    await machine.console.wait_for("PUREBOOT-CD-OK", timeout=PATIENCE)
    await machine.wait_off(timeout=60)
    await _skipped(site, execution, "live")  # a live system knows nothing of PureBoot
    await machine.power_on()

    await machine.console.wait_for(f"PUREBOOT-SCRIPT of {machine.mac}", timeout=PATIENCE)
    await _skipped(site, execution, "other")
    await machine.type(" ")

    await machine.console.wait_for("PUREBOOT-INIT idles", timeout=PATIENCE)  # the agent is beside the system's own init
    await machine.wait_off(timeout=PATIENCE)
    ended = await _ended(site, execution)
    assert {key: step["status"] for key, step in ended.items()} == {
        "flash": "skipped",
        "live": "skipped",
        "other": "skipped",
        "agent": "succeeded",
        "look": "succeeded",
        "off": "succeeded",
    }
    assert ended["look"]["output"] == {"motd": f"you are {machine.mac}"}


async def _by_uefi(site: Site, machine: Machine) -> None:
    execution = await site.asked_for(machine, await site.published(UEFI), "u1")
    await machine.power_on()
    await machine.console.wait_for("PUREBOOT-EFI-OK", timeout=PATIENCE)
    await machine.wait_off(timeout=60)
    await _skipped(site, execution, "tool")
    await machine.power_on()
    await machine.console.wait_for("Loaded initrd from command line option", timeout=PATIENCE)  # found as boot.wim
    await machine.wait_off(timeout=PATIENCE)
    ended = await _ended(site, execution)
    assert {key: step["status"] for key, step in ended.items()} == {
        "tool": "skipped",
        "windows": "succeeded",
        "off": "succeeded",
    }


async def _skipped(site: Site, execution: str, step: str) -> None:
    body = {"step": step, "reason": "it was seen to start"}
    await site.api("POST", f"/executions/{execution}/skip", body)


async def _ended(site: Site, execution: str) -> dict[str, dict[str, object]]:
    """How each step ended, the last attempt of each."""
    finished = await site.happened(Kind.EXECUTION_FINISHED, execution_id=execution)
    assert finished.data["status"] == "succeeded"
    return {each["step_key"]: each for each in await site.api("GET", f"/executions/{execution}/steps")}

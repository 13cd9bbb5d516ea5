"""Real machines that do not come up: what each leaves in its boot trace, and what `node explain` makes of it.

With PUREBOOT_KEEP_TRACES=1 the traces are written to tests/data/boot_traces, where a test of the catalogue reads them.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab import Machine, Rack
from tests.e2e.test_first_light import SCRIPT, WORKFLOW, Site, serving

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]

PATIENCE = 150.0
KEPT = Path(__file__).parents[1] / "data" / "boot_traces"
CASES = {
    "no-loader": "loader-missing",
    "wrong-file": "wrong-file",
    "kernel-gone": "file-missing",
    "no-callback": "kernel-starts",
    "callback-refused": "callback-refused",
    "finished": "finished",
}
# The loader that the site's DHCP server names to a machine's UEFI.
LOADERS = {"no-loader": "ipxe-signed.efi", "wrong-file": "wdsmgfw.efi"}
SILENT = ("pureboot.agent=${server.http_url}/agent/linux.sh", "rdinit=/bin/false")


async def explained(site: Site, name: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What is told of a machine, once it is what a test waits for."""
    last: Any = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = site.watcher.feed.stirs
                last = (await site.watcher.traces.explain(name)).as_data()
                if fits(last):
                    return dict(last)
                await site.watcher.feed.changed(seen)
    except TimeoutError:
        raise AssertionError(f"it stays at {last and last['sentence']}\n{json.dumps(last, indent=1)}") from None


async def prepared(site: Site, rack: Rack, text: str = WORKFLOW) -> None:
    payload = await rack.payload()
    shutil.copy(payload.kernel, site.files / "vmlinuz")
    shutil.copy(payload.initrd, site.files / "initrd.gz")
    await rack.bootable_image(site.files / "disk.img")
    (site.files / "seen").write_text("yes")
    await site.api("POST", "/templates", {"name": "write-disk", "type": "script", "content": SCRIPT})
    await site.api("POST", "/workflows/import", {"content": text})
    await site.api("POST", "/workflows/first-light/publish")


async def asked_for(site: Site, machine: Machine) -> None:
    """A node with an execution before its machine is switched on."""
    await site.api("POST", "/nodes", {"mac_address": machine.mac, "hostname": "r1"})
    await site.api("POST", "/workflows/first-light/execute", {"node": machine.mac})


def keep(case: str, told: dict[str, Any]) -> None:
    print(f"{case}: {told['cause']}: {told['sentence']}")
    if os.environ.get("PUREBOOT_KEEP_TRACES"):
        kept = {"case": case, "cause": told["cause"], "sentence": told["sentence"], "trace": told["trace"]}
        (KEPT / f"{case}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("case", CASES)
async def test_a_real_machine_leaves_a_trace_that_says_why(rack: Rack, tmp_path: Path, case: str) -> None:
    named = LOADERS.get(case)
    machine = await rack.machine(firmware="uefi" if named else "bios", uefi_loader=named or "ipxe.efi")
    text = WORKFLOW
    if case == "kernel-gone":  # a whole URL is not looked for before the script is told
        text = text.replace("kernel: vmlinuz", "kernel: ${server.http_url}/files/removed/vmlinuz")
    if case == "no-callback":
        text = text.replace(*SILENT)
    if case == "callback-refused":
        text = text.replace("${execution.token}", "stale-${execution.token}")
    async with serving(rack, tmp_path) as site:
        await prepared(site, rack, text)
        await asked_for(site, machine)
        await machine.power_on()
        told = await explained(site, "r1", lambda found: found["cause"] == CASES[case])
        keep(case, told)
        assert told["trace"]

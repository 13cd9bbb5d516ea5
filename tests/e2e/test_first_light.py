"""A machine nobody knows goes from power-on to `installed`, and from then on boots its disk; BIOS and UEFI.

Everything is real: the machine is QEMU with the firmware's own network boot, the site's DHCP server is dnsmasq,
PureBoot is `pureboot serve` in a process of its own, and the technician uses the API with a token.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.page import Page
from engine.settings import load
from tests.e2e.lab import MARKER, Machine, Rack

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]

SCRATCH = 32 * 2**20  # where on the disk the step leaves its mark, beyond the image it writes
PATIENCE = 180.0

WORKFLOW = """
name: first-light
description: Write a disk image from a small system in memory
params: {disk: {type: string, default: /dev/vda}}
timeout: 10m
steps:
  - key: netboot
    name: Boot the small system
    action: node.boot
    with:
      kernel: vmlinuz
      initrd: initrd.gz
      cmdline: >-
        console=ttyS0 pureboot.agent=${server.http_url}/agent/linux.sh
        pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}
    timeout: 5m
    next_state: installing
  - key: write
    name: Write the disk
    action: node.script
    with:
      template: write-disk
      env: {DISK: "{{ params.disk }}"}
    timeout: 3m
    heartbeat: 1m
    next_state: installed
  - key: reboot
    action: node.reboot
"""

SCRIPT = """\
set -eu
echo "machine ${node.mac} of group ${group.name|none} writes $DISK"
echo "10 fetching" >>"$PUREBOOT_PROGRESS"
wget -q -O /run/disk.img ${server.http_url}/files/disk.img
until [ -e /run/seen ] || wget -q -O /run/seen ${server.http_url}/files/seen; do sleep 1; done
dd if=/run/disk.img of="$DISK" bs=1M
echo "90 marking" >>"$PUREBOOT_PROGRESS"
printf 'installed by pureboot: %s' "${node.mac}" | dd of="$DISK" bs=512 seek=SEEK conv=notrunc
sync
echo "disk=$DISK" >>"$PUREBOOT_OUTPUT"
echo "the disk is written"
""".replace("SEEK", str(SCRATCH // 512))


@dataclass
class Site:
    """PureBoot as a technician finds it: its API with a token, its files, and the store to watch."""

    url: str
    token: str
    files: Path
    watcher: PureBoot
    server: asyncio.subprocess.Process

    async def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the admin API; gives `data`."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, f"/api/v1{path}", json=body) as answer,
        ):
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return json.loads(text)["data"]

    async def happened(self, kind: Kind, after: int = 0, **fields: Any) -> Event:
        """Wait for the first event of a kind with these fields."""
        async with asyncio.timeout(PATIENCE):
            async for batch in self.watcher.feed.follow(after):
                for event in batch:
                    if event.kind is kind and all(getattr(event, name) == value for name, value in fields.items()):
                        return event
        raise AssertionError("the feed ended")


async def command(environ: dict[str, str], *words: str) -> str:
    """Run a `pureboot` command to its end; gives what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", *words, env=environ, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


@contextlib.asynccontextmanager
async def serving(rack: Rack, folder: Path, **settings: str) -> AsyncIterator[Site]:
    """`pureboot serve` on the rack's network, in strict mode; more settings are written `DHCP__MODE="proxy"`."""
    files = folder / "files"
    files.mkdir()
    url = f"sqlite:///{folder / 'pureboot.db'}"
    environ = {
        **os.environ,
        "PUREBOOT_DATABASE__URL": url,
        "PUREBOOT_FILES__DIR": str(files),
        "PUREBOOT_HTTP__HOST": rack.address,
        "PUREBOOT_HTTP__PORT": str(rack.http_port),
        "PUREBOOT_TFTP__HOST": rack.address,
        **{f"PUREBOOT_{name}": value for name, value in settings.items()},
    }
    token = json.loads(await command(environ, "token", "create", "technician", "--json"))["token"]
    with (folder / "serve.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "console", "serve", env=environ, stderr=log)
        try:
            async with PureBoot(load(environ={}, flags={"database.url": url}), host=False) as watcher:
                site = Site(url=rack.http_url, token=token, files=files, watcher=watcher, server=server)
                await site.happened(Kind.SERVER_STARTED)
                yield site
        finally:
            if server.returncode is None:
                server.terminate()
            assert await asyncio.wait_for(server.wait(), 20) == 0, (folder / "serve.log").read_text()


async def stocked(site: Site, rack: Rack) -> None:
    """Put the boot files in place and import the workflow, as the README tells to."""
    payload = await rack.payload()
    shutil.copy(payload.kernel, site.files / "vmlinuz")
    shutil.copy(payload.initrd, site.files / "initrd.gz")
    await rack.bootable_image(site.files / "disk.img")
    await site.api("POST", "/templates", {"name": "write-disk", "type": "script", "content": SCRIPT})
    await site.api("POST", "/workflows/import", {"content": WORKFLOW})
    await site.api("POST", "/workflows/first-light/publish")


async def appears(site: Site, machine: Machine) -> dict[str, Any]:
    """Power the machine on and wait until it is listed."""
    await machine.power_on()
    await site.happened(Kind.NODE_DISCOVERED)
    [node] = await site.api("GET", "/nodes?state=discovered")
    return dict(node)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
async def test_a_real_machine_goes_from_power_on_to_installed(rack: Rack, tmp_path: Path, firmware: str) -> None:
    machine = await rack.machine(firmware=firmware)
    async with serving(rack, tmp_path) as site:
        await stocked(site, rack)

        powered_on = datetime.now(UTC)
        node = await appears(site, machine)
        assert (node["mac_address"], node["boot_mode"]) == (machine.mac, firmware)
        assert (node["system_uuid"], node["serial_number"]) == (machine.identity.uuid, machine.identity.serial)
        await machine.console.wait_for("is new here, now listed as discovered", timeout=PATIENCE)

        # Its disk is empty, so it stays in iPXE and asks again: nobody has to walk to it.
        started = await site.api("POST", "/workflows/first-light/execute", {"node": machine.mac, "request_id": "one"})
        execution_id = started["execution_id"]

        await _log_arrives_while_the_step_runs(site, execution_id)
        await site.happened(Kind.EXECUTION_FINISHED, execution_id=execution_id)
        served = await site.happened(Kind.NODE_BOOT_SERVED, node_id=node["id"])
        await site.happened(Kind.NODE_BOOT_LOCAL, after=served.id, node_id=node["id"])
        await machine.console.wait_for(f"{MARKER} {firmware}", timeout=PATIENCE)
        await machine.wait_off(timeout=60)

        await _everything_is_recorded(site, node["id"], execution_id)
        print(await _timeline(site, powered_on, f"{firmware}: {machine.mac}", node["id"]))
        assert machine.read_disk(SCRATCH, 64).startswith(f"installed by pureboot: {machine.mac}".encode())
        image = (site.files / "disk.img").read_bytes()
        assert machine.read_disk(0, len(image)) == image


async def _timeline(site: Site, powered_on: datetime, title: str, node_id: str) -> str:
    """What happened to the machine, in seconds since its power came on; `pytest -s` shows it."""
    events, _ = await site.watcher.events(Page(limit=None, sort="id", filters={"node_id": (node_id,)}))
    lines = [title]
    for event in events:
        said = event.data.get("message") or event.data.get("to_state") or event.data.get("status") or ""
        after = (event.at - powered_on).total_seconds()
        lines.append(f"{after:6.1f} s  {event.kind.value:<20} {event.step_key or '':<8} {said}".rstrip())
    return "\n".join(lines)


async def _log_arrives_while_the_step_runs(site: Site, execution_id: str) -> None:
    """The script waits for a file that is only put there once its first line was seen."""
    async with asyncio.timeout(PATIENCE):
        async for chunks in site.watcher.feed.follow_log(execution_id):
            if any("writes /dev/vda" in chunk.text for chunk in chunks):
                break
    [_, running] = await site.api("GET", f"/executions/{execution_id}/steps")
    assert (running["step_key"], running["status"]) == ("write", "running")
    (site.files / "seen").write_text("yes")


async def _everything_is_recorded(site: Site, node_id: str, execution_id: str) -> None:
    history = await site.api("GET", f"/nodes/{node_id}/history")
    assert [(row["to_state"], row["triggered_by"]) for row in history] == [
        ("installed", "workflow"),
        ("installing", "workflow"),
        ("pending", "workflow"),
    ]
    execution = await site.api("GET", f"/executions/{execution_id}")
    assert (execution["status"], execution["progress_percent"]) == ("succeeded", 100)
    attempts = await site.api("GET", f"/executions/{execution_id}/steps")
    assert [(each["step_key"], each["attempt"], each["status"]) for each in attempts] == [
        ("netboot", 1, "succeeded"),
        ("write", 1, "succeeded"),
        ("reboot", 1, "succeeded"),
    ]
    assert attempts[1]["output"] == {"disk": "/dev/vda"}
    assert attempts[1]["exit_code"] == 0
    log = "".join(chunk.text for chunk in await site.watcher.executions.log(execution_id))
    assert "the disk is written" in log
    events, _ = await site.watcher.events(Page(limit=None, filters={"execution_id": (execution_id,)}))
    assert [each.data["progress_percent"] for each in events if each.kind is Kind.ATTEMPT_PROGRESSED][-1:] == [10]

"""PureBoot on the rack's network as a technician has it: a process of its own, its API, and the store to watch."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.page import Page
from engine.settings import load
from tests.e2e.lab import Machine, Rack

KEPT_TRACES = Path(__file__).parents[1] / "data" / "boot_traces"
SCRATCH = 32 * 2**20  # where on the disk the step leaves its mark, beyond the image it writes
PATIENCE = 180.0
_ENDING_SECONDS = 20

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
runs=$(dd if="$DISK" bs=512 skip=COUNT count=1 | tr -d '\\000')
printf '%sx' "$runs" | dd of="$DISK" bs=512 seek=COUNT conv=notrunc
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
""".replace("SEEK", str(SCRATCH // 512)).replace("COUNT", str(SCRATCH // 512 + 1))


@dataclass(kw_only=True)
class Site:
    """What a technician has: the API with a token, the folder of the boot files, and `pureboot serve` itself."""

    url: str
    token: str
    files: Path
    watcher: PureBoot
    log: Path
    environ: dict[str, str] = field(repr=False)
    server: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start `pureboot serve` and wait until it does."""
        newest, _ = await self.watcher.events(Page(limit=1, sort="-id"))
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", "console", "serve")
            self.server = await asyncio.create_subprocess_exec(*command, env=self.environ, stderr=log)
        await self.happened(Kind.SERVER_STARTED, after=newest[0].id if newest else 0)

    async def stop(self) -> None:
        """End it as an init system does; it must end well."""
        if self.server is not None and self.server.returncode is None:
            self.server.terminate()
            assert await asyncio.wait_for(self.server.wait(), _ENDING_SECONDS) == 0, self.log.read_text()

    async def kill(self) -> None:
        """What the out-of-memory killer does to it."""
        assert self.server is not None
        self.server.kill()
        assert await self.server.wait() == -signal.SIGKILL

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

    async def logged(self, execution_id: str, text: str) -> None:
        """Wait until an execution's log has a text."""
        async with asyncio.timeout(PATIENCE):
            async for chunks in self.watcher.feed.follow_log(execution_id):
                if any(text in chunk.text for chunk in chunks):
                    return
        raise AssertionError("the log ended")

    async def published(self, text: str) -> str:
        """Import a workflow and publish it; gives its name."""
        [made] = await self.api("POST", "/workflows/import", {"content": text})
        await self.api("POST", f"/workflows/{made['name']}/publish")
        return str(made["name"])

    async def asked_for(self, machine: Machine, workflow: str, hostname: str) -> str:
        """A node with an execution before its machine is switched on; gives the execution."""
        await self.api("POST", "/nodes", {"mac_address": machine.mac, "hostname": hostname})
        started = await self.api("POST", f"/workflows/{workflow}/execute", {"node": machine.mac})
        return str(started["execution_id"])

    async def explained(self, node: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is told of a machine, once it is what a test waits for."""
        last: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    seen = self.watcher.feed.stirs
                    last = (await self.watcher.traces.explain(node)).as_data()
                    if fits(last):
                        return dict(last)
                    await self.watcher.feed.changed(seen)
        except TimeoutError:
            raise AssertionError(f"it stays at {last and last['sentence']}\n{json.dumps(last, indent=1)}") from None


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
    async with PureBoot(load(environ={}, flags={"database.url": url}), host=False) as watcher:
        issued = await watcher.access.create("technician", "admin", by="user:root")
        site = Site(
            url=rack.http_url,
            token=issued.secret,
            files=files,
            watcher=watcher,
            log=folder / "serve.log",
            environ=environ,
        )
        try:
            await site.start()
            yield site
        finally:
            await site.stop()


async def stocked(site: Site, rack: Rack, *, signed: bool = False, script: str = SCRIPT, text: str = WORKFLOW) -> str:
    """Put the boot files in place and import the workflow, as the README tells to; gives its name."""
    payload = await rack.payload()
    shutil.copy(payload.kernel, site.files / "vmlinuz")
    shutil.copy(payload.initrd, site.files / "initrd.gz")
    await rack.bootable_image(site.files / "disk.img", signed=signed)
    await site.api("POST", "/templates", {"name": "write-disk", "type": "script", "content": script})
    return await site.published(text)


def ran(machine: Machine) -> int:
    """How often the script began to write a machine's disk."""
    return machine.read_disk(SCRATCH + 512, 512).count(b"x")


def keep(case: str, told: dict[str, Any]) -> None:
    """Show what was told; with PUREBOOT_KEEP_TRACES=1 write the trace where a test of the catalogue reads it."""
    print(f"{case}: {told['cause']}: {told['sentence']}")
    if os.environ.get("PUREBOOT_KEEP_TRACES"):
        kept = {"case": case, "cause": told["cause"], "sentence": told["sentence"], "trace": told["trace"]}
        (KEPT_TRACES / f"{case}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")

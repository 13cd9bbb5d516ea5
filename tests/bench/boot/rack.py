"""A store with machines for the HTTP bench: `python -m tests.bench.boot.rack --folder FOLDER --files FILES …`.

Some wait for their installer, some are new, the rest have one; writes for each the path by which its iPXE asks.
"""

import argparse
import asyncio
from pathlib import Path
from urllib.parse import quote

from engine.app import PureBoot
from engine.core.nodes import NodeState
from tests.bench.ours import BY, opened, publish

WORKFLOW = """\
name: install
os_family: linux
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: debian-12/linux
      initrd: debian-12/initrd.gz
      cmdline: auto=true priority=critical url=${server.http_url}/render/${execution.token}/debian-preseed ---
    timeout: 2h
  - {key: finish, action: node.script, with: {script: "true"}}
"""
_TO_ACTIVE = (NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED, NodeState.ACTIVE)
_AT_ONCE = 100


def mac_of(number: int) -> str:
    """A machine's address."""
    return f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"


def path_of(number: int) -> str:
    """What a machine's iPXE asks for: every fact that our script has it tell."""
    facts = {
        "mac": mac_of(number),
        "uuid": f"4c4c4544-0000-4000-8000-{number:012x}",
        "serial": f"SN{number:06d}",
        "arch": "x86_64",
        "platform": "efi",
        "manufacturer": "Dell Inc.",
        "product": "PowerEdge R650",
        "hostname": "",
        "ip": f"127.0.{number // 250}.{number % 250 + 1}",
        "chip": "snp",
    }
    return "/boot.ipxe?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in facts.items())


async def machine(pureboot: PureBoot, number: int, share: int) -> None:
    """One machine: of each ten so many wait for the installer, as many are new, the rest are installed."""
    node = await pureboot.nodes.create(mac_of(number), by=BY)
    if number % 10 < share:
        await pureboot.nodes.move(node.id, NodeState.PENDING, by=BY)
        await pureboot.executions.start("install", node=node.id, by=BY)
    elif number % 10 >= 2 * share:
        for state in _TO_ACTIVE:
            await pureboot.nodes.move(node.id, state, by=BY)


async def fill(options: argparse.Namespace) -> None:
    """Make them."""
    flags = {"files.dir": str(options.files)}
    async with opened(f"sqlite:///{options.folder}/pureboot.db", options.folder, **flags) as pureboot:
        await publish(pureboot, WORKFLOW)
        for first in range(0, options.machines, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, options.machines))
            await asyncio.gather(*(machine(pureboot, number, options.share) for number in numbers))
    options.paths.write_text("".join(f"{path_of(number)}\n" for number in range(options.machines)))


def main() -> None:
    """Do what the bench asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--paths", type=Path, required=True)
    parser.add_argument("--machines", type=int, required=True)
    parser.add_argument("--share", type=int, default=2)
    asyncio.run(fill(parser.parse_args()))


if __name__ == "__main__":
    main()

"""PureBoot with its HTTP listener and machines that wait: `python -m tests.bench.ours_http --machines N …`.

Each machine has a live execution whose first step waits for the machine's own report. Says the port, and writes
execution and token of each machine to a file; goes on until its standard input is closed.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bootsrv.doors import Doors
from engine.app import PureBoot
from tests.bench.ours import BY, NAME, opened, publish, workflow
from tests.bench.workload import say

WORKFLOW = workflow("node.script", ", with: {script: 'true'}, timeout: 2h, heartbeat: 10m")
_AT_ONCE = 200


async def machine(pureboot: PureBoot, number: int) -> str:
    """A machine with an execution that waits for it; gives the execution's id."""
    mac = f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"
    node = await pureboot.nodes.create(mac, by=BY)
    return (await pureboot.executions.start(NAME, node=node.id, by=BY)).id


async def serve(options: argparse.Namespace) -> None:
    """Make the machines, then answer them."""
    flags = {"http.host": "127.0.0.1", "http.port": 0, "tftp.enabled": False}
    async with opened(options.url, options.folder, **flags) as pureboot:
        await publish(pureboot, WORKFLOW)
        found: list[str] = []
        for first in range(0, options.machines, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, options.machines))
            found += await asyncio.gather(*(machine(pureboot, number) for number in numbers))
        targets = [[execution, pureboot.context.capability(execution)] for execution in found]
        options.targets.write_text(json.dumps(targets))
        async with Doors(pureboot) as doors:
            say(port=int(doors.http_url.rpartition(":")[2]))
            await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Do what the runner asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--machines", type=int, required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()

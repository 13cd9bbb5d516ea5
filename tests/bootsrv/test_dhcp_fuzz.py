"""20,000 datagrams that no client sends, on the proxy's real ports: it answers all the while, and holds nothing.

`python -m tests.bench.boot.fuzz dhcp` sends a million.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.bootsrv.tftp_peers import run
from tests.programs import lacking, program

PROJECT = Path(__file__).parents[2]
COUNT, SEED = 20_000, 67


async def test_a_storm_of_packets_harms_nothing() -> None:
    own = (program("unshare"), "--net", *(() if os.geteuid() == 0 else ("--map-root-user", "--user")))
    program("ip")
    code, printed = await run(*own, "true", folder=PROJECT)
    if code:
        lacking(f"no network of its own can be made here: {printed.strip()}")
    async with asyncio.timeout(120):
        code, printed = await run(
            *own, sys.executable, "-m", "tests.bootsrv.dhcp_storm", str(COUNT), str(SEED), folder=PROJECT
        )
    assert code == 0, printed
    [line] = printed.splitlines()  # no error was logged before it
    found = json.loads(line)
    (_, files, tasks), (_, files_then, tasks_then) = found["early"], found["last"]
    assert (files_then, tasks_then) == (files, tasks)
    assert found["dropped"] == 0
    told = found["told"]
    assert told["dhcp.request ack"] > COUNT / 100  # of those that asked as firmware does, and more
    assert told["dhcp.discover offer"] > 100
    assert told["dhcp.discover None"] > 100

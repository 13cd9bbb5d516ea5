"""No transfer is lost at 1 % loss and 1 ms delay, which the kernel makes in a network of its own (netem)."""

import asyncio
import os
import sys
from pathlib import Path

from tests.bootsrv.tftp_lossy import READERS
from tests.bootsrv.tftp_peers import run
from tests.programs import lacking, program

PROJECT = Path(__file__).parents[2]


async def test_no_transfer_is_lost_in_a_network_that_loses() -> None:
    own = (program("unshare"), "--net", *(() if os.geteuid() == 0 else ("--map-root-user", "--user")))
    tc = program("tc")
    setup = f"ip link set lo up && {tc} qdisc add dev lo root netem delay 1ms"
    code, printed = await run(*own, "sh", "-c", setup, folder=PROJECT)
    if code:
        lacking(f"no network of its own with netem can be made here: {printed.strip()}")
    async with asyncio.timeout(120):
        code, printed = await run(*own, sys.executable, "-m", "tests.bootsrv.tftp_lossy", folder=PROJECT)
    assert code == 0, printed
    lines = [line for line in printed.splitlines() if line.startswith("window ")]
    assert lines == [f"window {window}: {READERS} of {READERS}, {READERS} done" for window in (1, 16)], printed

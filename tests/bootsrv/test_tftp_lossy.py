"""No transfer is lost at 1 % loss and 1 ms delay, over the kernel's real network and a link of its own."""

import asyncio
import os
import re
import sys
from pathlib import Path

from tests.bootsrv.tftp_lossy import READERS
from tests.bootsrv.tftp_peers import run
from tests.programs import lacking, program

PROJECT = Path(__file__).parents[2]


async def test_no_transfer_is_lost_in_a_network_that_loses() -> None:
    own = (program("unshare"), "--net", *(() if os.geteuid() == 0 else ("--map-root-user", "--user")))
    tun = f"{program('ip')} tuntap add dev lossy1 mode tun"
    code, printed = await run(*own, "sh", "-c", tun, folder=PROJECT)
    if code:
        lacking(f"no network of its own with a TUN device can be made here: {printed.strip()}")
    async with asyncio.timeout(120):
        code, printed = await run(*own, sys.executable, "-m", "tests.bootsrv.tftp_lossy", folder=PROJECT)
    assert code == 0, printed
    lines = [line for line in printed.splitlines() if line.startswith("window ")]
    assert lines == [f"window {window}: {READERS} of {READERS}, {READERS} done" for window in (1, 16)], printed
    lost = re.search(r"lost (\d+) of (\d+)", printed)
    assert lost is not None
    assert 0.005 < int(lost[1]) / int(lost[2]) < 0.02

"""A million datagrams that no client sends, at the TFTP server: `python -m tests.bench.boot.fuzz [COUNT]`.

It ends well if the server serves after each fifty, and in the end holds no more memory, descriptors or tasks than it
did after the first tenth. The suite sends 20,000.
"""

import asyncio
import gc
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.bootsrv.test_tftp_fuzz import BRIEF, CONTENT, descriptors
from tests.bootsrv.tftp_fuzz import storm
from tests.bootsrv.tftp_peers import Served, download, peer, serving

COUNT = 1_000_000
MOST_MB, MOST_FILES = 8.0, 4  # more than after the first tenth


def memory() -> float:
    """Resident memory of this process, MB."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6


async def held(served: Served) -> tuple[float, int, int]:
    """Memory, descriptors and tasks, once all transfers have ended."""
    while served.server.transfers:
        await served.report()
    while not served.reports.empty():
        served.reports.get_nowait()
    return memory(), descriptors(), len(asyncio.all_tasks())


async def fuzzed(folder: Path, count: int) -> tuple[tuple[float, int, int], tuple[float, int, int]]:
    """Send; what is held after the first tenth, and in the end."""
    async with serving(folder, timing=BRIEF, max_requests=1e9) as served:
        early = None
        for sent in storm(random.Random(1350), served.address, count, answering=True):
            with peer("127.0.0.77") as other:
                got = await download(other, served.address, "x", blksize="1468", windowsize="1")
            if got != CONTENT:
                sys.exit(f"after {sent} datagrams the server gave {len(got)} bytes of {len(CONTENT)}")
            while served.reports.qsize() > 100:
                served.reports.get_nowait()
            if early is None and sent >= count / 10:
                early = await held(served)
        last = await held(served)
    return early or last, last


def main() -> int:
    """Run and print."""
    logging.disable(logging.CRITICAL)  # tftpy tells of each packet
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_bytes(CONTENT)
        early, last = asyncio.run(fuzzed(Path(folder), count))
    print(f"{count} datagrams in {time.monotonic() - begun:.0f} s, and served after each fifty")
    print(f"{'':24}{'memory MB':>10}{'descriptors':>13}{'tasks':>7}")
    for when, (megabytes, files, tasks) in (("after the first tenth", early), ("in the end", last)):
        print(f"{when:24}{megabytes:10.1f}{files:13}{tasks:7}")
    return 0 if last[0] <= early[0] + MOST_MB and last[1] <= early[1] + MOST_FILES and last[2] <= early[2] else 1


if __name__ == "__main__":
    sys.exit(main())

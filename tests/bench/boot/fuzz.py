"""What no client sends, at all our doors or one: `python -m tests.bench.boot.fuzz [tftp|dhcp|http [COUNT [SEED]]]`.

A million datagrams for TFTP and for proxyDHCP, 40,000 connections for HTTP. It ends well if the door serves after each
batch, and in the end the process holds no more memory, descriptors or tasks than early on: after the first tenth, and
for HTTP after the first half, for until then the store's cache fills. The suite sends 20,000 datagrams and 2,000
requests. DHCP has a network of its own (`unshare --net`), for its ports are given.
"""

import asyncio
import json
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from engine.app import PureBoot
from tests.bootsrv.holdings import Held, holdings
from tests.bootsrv.http_storm import storm as http_storm
from tests.bootsrv.http_support import eventually
from tests.bootsrv.http_support import serving as doors
from tests.bootsrv.test_http_fuzz import IMPATIENT
from tests.bootsrv.test_tftp_fuzz import BRIEF, CONTENT, LONGEST_TRANSFER
from tests.bootsrv.tftp_fuzz import storm
from tests.bootsrv.tftp_peers import Served, download, peer, serving
from tests.store_settings import settings_for

BATCH = 50  # of TFTP's storm
MOST_MB, MOST_FILES = 8.0, 4  # more than early on
Found = tuple[Held, Held, str]


async def _quiet(served: Served) -> Held:
    """What is held once all transfers have ended."""
    await eventually(lambda: not served.server.transfers, LONGEST_TRANSFER)
    while not served.reports.empty():
        served.reports.get_nowait()
    return holdings()


async def _tftp(folder: Path, count: int, seed: int) -> Found:
    files = {"x": CONTENT, "brief": b"brief"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    async with serving(folder, timing=BRIEF, max_requests=1e9) as served:
        early = last = None
        for sent in storm(random.Random(seed), served.address, count, answering=True):
            name = "brief" if sent % 1000 else "x"
            with peer("127.0.0.77") as other:
                got = await download(other, served.address, name)
            if got != files[name]:
                sys.exit(f"after {sent} datagrams the server gave {len(got)} bytes of {name}")
            while served.reports.qsize() > 100:
                served.reports.get_nowait()
            if early is None and sent >= count / 10:
                early = await _quiet(served)
            if sent > count - BATCH:
                last = await _quiet(served)
    assert early is not None, f"send {BATCH} at least"
    assert last is not None
    return early, last, f"{served.server.dropped} of them got no answer"


async def _http(folder: Path, count: int, seed: int) -> Found:
    told: Counter[str] = Counter()
    early = None
    async with (
        PureBoot(settings_for(f"sqlite+aiosqlite:///{folder}/store.db", folder)) as pureboot,
        doors(pureboot, limits=IMPATIENT) as client,
    ):
        async for sent in http_storm(random.Random(seed), client.listener.address, count, told, at_once=250):
            if (await client.get("/health")).status != 200:
                sys.exit(f"after {sent} requests /health failed")
            if early is None and sent >= count / 2:
                await eventually(lambda: client.listener.connections <= 1)
                early = holdings()
        await eventually(lambda: client.listener.connections <= 1)
        last = holdings()
    if any(how.startswith(("5", "no HTTP")) for how in told):
        sys.exit(f"a fault of ours: {told}")
    return early or last, last, ", ".join(f"{how} {times}" for how, times in told.most_common())


def tftp(count: int, seed: int) -> Found:
    """At the TFTP server."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_tftp(Path(folder), count, seed))


def http(count: int, seed: int) -> Found:
    """At the HTTP doors."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_http(Path(folder), count, seed))


def dhcp(count: int, seed: int) -> Found:
    """At proxyDHCP."""
    command = ("unshare", "--net", sys.executable, "-m", "tests.bootsrv.dhcp_storm", str(count), str(seed))
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(printed)
    early, last = (tuple(found[when]) for when in ("early", "last"))
    return early, last, ", ".join(f"{what} {times}" for what, times in found["told"].items())


DOORS: dict[str, tuple[Callable[[int, int], Found], int]] = {
    "tftp": (tftp, 1_000_000),
    "dhcp": (dhcp, 1_000_000),
    "http": (http, 40_000),
}


def fuzzed(name: str, count: int | None = None, seed: int = 1350) -> bool:
    """Run one and print; whether it ended well."""
    door, usual = DOORS[name]
    count, begun = count or usual, time.monotonic()
    early, last, more = door(count, seed)
    print(f"{name}: {count} in {time.monotonic() - begun:.0f} s, and served after each batch; {more}")
    print(f"{'':24}{'memory MB':>10}{'descriptors':>13}{'tasks':>7}")
    for when, (megabytes, files, tasks) in (("early on", early), ("in the end", last)):
        print(f"{when:24}{megabytes:10.1f}{files:13}{tasks:7}", flush=True)
    return last[0] <= early[0] + MOST_MB and last[1] <= early[1] + MOST_FILES and last[2] <= early[2] + 1


def main() -> int:
    """Run and print."""
    logging.disable(logging.CRITICAL)  # tftpy tells of each packet
    words = sys.argv[1:]
    names = words[:1] if words else list(DOORS)
    if not set(names) <= set(DOORS):
        sys.exit(f"{names[0]} is none of {', '.join(DOORS)}")
    went_well = [fuzzed(name, *map(int, words[1:3])) for name in names]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())

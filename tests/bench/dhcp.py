"""A million hostile packets for proxyDHCP, and how fast it answers: `python -m tests.bench.dhcp [--packets N]`.

First the pure part: each packet is read and decided on. Then a server on real sockets of a network of its own (so it
needs root) gets a tenth as many; afterwards it has to answer a good one, with as many sockets and tasks as before.
"""

import argparse
import asyncio
import os
import random
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bootsrv.dhcp.offer import BINL_PORT, SERVER_PORT, Answer, Machine, decide
from bootsrv.dhcp.packet import BadPacket, parse
from bootsrv.dhcp.server import ProxyDhcp
from tests.bootsrv.dhcp_support import ASKED_4011, DISCOVERED, RECORDED, TERMS, hostile

GOOD = RECORDED["ovmf-pxe-request-4011"]
_MARK = "PUREBOOT_BENCH_DHCP_INSIDE"
_PAUSE_EVERY = 200


def packets(count: int, seed: int) -> Iterator[bytes]:
    """So many, the same for the same seed."""
    chance = random.Random(seed)
    return (hostile(chance) for _ in range(count))


def memory() -> float:
    """The process's memory now, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def descriptors() -> int:
    """How many files and sockets the process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def decided(datagram: bytes, binl: bool) -> str:
    """What becomes of a packet: `bad`, `silence` or `answer`."""
    try:
        packet = parse(datagram)
    except BadPacket:
        return "bad"
    found = decide(packet, ASKED_4011 if binl else DISCOVERED, TERMS, Machine())
    return "answer" if isinstance(found, Answer) else "silence"


def pure(count: int) -> None:
    """Read and decide."""
    found = {"bad": 0, "silence": 0, "answer": 0}
    before, spent = memory(), 0.0
    for at, datagram in enumerate(packets(count, 1)):
        began = time.perf_counter()
        found[decided(datagram, bool(at & 1))] += 1
        spent += time.perf_counter() - began
    grown = memory() - before
    print(f"pure: {count:,} packets in {spent:.1f} s, {count / spent:,.0f}/s; {found}; memory {grown:+.1f} MiB")


def good(count: int) -> None:
    """How long one answer to real firmware takes."""
    took = []
    for datagram in (RECORDED["ovmf-pxe-discover"], RECORDED["ipxe-bios-discover"]) * (count // 2):
        began = time.perf_counter()
        decided(datagram, False)
        took.append(time.perf_counter() - began)
    took.sort()
    print(
        f"good: {took[len(took) // 2] * 1e6:.0f} µs an answer (median), p99 {took[len(took) * 99 // 100] * 1e6:.0f} µs"
    )


async def served(count: int) -> None:
    """The same on sockets."""
    server = ProxyDhcp(lambda _: TERMS, lambda _: Machine(), interfaces=("lo",), packets_per_second=1e9)
    server.start()
    assert server.ports == (SERVER_PORT, BINL_PORT), server.notices
    before = (descriptors(), len(asyncio.all_tasks()), memory())
    began = time.perf_counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for at, datagram in enumerate(packets(count, 2)):
            client.sendto(datagram, ("127.0.0.1", BINL_PORT if at & 1 else SERVER_PORT))
            if at % _PAUSE_EVERY == 0:
                while not await answers():
                    pass
    seconds = time.perf_counter() - began
    assert await answers()
    after = (descriptors(), len(asyncio.all_tasks()), memory())
    server.close()
    assert after[:2] == before[:2], (before, after)
    print(f"server: {count:,} packets, {count / seconds:,.0f}/s, it goes on; memory {after[2] - before[2]:+.1f} MiB")


async def answers() -> bool:
    """Whether a good request is answered, with whatever came before it done."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind(("127.0.0.1", 0))
        await loop.sock_sendto(client, GOOD, ("127.0.0.1", BINL_PORT))
        try:
            async with asyncio.timeout(5):
                return parse(await loop.sock_recv(client, 4096)).boot_file == "ipxe.efi"
        except TimeoutError:
            return False


def main() -> int:
    """Run in a network of its own, so that no answer leaves this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dhcp", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    count = parser.parse_args().packets
    if not os.environ.get(_MARK):
        inner = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-m", "tests.bench.dhcp")
        os.environ[_MARK] = "1"
        os.execvp("unshare", ("unshare", "--net", "--", *inner, *sys.argv[1:]))
    good(20_000)
    pure(count)
    asyncio.run(served(count // 10))
    return 0


if __name__ == "__main__":
    sys.exit(main())

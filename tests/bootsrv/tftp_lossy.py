"""Transfers through a link that loses and delays, in a network of its own.

Run as `unshare --net python -m tests.bootsrv.tftp_lossy`; it prints how many transfers of all ended well. The link is a
TUN device: what the kernel sends to `THERE` comes here, and one packet in a hundred goes no further; the others go back
after a millisecond with source and destination swapped, and so arrive at `HERE` as from another machine. (The kernel's
own netem is a module that not every kernel has.)
"""

import asyncio
import fcntl
import heapq
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from select import select

from bootsrv.tftp.packet import encode_ack
from tests.bootsrv.tftp_network import Reader, WindowReader
from tests.bootsrv.tftp_peers import Address, Peer, Served, peer, request, serving

READERS, SIZE, LOSS, DELAY = 48, 300_000, 0.01, 0.001
BORED_SECONDS, TRIES = 1.0, 20
HERE, THERE = "10.99.0.1", "10.99.0.2"
_TUNSETIFF, _TUN_NO_PI = 0x400454CA, 0x1001


class Link:
    """The device and the thread that loses and delays."""

    def __init__(self, seed: int) -> None:
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH", b"lossy0", _TUN_NO_PI))
        for command in ("link set lo up", "link set lossy0 up txqueuelen 100000", f"addr add {HERE}/24 dev lossy0"):
            subprocess.run(["ip", *command.split()], check=True)
        self._chance = random.Random(seed)
        self.carried = self.lost = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        under_way: list[tuple[float, int, bytes]] = []
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else 1.0
            if select([self._device], [], [], wait)[0]:
                packet = os.read(self._device, 65536)
                if packet[0] >> 4 == 4:
                    self._take(under_way, packet)
            while under_way and under_way[0][0] <= time.monotonic():
                os.write(self._device, heapq.heappop(under_way)[2])

    def _take(self, under_way: list[tuple[float, int, bytes]], packet: bytes) -> None:
        self.carried += 1
        if self._chance.random() < LOSS:
            self.lost += 1
            return
        swapped = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]  # the checksums stay as they are
        heapq.heappush(under_way, (time.monotonic() + DELAY, self.carried, swapped))


async def read(served: Served, window: int) -> bytes:
    """A whole file, by a reader that repeats its last packet when it hears nothing."""
    reader: Reader = WindowReader(window=window) if window > 1 else Reader()
    options = {"blksize": "1428", **({"windowsize": str(window)} if window > 1 else {})}
    last, to, tries = request("x", **options), (THERE, served.port), 0
    with peer(HERE) as machine:
        await machine.send(last, to)
        while not reader.finished and tries < TRIES:
            try:
                async with asyncio.timeout(BORED_SECONDS):
                    datagram, to = await _heard(machine, to if reader.blocks else None)
            except TimeoutError:
                tries += 1
            else:
                answer = reader.hear(datagram)
                if answer is None:
                    continue
                last = answer
            await machine.send(last, to)
        for _ in range(5):  # the last ACK may be lost as well; a reader that is gone cannot repeat it
            await machine.send(encode_ack(reader.blocks), to)
    return bytes(reader.received)


async def _heard(machine: Peer, transfer: Address | None) -> tuple[bytes, Address]:
    while True:
        datagram, sender = await machine.receive()
        if transfer is None or sender == transfer:
            return datagram, sender


async def transferred(folder: Path, window: int, content: bytes) -> str:
    """Read the file by many at once; a line that says how it went."""
    async with serving(folder, host=HERE, max_per_peer=READERS) as served:
        got = await asyncio.gather(*(read(served, window) for _ in range(READERS)))
        endings = [(await served.report()).outcome for _ in range(READERS)]
    good = sum(each == content for each in got)
    return f"window {window}: {good} of {READERS}, {endings.count('done')} done"


def main() -> int:
    """Run, and print a line for single blocks, one for windows, and what was lost."""
    link = Link(1)
    content = random.Random(1).randbytes(SIZE)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_bytes(content)
        for window in (1, 16):
            begun = time.monotonic()
            print(asyncio.run(transferred(Path(folder), window, content)))
            print(f"in {time.monotonic() - begun:.1f} s")
    print(f"lost {link.lost} of {link.carried}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

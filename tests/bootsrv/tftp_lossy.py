"""Transfers through a network that loses and delays, in a network of its own: `unshare --net python -m tests.bootsrv.tftp_lossy`.

The kernel's loopback there loses one packet in a hundred and takes a millisecond for each of the others (netem). It
prints how many transfers of all ended well.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from bootsrv.tftp.packet import encode_ack
from tests.bootsrv.tftp_network import Reader, WindowReader
from tests.bootsrv.tftp_peers import Address, Served, peer, request, serving

READERS, SIZE = 48, 300_000
BORED_SECONDS, TRIES = 1.0, 20
NETEM = "tc qdisc add dev lo root netem delay 1ms loss 1% limit 100000"


async def read(served: Served, host: str, window: int) -> bytes:
    """A whole file, by a reader that repeats its last packet when it hears nothing."""
    reader: Reader = WindowReader(window=window) if window > 1 else Reader()
    options = {"blksize": "1428", **({"windowsize": str(window)} if window > 1 else {})}
    last, to, tries = request("x", **options), served.address, 0
    with peer(host) as machine:
        await machine.send(last, to)
        while not reader.finished:
            try:
                async with asyncio.timeout(BORED_SECONDS):
                    datagram, to = await _from_transfer(machine.receive, to if reader.blocks else None)
            except TimeoutError:
                tries += 1
                if tries > TRIES:
                    break
                await machine.send(last, to)
                continue
            if int.from_bytes(datagram[2:4]) > reader.blocks + 1 and window == 1:
                continue
            answer = reader.hear(datagram)
            if answer is not None:
                last = answer
                await machine.send(last, to)
        for _ in range(5):  # the last ACK may be lost as well; a reader that is gone cannot repeat it
            await machine.send(encode_ack(reader.blocks), to)
    return bytes(reader.received)


async def _from_transfer(receive: "object", expected: Address | None) -> tuple[bytes, Address]:
    while True:
        datagram, sender = await receive()  # type: ignore[operator]
        if expected is None or sender == expected:
            return datagram, sender


async def main() -> int:
    """Run, and print `good of all` for single blocks and for windows."""
    for command in ("ip link set lo up", NETEM):
        subprocess.run(command.split(), check=True)
    content = random.Random(1).randbytes(SIZE)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_bytes(content)
        for window in (1, 16):
            async with serving(Path(folder), max_per_peer=64) as served:
                hosts = [f"127.0.3.{index + 1}" for index in range(READERS)]
                got = await asyncio.gather(*(read(served, host, window) for host in hosts))
                endings = [(await served.report()).outcome for _ in range(READERS)]
            good = sum(each == content for each in got)
            print(f"window {window}: {good} of {READERS}, {endings.count('done')} done")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""Datagrams that no client sends, at the proxy on its real ports: `unshare --net python -m tests.bootsrv.dhcp_storm`.

Takes how many, and a seed. After each hundred a machine asks port 4011 as firmware does, and has to be answered. It
prints a line of JSON: what the process held after the first tenth and in the end, and what became of the packets.
"""

import asyncio
import json
import logging
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bootsrv.dhcp.offer import Machine, Terms
from bootsrv.dhcp.packet import MessageType, build, parse
from bootsrv.dhcp.server import ProxyDhcp
from tests.bootsrv.dhcp_support import RECORDED, changed, hostile, recorded
from tests.bootsrv.holdings import Held, holdings

HERE, BATCH, PATIENCE = "127.0.0.1", 100, 10.0
SERVER, BINL, CLIENT = 67, 4011, 68
_BIND_TO_DEVICE = 25
TERMS = Terms(address=HERE, tftp=HERE, http=f"http://{HERE}:8080", plain_http=f"http://{HERE}:8080")


def storm(chance: random.Random, count: int) -> Iterator[int]:
    """Send so many from many addresses to all ports; gives now and then how many are sent."""
    senders = [_sender(f"127.0.2.{index + 1}") for index in range(16)]
    known = list(RECORDED.values())
    try:
        for sent in range(1, count + 1):
            kind = chance.random()
            to = (HERE, SERVER) if kind < 0.6 else (HERE, BINL) if kind < 0.9 else ("255.255.255.255", CLIENT)
            datagram = hostile(chance) if chance.random() < 0.9 else chance.choice(known)
            chance.choice(senders).sendto(datagram, to)
            if sent % BATCH == 0:
                yield sent
    finally:
        for sender in senders:
            sender.close()


def _sender(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    made.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, b"lo\0")
    made.bind((address, 0))
    return made


async def served(machine: socket.socket) -> None:
    """Ask port 4011, and be answered."""
    question = build(changed(recorded("ovmf-pxe-request-4011"), {54: socket.inet_aton(HERE)}), 1500)
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(machine, question, (HERE, BINL))
    async with asyncio.timeout(PATIENCE):
        answer = parse(await loop.sock_recv(machine, 4096))
    assert (answer.kind, answer.boot_file) == (MessageType.ACK, "ipxe.efi"), answer


async def weathered(count: int, seed: int) -> tuple[Held, Held, dict[str, Any]]:
    """Send, and be served meanwhile; what is held early and in the end, and what the proxy told."""
    told: Counter[str] = Counter()
    proxy = ProxyDhcp(
        lambda _address: TERMS,
        lambda _mac: Machine(),
        interfaces=("lo",),
        contacts=lambda kind, _mac, facts: told.update((f"{kind} {facts.get('answer')}",)),
        packets_per_second=1e9,
    )
    proxy.start()
    early = last = None
    try:
        assert proxy.ports == (SERVER, BINL), proxy.notices
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as machine:
            machine.bind(("127.0.0.77", 0))
            for sent in storm(random.Random(seed), count):
                await served(machine)
                if early is None and sent >= count / 10:
                    early = holdings()
                if sent > count - BATCH:
                    last = holdings()
    finally:
        proxy.close()
    assert early is not None, f"send {BATCH} at least"
    assert last is not None
    return early, last, {"told": dict(told), "dropped": proxy.dropped}


def main() -> int:
    """Run and print."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stdout)  # a bug is told there
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    early, last, more = asyncio.run(weathered(*map(int, sys.argv[1:3])))
    print(json.dumps({"early": early, "last": last, **more}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

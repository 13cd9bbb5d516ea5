"""Datagrams no client sends: random ones, broken ones, and such as a clever enemy would; and sending many of them."""

import random
import socket
from collections.abc import Iterator

from bootsrv.tftp.packet import ReadRequest, encode, encode_ack, encode_data

_NAMES = [
    "x",
    "missing",
    "../x",
    "/etc/passwd",
    "a/" * 200,
    "${x}",
    "autoexec.ipxe",
    "grub/grub.cfg-01-52-54-00-00-00-01",
]
_MODES = ["octet", "netascii", "mail", "OCTET", "\x1b[2J"]
_OPTIONS = ["blksize", "tsize", "timeout", "windowsize", "multicast", "rollover", "BLKSIZE", "x" * 100]
_VALUES = ["0", "1", "8", "16", "512", "1428", "65464", "65535", "99999", "-1", "abc", "9" * 60, " 8", "1e3"]


def datagram(chance: random.Random) -> bytes:
    """One of all kinds."""
    kind = chance.random()
    if kind < 0.2:
        return chance.randbytes(chance.randrange(700))
    if kind < 0.5:
        return _request(chance)
    if kind < 0.6:
        return encode_ack(chance.randrange(65536)) + chance.randbytes(chance.choice([0, 0, 0, 60]))
    if kind < 0.7:
        return encode_data(chance.randrange(65536), chance.randbytes(chance.randrange(600)))
    broken = bytearray(_request(chance) if kind < 0.9 else b"\0\5\0\1no\0")
    for _ in range(chance.randrange(1, 5)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    return bytes(broken[: chance.randrange(len(broken) + 1)])


def _request(chance: random.Random) -> bytes:
    options = {chance.choice(_OPTIONS): chance.choice(_VALUES) for _ in range(chance.randrange(5))}
    written = encode(ReadRequest(name=chance.choice(_NAMES), mode=chance.choice(_MODES), options=options))
    return b"\0\2" + written[2:] if chance.random() < 0.1 else written


def storm(chance: random.Random, server: tuple[str, int], count: int, *, answering: bool) -> Iterator[int]:
    """Send so many from many addresses and ports, to the server and to what answered; gives how many are sent, now and
    then, so that the sender can wait for the server. With `answering` what it sends is answered, by something.
    """
    sockets = []
    for index in range(32):
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        own.bind((f"127.0.2.{index % 16 + 1}", 0))
        sockets.append(own)
    targets = [server]
    try:
        for sent in range(1, count + 1):
            own = chance.choice(sockets)
            target = server if chance.random() < 0.7 else chance.choice(targets)
            own.sendto(datagram(chance), target)
            if sent % 50 == 0:
                answered = [_answered(own, chance, answering) for own in sockets]
                targets = [server, *(sender for sender in answered if sender is not None)]
                yield sent
    finally:
        for own in sockets:
            own.close()


def _answered(own: socket.socket, chance: random.Random, answering: bool) -> tuple[str, int] | None:
    """Read all that came; the last that sent something."""
    sender = None
    while True:
        try:
            received, sender = own.recvfrom(65536)
        except OSError:
            return sender
        if answering and received[1] in (3, 6) and chance.random() < 0.5:
            block = int.from_bytes(received[2:4]) if received[1] == 3 else 0
            own.sendto(encode_ack(block), sender)

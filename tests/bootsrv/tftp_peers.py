"""Peers for the tests of the TFTP server: bare datagrams, a whole download, real programs, and a network that loses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import TftpPacketACK, TftpPacketDAT, TftpPacketOACK, TftpPacketRRQ

from bootsrv.tftp.asked import Asked
from bootsrv.tftp.frames import Content
from bootsrv.tftp.server import FolderSource, TftpServer, TransferReport

PATIENCE = 10.0  # seconds that nothing here should take
Address = tuple[Any, ...]


async def run(*command: str, folder: Path) -> tuple[int, str]:
    """Run a program in a folder; its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, printed.decode(errors="replace")


class Served:
    """A running server and the reports it has made."""

    def __init__(self, server: TftpServer, reports: "asyncio.Queue[TransferReport]") -> None:
        self.server = server
        self.reports = reports

    @property
    def port(self) -> int:
        return self.server.address[1]

    @property
    def address(self) -> Address:
        return self.server.address

    async def report(self) -> TransferReport:
        return await asyncio.wait_for(self.reports.get(), PATIENCE)


@asynccontextmanager
async def serving(
    source: Path | Callable[[str], Awaitable[Content]], *, host: str = "127.0.0.1", **options: Any
) -> AsyncIterator[Served]:
    """A server of a folder, or of any source, on a free port."""
    reports: asyncio.Queue[TransferReport] = asyncio.Queue()
    by_name = FolderSource([source]) if isinstance(source, Path) else source
    if isinstance(by_name, FolderSource):
        folder = by_name
        options.setdefault("at_once", lambda asked: folder.held(asked.name))

    async def open_file(asked: Asked) -> Content:
        return await by_name(asked.name)

    options.setdefault("max_requests", 10_000)
    server = TftpServer(open_file, host=host, port=0, on_report=reports.put_nowait, **options)
    await server.start()
    try:
        yield Served(server, reports)
    finally:
        await server.close()


class Peer:
    """A UDP socket in the event loop."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self.port: int = bound.getsockname()[1]

    async def send(self, datagram: bytes, to: Address) -> None:
        await asyncio.get_running_loop().sock_sendto(self._socket, datagram, to)

    async def receive(self) -> tuple[bytes, Address]:
        receiving = asyncio.get_running_loop().sock_recvfrom(self._socket, 65536)
        datagram, sender = await asyncio.wait_for(receiving, PATIENCE)
        return datagram, sender

    async def ask(self, datagram: bytes, to: Address) -> tuple[bytes, Address]:
        await self.send(datagram, to)
        return await self.receive()


@contextmanager
def peer(host: str = "127.0.0.1", port: int = 0, *, broadcast: bool = False) -> Iterator[Peer]:
    """A peer on an address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bound:
        bound.bind((host, port))
        if broadcast:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        yield Peer(bound)


def request(name: str, **options: str) -> bytes:
    """A read request as tftpy writes it."""
    packet = TftpPacketRRQ()
    packet.filename, packet.mode, packet.options = name, "octet", options
    datagram: bytes = packet.encode().buffer
    return datagram


def ack(block: int) -> bytes:
    """An ACK as tftpy writes it."""
    packet = TftpPacketACK()
    packet.blocknumber = block
    datagram: bytes = packet.encode().buffer
    return datagram


def parsed(datagram: bytes) -> Any:
    """What tftpy makes of a datagram."""
    return TftpPacketFactory().parse(datagram)


async def download(asking: Peer, server: Address, name: str, **options: str) -> bytes:
    """A whole transfer by the book; an ERROR from the server is an AssertionError."""
    datagram, transfer = await asking.ask(request(name, **options), server)
    packet, blksize = parsed(datagram), 512
    if isinstance(packet, TftpPacketOACK):
        blksize = int(packet.options.get("blksize", 512))
        datagram, _ = await asking.ask(ack(0), transfer)
        packet = parsed(datagram)
    content, blocks = bytearray(), 0
    while True:
        if not isinstance(packet, TftpPacketOACK):  # a second one was on its way when the first was acknowledged
            assert isinstance(packet, TftpPacketDAT), packet
            await asking.send(ack(packet.blocknumber), transfer)
            if packet.blocknumber == (blocks + 1) & 0xFFFF:  # else the server was impatient, and sent it again
                blocks += 1
                content += packet.data
                if len(packet.data) < blksize:
                    return bytes(content)
        packet = parsed((await asking.receive())[0])


def error(datagram: bytes) -> tuple[int, str]:
    """Code and text of an ERROR."""
    packet = parsed(datagram)
    return packet.errorcode, packet.errmsg.decode()


async def served_still(served: Served) -> None:
    """It has dealt with all that was sent to it before, and serves."""
    with peer("127.0.9.9") as other:
        await download(other, ("127.0.0.1", served.port), "x")
    while (await served.report()).peer != "127.0.9.9":
        continue


async def begin(asking: Peer, served: Served, name: str = "x", **options: str) -> Address:
    """Ask, see the first packet, and say nothing; the transfer's address."""
    datagram, transfer = await asking.ask(request(name, **options), ("127.0.0.1", served.port))
    assert datagram[:2] in (b"\0\3", b"\0\6")
    return transfer


class LossyProxy(asyncio.DatagramProtocol):
    """Stands between one client and the server, and loses every fifth datagram of each direction."""

    def __init__(self, server: Address) -> None:
        self._listening = self._server = server
        self._client: Address | None = None
        self._counts = {True: 0, False: 0}
        self._transport: asyncio.DatagramTransport | None = None
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        # The client's port is unlike the server's first port and unlike the transfer's, so it is known by its request.
        if data[:2] == b"\0\1":
            self._client, self._server = addr, self._listening
        from_client = addr == self._client
        if not from_client:
            self._server = addr
        self._counts[from_client] += 1
        if self._counts[from_client] % 5 == 0:
            self.lost += 1
        elif self._transport is not None and self._client is not None:
            self._transport.sendto(data, self._server if from_client else self._client)


@asynccontextmanager
async def lossy(server: Address) -> AsyncIterator[tuple[LossyProxy, Address]]:
    """The proxy, and the address to use instead of the server's."""
    transport, proxy = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: LossyProxy(server), local_addr=("127.0.0.1", 0)
    )
    try:
        yield proxy, transport.get_extra_info("sockname")
    finally:
        transport.close()

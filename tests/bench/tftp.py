"""How fast the TFTP server is beside dnsmasq and tftpd-hpa, on loopback: `python -m tests.bench.tftp`.

The readers are one process with a select loop, each server another; blocks of 1428 bytes, one under way a transfer. The
others are taken if they are there (`apt-get install dnsmasq-base tftpd-hpa`); dnsmasq needs port 69, and so root.
"""

import asyncio
import multiprocessing
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootsrv.tftp.server import FolderSource, TftpServer

BLKSIZE = 1428
FILE_BYTES, TRANSFERS = 4 * 1024 * 1024, 32
PORT = 16969
REQUEST = b"\0\1file\0octet\0blksize\0%d\0" % BLKSIZE
Address = tuple[str, int]


def serve(folder: str) -> None:
    """Our server, as the process of its own that `ours` starts."""

    async def forever() -> None:
        server = TftpServer(FolderSource([Path(folder)]), host="127.0.0.1", port=PORT, max_per_peer=64)
        await server.start()
        await asyncio.Event().wait()

    asyncio.run(forever())


@contextmanager
def ours(folder: str) -> Iterator[Address]:
    """PureBoot's."""
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder,))
    process.start()
    try:
        yield "127.0.0.1", PORT
    finally:
        process.terminate()
        process.join()


@contextmanager
def dnsmasq(folder: str) -> Iterator[Address]:
    """Debian's dnsmasq."""
    options = "-k --conf-file=/dev/null --port=0 --enable-tftp --tftp-max=100 --user=root --listen-address=127.0.0.2"
    with subprocess.Popen(["dnsmasq", *options.split(), "--bind-interfaces", f"--tftp-root={folder}"]) as process:
        yield "127.0.0.2", 69
        process.terminate()


@contextmanager
def tftpd_hpa(folder: str) -> Iterator[Address]:
    """Debian's tftpd-hpa."""
    options = f"--foreground --user root --address 127.0.0.1:{PORT + 1} --secure"
    with subprocess.Popen(["in.tftpd", *options.split(), folder]) as process:
        yield "127.0.0.1", PORT + 1
        process.terminate()


def wait_for(server: Address) -> None:
    """Return once it answers; 10 s at most."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        for _ in range(100):
            try:
                asking.sendto(REQUEST, server)
                _, transfer = asking.recvfrom(2048)
            except OSError:
                continue
            asking.sendto(b"\0\5\0\0only asking\0", transfer)
            return
    sys.exit(f"nothing answers on {server}")


def read_all(server: Address, readers: int) -> float:
    """Read the file `TRANSFERS` times with so many readers at once; gives MB/s."""
    selector, begun, received, left = selectors.DefaultSelector(), time.perf_counter(), 0, TRANSFERS
    while selector.get_map() or left:
        while left and len(selector.get_map()) < readers:
            left -= 1
            reader = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            reader.sendto(REQUEST, server)
            selector.register(reader, selectors.EVENT_READ, reader)
        for key, _ in selector.select():
            datagram, transfer = key.data.recvfrom(2048)
            opcode, block = struct.unpack_from("!HH", datagram)
            key.data.sendto(struct.pack("!HH", 4, 0 if opcode == 6 else block), transfer)
            received += len(datagram) - 4 if opcode == 3 else 0
            if opcode == 5 or (opcode == 3 and len(datagram) < BLKSIZE + 4):
                selector.unregister(key.data)
                key.data.close()
    if received != TRANSFERS * FILE_BYTES:
        sys.exit(f"{server} sent {received} bytes instead of {TRANSFERS * FILE_BYTES}")
    return received / (time.perf_counter() - begun) / 1e6


if __name__ == "__main__":
    print(f"{'MB/s':12}{'1 reader':>12}{'16 readers':>12}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "file").write_bytes(bytes(FILE_BYTES))
        for needs, server in (("python3", ours), ("dnsmasq", dnsmasq), ("in.tftpd", tftpd_hpa)):
            if shutil.which(needs) is None:
                print(f"{server.__name__:12}{'not installed':>24}")
                continue
            with server(folder) as address:
                wait_for(address)
                print(f"{server.__name__:12}{read_all(address, 1):12.0f}{read_all(address, 16):12.0f}")

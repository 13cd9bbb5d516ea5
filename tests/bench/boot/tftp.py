"""How fast the TFTP server is beside dnsmasq and tftpd-hpa, on loopback: `python -m tests.bench.boot.tftp`.

64 transfers of 1 MiB at once, blocks of 1428 bytes: one under way each, and windows of 16, which neither of the others
has. Each server is a process of its own; so are the readers, in C, for no reader in Python is as fast as dnsmasq (`cc`
makes it when the bench starts). A figure is the median of some rounds in which the servers take turns. The others are
taken if they are there (`apt-get install dnsmasq-base tftpd-hpa`); dnsmasq needs port 69, and so root.

Then how late the event loop of our process is while 256 transfers run, with a ticker of 2 ms; beside it the same ticker
in a process that has nothing to do with any of it: what that one is late, the machine is. Last, transfers over a link
that loses one packet in a hundred (`tests.bootsrv.tftp_lossy`).
"""

import argparse
import asyncio
import json
import multiprocessing
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bootsrv.tftp.server import Asked, FolderSource, TftpServer
from bootsrv.tftp.source import FileContent

BLKSIZE, WINDOW = 1428, 16
FILE_BYTES, TRANSFERS, ROUNDS = 1024 * 1024, 64, 5
PORT = 27069
REQUEST = b"\0\1file\0octet\0blksize\0%d\0" % BLKSIZE
TICK = 0.002
Address = tuple[str, int]
Speeds = dict[str, list[float]]
TICKER = f"""
import json, select, sys, time
late = []
while not select.select([sys.stdin], [], [], 0)[0]:
    begun = time.perf_counter()
    time.sleep({TICK})
    late.append(time.perf_counter() - begun - {TICK})
print(json.dumps(late))
"""


def server_of(folder: str) -> TftpServer:
    """Ours, as the doors make it."""
    source = FolderSource([Path(folder)])

    async def open_file(asked: Asked) -> FileContent:
        return await source(asked.name)

    def held(asked: Asked) -> FileContent | None:
        return source.held(asked.name)

    return TftpServer(open_file, host="127.0.0.1", port=PORT, at_once=held, max_per_peer=64)


def serve(folder: str, lags: Any) -> None:
    """Our server, as the process of its own that `ours` starts; what `lags` sends is how late its loop was."""

    async def forever() -> None:
        server = server_of(folder)
        await server.start()
        late: list[float] = []
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - begun - TICK)
            if lags.poll():
                lags.recv()
                lags.send(late)
                late = []

    asyncio.run(forever())


@contextmanager
def ours(folder: str) -> Iterator[Address]:
    """PureBoot's."""
    with ours_with_lags(folder) as (address, _):
        yield address


@contextmanager
def ours_with_lags(folder: str) -> Iterator[tuple[Address, Any]]:
    """PureBoot's, and a line to ask it how late its loop was since it was asked last."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, there))
    process.start()
    try:
        yield ("127.0.0.1", PORT), here
    finally:
        process.terminate()
        process.join()


@contextmanager
def dnsmasq(folder: str) -> Iterator[Address]:
    """Debian's dnsmasq."""
    options = "-k --conf-file=/dev/null --port=0 --enable-tftp --tftp-max=300 --user=root --listen-address=127.0.0.2"
    command = ["dnsmasq", *options.split(), "--bind-interfaces", f"--tftp-root={folder}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
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


def build(folder: str) -> str:
    """Make the reader; its path."""
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("cc is missing: apt-get install gcc libc6-dev")
    program = f"{folder}/tftp_reader"
    source = Path(__file__).with_name("tftp_reader.c")
    subprocess.run([compiler, "-O2", "-o", program, str(source)], check=True)
    return program


def read_all(program: str, server: Address, readers: int, window: int) -> float:
    """Read the file with so many readers at once; gives MB/s. A reader that fails ends the bench."""
    command = (program, server[0], str(server[1]), "file", str(readers), str(BLKSIZE), str(window))
    seconds, received, finished, _ = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if int(finished) != readers or int(received) != readers * FILE_BYTES:
        sys.exit(f"{server} gave {finished} of {readers} readers {received} bytes")
    return int(received) / float(seconds) / 1e6


def compare(folder: str, program: str, rounds: int) -> Speeds:
    """The MB/s of each server that is here, by name and windowsize, round by round."""
    needed = (("python3", ours), ("dnsmasq", dnsmasq), ("in.tftpd", tftpd_hpa))
    taken: Speeds = {}
    for _ in range(rounds):
        for needs, server in needed:
            if shutil.which(needs, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
                continue
            windows = (1, WINDOW) if server is ours else (1,)
            with running(server, folder) as address:
                for window in windows:
                    speed = read_all(program, address, TRANSFERS, window)
                    taken.setdefault(f"{server.__name__}, window {window}", []).append(speed)
    return taken


@contextmanager
def running(server: Any, folder: str) -> Iterator[Address]:
    """A server that answers."""
    manager: AbstractContextManager[Address] = server(folder)
    with manager as address:
        wait_for(address)
        time.sleep(0.2)
        yield address


@contextmanager
def elsewhere() -> Iterator[list[float]]:
    """The ticker in a process of its own; when it is over, how late each tick was, in seconds."""
    late: list[float] = []
    with subprocess.Popen([sys.executable, "-S", "-c", TICKER], stdin=-1, stdout=-1, text=True) as process:
        yield late
        late += json.loads(process.communicate("end")[0])


def lag(folder: str, program: str, window: int | None, rounds: int, readers: int = 256) -> tuple[list[float], ...]:
    """The 99th percentiles of how late our loop and another process were while so many transfers ran, ms, by round;
    without a window none run.
    """
    found: tuple[list[float], ...] = ([], [])
    with ours_with_lags(folder) as (address, line):
        wait_for(address)
        for _ in range(rounds):
            time.sleep(0.2)
            line.send(None)
            line.recv()
            with elsewhere() as others:
                for _ in range(3):
                    if window is None:
                        time.sleep(0.5)
                    else:
                        read_all(program, address, readers, window)
                line.send(None)
                own = line.recv()
            for late, into in zip((own, others), found, strict=True):
                into.append(1e3 * sorted(late)[int(len(late) * 0.99)])
    return found


def lossy() -> list[str]:
    """What became of transfers over a link that loses packets."""
    command = ["unshare", "--net", sys.executable, "-m", "tests.bootsrv.tftp_lossy"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def figures(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})"


def shares(speeds: Speeds) -> dict[str, list[float]]:
    """Ours by each other's, in the same round."""
    ours_by = [name for name in speeds if name.startswith("ours")]
    pairs = [(mine, other) for mine in ours_by for other in speeds if other not in ours_by]
    return {
        f"{mine} / {other.partition(',')[0]}": [a / b for a, b in zip(speeds[mine], speeds[other], strict=True)]
        for mine, other in pairs
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boot.tftp")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as tools:
        Path(folder).chmod(0o755)
        Path(folder, "file").write_bytes(bytes(FILE_BYTES))
        program = build(tools)
        speeds = compare(folder, program, options.rounds)
        late = {
            "no transfer": lag(folder, program, None, options.rounds),
            "256 transfers, window 1": lag(folder, program, 1, options.rounds),
            f"256 transfers, window {WINDOW}": lag(folder, program, WINDOW, options.rounds),
        }
    print("MB/s: median and range")
    for name, taken in (speeds | shares(speeds)).items():
        print(f"  {name:32}{figures(taken)}")
    print(f"  aims: 0.55 of dnsmasq and 1 of tftpd_hpa; with window {WINDOW} 2 of dnsmasq")
    print("lag p99, ms: median and range of our loop, and of another process (aim: 2)")
    for when, (own, others) in late.items():
        print(f"  {when:32}{figures(own)}   {figures(others)}")
    lost = lossy()
    print("\n".join(lost))
    if options.json is not None:
        found = {"MB/s": speeds, "shares": shares(speeds), "lag p99 ms": late, "lossy": lost}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

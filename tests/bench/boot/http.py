"""How fast HTTP is, on loopback: `python -m tests.bench.boot.http`.

Large files beside nginx (`apt-get install nginx-light`; sendfile, two workers): one of 64 MiB, read again and again by
1 and by 16 clients. And the scripts that iPXE asks for, 2,500 a second, from 1,000 machines that a store on SQLite
knows, a fifth of which wait for their installer: over connections that are kept, and over one for each request.

PureBoot is a real `pureboot serve` with a ticker of 2 ms in its event loop, which tells how late the loop was. The
client is in C (`cc` makes it when the bench starts) and runs on the same processors. Latencies count from when a
request was due. A figure is the median of some rounds in which the servers take turns, with least and most.
"""

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.bench.boot.http_servers import Running, has_nginx, nginx, pureboot
from tests.bench.subject import TOP
from tests.bench.table import Aim, Figure, Row, printed
from tests.bench.workload import percentile

MIB = 1024 * 1024
FILE_BYTES, ROUND_BYTES = 64 * MIB, 2048 * MIB
CLIENTS = (1, 16)
MACHINES, RATE, SECONDS, CONNECTIONS, ROUNDS = 1000, 2500, 5, 256, 5
KINDS = {"keep": "connections kept", "once": "a connection each"}
Found = dict[str, list[float]]


def build(folder: Path) -> str:
    """Make the client; its path."""
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("cc is missing: apt-get install gcc libc6-dev")
    source = Path(__file__).with_name("http_reader.c")
    subprocess.run([compiler, "-O2", "-o", str(folder / "http_reader"), str(source)], check=True)
    return str(folder / "http_reader")


def ask(program: str, mode: str, port: int, *arguments: object) -> list[float]:
    """What the client finds: seconds, bytes, answers, and of scripts the latencies. A bad answer ends the bench."""
    command = [program, mode, "127.0.0.1", str(port), *map(str, arguments)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if found[3] != "0":
        sys.exit(f"{' '.join(command)}: {found[3]} bad answers of {found[2]}")
    return [float(each) for at, each in enumerate(found) if at != 3]


def read_files(program: str, server: Running, clients: int) -> float:
    """MB/s of so many clients, which read some 2 GiB together."""
    times = ROUND_BYTES // FILE_BYTES // clients
    seconds, received, answers = ask(program, "files", server.port, "/files/image", clients, times)
    if answers != clients * times or received < answers * FILE_BYTES:
        sys.exit(f"{clients} clients got {received:.0f} bytes in {answers:.0f} answers")
    return received / seconds / 1e6


def files_round(program: str, ours: Running, peer: Running | None, found: Found) -> None:
    """Each server with each number of clients."""
    for clients in CLIENTS:
        ours.lags()
        found[f"ours {clients}"].append(read_files(program, ours, clients))
        found[f"lag {clients}"].append(percentile(ours.lags(), 0.99))
        if peer is not None:
            found[f"peer {clients}"].append(read_files(program, peer, clients))


def scripts_round(program: str, ours: Running, paths: Path, found: Found) -> None:
    """So many scripts a second, and then as many as there can be."""
    for kind in KINDS:
        ours.lags()
        before = ours.cpu_seconds()
        answers = ask(program, "scripts", ours.port, paths, CONNECTIONS, RATE, SECONDS, kind)
        seconds, _, count, median, high, most = answers
        found[f"cpu {kind}"].append(1e6 * (ours.cpu_seconds() - before) / count)
        for name, value in (("rate", count / seconds), ("p50", median), ("p99", high), ("most", most)):
            found[f"{name} {kind}"].append(value)
        found[f"lag {kind}"].append(percentile(ours.lags(), 0.99))
        seconds, _, count, *_ = ask(program, "scripts", ours.port, paths, CONNECTIONS, 0, SECONDS, kind)
        found[f"best {kind}"].append(count / seconds)


def file_rows(found: Found) -> Iterator[Row]:
    """What came of the files."""
    for clients in CLIENTS:
        aim = Aim(times_at_least=0.9) if clients > 1 else Aim()
        other = Figure(tuple(found[f"peer {clients}"])) if f"peer {clients}" in found else "not installed"
        ours = Figure(tuple(found[f"ours {clients}"]))
        yield Row(name=f"files, {clients} at once, MB/s", ours=ours, peer="nginx", other=other, aim=aim)
        late = Figure(tuple(found[f"lag {clients}"]))
        yield Row(name=f"  loop lag p99, {clients} at once, ms", ours=late, aim=Aim(at_most=10))


def script_rows(found: Found) -> Iterator[Row]:
    """What came of the scripts."""
    for kind, said in KINDS.items():
        lines = {
            "rate": (f"scripts, {said}, 1/s", Aim(at_least=RATE * 0.99)),
            "p99": ("  latency p99, ms", Aim(at_most=50)),
            "p50": ("  latency median, ms", Aim()),
            "most": ("  latency most, ms", Aim()),
            "lag": ("  loop lag p99, ms", Aim()),
            "cpu": ("  processor time a request, µs", Aim()),
            "best": ("  as many as there can be, 1/s", Aim()),
        }
        for key, (name, aim) in lines.items():
            yield Row(name=name, ours=Figure(tuple(found[f"{key} {kind}"])), aim=aim)


def measure_files(program: str, folder: Path, options: argparse.Namespace) -> Found:
    """All rounds of the large files."""
    found: Found = defaultdict(list)
    files = folder / "files"
    (files / "image").write_bytes(os.urandom(MIB) * (FILE_BYTES // MIB))
    (folder / "store").mkdir()
    peer = nginx(folder, files, options.workers) if has_nginx() else contextlib.nullcontext()
    with pureboot(folder / "store", files) as ours, peer as other:
        time.sleep(1)
        files_round(program, ours, other, defaultdict(list))  # a warm page cache for both
        for number in range(options.rounds):
            tell(f"files, round {number + 1}")
            files_round(program, ours, other, found)
    return found


def measure_scripts(program: str, folder: Path, options: argparse.Namespace) -> Found:
    """All rounds of the scripts; each machine has asked once before, so that nobody is new."""
    found: Found = defaultdict(list)
    files, paths, store = folder / "files", folder / "paths", folder / "rack"
    store.mkdir()
    (files / "debian-12").mkdir()
    for name in ("linux", "initrd.gz"):
        (files / "debian-12" / name).write_bytes(bytes(MIB))
    tell(f"making {MACHINES} machines")
    make = ["--folder", store, "--files", files, "--paths", paths, "--machines", MACHINES]
    subprocess.run([sys.executable, "-m", "tests.bench.boot.rack", *map(str, make)], check=True, cwd=TOP)
    with pureboot(store, files) as ours:
        time.sleep(1)
        ask(program, "scripts", ours.port, paths, 1, 500, MACHINES / 500, "once")
        for number in range(options.rounds):
            tell(f"scripts, round {number + 1}")
            scripts_round(program, ours, paths, found)
        time.sleep(2.5)  # until what the machines did is written
    check_traces(store / "pureboot.db")
    return found


def check_traces(store: Path) -> None:
    """End the bench unless each machine has its trace, with what it was told."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        query = "SELECT count(DISTINCT machine) FROM boot_contact WHERE what = '/boot.ipxe' AND more LIKE '%\"told\"%'"
        ((machines,),) = connection.execute(query).fetchall()
    if machines != MACHINES:
        sys.exit(f"only {machines} of {MACHINES} machines have a trace")


def tell(what: str) -> None:
    """Say what is under way."""
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boot.http")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=2, help="of nginx")
    parser.add_argument("--only", choices=("files", "scripts"))
    parser.add_argument("--json", type=Path, help="write the figures to a file as well")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build(folder)
        (folder / "files").mkdir()
        if options.only != "scripts":
            rows += file_rows(measure_files(program, folder, options))
        if options.only != "files":
            rows += script_rows(measure_scripts(program, folder, options))
    print(printed(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([row.data() for row in rows], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

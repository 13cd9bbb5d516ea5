"""The benches of durable callbacks: reports a second, ours beside bare handlers; and a mixed load in open loop.

The client is another process on the same machine, so server and client share its processors; the bare handlers pay that
as well.
"""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.rounds import Tell
from tests.bench.sizes import Sizes
from tests.bench.stores import sqlite_place
from tests.bench.subject import Subject, result_of, started
from tests.bench.table import Aim, Figure, Row, beside

BARE = {"database": "bare aiohttp + Database.write", "sqlite3": "bare aiohttp + sqlite3"}


def callbacks(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """Reports a second over 64 connections, each sending when it is answered."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("ours", *BARE)}
    for number in range(sizes.rounds):
        for name, results in found.items():
            tell(f"round {number + 1}: callbacks, {BARE.get(name, 'PureBoot')}")
            with _ours(sizes.machines) if name == "ours" else _bare(name, sizes.machines) as server:
                results.append(server.load("closed", sizes.connections))
    for title, key, aims in (
        (f"callbacks/s, {sizes.connections} connections", "rate", [Aim(times_at_least=0.5)]),
        ("callbacks: p99 ms", "p99", [Aim(at_most=50)]),
        ("callbacks: processor ms each, of the server", "cpu_ms", []),
    ):
        peers = [(peer, _figure(found[name], key)) for name, peer in BARE.items()]
        yield from beside(title, _figure(found["ours"], key), peers, aims)


def mixed(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """Heartbeats and reports at a fixed rate, for a while."""
    tell(f"mixed load for {sizes.mixed_seconds:g} s")
    asked = sizes.heartbeats_per_s + sizes.callbacks_per_s
    with _ours(sizes.waiting) as server:
        load = ("--heartbeats", sizes.heartbeats_per_s, "--callbacks", sizes.callbacks_per_s)
        found = server.load("open", sizes.connections, *load, "--seconds", sizes.mixed_seconds)
    name = f"{sizes.heartbeats_per_s} heartbeats/s + {sizes.callbacks_per_s} callbacks/s"
    rate = Aim(times_at_least=0.99)
    yield Row(name=f"{name}: rate", ours=_figure([found], "rate"), peer="asked", other=Figure((asked,)), aim=rate)
    yield Row(name=f"{name}: p50 ms", ours=_figure([found], "p50"))
    yield Row(name=f"{name}: p99 ms", ours=_figure([found], "p99"), aim=Aim(at_most=50))
    yield Row(name=f"{name}: behind at the end, ms", ours=_figure([found], "lag_ms"), aim=Aim(at_most=100))
    yield Row(name=f"{name}: processor ms each, of the server", ours=_figure([found], "cpu_ms"))


def _figure(results: list[dict[str, float]], key: str) -> Figure:
    return Figure(tuple(each[key] for each in results))


@dataclass(frozen=True, slots=True)
class Server:
    """One that listens, and the file with the executions and tokens it is asked with."""

    subject: Subject
    targets: Path

    def load(self, mode: str, connections: int, *more: object) -> dict[str, float]:
        """What a client finds, and the processor time that the server takes for each request meanwhile."""
        port, before = int(self.subject.line()["port"]), self.subject.cpu_seconds()
        where = ("--port", port, "--targets", self.targets, "--connections", connections)
        found = result_of("tests.bench.client", mode, *where, *more)
        if found["refused"]:
            raise RuntimeError(f"{found['refused']:.0f} requests were refused")
        used = self.subject.cpu_seconds() - before
        self.subject.end()
        return {**found, "cpu_ms": used / found["answered"] * 1e3}


@contextlib.contextmanager
def _ours(machines: int) -> Iterator[Server]:
    with sqlite_place() as at:
        targets = at.folder / "targets"
        where = ("--url", at.url, "--folder", at.folder, "--targets", targets)
        with started("tests.bench.ours_http", *where, "--machines", machines) as subject:
            yield Server(subject, targets)


@contextlib.contextmanager
def _bare(write: str, machines: int) -> Iterator[Server]:
    with sqlite_place() as at:
        targets = at.folder / "targets"
        targets.write_text(json.dumps([[str(uuid.uuid4()), "token" * 8] for _ in range(machines)]))
        with started("tests.bench.bare", "--folder", at.folder, "--write", write) as subject:
            yield Server(subject, targets)

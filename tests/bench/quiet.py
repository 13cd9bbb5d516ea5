"""What PureBoot costs while little or nothing happens: many executions that wait, and a long steady load."""

import statistics
import time
from collections.abc import Iterator

from tests.bench.rounds import OURS, Tell
from tests.bench.sizes import Sizes
from tests.bench.stores import sqlite_place
from tests.bench.subject import pss_mib, started
from tests.bench.table import Aim, Figure, Row

_SETTLE_SECONDS = 2.0
_SAMPLES = 60


def waiting(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """The share of a processor taken while executions wait for their machines, with HTTP open; a round is a part."""
    tell(f"{sizes.waiting} executions wait for {sizes.quiet_seconds:g} s")
    shares: list[float] = []
    with sqlite_place() as at:
        where = ("--url", at.url, "--folder", at.folder, "--targets", at.folder / "targets")
        with started("tests.bench.ours_http", *where, "--machines", sizes.waiting) as subject:
            subject.line()
            time.sleep(min(_SETTLE_SECONDS, sizes.quiet_seconds))
            for _ in range(sizes.rounds):
                before, began = subject.cpu_seconds(), time.perf_counter()
                time.sleep(sizes.quiet_seconds / sizes.rounds)
                used = subject.cpu_seconds() - before
                shares.append(100 * used / (time.perf_counter() - began))
            subject.end()
    name = f"CPU % of a core, {sizes.waiting} executions waiting on nodes"
    yield Row(name=name, ours=Figure(tuple(shares)), aim=Aim(at_most=2))


def soak(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """Memory under a steady load: its slope over the second half, when all caches are as full as they get."""
    tell(f"soak: {sizes.soak_per_s} workflows/s for {sizes.soak_seconds:g} s")
    samples: list[tuple[float, float]] = []
    with sqlite_place() as at:
        load = ("--seconds", sizes.soak_seconds, "--per-s", sizes.soak_per_s)
        with started(OURS.module, "steady", "--url", at.url, "--folder", at.folder, *load) as subject:
            began = time.perf_counter()
            while (now := time.perf_counter() - began) < sizes.soak_seconds:
                samples.append((now / 60, pss_mib(subject.pid)))
                time.sleep(sizes.soak_seconds / _SAMPLES)
            found = subject.line()
            subject.end()
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([at for at, _ in half], [mib for _, mib in half]).slope
    name = f"soak, {sizes.soak_per_s} workflows/s for {sizes.soak_seconds:g} s"
    rate = Aim(times_at_least=0.99)
    asked = Figure((sizes.soak_per_s,))
    yield Row(name=f"{name}: rate", ours=Figure((found["rate"],)), peer="asked", other=asked, aim=rate)
    yield Row(name=f"{name}: p99 ms", ours=Figure((found["p99"],)))
    yield Row(name=f"{name}: MiB at the end", ours=Figure((half[-1][1],)), aim=Aim(at_most=80))
    yield Row(name=f"{name}: memory slope, MiB/min", ours=Figure((slope,)), aim=Aim(at_most=1))

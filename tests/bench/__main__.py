"""All benches of the engine, one table: `python -m tests.bench [BENCH …] [--rounds N] [--full] [--json FILE]`.

Run it from the top of the source tree, on a machine that does nothing else. Without names all benches run, in less than
ten minutes on two processors; `--list` names them.

Method. Each figure is the median of some rounds (3), with the least and the most beside it; the contenders take turns,
so that a machine that is slow for a while is so for all. Each round is a fresh process with an empty store (unless the
bench is about a full one), and warms up with 20 workflows. The work is the same for all: 5 steps that do nothing, one
after another, durable (`synchronous=FULL`, `fsync` on). "All at once" is what is submitted over the time until the last
has ended; the closed loop is clients that start a workflow when their last has ended, and the time each of them takes.
The processor time a workflow takes in the first is the figure that suffers least from what else the machine does.
Memory is the peak of the process's own share (PSS), read from outside ten times a second. The mixed load is in open
loop: requests are due at fixed times and latency counts from then, so that a server that stands still cannot slow down
who measures it.

Who stands beside us. DBOS Transact is a library for the same purpose and the closest relative: on SQLite as it makes
its file, and with the write-ahead log, which it does not ask for; and on PostgreSQL. Huey is a task queue with a file
of its own, whose pipelines lose what a kill interrupts. The floors are no engines: they write rows such as ours, and
show what a way of writing allows: a commit for each transition, or one for all that wait. The bare handlers are the
least a durable callback can cost. Peers come with `pip install '.[bench]'`; one that is not there says so in its row.

How to read it. `ours` beside `peer or limit`; the ratio is ours over theirs, whichever way is better. The aims are what
the project has set itself, and `MISSED` says that the median of this run is not within. Disks differ by a factor of a
hundred in how long a flush takes; the first rows say what this one does, and the bench `flush` runs with 2 ms more for
each flush, for us and for the others. Figures of two runs on different machines are not comparable; ratios nearly are.

The benches `tests.bench.engine`, `rendering`, `start` and `boot.tftp` are programs of their own.
"""

import argparse
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench import aged, callbacks, diffs, disk, engines, kills, quiet
from tests.bench.rounds import Tell
from tests.bench.sizes import Sizes
from tests.bench.table import Row, printed

Bench = Callable[[Sizes, Tell], Iterator[Row]]

BENCHES: dict[str, Bench] = {
    "disk": disk.disk,
    "diffs": diffs.diffs,
    "throughput": engines.throughput,
    "loop": engines.loop,
    "cold": engines.cold,
    "flush": engines.flush,
    "postgres": engines.postgres,
    "kill": kills.kill,
    "callbacks": callbacks.callbacks,
    "mixed": callbacks.mixed,
    "aged": aged.aged,
    "waiting": quiet.waiting,
    "soak": quiet.soak,
}


def measured(name: str, sizes: Sizes, tell: Tell) -> list[Row]:
    """The rows of a bench; one that fails says so in a row, and does not stop the others."""
    rows: list[Row] = []
    try:
        rows.extend(BENCHES[name](sizes, tell))
    except Exception as error:
        rows.append(Row(name=name, ours=f"failed: {error}"))
    return rows


def about() -> str:
    """The machine, in a line."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} processors, {versions}; load {load:.1f} before the first bench"


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bench", nargs="*", help=f"of {', '.join(BENCHES)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=Sizes().rounds)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the soak lasts")
    parser.add_argument("--full", action="store_true", help="the old store with 100,000 executions, 5 million events")
    parser.add_argument("--json", type=Path, help="write the rows to a file as well")
    parser.add_argument("--list", action="store_true", help="only name the benches")
    options = parser.parse_args()
    if unknown := set(options.bench) - BENCHES.keys():
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if options.list:
        print("\n".join(f"{name:<12}{(bench.__doc__ or '').splitlines()[0]}" for name, bench in BENCHES.items()))
        return 0
    sizes = replace(Sizes(), rounds=options.rounds, soak_seconds=60 * options.minutes)
    if options.full:
        sizes = replace(sizes, ended=100_000, past_events=5_000_000)
    machine = about()
    rows = [row for name in options.bench or BENCHES for row in measured(name, sizes, _tell)]
    print(f"{machine}\n\n{printed(rows)}")
    if options.json is not None:
        data = {"machine": machine, "rows": [row.data() for row in rows]}
        options.json.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    return 0


def _tell(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""What a person feels at the console: `python -m tests.bench.console [--rounds N] [--peers] [--json FILE]`.

Everything is measured from outside, in a pseudo-terminal: 80 columns by 24 lines, and 120 by 36 where the load is. The
store has 10,000 machines, 1,000 of which have an execution under way; under load they report 500 times a second by a
task in the very event loop of the console, which is that of the engine and the boot servers as well.

"First frame" is when the tabs are painted, "content" when the first machine is, and "interactive" when the answer to a
key that was pressed at the first frame is there (the list of executions), all from the start of the process; one start
before is not counted, so that files are in memory. "Idle" is after everything has come to rest. "Key to frame" is from
the key until the cursor is painted on another line (for others: until anything is painted); keys come as from a hand,
every 30 to 120 ms. "Above the engine" is the memory (PSS) of the console beyond that of a process with the same engine,
boot servers and load without one.

Beside us are htop and btop where they are installed, the least app that Textual can run, and with `--peers` posting and
harlequin, which pip installs into a folder that is thrown away. Rounds take turns; a figure is the median, with the
least and the most.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.console import peers
from tests.bench.console.figures import Found, Spent, Subject, engine_alone, idle, loaded, scratch, start
from tests.bench.console.fill import fill
from tests.bench.table import NO_AIM, Aim, Figure, Row, printed

AIMS: Mapping[str, Aim] = {
    "first frame, s": Aim(at_most=0.7),
    "interactive, s": Aim(at_most=1.2),
    "idle bytes/s": Aim(at_most=0),
    "idle processor, %": Aim(at_most=1.0),
    "key to frame, idle, p99 ms": Aim(at_most=50),
    "key to frame, under load, p99 ms": Aim(at_most=50),
    "page down, p99 ms": Aim(at_most=50),
    "under load, kB/s to the terminal": Aim(at_most=20),
    "memory above the engine, MiB": Aim(at_most=150),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of everything."""

    rounds: int = 3
    nodes: int = 10_000
    running: int = 1_000
    rate: int = 500
    beside: bool = True
    pip: bool = False
    spent: Spent = field(default_factory=Spent)


TINY = Amount(
    rounds=1,
    nodes=60,
    running=10,
    rate=50,
    beside=False,
    spent=Spent(idle_seconds=0.3, load_seconds=0.5, keys=4, pages=2),
)
"""For the test of the bench itself."""

Tell = Callable[[str], None]


def measured(amount: Amount, tell: Tell) -> list[Row]:
    """The table."""
    with scratch() as name:
        folder = Path(name)
        tell(f"a store with {amount.nodes} nodes and {amount.running} executions under way")
        fill(folder / "store.db", amount.nodes, amount.running)
        us = peers.ours(folder)
        subjects = [us, *_beside(amount, folder)]
        found: dict[str, list[Found]] = {subject.name: [] for subject in subjects}
        missing = _missing(amount)
        start(us)
        for number in range(amount.rounds):
            for subject in subjects:
                tell(f"round {number + 1}: {subject.name}")
                try:
                    found[subject.name].append({**start(subject), **idle(subject, amount.spent)})
                except RuntimeError as error:  # a peer of another version than we know
                    if subject is us:
                        raise
                    missing[subject.name] = f"failed: {str(error)[:60]}"
        load = [_under_load(amount, us, tell, number) for number in range(amount.rounds)]
    return list(_rows(us.name, found, load, missing))


def _beside(amount: Amount, folder: Path) -> Iterator[Subject]:
    if amount.beside:
        yield from (each for each in (peers.HTOP, peers.BTOP) if not peers.missing(each))
        yield peers.FLOOR
    if amount.pip:
        yield from peers.by_pip(folder)


def _missing(amount: Amount) -> dict[str, str]:
    return {
        each.name: peers.missing(each) for each in (peers.HTOP, peers.BTOP) if amount.beside and peers.missing(each)
    }


def _under_load(amount: Amount, us: Subject, tell: Tell, number: int) -> Found:
    tell(f"round {number + 1}: {amount.rate} reports a second in the console's own loop")
    command = (sys.executable, "-m", "tests.bench.console.loaded", str(amount.rate))
    assert us.ready is not None
    found = loaded(command, us.env, us.ready, amount.spent)
    alone = engine_alone((*command, "--no-screen"), us.env, amount.spent.load_seconds)
    return {**found, "above MiB": found["MiB"] - alone["MiB"]}


def _rows(
    us: str, found: Mapping[str, Sequence[Found]], load: Sequence[Found], missing: Mapping[str, str]
) -> Iterator[Row]:
    for name, key in (
        ("first frame, s", "first frame"),
        ("content, s", "content"),
        ("interactive, s", "interactive"),
        ("idle bytes/s", "bytes/s"),
        ("idle processor, %", "cpu %"),
        ("key to paint, p50 ms", "p50"),
        ("key to paint, p99 ms", "p99"),
        ("memory in all, MiB", "MiB"),
    ):
        ours = Figure(tuple(each[key] for each in found[us]))
        others = [
            (other, Figure(tuple(each[key] for each in theirs)))
            for other, theirs in found.items()
            if other != us and theirs and all(key in each for each in theirs)
        ]
        yield Row(name=name, ours=ours, aim=AIMS.get(name, NO_AIM))
        yield from (Row(name="", ours="", peer=other, other=figure) for other, figure in others)
    yield from (Row(name="", ours="", peer=name, other=why) for name, why in missing.items())
    for name, key, scale in (
        ("key to frame, idle, p50 ms", "calm p50", 1.0),
        ("key to frame, idle, p99 ms", "calm p99", 1.0),
        ("page down, p50 ms", "page p50", 1.0),
        ("page down, p99 ms", "page p99", 1.0),
        ("key to frame, under load, p50 ms", "busy p50", 1.0),
        ("key to frame, under load, p99 ms", "busy p99", 1.0),
        ("under load, kB/s to the terminal", "bytes/s", 1e-3),
        ("under load, processor, %", "cpu %", 1.0),
        ("memory above the engine, MiB", "above MiB", 1.0),
    ):
        yield Row(name=name, ours=Figure(tuple(each[key] * scale for each in load)), aim=AIMS.get(name, NO_AIM))


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=500, help="reports a second under load")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each is watched, idle and under load")
    parser.add_argument("--keys", type=int, default=120, help="how many keys are pressed each time")
    parser.add_argument("--peers", action="store_true", help="posting and harlequin as well, by pip")
    parser.add_argument("--alone", action="store_true", help="nobody beside us")
    parser.add_argument("--json", type=Path, help="write the rows to a file as well")
    options = parser.parse_args()
    amount = replace(
        Amount(),
        rounds=options.rounds,
        nodes=options.nodes,
        running=min(options.running, options.nodes),
        rate=options.rate,
        pip=options.peers,
        beside=not options.alone,
        spent=Spent(idle_seconds=options.seconds, load_seconds=options.seconds, keys=options.keys),
    )
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}; load {os.getloadavg()[0]:.1f} before"
    rows = measured(amount, lambda what: print(f"… {what}", file=sys.stderr, flush=True))
    print(f"{machine}\n\n{printed(rows)}")
    if options.json is not None:
        data = {"machine": machine, "rows": [row.data() for row in rows]}
        options.json.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    return 1 if any(row.verdict.endswith("MISSED") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

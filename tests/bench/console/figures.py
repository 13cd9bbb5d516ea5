"""What is measured of each program: the same for all, from outside."""

import random
import re
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.console.screen import Screen
from tests.bench.workload import percentile

Found = dict[str, float]

CURSOR = re.compile(rb"\x1b\[(\d+);1H\x1b\[[\d;]*48;2;41;64;90m")
WIDE = (120, 36)
DOWN, UP = b"j", b"k"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How long things are watched, and how many keys are pressed."""

    idle_seconds: float = 10.0
    load_seconds: float = 15.0
    keys: int = 120
    pages: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A program. `framed` is in its first frame; `ready` in what it shows once it can be worked with; `question` is a
    key whose answer holds `answered`; `keys` are pressed in turn, each of which changes what it shows.
    """

    name: str
    argv: Sequence[str]
    framed: "re.Pattern[bytes]"
    question: bytes
    answered: "re.Pattern[bytes]"
    keys: tuple[bytes, bytes] = (b"\x1b[B", b"\x1b[A")
    ready: "re.Pattern[bytes] | None" = None
    env: Mapping[str, str] = field(default_factory=dict)


def start(subject: Subject) -> Found:
    """Seconds from the start of the process to the first frame, to what it is for, and to the answer to a key that is
    pressed as soon as there is a frame.
    """
    found: Found = {}
    if subject.ready is not None:
        with Screen(subject.argv, subject.env) as screen:
            found["content"] = screen.until(subject.ready)
    with Screen(subject.argv, subject.env) as screen:
        found["first frame"] = screen.until(subject.framed)
        screen.press(subject.question)
        found["interactive"] = screen.until(subject.answered)
    return found


def idle(subject: Subject, spent: Spent) -> Found:
    """Bytes and processor time while nothing happens; milliseconds from a key to what it paints."""
    with Screen(subject.argv, subject.env) as screen:
        screen.until(subject.ready or subject.framed)
        screen.settle(1.5, patience=4.0)
        screen.watch(2.0)
        used = screen.cpu_seconds
        count = screen.watch(spent.idle_seconds)
        found = {
            "bytes/s": count / spent.idle_seconds,
            "cpu %": 100 * (screen.cpu_seconds - used) / spent.idle_seconds,
            "MiB": screen.mib,
        }
        taken = []
        for number in range(spent.keys):
            screen.watch(random.uniform(0.03, 0.12))
            taken.append(screen.answer(subject.keys[number // 8 % 2], bool, patience=3.0))
        return {**found, "p50": percentile(taken, 0.5) * 1e3, "p99": percentile(taken, 0.99) * 1e3}


def loaded(argv: Sequence[str], env: Mapping[str, str], ready: "re.Pattern[bytes]", spent: Spent) -> Found:
    """Ours while machines report in the same loop: bytes a second to a wide terminal, milliseconds from a key until the
    cursor stands on another line, and memory at the end.
    """
    with Screen(argv, env, WIDE) as screen:
        screen.until(ready)
        screen.until(CURSOR)
        screen.settle(1.5, patience=6.0)
        calm = _moves(screen, spent.keys)
        pages = _pages(screen, spent.pages)
        screen.press(b"G")
        screen.watch(0.5)
        screen.press(b"\x1b[H")
        screen.press(b"/state=installing\r")  # so that what is reported is in view
        screen.watch(1.5)
        screen.signal(signal.SIGUSR1)
        screen.watch(2.0)
        used = screen.cpu_seconds
        count = screen.watch(spent.load_seconds)
        cpu = screen.cpu_seconds - used
        busy = _moves(screen, spent.keys)
        screen.signal(signal.SIGUSR2)
        return {
            "bytes/s": count / spent.load_seconds,
            "cpu %": 100 * cpu / spent.load_seconds,
            "MiB": screen.mib,
            **_shares("calm", calm),
            **_shares("busy", busy),
            **_shares("page", pages),
        }


def _shares(name: str, taken: Sequence[float]) -> Found:
    return {f"{name} p50": percentile(taken, 0.5) * 1e3, f"{name} p99": percentile(taken, 0.99) * 1e3}


def _moves(screen: Screen, count: int) -> list[float]:
    """Seconds from `down` or `up` until the cursor is painted on the line that it should stand on."""
    taken = []
    for number in range(count):
        screen.watch(random.uniform(0.03, 0.12))
        before = CURSOR.findall(screen.shown)[-1:]
        taken.append(screen.answer((DOWN, UP)[number // 8 % 2], _elsewhere(before), patience=5.0))
    return taken


def _elsewhere(before: list[bytes]) -> Callable[[bytes], bool]:
    return lambda seen: any(line not in before for line in CURSOR.findall(seen))


def _pages(screen: Screen, count: int) -> list[float]:
    """Seconds from `page down` to the first of what it paints."""
    taken = []
    for _ in range(count):
        screen.watch(0.05)
        taken.append(screen.answer(b"\x06", bool, patience=5.0))
    return taken


def engine_alone(argv: Sequence[str], env: Mapping[str, str], seconds: float) -> Found:
    """The memory of the engine and its doors without a console, after as much work."""
    with Screen(argv, env) as screen:
        screen.until(re.compile(rb"the engine is open"))
        screen.watch(1.0)
        screen.signal(signal.SIGUSR1)
        screen.watch(seconds)
        screen.signal(signal.SIGUSR2)
        return {"MiB": screen.mib}


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A folder for a store."""
    return tempfile.TemporaryDirectory(prefix="pureboot-console-bench-")

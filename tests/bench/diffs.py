"""What it takes to compare two texts of 10,000 lines, with the words that changed, also where they share little.

Beside us difflib's unified diff, which marks no words, and `git diff --no-index --word-diff`, a process in C without
rows. difflib takes from 10 s to minutes for some of these texts: there it says so in its row.
"""

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

from engine.core.diff import diff
from tests.bench.rounds import Tell
from tests.bench.sizes import Sizes
from tests.bench.table import Aim, Figure, Row, beside

_MS = 200.0
_LINES = 10_000
Lines = Sequence[str]


def cases(count: int) -> dict[str, tuple[Lines, Lines, bool]]:
    """Pairs of texts, and whether difflib comes to an end with them within seconds."""
    chance = random.Random(1)
    words = [f"w{number}" for number in range(400)]
    base = [f"d-i option{number} string {' '.join(chance.choices(words, k=6))}" for number in range(count)]
    other = [f"zz {number} {' '.join(chance.choices(words, k=6))}" for number in range(count)]
    few = ["a", "b", "", "{", "}"]
    return {
        "one line is other": (base, [*base[: count // 2], "other", *base[count // 2 + 1 :]], True),
        "a word of each line": (base, [line.replace("string", "text") for line in base], False),
        "a word of each second line": (
            base,
            [line.replace("string", "text") if at % 2 else line for at, line in enumerate(base)],
            False,
        ),
        "indented": (base, [f"    {line}" for line in base], True),
        "halves swapped": (base, [*base[count // 2 :], *base[: count // 2]], True),
        "shuffled": (base, chance.sample(base, count), False),
        "nothing in common": (base, other, True),
        "five lines repeated": (chance.choices(few, k=count), chance.choices(few, k=count), False),
    }


def diffs(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """Milliseconds to compare two long texts, word by word."""
    count = _LINES if sizes.peers else 500
    for name, (left, right, ends) in cases(count).items():
        tell(f"diff: {name}")
        texts = "\n".join(left) + "\n", "\n".join(right) + "\n"
        ours = _timed(sizes.rounds, lambda texts=texts: diff(*texts))  # type: ignore[misc]
        others: list[tuple[str, Figure | str]] = [("difflib", "takes more than 10 s")]
        if ends:
            others = [("difflib", _timed(1, lambda pair=(left, right): list(unified_diff(*pair))))]  # type: ignore[misc]
        others.append(("git diff --word-diff", _git(sizes.rounds, texts)))
        yield from beside(f"diff, {count:,} lines, {name}, ms", ours, others, [Aim(at_most=_MS)])


def _timed(rounds: int, work: Callable[[], object]) -> Figure:
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - began))
    return Figure(tuple(found))


def _git(rounds: int, texts: tuple[str, str]) -> Figure | str:
    program = shutil.which("git")
    if program is None:
        return "not installed"
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("left", "right")]
        for file, text in zip(files, texts, strict=True):
            Path(file).write_text(text)
        command = [program, "diff", "--no-index", "--word-diff", *files]
        return _timed(rounds, lambda: subprocess.run(command, capture_output=True, check=False))

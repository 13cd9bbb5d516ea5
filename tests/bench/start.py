"""How long the console takes to be there: `python -m tests.bench.start [ROUNDS]`.

`pureboot demo` in a terminal of its own, 120 columns by 36 lines, from the start of the process to the first frame,
to the first machine in the list, and to the answer to a key that is pressed at once (`2`, the executions). Beside it,
in the same rounds, what Python itself takes to start and to import Textual: no console of this kind can be faster.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.console.cli_support import Terminal, environment

FLOOR = "floor: Python and Textual"


def floor() -> float:
    """Seconds until Python has imported Textual's App."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.perf_counter() - began


def console(folder: Path) -> dict[str, float]:
    """Seconds from the start to what is seen, in order."""
    env = {**environment("", folder), "TMPDIR": str(folder)}
    del env["PUREBOOT_DATABASE__URL"]
    began = time.perf_counter()
    seen = {}
    with Terminal("demo", "--http-port", "0", "--tftp-port", "0", env=env) as demo:
        for what, text in (("first frame", "Nodes"), ("first machine", "r5-07")):
            demo.until(text)
            seen[what] = time.perf_counter() - began
        demo.press("2")
        demo.until("STARTED")
        seen["answers a key"] = time.perf_counter() - began
        demo.press("\x11")
        demo.press("y")
        demo.end()
    return seen


def main() -> None:
    """Print the medians, each as seconds and as a multiple of the floor."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            for what, seconds in {FLOOR: floor(), **console(Path(folder))}.items():
                times.setdefault(what, []).append(seconds)
    least = statistics.median(times[FLOOR])
    print(f"{os.cpu_count()} processors, medians of {rounds} rounds")
    for what, found in times.items():
        median = statistics.median(found)
        print(f"{what:<28} {median:6.2f} s  {median / least:5.1f} x")


if __name__ == "__main__":
    main()

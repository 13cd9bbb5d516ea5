"""`pureboot serve` with a ticker in its event loop: `python -m tests.bench.boot.storm_server FILE [OPTIONS OF serve]`.

How late the ticker was is written to FILE, as JSON with milliseconds, when the server ends.
"""

import asyncio
import json
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli import serve
from console.cli.main import cli
from tests.bench.workload import percentile

if TYPE_CHECKING:
    from engine.settings import Settings

TICK = 0.005
_late = array("d")


async def _tick() -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        _late.append(max(0.0, time.perf_counter() - began - TICK))


def main() -> None:
    """Serve until a signal, as the command does."""
    into = Path(sys.argv.pop(1))
    plain = serve._serve

    async def ticking(settings: "Settings") -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_tick())
            await plain(settings)

    serve._serve = ticking
    try:
        cli(["serve", *sys.argv[1:]], prog_name="pureboot", standalone_mode=False)
    finally:
        shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "most": 1.0}
        found = {name: percentile(_late, share) * 1e3 for name, share in shares.items()}
        into.write_text(json.dumps({**found, "ticks": len(_late), "over_100_ms": sum(each > 0.1 for each in _late)}))


if __name__ == "__main__":
    main()

"""A process that hosts a store and works on it until it is killed: `python -m tests.victim STORE_URL FOLDER`.

Prints `open`, then the id of each execution whose start was acknowledged.
"""

import asyncio
import sys
from pathlib import Path

from engine.app import PureBoot
from tests.store_settings import settings_for
from tests.story import ADA, published

WORKFLOW = """
name: work
steps:
  - {key: one, action: core.echo, with: {message: a}}
  - {key: two, action: core.delay, with: {duration: 0.02}}
  - {key: three, action: core.echo, with: {message: b}}
"""


async def work(url: str, folder: Path) -> None:
    async with PureBoot(settings_for(url, folder)) as pureboot:
        await published(pureboot, WORKFLOW)
        print("open", flush=True)
        while True:
            execution = await pureboot.executions.start("work", by=ADA)
            print(execution.id, flush=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))

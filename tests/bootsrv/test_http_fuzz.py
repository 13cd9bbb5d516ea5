"""2,000 requests that no client sends: each ends, none is a fault of ours, and the doors hold nothing when it is over.

`python -m tests.bench.boot.fuzz http` sends many more.
"""

import asyncio
import logging
import random
from collections import Counter

import pytest

from bootsrv.http.site import Limits
from engine.app import PureBoot
from tests.bootsrv.holdings import descriptors
from tests.bootsrv.http_storm import storm
from tests.bootsrv.http_support import eventually, serving

COUNT = 2000
MORE_FILES, MORE_TASKS = 12, 2  # the store opens some more connections when many ask at once, of three files each
IMPATIENT = Limits(header_seconds=0.3, body_seconds=0.3, linger_seconds=0.2)


async def test_a_storm_of_requests_harms_nothing(pureboot: PureBoot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    told: Counter[str] = Counter()
    async with serving(pureboot, limits=IMPATIENT) as client:
        assert (await client.get("/health")).status == 200
        files, tasks = descriptors(), len(asyncio.all_tasks())
        async for sent in storm(random.Random(80), client.listener.address, COUNT, told):
            assert (await client.get("/health")).status == 200, sent
        await eventually(lambda: client.listener.connections <= 1)  # the client's own
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks + MORE_TASKS)
        assert descriptors() <= files + MORE_FILES
        assert (await client.get("/health")).status == 200
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert told.total() == COUNT
    assert not [how for how in told if how.startswith(("5", "no HTTP"))], told
    assert min(told[status] for status in ("200", "400", "404", "closed")) > COUNT / 200, told

"""20,000 datagrams that no client sends: the server lives, serves, and holds nothing when it is over.

`python -m tests.bench.boot.fuzz tftp` sends a million.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from bootsrv.tftp.packet import BadPacket, encode, parse
from bootsrv.tftp.transfer import Timing
from tests.bootsrv.holdings import descriptors
from tests.bootsrv.http_support import eventually
from tests.bootsrv.tftp_fuzz import datagram, storm
from tests.bootsrv.tftp_peers import download, peer, serving

CONTENT = bytes(range(256)) * 40
LONGEST_TRANSFER = 90.0  # seconds
BRIEF = Timing(first=0.05, quick=0.02, least=0.05, most=0.1, repeats=2)


def test_no_datagram_is_too_much_for_the_parser() -> None:
    chance = random.Random(5)
    for _ in range(20_000):
        raw = datagram(chance)
        try:
            packet = parse(raw)
        except BadPacket:
            continue
        try:
            assert type(parse(encode(packet))) is type(packet)
        except BadPacket:
            continue  # read leniently, and written strictly


@pytest.mark.parametrize("options", [{}, {"single_port": True}, {"ports": (45300, 45700)}, {"max_rate": 1_000_000}])
async def test_a_storm_harms_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    async with serving(tmp_path, timing=BRIEF, **options) as served:
        with peer("127.0.0.77") as other:
            assert await download(other, served.address, "x") == CONTENT
        before, tasks = descriptors(), len(asyncio.all_tasks())
        for sent in storm(random.Random(20), served.address, 5000, answering=True):
            with peer("127.0.0.77") as other:  # when it is served, what came before has been dealt with
                assert await download(other, served.address, "x", blksize="1468") == CONTENT, sent
        # One whose peer asked for a timeout of 16 s and answered once is kept for as long.
        await eventually(lambda: not served.server.transfers, LONGEST_TRANSFER)
        while not served.reports.empty():
            assert (await served.report()).name.isprintable()
        with peer("127.0.0.77") as other:
            assert await download(other, served.address, "x") == CONTENT
        await served.report()
        assert descriptors() <= before + 1
        assert len(asyncio.all_tasks()) == tasks
        assert served.server.transfers == ()

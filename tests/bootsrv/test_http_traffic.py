"""What goes through the doors now, and what did: by HTTP and by TFTP, for whoever looks and for the API."""

import os
from pathlib import Path
from typing import Any

import aiohttp

from bootsrv.doors import Doors
from engine.app import PureBoot
from engine.core.traffic import Carrier, Ending
from tests.bootsrv.http_support import IPXE, MAC, Client, eventually, node, serving
from tests.bootsrv.test_http_sender import SIZE, deaf, large
from tests.bootsrv.tftp_peers import ack, peer, request
from tests.conftest import Opener

__all__ = ["large"]


async def seen(client: Client) -> dict[str, Any]:
    return dict((await client.get("/api/v1/traffic")).data)


async def test_a_file_is_seen_while_it_goes_out_and_how_it_ended(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client:
        empty = await seen(client)
        assert (empty["is_served"], empty["transfers"], empty["ended"]) == (True, [], [])
        assert (await client.get("/files/large", headers={"Range": "bytes=0-99999"})).status == 206
        (await client.get("/files/none")).problem(404)
        await client.ask("HEAD", "/files/large")
        asking = await deaf(client, "/files/large?secret=x")
        await eventually(lambda: pureboot.traffic.look().transfers != ())
        pureboot.traffic.sample()
        [under_way] = (await seen(client))["transfers"]
        assert (under_way["kind"], under_way["path"], under_way["size"]) == ("http", "/files/large", SIZE)
        assert (under_way["address"], under_way["outcome"], under_way["node_id"]) == ("127.0.0.1", None, None)
        assert 0 < under_way["sent"] < SIZE
        asking.close()
        await eventually(lambda: not pureboot.traffic.look().transfers)
        pureboot.traffic.sample()
        after = await seen(client)
        broken, whole = after["ended"]
        assert (broken["outcome"], broken["message"], broken["left_seconds"]) == (
            "failed",
            "the connection was lost",
            None,
        )
        assert (whole["outcome"], whole["size"], whole["sent"], whole["path"]) == (
            "done",
            100_000,
            100_000,
            "/files/large",
        )
        assert whole["rate"] > 0
        http = after["totals"]["http"]
        assert http["ended"] == {"done": 1, "failed": 1}
        assert http["bytes"] == 100_000 + broken["sent"]
        assert http["rate"] > 0
    assert not pureboot.traffic.is_served


async def test_what_the_thread_sends_is_counted_to_the_last_byte(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client:
        assert (await client.get("/files/large")).body == large
        [whole] = pureboot.traffic.look().ended
        assert (whole.sent, whole.size, whole.outcome) == (SIZE, SIZE, Ending.DONE)


async def test_tftp_is_seen_too_and_whose_it_is_once_the_machine_says_its_name(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    loaders = tmp_path / "loaders"
    loaders.mkdir()
    for name in ("undionly.kpxe", "ipxe.efi", "snponly.efi", "localboot.efi"):
        (loaders / name).write_bytes(os.urandom(1100))
    async with opener(sqlite_url, files__loaders=str(loaders)) as pureboot, Doors(pureboot) as doors:
        traffic = pureboot.traffic
        assert doors.tftp_address is not None
        with peer("127.0.0.77") as machine:
            _, server = await machine.ask(request("ipxe.efi", blksize="500", tsize="0"), doors.tftp_address)
            for block in (0, 1):
                await machine.ask(ack(block), server)
            [under_way] = traffic.look().transfers
            assert (under_way.kind, under_way.path, under_way.size) == (Carrier.TFTP, "ipxe.efi", 1100)
            assert (under_way.address, under_way.sent, under_way.mac_address) == ("127.0.0.77", 500, None)
            for block in (2, 3):
                await machine.send(ack(block), server)
            await eventually(lambda: traffic.look().ended != ())
            await machine.send(request("nothing.efi"), doors.tftp_address)
            await eventually(lambda: len(traffic.look().ended) == 2)
        refused, whole = traffic.look().ended
        assert (whole.outcome, whole.sent, whole.size) == (Ending.DONE, 1100, 1100)
        assert (refused.outcome, refused.path, refused.size) == (Ending.REFUSED, "nothing.efi", None)
        assert refused.message

        known = await node(pureboot)
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.77", 0))
        async with aiohttp.ClientSession(connector=connector, headers=IPXE) as session:
            await session.get(f"{doors.http_url}/boot.ipxe?mac={MAC}&platform=efi&arch=x86_64")
        told = await traffic.told()
        while not told.ended[0].mac_address:
            await pureboot.traces.flush()
            told = await traffic.told()
        assert {(each.mac_address, each.node_id) for each in told.ended} == {(MAC, known.id)}
        traffic.sample()
        assert traffic.look().totals[Carrier.TFTP].bytes == 1100
    assert not traffic.is_served

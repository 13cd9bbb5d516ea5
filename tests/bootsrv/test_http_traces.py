"""What machines do at the HTTP and TFTP doors is in their traces, and what the API tells of it."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
import pytest

from bootsrv.doors import Doors
from engine.app import PureBoot
from tests.bootsrv.http_support import INSTALL, IPXE, MAC, Client, node, serving, started
from tests.bootsrv.test_http_boot import boot_files
from tests.conftest import Opener


async def lines(client: Client, name: str = MAC) -> list[tuple[str, str, str, str]]:
    listed = (await client.get(f"/api/v1/nodes/{name}/trace")).data
    return [(line["kind"], line["what"], line["outcome"], line["message"]) for line in listed]


async def test_a_boot_leaves_its_lines_and_tokens_are_in_none(pureboot: PureBoot) -> None:
    boot_files(pureboot)
    await node(pureboot, hostname="r1")
    execution, token = await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        await client.get("/boot.ipxe", headers=IPXE)
        await client.get(f"/boot.ipxe?mac={MAC}&platform=efi&arch=x86_64", headers=IPXE)
        await client.get("/files/debian/linux", headers=IPXE)
        await client.ask("HEAD", "/files/debian/initrd.gz", headers=IPXE)
        await client.get("/files/debian/initrd.gz", headers={**IPXE, "Range": "bytes=0-2"})
        await client.get("/files/debian/nothing", headers=IPXE)
        await client.get(f"/render/{token}/answers")
        poll = f"/api/v1/callback/{execution.id}"
        node_client = client.with_token(token)
        for _ in range(3):
            await node_client.get(f"{poll}/current")
            await node_client.post(f"{poll}/heartbeat")
        await client.with_token("wrong-token").get(f"{poll}/current")

        found = await lines(client, "r1")
        assert found[:6] == [
            ("http", "/boot.ipxe", "ok", ""),
            ("http", "/boot.ipxe", "ok", "Boot the installer"),
            ("http", "/files/debian/linux", "ok", ""),
            ("http", "/files/debian/initrd.gz", "probed", ""),
            ("http", "/files/debian/initrd.gz", "ok", ""),
            (
                "http",
                "/files/debian/nothing",
                "refused",
                "there is no file debian/nothing (there is no template debian)",
            ),
        ]
        assert [each[:3] for each in found[6:]] == [
            ("http", "/render/***/answers", "refused"),
            ("callback", "callback/current", "ok"),
            ("callback", "callback/heartbeat", "ok"),
            ("callback", "callback/current", "refused"),
        ]
        whole = (await client.get("/api/v1/nodes/r1/trace")).text
        assert token not in whole
        served, linux, part = [(await client.get("/api/v1/nodes/r1/trace")).data[at] for at in (1, 2, 4)]
        assert served["facts"] | {"told": "serve", "platform": "efi"} == served["facts"]
        assert (linux["bytes"], linux["size"], part["bytes"], part["status"]) == (6, 6, 3, 206)
        polls = (await client.get("/api/v1/nodes/r1/trace")).data[7]
        assert polls["count"] == 3


async def test_a_token_says_whose_a_request_is_from_whatever_address_it_comes(pureboot: PureBoot) -> None:
    boot_files(pureboot)
    await node(pureboot)
    _, token = await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        for path in (
            f"/metadata/{token}/meta-data",
            f"/metadata/{token}/latest/meta-data/",
            f"/initrd/{token}/agent.img",
        ):
            assert (await client.get(path)).status == 200
        assert [(what, outcome) for _, what, outcome, _ in await lines(client)] == [
            ("/metadata/***/meta-data", "ok"),
            ("/metadata/***/latest/meta-data/", "ok"),
            ("/initrd/***/agent.img", "ok"),
        ]


async def test_who_watches_this_server_or_sends_webhooks_is_no_machine(pureboot: PureBoot) -> None:
    await node(pureboot)
    async with serving(pureboot) as client:
        await client.get(f"/boot.ipxe?mac={MAC}", headers=IPXE)
        await client.get("/health")
        await client.get("/health/ready")
        await client.post("/hooks/none", {})
        assert [what for _, what, _, _ in await lines(client)] == ["/boot.ipxe"]


async def test_explain_says_it_in_one_sentence(pureboot: PureBoot) -> None:
    folder = boot_files(pureboot)
    await node(pureboot, hostname="r1")
    await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        await client.get(f"/boot.ipxe?mac={MAC}", headers=IPXE)
        (folder / "linux").unlink()
        await client.get("/files/debian/linux", headers=IPXE)
        answer = await client.get("/api/v1/nodes/r1/explain")
        told = answer.data
        assert (told["cause"], told["level"], told["node"], told["machine"]) == ("file-missing", "trouble", "r1", MAC)
        assert told["sentence"] == answer.json["message"]
        assert "/files/debian/linux asked for at" in told["sentence"]
        (await client.get("/api/v1/nodes/nobody/explain")).problem(404)
        (await client.get("/api/v1/nodes/192.0.2.77/trace")).problem(404)


async def test_a_transfer_that_is_broken_off_says_how_much_was_sent(pureboot: PureBoot) -> None:
    folder = boot_files(pureboot)
    (folder / "initrd.gz").write_bytes(bytes(64 * 2**20))
    await node(pureboot)
    async with serving(pureboot) as client:
        await client.get(f"/boot.ipxe?mac={MAC}", headers=IPXE)
        reader, writer = await asyncio.open_connection(*client.listener.address, limit=2**16)
        writer.write(b"GET /files/debian/initrd.gz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(2**15)
        writer.transport.abort()
        async with asyncio.timeout(20):
            while (await lines(client))[-1][1] != "/files/debian/initrd.gz":
                await pureboot.feed.changed(pureboot.feed.stirs)
        assert (await lines(client))[-1][:3] == ("http", "/files/debian/initrd.gz", "failed")
        broken = (await client.get(f"/api/v1/nodes/{MAC}/trace")).data[-1]
        assert broken["size"] == 64 * 2**20


@pytest.mark.parametrize("is_shared", [False, True])
async def test_tftp_is_in_the_same_trace(sqlite_url: str, opener: Opener, tmp_path: Path, is_shared: bool) -> None:
    import tftpy

    root = {"tftp__root": str(tmp_path), "files__dir": str(tmp_path)} if is_shared else {}
    async with opener(sqlite_url, **root) as pureboot, Doors(pureboot, cache=tmp_path / "cache") as doors:
        await node(pureboot)
        assert doors.tftp_address is not None
        client = tftpy.TftpClient(*doors.tftp_address)
        with contextlib.suppress(tftpy.TftpException):
            await asyncio.to_thread(client.download, "nonsense.0", str(tmp_path / "got"), timeout=5)
        async with aiohttp.ClientSession(doors.http_url) as session:
            await (await session.get(f"/boot.ipxe?mac={MAC}", headers=IPXE)).read()
        found = await pureboot.traces.explain(MAC)
        assert found.contacts[0].message.startswith("there is no file nonsense.0")
        assert [(line.kind.value, line.what, line.outcome.value) for line in found.contacts] == [
            ("tftp", "nonsense.0", "refused"),
            ("http", "/boot.ipxe", "ok"),
        ]

"""What a machine that boots is given beside kernel and initrd as they lie there: metadata, an initrd made for it, files
of other servers; and how much of it at once.
"""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import yaml
from aiohttp import web

from bootsrv.http.pace import Pace, Taker, TooMany, slice_of
from engine.app import PureBoot
from engine.core.executions import Execution
from engine.core.seeds import is_session, session_token
from tests.bootsrv.http_support import MAC, eventually, node, serving, started
from tests.conftest import Opener
from tests.core.test_cpio import unpacked

BOOT = """\
name: install
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: debian/linux
      initrd: [debian/initrd.gz]
      cmdline: quiet
      agent: true
      overlay: {etc/issue: issue}
      metadata: {user-data: cloud}
  - {key: done, action: core.echo}
"""


async def at_boot(pureboot: PureBoot, text: str = BOOT) -> tuple[Execution, str]:
    folder = pureboot.settings.files.dir / "debian"
    folder.mkdir(parents=True)
    (folder / "linux").write_bytes(b"kernel")
    (folder / "initrd.gz").write_bytes(gzip.compress(b"a base of odd length, compressed", mtime=0))
    for name, content in {
        "cloud": "#cloud-config\nhostname: ${node.hostname}\n",
        "issue": "#!${meta.greeting|hello} ${node.mac}\n",
        "net": "version: 2\n",
    }.items():
        type_ = "script" if name == "issue" else "cloud-init"
        await pureboot.templates.create(name, content, type_=type_, by="user:ada")
    await node(pureboot, hostname="n1", metadata={"network_config": "net", "public_keys": ["ssh-ed25519 AAAA ada"]})
    return await started(pureboot, text)


class TestNoCloud:
    async def test_each_document_is_there_and_what_nobody_wrote_is_empty(self, pureboot: PureBoot) -> None:
        execution, token = await at_boot(pureboot)
        async with serving(pureboot) as client:
            documents = {
                name: await client.get(f"/metadata/{token}/{name}")
                for name in ("user-data", "meta-data", "vendor-data", "network-config")
            }
            assert {answer.status for answer in documents.values()} == {200}
            assert documents["user-data"].text == "#cloud-config\nhostname: n1\n"
            assert documents["vendor-data"].text == ""
            assert documents["network-config"].text == "version: 2\n"
            assert yaml.safe_load(documents["meta-data"].text) == {
                "instance-id": execution.id,
                "local-hostname": "n1",
                "public-keys": ["ssh-ed25519 AAAA ada"],
            }
            (await client.get(f"/metadata/{token}/other")).problem(404)
            (await client.get("/metadata/wrong/meta-data")).problem(404)
            await pureboot.executions.cancel(execution.id, by="user:ada")
            (await client.get(f"/metadata/{token}/meta-data")).problem(404)

    async def test_a_name_no_machine_can_have_is_not_given_to_it(self, pureboot: PureBoot) -> None:
        await node(pureboot, hostname="bad name\nhost: evil")
        _, token = await started(pureboot, BOOT.replace("metadata: {user-data: cloud}", ""))
        async with serving(pureboot) as client:
            told = yaml.safe_load((await client.get(f"/metadata/{token}/meta-data")).text)
            assert told["local-hostname"] == f"node-{MAC.replace(':', '')}"

    async def test_a_template_with_an_unresolved_variable_is_an_error(self, pureboot: PureBoot) -> None:
        _, token = await at_boot(pureboot)
        await pureboot.templates.add_version("cloud", "x: ${meta.none}\n", by="user:ada")
        async with serving(pureboot) as client:
            assert "meta.none" in (await client.get(f"/metadata/{token}/user-data")).text


class TestEc2:
    async def test_folders_are_listed_and_files_read(self, pureboot: PureBoot) -> None:
        execution, token = await at_boot(pureboot)
        async with serving(pureboot) as client:
            base = f"/metadata/{token}"

            async def read(path: str) -> str:
                answer = await client.get(base + path)
                assert answer.status == 200, (path, answer.text)
                return answer.text

            listed = (await read("/latest/meta-data/")).split("\n")
            assert {"instance-id", "placement/", "public-keys/", "local-hostname"} <= set(listed)
            assert await read("/2009-04-04/meta-data/instance-id") == execution.id
            assert await read("/latest/meta-data/public-keys/") == "0=key-0"
            assert await read("/latest/meta-data/public-keys/0/openssh-key") == "ssh-ed25519 AAAA ada"
            assert await read("/latest/user-data") == "#cloud-config\nhostname: n1\n"
            assert execution.id in await read("/latest/dynamic/instance-identity/document")
            for path in ("/latest/meta-data/none", "/newest/meta-data", "/latest/meta-data/instance-id/x"):
                (await client.get(base + path)).problem(404)

    async def test_a_session_token_that_is_shown_has_to_be_good(self, pureboot: PureBoot) -> None:
        _, token = await at_boot(pureboot)
        ttl = "X-aws-ec2-metadata-token-ttl-seconds"
        async with serving(pureboot) as client:
            where = f"/metadata/{token}/latest/api/token"
            session = (await client.put(where, headers={ttl: "60"})).text
            for shown, status in ((session, 200), (session[:-2] + "xx", 401), ("", 401), ("ä", 401)):
                answer = await client.get(
                    f"/metadata/{token}/latest/meta-data/mac", headers={"X-aws-ec2-metadata-token": shown}
                )
                assert answer.status == status, shown
            for wrong in ("0", "21601", "-1", "x", "٣"):
                (await client.put(where, headers={ttl: wrong})).problem(400)
            (await client.put("/metadata/wrong/latest/api/token", headers={ttl: "60"})).problem(404)

    def test_a_session_ends_and_is_of_one_capability(self) -> None:
        token = session_token(b"key", "one", 100)
        assert is_session(b"key", "one", token, 99)
        assert not is_session(b"key", "one", token, 100)
        assert not is_session(b"key", "two", token, 99)
        assert not is_session(b"other", "one", token, 99)


class TestInitrd:
    async def test_the_base_comes_first_and_the_agent_behind_it(self, pureboot: PureBoot) -> None:
        execution, token = await at_boot(pureboot)
        async with serving(pureboot) as client:
            answer = await client.get(f"/initrd/{token}/initrd.img")
            base = (pureboot.settings.files.dir / "debian" / "initrd.gz").read_bytes()
            assert answer.body.startswith(base)
            files = {name: content for name, mode, content in unpacked(answer.body[len(base) + -len(base) % 4 :])}
            assert files["etc/issue"] == f"#!hello {MAC}\n".encode()
            assert f"PUREBOOT_CALLBACK={client.url}/api/v1/callback/{execution.id}\n".encode() in files["pureboot/env"]
            assert files["pureboot/agent.sh"].startswith(b"#!/bin/sh")
            assert (await client.get(f"/initrd/{token}/files/debian/initrd.gz")).body == answer.body
            alone = await client.get(f"/initrd/{token}/agent.img")
            assert answer.body.endswith(alone.body)

    async def test_it_has_a_length_a_tag_and_ranges(self, pureboot: PureBoot) -> None:
        _, token = await at_boot(pureboot)
        async with serving(pureboot) as client:
            path = f"/initrd/{token}/initrd.img"
            whole = await client.get(path)
            head = await client.ask("HEAD", path)
            assert head.headers["Content-Length"] == str(len(whole.body))
            assert head.headers["ETag"] == whole.headers["ETag"]
            assert "Last-Modified" not in whole.headers
            part = await client.get(path, headers={"Range": "bytes=40-3000", "If-Range": whole.headers["ETag"]})
            assert (part.status, part.body) == (206, whole.body[40:3001])
            assert (await client.get(path, headers={"If-None-Match": whole.headers["ETag"]})).status == 304
            await pureboot.templates.add_version("issue", "#!other\n", by="user:ada")
            assert (await client.get(path)).headers["ETag"] != whole.headers["ETag"]

    @pytest.mark.parametrize("path", ["files/../secret", "files/%2e%2e/secret", "files/none", "other", "files/"])
    async def test_nothing_else_is_there(self, pureboot: PureBoot, path: str) -> None:
        _, token = await at_boot(pureboot)
        (pureboot.settings.files.dir.parent / "secret").write_text("secret")
        async with serving(pureboot) as client:
            assert (await client.get(f"/initrd/{token}/{path}")).status in (403, 404)
            assert (await client.get("/initrd/wrong/agent.img")).status == 404

    async def test_the_script_names_it_and_starts_the_agent(self, pureboot: PureBoot) -> None:
        _, token = await at_boot(pureboot)
        async with serving(pureboot) as client:
            script = (await client.get(f"/boot.ipxe?mac={MAC}&platform=efi")).text
            assert "/files/debian/linux initrd=initrd.img quiet rdinit=/pureboot/init || goto failed" in script
            assert f"{client.url}/initrd/{token}/initrd.img || goto failed" in script


@asynccontextmanager
async def elsewhere(content: bytes) -> AsyncIterator[tuple[str, list[str], asyncio.Event]]:
    """Another server with one file, the requests it got, and what lets it answer."""
    asked: list[str] = []
    may = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        await may.wait()
        return web.Response(body=content)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/linux", asked, may
    finally:
        await runner.cleanup()


class TestUpstream:
    async def test_a_file_is_fetched_once_and_kept(self, store_url: str, opener: Opener) -> None:
        content = b"from upstream" * 1000
        async with elsewhere(content) as (url, asked, may):
            source = {"url": url, "sha256": hashlib.sha256(content).hexdigest().upper()}
            files = {"debian-12/linux": source}
            async with opener(store_url, files__upstream=files) as pureboot, serving(pureboot) as client:
                takers = [asyncio.create_task(client.get("/files/debian-12/linux")) for _ in range(5)]
                await eventually(lambda: bool(asked))
                may.set()
                answers = await asyncio.gather(*takers)
                assert {(answer.status, answer.body) for answer in answers} == {(200, content)}
                assert answers[0].headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
                assert (await client.get("/files/debian-12/linux")).status == 200
                assert asked == ["/linux"]
                (await client.get("/files/debian-12/other")).problem(404)

    async def test_another_file_than_was_named_is_never_served(self, sqlite_url: str, opener: Opener) -> None:
        async with elsewhere(b"evil") as (url, _, may):
            may.set()
            source = {"url": url, "sha256": "0" * 64}
            async with opener(sqlite_url, files__upstream={"linux": source}) as pureboot, serving(pureboot) as client:
                assert "SHA-256" in str((await client.get("/files/linux")).problem(422))
                kept = [each for each in pureboot.settings.files.dir.rglob("*") if each.is_file()]
                assert not [each for each in kept if each.read_bytes() == b"evil"]

    async def test_a_machine_is_told_to_ask_again_while_it_is_on_its_way(self, sqlite_url: str, opener: Opener) -> None:
        async with elsewhere(b"slow") as (url, asked, may):
            source = {"url": url, "sha256": hashlib.sha256(b"slow").hexdigest()}
            async with opener(sqlite_url, files__upstream={"linux": source}) as pureboot:
                with pytest.raises(Exception, match="is being fetched"):
                    await pureboot.upstream.locate("linux", patience=0)
                may.set()
                assert (await pureboot.upstream.locate("linux")).size == 4
                assert asked == ["/linux"]


class TestPace:
    def test_an_address_takes_so_many_at_once(self) -> None:
        pace = Pace()
        with (
            pace.taking("a", 2),
            pace.taking("a", 2),
            pace.taking("b", 2),
            pytest.raises(TooMany, match="2 files at once"),
            pace.taking("a", 2),
        ):
            pass
        assert pace.takers == {}
        with pace.taking("a", 0), pace.taking("a", 0):
            pass

    def test_files_of_one_address_share_its_rate(self) -> None:
        taker = Taker()
        waits = [taker.reserve(100, 1000, now=10.0) for _ in range(4)]
        assert waits == pytest.approx([0, 0.1, 0.2, 0.3])
        assert taker.reserve(100, 1000, now=20.0) == 0

    @pytest.mark.parametrize(
        ("rate", "transfers", "size"),
        [(0, 0, 1 << 20), (0, 1, 1 << 20), (0, 4, 1 << 18), (0, 16, 1 << 16), (0, 999, 1 << 16), (1, 1, 1 << 16)],
    )
    def test_the_more_is_sent_the_smaller_the_slices(self, rate: int, transfers: int, size: int) -> None:
        assert slice_of(rate, transfers) == size

    async def test_over_http(self, sqlite_url: str, opener: Opener) -> None:
        async with opener(sqlite_url, files__max_rate="512KiB", files__max_per_node=1) as pureboot:
            pureboot.settings.files.dir.mkdir(parents=True, exist_ok=True)
            (pureboot.settings.files.dir / "big").write_bytes(bytes(512 * 1024))
            async with serving(pureboot) as client:
                begun = asyncio.get_running_loop().time()
                first = asyncio.create_task(client.get("/files/big"))
                await eventually(lambda: bool(client.site.pace.takers))
                refused = await client.get("/files/big")
                assert refused.problem(503)["detail"].startswith("this machine takes 1 files at once")
                assert refused.headers["Retry-After"] == "2"
                assert (await first).status == 200
                assert asyncio.get_running_loop().time() - begun > 0.8
                assert (await client.ask("HEAD", "/files/big")).status == 200

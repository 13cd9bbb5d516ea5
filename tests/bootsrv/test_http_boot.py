"""What firmware fetches: /boot.ipxe, /boot/{loader}, /render, /report, /agent."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bootsrv import ipxe
from bootsrv.http.patience import SECONDS, TRIES, Patience
from bootsrv.http.site import checked_host
from bootsrv.loaders import Loaders
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import ExecutionStatus
from tests.bootsrv.http_support import (
    INSTALL,
    IPXE,
    MAC,
    SCRIPT,
    Client,
    installed,
    node,
    published,
    serving,
    started,
)
from tests.conftest import Opener


def boot_files(pureboot: PureBoot) -> Path:
    folder = pureboot.settings.files.dir / "debian"
    folder.mkdir(parents=True)
    (folder / "linux").write_bytes(b"kernel")
    (folder / "initrd.gz").write_bytes(b"initrd")
    return folder


async def asked(client: Client, **facts: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in {"mac": MAC, **facts}.items())
    answer = await client.get(f"/boot.ipxe?{query}", headers=IPXE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("#!ipxe\n")
    return answer.text


async def kinds(pureboot: PureBoot) -> list[Kind]:
    return [event.kind for event in await pureboot.events_after(0)]


async def test_without_a_name_a_machine_is_told_to_say_it(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for query in ("", "?mac=", "?arch=i386"):
            answer = await client.get(f"/boot.ipxe{query}")
            assert answer.text == ipxe.ask_again(client.url)


async def test_a_new_machine_is_listed_with_its_facts_and_boots_its_disk(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        facts = {"platform": "efi", "arch": "x86_64", "manufacturer": "ACME%20Inc", "product": "X1", "ip": "192.0.2.9"}
        script = await asked(client, serial="S%001", uuid="", **facts)
        assert "is new here" in script
        assert f"{client.url}/boot/localboot.efi" in script
        known = (await client.get(f"/api/v1/nodes/{MAC}")).data
        assert (known["state"], known["vendor"], known["model"]) == ("discovered", "ACME Inc", "X1")
        assert (known["serial_number"], known["system_uuid"], known["ip_address"]) == ("S1", None, "192.0.2.9")
        assert await kinds(pureboot) == [Kind.NODE_DISCOVERED, Kind.NODE_BOOT_LOCAL]


async def test_a_machine_with_an_empty_disk_stays_and_one_with_a_wanted_disk_does_not(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        script = await asked(client, platform="pcbios")
        assert "sanboot --no-describe --drive 0x80 ||\necho PureBoot: no disk was booted; asking again in 10" in script
        assert "&again=true ||" in script
        await asked(client, again="true")
        await asked(client, again="true")
        assert await kinds(pureboot) == [Kind.NODE_DISCOVERED, Kind.NODE_BOOT_LOCAL, Kind.NODE_BOOT_LOCAL]
        await pureboot.nodes.update(MAC, {"locked": True}, by="user:ada")
        assert "chain" not in await asked(client, platform="pcbios")


async def test_what_ipxe_writes_wrongly_is_read_as_it_was_meant(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await asked(client, manufacturer="G%FFFFFFC3%FFFFFFA9ant&manufacturer=other&product=a+b%26c")
        known = (await client.get(f"/api/v1/nodes/{MAC}")).data
        assert (known["vendor"], known["model"]) == ("Géant", "a b&c")


async def test_a_node_at_a_boot_step_gets_kernel_initrd_and_command_line_twice_the_same(pureboot: PureBoot) -> None:
    boot_files(pureboot)
    await node(pureboot)
    execution, token = await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        script = await asked(client, platform="efi")
        assert f"kernel --name kernel --timeout 30000 {client.url}/files/debian/linux initrd=initrd.img " in script
        assert (
            f" url={client.url}/render/{token}/answers callback={client.url}/api/v1/callback/{execution.id}" in script
        )
        assert await asked(client, platform="efi") == script
    assert Kind.NODE_BOOT_SERVED in await kinds(pureboot)


async def test_urls_are_what_the_machine_asked_unless_a_setting_says(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as pureboot, serving(pureboot) as client:
        named = await client.get("/boot.ipxe", headers={"Host": "boot.example:8080"})
        assert "http://boot.example:8080/boot.ipxe?mac=" in named.text
        for hostile in ("boot.example/%0aexit", "a b", "x:0", "x:99999", "-x", "a..b", "[::zz]", "${net0/ip}", "x@y"):
            answer = await client.get("/boot.ipxe", headers={"Host": hostile})
            assert f"{client.url}/boot.ipxe?mac=" in answer.text, hostile
    async with opener(sqlite_url, server__url="http://192.0.2.1:8080/") as pureboot, serving(pureboot) as client:
        told = await client.get("/boot.ipxe", headers={"Host": "boot.example:8080"})
        assert "http://192.0.2.1:8080/boot.ipxe?mac=" in told.text


@pytest.mark.parametrize("host", ["a", "a.b-c:80", "192.0.2.1:8080", "[2001:db8::1]:80", "[::1]", "a_b"])
def test_a_host_that_is_one_is_taken(host: str) -> None:
    assert checked_host(host) == host


async def test_a_missing_boot_file_fails_the_attempt_with_its_reason(pureboot: PureBoot) -> None:
    folder = boot_files(pureboot)
    (folder / "initrd.gz").unlink()
    await node(pureboot)
    execution, _ = await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        script = await asked(client)
    reason = f"initrd debian/initrd.gz is not under files.dir ({pureboot.settings.files.dir}): put it there"
    assert "initrd debian/initrd.gz is not under files.dir" in script
    assert "sanboot" in script
    failed = await pureboot.executions.get(execution.id)
    assert failed.status is ExecutionStatus.FAILED
    assert reason in (failed.attempts[0].error or "")


async def test_a_whole_url_is_not_looked_for_on_the_disk(pureboot: PureBoot) -> None:
    await node(pureboot)
    text = INSTALL.replace("debian/linux", "http://192.0.2.1/linux").replace("initrd: debian/initrd.gz", "initrd: []")
    await started(pureboot, text)
    async with serving(pureboot) as client:
        assert "http://192.0.2.1/linux" in await asked(client)


async def test_a_disk_that_somebody_wants_is_left_alone(pureboot: PureBoot) -> None:
    boot_files(pureboot)
    await installed(pureboot)
    await published(pureboot, INSTALL)
    async with serving(pureboot) as client:
        script = await asked(client, platform="pcbios")
    assert "is installed and boots its disk" in script
    assert "kernel" not in script


async def test_a_wrong_mac_is_a_clear_error_and_hangs_nobody(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for wrong in ("zz", "00:00:00:00:00:00", "%24%7Bnet0/mac%7D", "a%0aexit"):
            assert "mac_address" in (await client.get(f"/boot.ipxe?mac={wrong}")).wrong()
            script = await asked(client, mac=wrong, platform="pcbios")
            assert "sanboot --no-describe --drive 0x80" in script
            lines = [line for line in script.splitlines() if not line.startswith("echo PureBoot:")]
            assert lines == ["#!ipxe", "sanboot --no-describe --drive 0x80 ||", "sleep 5", "exit 1"]
        assert await kinds(pureboot) == []


async def test_unknown_machines_boot_their_disk_where_discovery_is_off(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, discovery__enabled=False) as pureboot, serving(pureboot) as client:
        assert "discovery is switched off" in await asked(client)
        (await client.post("/api/v1/report", {"mac_address": MAC})).problem(404)
        assert (await client.get("/api/v1/nodes")).json["total"] == 0


@contextmanager
def damaged(url: str) -> Iterator[None]:
    """A store that cannot be used, for a while."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store:
        store.execute("ALTER TABLE node RENAME TO gone")
        yield
        store.execute("ALTER TABLE gone RENAME TO node")


async def test_without_a_store_a_machine_waits_some_times_and_then_boots_its_disk(
    pureboot: PureBoot, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(pureboot) as client:
        with damaged(sqlite_url):
            for _ in range(TRIES):
                script = await asked(client, platform="pcbios")
                assert "echo PureBoot: PureBoot's store cannot be used now" in script
                assert f"sleep {SECONDS}\n" in script
                assert f"chain --replace --autofree --timeout 30000 {client.url}/boot.ipxe?" in script
            script = await asked(client, platform="pcbios")
            assert script.index("sanboot") < script.index("chain --replace")
            answer = await client.get("/api/v1/nodes")
            assert answer.headers["Retry-After"] == "5"
            assert "the store cannot be used now" in answer.problem(503)["detail"]
        assert "is new here" in await asked(client)
    assert caplog.text.count(f"{MAC} cannot be answered") == TRIES + 1


def test_patience_is_counted_machine_by_machine_and_in_bounds() -> None:
    patience = Patience()
    assert [patience.wait("a") for _ in range(TRIES + 1)] == [SECONDS] * TRIES + [None]
    assert patience.wait("a") == SECONDS  # switched on again, it waits again
    patience.wait("b")
    patience.answered("b")
    assert [patience.wait("b") for _ in range(TRIES)] == [SECONDS] * TRIES
    for number in range(10_000):
        patience.wait(str(number))
    assert len(patience._tries) <= 4096


async def test_loaders_come_by_http_too(pureboot: PureBoot, tmp_path: Path) -> None:
    own = tmp_path / "loaders"
    own.mkdir()
    (own / "ipxe.efi").write_bytes(b"MZ loader")
    (own / "other.efi").write_bytes(b"not offered")
    loaders = Loaders(own, tmp_path / "cache", packaged=())
    async with serving(pureboot, loaders=loaders) as client:
        whole = await client.get("/boot/ipxe.efi")
        assert (whole.body, whole.headers["Content-Type"]) == (b"MZ loader", "application/octet-stream")
        part = await client.get("/boot/ipxe.efi", headers={"Range": "bytes=3-"})
        assert (part.status, part.body) == (206, b"loader")
        assert (await client.ask("HEAD", "/boot/ipxe.efi")).headers["Content-Length"] == "9"
        missing = (await client.get("/boot/undionly.kpxe")).problem(404)["detail"]
        assert "apt-get install ipxe" in missing
        for name in ("other.efi", "nothing", "..%2floaders%2fipxe.efi", "ipxe.efi%00", "%2e%2e"):
            (await client.get(f"/boot/{name}")).problem(404)


async def test_the_agent_is_served(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        answer = await client.get("/agent/linux.sh")
    assert answer.text.startswith("#!/bin/sh\n")
    assert answer.headers["Content-Type"].startswith("text/x-shellscript")


# --- rendering for a machine


async def test_a_template_is_rendered_for_the_node_of_the_token(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1")
    content = "host ${node.hostname} url ${server.http_url} tftp ${server.tftp_url} ${execution.callback_url} $PATH\n"
    await pureboot.templates.create("answers", content, by="user:test")
    await pureboot.templates.add_version("answers", "two\n", by="user:test")
    execution, token = await started(pureboot, SCRIPT)
    async with serving(pureboot, tftp=("0.0.0.0", 6969)) as client:
        first = await client.get(f"/render/{token}/answers:v1.0")
        host = client.url.removeprefix("http://").partition(":")[0]
        assert first.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert first.text == (
            f"host web-1 url {client.url} tftp tftp://{host}:6969 {client.url}/api/v1/callback/{execution.id} $PATH\n"
        )
        assert (await client.get(f"/render/{token}/answers")).text == "two\n"
        (await client.get(f"/render/{token}/nothing")).problem(404)
        (await client.get(f"/render/{token}/answers:v7")).problem(404)
        unknown = await client.get("/render/unknown/answers")
        await pureboot.executions.cancel(execution.id, by="user:test")
        ended = await client.get(f"/render/{token}/answers")
        assert ended.problem(404) == unknown.problem(404)


async def test_every_name_without_a_value_is_told_to_machine_and_log(pureboot: PureBoot) -> None:
    await node(pureboot)
    await pureboot.templates.create("answers", "a ${meta.dns}\n${node.hostname} ${include:no}\n", by="user:test")
    _, token = await started(pureboot, SCRIPT)
    async with serving(pureboot) as client:
        errors = (await client.get(f"/render/{token}/answers")).problem(422)["errors"]
    assert [(each["line"], each["column"], each["message"].split()[0]) for each in errors] == [
        (1, 3, "${meta.dns}"),
        (2, 1, "${node.hostname}"),
        (2, 18, "${include:no}"),
    ]
    assert (await kinds(pureboot))[-1] is Kind.TEMPLATE_RENDER_FAILED


# --- reports


async def test_a_report_makes_a_node_and_then_knows_it(pureboot: PureBoot) -> None:
    said = {
        "mac_address": "52-54-00-00-00-01",
        "hostname": "web-1",
        "serial_number": "S1",
        "inventory": {"disks": [{"name": "sda", "size": 10**12}] * 1000},
    }
    async with serving(pureboot) as client:
        first = await client.post("/api/v1/report", said)
        assert (first.status, first.data["is_new"], first.data["state"]) == (201, True, "discovered")
        again = await client.post("/api/v1/report", said)
        assert (again.status, again.data["is_new"], again.data["id"]) == (200, False, first.data["id"])
        stranger = await client.post(
            "/api/v1/report", {"mac_address": "52:54:00:00:00:09", "installation_status": "complete"}
        )
        assert (stranger.status, stranger.data["state"]) == (201, "discovered")
        assert "is not taken" in stranger.json["message"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"mac_address": "zz"}, "mac_address"),
        ({"hostname": "x"}, "mac_address"),
        ({"mac_address": MAC, "installation_status": "nearly"}, "installation_status"),
        ({"mac_address": MAC, "installation_progress": 101}, "installation_progress"),
        ({"mac_address": MAC, "colour": "red"}, "colour"),
        ({"mac_address": MAC, "inventory": [1]}, "inventory"),
    ],
)
async def test_a_wrong_report_changes_nothing(pureboot: PureBoot, body: object, path: str) -> None:
    async with serving(pureboot) as client:
        assert set((await client.post("/api/v1/report", body)).wrong()) == {path}
        assert (await client.get("/api/v1/nodes")).json["total"] == 0

"""Files that are made when loaders ask for them, over the real doors."""

import hashlib
import re
from pathlib import Path

import pytest

from bootsrv import ipxe
from bootsrv.doors import Doors
from bootsrv.tftp import generated
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import ExecutionStatus
from tests.bootsrv.http_support import INSTALL, MAC, node, started
from tests.bootsrv.test_http_serving import elsewhere
from tests.bootsrv.tftp_peers import Address, download, error, parsed, peer, request
from tests.conftest import Opener
from tests.services.files_support import add

NAME = "01-" + MAC.replace(":", "-")


def place(pureboot: PureBoot) -> None:
    folder = pureboot.settings.files.dir / "debian"
    folder.mkdir(parents=True)
    (folder / "linux").write_bytes(b"kernel")
    (folder / "initrd.gz").write_bytes(b"initrd")


def address(doors: Doors) -> Address:
    assert doors.tftp_address is not None
    return doors.tftp_address


async def fetched(doors: Doors, name: str) -> str:
    with peer() as machine:
        return (await download(machine, address(doors), name, tsize="0", blksize="1024")).decode()


async def refused(doors: Doors, name: str) -> tuple[int, str]:
    with peer() as machine:
        return error((await machine.ask(request(name), address(doors)))[0])


async def kinds(pureboot: PureBoot) -> list[Kind]:
    return [event.kind for event in await pureboot.events_after(0)][1:]  # the server's start


async def test_ipxe_is_told_to_ask(pureboot: PureBoot, tmp_path: Path) -> None:
    async with Doors(pureboot, cache=tmp_path) as doors:
        for name in ("autoexec.ipxe", "/boot/autoexec.ipxe"):
            assert await fetched(doors, name) == ipxe.ask_again(doors.http_url)
        assert await kinds(pureboot) == []


async def test_the_server_is_the_address_that_was_asked(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    everywhere = {"tftp__host": "0.0.0.0", "http__host": "0.0.0.0"}
    async with opener(sqlite_url, **everywhere) as pureboot, Doors(pureboot, cache=tmp_path) as doors:
        with peer("127.0.0.1") as machine:
            server = ("127.0.0.9", address(doors)[1])
            script = (await download(machine, server, "autoexec.ipxe", blksize="1024")).decode()
        assert "http://127.0.0.9:" in script
    named = {"server__url": "http://boot.example:8000"}
    async with opener(sqlite_url, **named) as pureboot, Doors(pureboot, cache=tmp_path) as doors:
        assert await fetched(doors, "autoexec.ipxe") == ipxe.ask_again("http://boot.example:8000")


@pytest.mark.parametrize("name", [f"grub/grub.cfg-{NAME}", f"pxelinux.cfg/{NAME}"])
async def test_a_new_machine_is_listed_and_boots_its_disk(pureboot: PureBoot, tmp_path: Path, name: str) -> None:
    async with Doors(pureboot, cache=tmp_path) as doors:
        config = await fetched(doors, name)
        assert "is new here" in config
        assert "chainloader" in config or "LOCALBOOT 0" in config
        assert (await pureboot.nodes.get(MAC)).ip_address == "127.0.0.1"
        assert await kinds(pureboot) == [Kind.NODE_DISCOVERED, Kind.NODE_BOOT_LOCAL]


async def test_a_node_at_a_boot_step_gets_kernel_and_initrd_and_can_fetch_them(
    pureboot: PureBoot, tmp_path: Path
) -> None:
    place(pureboot)
    await node(pureboot)
    execution, token = await started(pureboot, INSTALL)
    async with Doors(pureboot, cache=tmp_path) as doors:
        config = await fetched(doors, f"grub/grub.cfg-{NAME}")
        assert f"'url={doors.http_url}/render/{token}/answers'" in config
        assert f"'callback={doors.http_url}/api/v1/callback/{execution.id}'" in config
        assert "if linux '/files/debian/linux' " in config
        assert await fetched(doors, f"grub/grub.cfg-{NAME}") == config
        pxe = await fetched(doors, f"/pxelinux.cfg/{NAME}")
        assert "  LINUX ::files/debian/linux\n  INITRD ::files/debian/initrd.gz\n  APPEND " in pxe
        assert await fetched(doors, "/files/debian/linux") == "kernel"
        assert await fetched(doors, "files/debian/initrd.gz") == "initrd"
        assert Kind.NODE_BOOT_SERVED in await kinds(pureboot)


async def test_a_missing_kernel_fails_the_step_and_says_so(pureboot: PureBoot, tmp_path: Path) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, INSTALL)
    async with Doors(pureboot, cache=tmp_path) as doors:
        assert "kernel debian/linux is not under files.dir" in await fetched(doors, f"grub/grub.cfg-{NAME}")
    failed = await pureboot.executions.get(execution.id)
    assert failed.status is ExecutionStatus.FAILED
    assert any("put it there" in (attempt.error or "") for attempt in failed.attempts)


async def test_a_machine_that_asks_all_night_is_one_line_of_the_log(pureboot: PureBoot, tmp_path: Path) -> None:
    async with Doors(pureboot, cache=tmp_path) as doors:
        await fetched(doors, f"grub/grub.cfg-{NAME}")
        stays = await fetched(doors, f"grub/grub.cfg-{NAME}")
        [again] = set(re.findall(r"configfile '/(.+)'", stays))
        for _ in range(3):
            assert await fetched(doors, again) == await fetched(doors, again)
        told = [kind for kind in await kinds(pureboot) if kind is Kind.NODE_BOOT_LOCAL]
        assert len(told) == 2  # two starts


async def test_pxelinux_is_refused_what_is_for_uefi_and_grub_looks_on_what_it_runs(
    pureboot: PureBoot, tmp_path: Path
) -> None:
    place(pureboot)
    await node(pureboot)
    execution, _ = await started(pureboot, INSTALL.replace("boot_mode: any", "boot_mode: uefi"))
    async with Doors(pureboot, cache=tmp_path) as doors:
        pxe = await fetched(doors, f"pxelinux.cfg/{NAME}")
        assert "SAY PureBoot: install is for uefi firmware, but this machine started in bios mode" in pxe
        assert "LINUX" not in pxe
        [attempt] = (await pureboot.executions.get(execution.id)).attempts
        assert (attempt.is_open, attempt.taken_by) == (True, None)
        config = await fetched(doors, f"grub/grub.cfg-{NAME}")
        assert config.index('if [ "$grub_platform" = pc ]; then\n  echo') < config.index("if linux")


async def test_files_of_upstream_are_below_files_and_lack_nothing(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    async with elsewhere(b"kernel") as (url, _, may):
        may.set()
        source = {"url": url, "sha256": hashlib.sha256(b"kernel").hexdigest()}
        files = {"debian/linux": source, "debian/initrd.gz": source}
        async with opener(sqlite_url, files__upstream=files) as pureboot:
            await node(pureboot)
            await started(pureboot, INSTALL)
            async with Doors(pureboot, cache=tmp_path) as doors:
                assert "if linux '/files/debian/linux'" in await fetched(doors, f"grub/grub.cfg-{NAME}")
                assert await fetched(doors, "/files/debian/linux") == "kernel"


async def test_without_a_mac_address_nothing_is_asked(pureboot: PureBoot, tmp_path: Path) -> None:
    async with Doors(pureboot, cache=tmp_path) as doors:
        assert "configfile" in await fetched(doors, "grub/grub.cfg")
        assert "LOCALBOOT 0" in await fetched(doors, "pxelinux.cfg/default")
        for name in (
            "pxelinux.cfg/C0A80001",
            "grub/grub.cfg-C0A80001",
            "grub/x86_64-efi/command.lst",
            "files",
            "files/x",
        ):
            assert (await refused(doors, name))[0] == 1
        assert (await refused(doors, "files/../pureboot.db"))[0] == 2
        assert await kinds(pureboot) == []


async def test_a_site_s_own_file_wins(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "grub").mkdir(parents=True)
    (root / "grub" / "grub.cfg").write_text("own")
    (root / "autoexec.ipxe").write_text("#!ipxe\nshell\n")
    async with opener(sqlite_url, tftp__root=str(root)) as pureboot, Doors(pureboot, cache=tmp_path) as doors:
        assert await fetched(doors, "grub/grub.cfg") == "own"
        assert await fetched(doors, "autoexec.ipxe") == "#!ipxe\nshell\n"
        assert "is new here" in await fetched(doors, f"grub/grub.cfg-{NAME}")


async def test_files_of_templates_are_below_files(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, b"a kernel")
    async with Doors(pureboot, cache=tmp_path / "cache") as doors:
        assert await fetched(doors, "files/kernel/v1.0/linux") == "a kernel"
        assert (await refused(doors, "kernel/v1.0/linux"))[0] == 1  # tftp.root is not files.dir


async def test_questions_are_limited(pureboot: PureBoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "QUESTIONS_AT_ONCE", 2.0)
    monkeypatch.setattr(generated, "QUESTIONS_PER_SECOND", 0.001)
    async with Doors(pureboot, cache=tmp_path) as doors:
        for _ in range(2):
            assert "PureBoot" in await fetched(doors, f"grub/grub.cfg-{NAME}")
        assert await refused(doors, f"grub/grub.cfg-{NAME}") == (
            0,
            "too many machines ask at once; ask again in a moment",
        )
        assert (await fetched(doors, "autoexec.ipxe")).startswith("#!ipxe")


async def test_settings_reach_the_server(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    settings = {"tftp__ports": "45200-45203", "tftp__max_blksize": 1024, "tftp__max_windowsize": 4}
    async with opener(sqlite_url, **settings) as pureboot, Doors(pureboot, cache=tmp_path) as doors:
        with peer() as machine:
            asked = request("autoexec.ipxe", blksize="1468", windowsize="16")
            datagram, transfer = await machine.ask(asked, address(doors))
        assert transfer[1] in range(45200, 45204)
        assert parsed(datagram).options == {"blksize": "1024", "windowsize": "4"}
    async with opener(sqlite_url, tftp__ports="single") as pureboot, Doors(pureboot, cache=tmp_path) as doors:
        with peer() as machine:
            _, transfer = await machine.ask(request("autoexec.ipxe"), address(doors))
        assert transfer == address(doors)

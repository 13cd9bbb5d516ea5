"""What a machine is told by what it is: ways to boot that its firmware knows, its loader, what somebody there chose."""

import pytest

from engine.app import PureBoot
from engine.core.boot import BootDecision, BootKind, BootRequest, Choice, Load, Local, Serve
from engine.core.events import Kind
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.core.plans import Lack
from engine.core.scopes import Server
from tests.bootsrv.http_support import IPXE, MAC, node, published, serving, started
from tests.conftest import Opener

SERVER = Server(url="http://192.0.2.1:8080")
UEFI = BootRequest(mac_address=MAC, platform="efi", arch="x86_64")
BIOS = BootRequest(mac_address=MAC, platform="pcbios", arch="x86_64")

EFI = "name: flash\nsteps:\n  - key: flash\n    action: node.boot\n    with: {efi: tools/flash.efi, cmdline: -v}\n"
RESCUE = "name: rescue\nsteps:\n  - key: boot\n    action: node.boot\n    with: {iso: rescue.iso}\n"


async def told(pureboot: PureBoot, request: BootRequest) -> BootDecision:
    return await pureboot.boots.boot(request, server=SERVER)


async def said(pureboot: PureBoot, kind: Kind) -> list[str]:
    found, _ = await pureboot.events(Page(filters={"kind": (kind.value,)}))
    return [str(event.data["message"]) for event in found]


async def test_an_efi_program_is_for_uefi_and_refused_elsewhere_before_anything_is_taken(
    store_url: str, opener: Opener
) -> None:
    async with opener(store_url) as pureboot:
        await node(pureboot)
        execution, _ = await started(pureboot, EFI)
        refused = await told(pureboot, BIOS)
        why = "the EFI program (efi) tools/flash.efi needs UEFI firmware, but this machine starts in BIOS mode"
        assert isinstance(refused, Local)
        assert refused.message == why
        assert await said(pureboot, Kind.NODE_BOOT_REFUSED) == [why]
        [attempt] = (await pureboot.executions.get(execution.id)).attempts
        assert (attempt.taken_by, attempt.is_open) == (None, True)
        served = await told(pureboot, UEFI)
        assert isinstance(served, Serve)
        assert (served.kind, served.kernel, served.cmdline) == (BootKind.EFI, "tools/flash.efi", "-v")


async def test_a_workflow_for_another_architecture_is_refused(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await node(pureboot)
        await started(pureboot, EFI.replace("steps:", "architecture: arm64\nsteps:"))
        refused = await told(pureboot, UEFI)
        assert isinstance(refused, Local)
        assert refused.message == "flash is for arm64 machines, but this one is x86_64"


async def test_a_plan_says_so_before(pureboot: PureBoot) -> None:
    await told(pureboot, BIOS)
    await published(pureboot, EFI)
    (pureboot.settings.files.dir / "tools").mkdir(parents=True)
    (pureboot.settings.files.dir / "tools" / "flash.efi").write_bytes(b"MZ")
    [missing] = (await pureboot.plans.plan("flash", node=MAC)).missing
    assert (missing.kind, missing.step_key, missing.path, missing.line) == (Lack.FIRMWARE, "flash", "efi", 5)
    assert "needs UEFI firmware" in missing.message
    await told(pureboot, UEFI)
    assert (await pureboot.plans.plan("flash", node=MAC)).complete


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ("{kernel: a, iso: b}", "it has kernel and iso"),
        ("{cmdline: a}", "it has none of them"),
        ("{iso: a, initrd: b}", "initrd goes with kernel, not with iso"),
        ("{iso: a, cmdline: b}", "cmdline goes with"),
        ("{wimboot: a}", "wimboot needs files with a .wim"),
        ("{kernel: a, files: {b: c}}", "files goes with wimboot"),
        ('{wimboot: a, files: {"x y.wim": c}}', "pattern"),
        ("{kernel: a, overlay: {../etc/passwd: t}}", "pattern"),
        ("{kernel: a, overlay: {/etc/passwd: t}}", "pattern"),
        ("{kernel: a, metadata: {other: t}}", "user-data"),
    ],
)
async def test_parameters_that_do_not_go_together(pureboot: PureBoot, parameters: str, why: str) -> None:
    text = f"name: w\nsteps:\n  - key: a\n    action: node.boot\n    with: {parameters}\n"
    problems = await pureboot.workflows.validate(text)
    assert any(why in problem.message for problem in problems), problems


LINUX = """\
name: linux
steps:
  - {key: boot, action: node.boot, with: {kernel: linux, cmdline: "host=${node.hostname} model=\\"${node.model}\\""}}
"""


@pytest.mark.parametrize(
    ("hostname", "why"),
    [
        ("x init=/bin/sh", "${node.hostname} has a blank in it, which begins another argument of the kernel"),
        ('"x', '${node.hostname} has " in it, which begins another argument of the kernel'),
    ],
)
async def test_what_a_machine_says_of_itself_is_no_argument_of_its_kernel(
    store_url: str, opener: Opener, hostname: str, why: str
) -> None:
    async with opener(store_url) as pureboot:
        await told(pureboot, BootRequest(mac_address=MAC, hostname="r1", model="Standard PC (Q35 + ICH9)"))
        await started(pureboot, LINUX)
        served = await told(pureboot, UEFI)
        assert isinstance(served, Serve)
        assert served.cmdline == 'host=r1 model="Standard PC (Q35 + ICH9)"'
        refused = await told(pureboot, BootRequest(mac_address=MAC, hostname=hostname))
        assert isinstance(refused, Local)
        assert refused.reason == "unresolved"
        assert why in refused.message


class TestMenu:
    async def test_only_what_starts_and_is_new_has_one(self, store_url: str, opener: Opener) -> None:
        async with opener(store_url, menu__rescue="rescue") as pureboot:
            first = await told(pureboot, UEFI)
            assert isinstance(first, Local)
            assert first.menu is not None
            assert first.menu.choices == (Choice.ENROL, Choice.RESCUE)
            again = await told(pureboot, BootRequest(mac_address=MAC, again=True))
            assert isinstance(again, Local)
            assert again.menu is None
            await pureboot.nodes.update(MAC, {"locked": True}, by="user:ada")
            locked = await told(pureboot, UEFI)
            assert isinstance(locked, Local)
            assert locked.menu is None

    async def test_a_choice_starts_what_the_settings_name(self, store_url: str, opener: Opener) -> None:
        async with opener(store_url, menu__rescue="rescue") as pureboot:
            await published(pureboot, RESCUE)
            await told(pureboot, UEFI)
            chosen = BootRequest(mac_address=MAC, platform="efi", again=True, choice=Choice.RESCUE)
            served = await told(pureboot, chosen)
            assert isinstance(served, Serve)
            assert (served.kind, served.kernel) == (BootKind.ISO, "rescue.iso")
            [message] = await said(pureboot, Kind.NODE_MENU_CHOSEN)
            assert message == "somebody at the machine chose rescue: rescue was started"
            assert await told(pureboot, chosen) == served
            assert len(await said(pureboot, Kind.NODE_MENU_CHOSEN)) == 1

    async def test_what_cannot_start_is_told_and_the_disk_boots(self, store_url: str, opener: Opener) -> None:
        async with opener(store_url, menu__rescue="missing") as pureboot:
            await told(pureboot, UEFI)
            answer = await told(pureboot, BootRequest(mac_address=MAC, again=True, choice=Choice.RESCUE))
            assert isinstance(answer, Local)
            [message] = await said(pureboot, Kind.NODE_MENU_CHOSEN)
            assert "missing cannot start" in message

    async def test_nobody_chooses_for_a_machine_that_is_in_use(self, store_url: str, opener: Opener) -> None:
        async with opener(store_url, menu__rescue="rescue") as pureboot:
            await published(pureboot, RESCUE)
            await node(pureboot)
            await pureboot.nodes.move(MAC, NodeState.PENDING, by="user:ada")
            await told(pureboot, BootRequest(mac_address=MAC, again=True, choice=Choice.RESCUE))
            assert await said(pureboot, Kind.NODE_MENU_CHOSEN) == []
            assert (await pureboot.executions.find(Page()))[1] == 0


class TestLoader:
    NATIVE = BootRequest(mac_address=MAC, platform="efi", arch="x86_64", chip="virtio-net", model="X1 Gen 2")

    async def test_by_node_group_and_model(self, store_url: str, opener: Opener) -> None:
        async with opener(store_url, boot__loaders={"y*": "snponly"}) as pureboot:
            group = await pureboot.groups.create({"name": "rack", "metadata": {"loader": "snponly"}}, by="user:ada")
            assert isinstance(await told(pureboot, self.NATIVE), Local)
            await pureboot.nodes.update(MAC, {"group_id": group.id}, by="user:ada")
            assert await told(pureboot, self.NATIVE) == Load(loader="snponly.efi")
            for fine in ({"chip": "SNP"}, {"again": True}, {"platform": "pcbios"}):
                asked = {"mac_address": MAC, "platform": "efi", "chip": "virtio-net"} | fine
                assert isinstance(await told(pureboot, BootRequest(**asked)), Local), fine
            await pureboot.nodes.update(MAC, {"metadata": {"loader": "ipxe"}}, by="user:ada")
            assert isinstance(await told(pureboot, self.NATIVE), Local)


class TestHttps:
    TEXT = RESCUE.replace("rescue.iso", "https://mirror.example/rescue.iso")

    async def asked(self, pureboot: PureBoot, more: str) -> str:
        async with serving(pureboot) as client:
            return (await client.get(f"/boot.ipxe?mac={MAC}&platform=efi{more}", headers=IPXE)).text

    async def test_it_is_offered_only_to_an_ipxe_that_has_it(self, pureboot: PureBoot) -> None:
        await node(pureboot)
        execution, _ = await started(pureboot, self.TEXT)
        assert "none-such://" in await self.asked(pureboot, "")
        offered = await self.asked(pureboot, "&again=true&features=http,https")
        assert "sanboot --no-describe https://mirror.example/rescue.iso" in offered
        refused = await self.asked(pureboot, "&again=true&features=http")
        assert "https://mirror.example/rescue.iso &&" not in refused
        assert "cannot fetch" in refused
        [attempt] = (await pureboot.executions.get(execution.id)).attempts
        assert "it was built without HTTPS" in str(attempt.error)

    async def test_our_own_address_is_told_by_http_too(self, sqlite_url: str, opener: Opener) -> None:
        async with opener(sqlite_url, server__url="https://boot.example") as pureboot, serving(pureboot) as client:
            for query in ("", f"?mac={MAC}"):
                text = (await client.get(f"/boot.ipxe{query}", headers=IPXE)).text
                assert f"{client.url}/boot.ipxe?" in text
                assert "https://" not in text

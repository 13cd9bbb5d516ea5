"""Real firmware on a site whose DHCP server gives addresses alone: PureBoot beside it says what to boot."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.lab import Rack
from tests.e2e.technician import PATIENCE, serving

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]


@pytest.fixture
async def bare(_machines_can_boot: None, tmp_path: Path) -> AsyncIterator[Rack]:
    """A rack whose DHCP server knows nothing of booting."""
    async with Rack(tmp_path / "rack", names_boot=False) as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A machine that asks, and whether its firmware has its loader acknowledged on port 4011 and fetches it by TFTP."""

    firmware: str
    http_boot: bool = False
    asks_4011: bool = False
    loader_by_tftp: bool = False


BIOS = Asking(firmware="bios")
UEFI = Asking(firmware="uefi", asks_4011=True, loader_by_tftp=True)
UEFI_IN_THE_OFFER = Asking(firmware="uefi", loader_by_tftp=True)
UEFI_HTTP = Asking(firmware="uefi", http_boot=True)


@pytest.mark.parametrize(
    ("path", "asking"),
    [("auto", (BIOS, UEFI, UEFI_HTTP)), ("bypass", (UEFI_IN_THE_OFFER,))],
    ids=["bios, uefi on port 4011, uefi over http", "uefi by bypass"],
)
async def test_machines_boot_by_the_proxy(bare: Rack, tmp_path: Path, path: str, asking: tuple[Asking, ...]) -> None:
    machines = [await bare.machine(firmware=each.firmware, http_boot=each.http_boot) for each in asking]
    proxy = {"DHCP__MODE": "proxy", "DHCP__INTERFACES": bare.network.cable, "DHCP__PATH": path, "LOG__LEVEL": "debug"}
    async with serving(bare, tmp_path, **proxy) as site:
        await asyncio.gather(*(machine.power_on() for machine in machines))
        for machine in machines:
            await machine.console.wait_for("is new here, now listed as discovered", timeout=PATIENCE)
        nodes = {node["mac_address"]: node for node in await site.api("GET", "/nodes?state=discovered")}
        log = site.log.read_text()
        for machine, each in zip(machines, asking, strict=True):
            # The address is the site's own; what to boot is ours: the loader first, then the script.
            node = nodes[machine.mac]
            assert (node["boot_mode"], node["ip_address"].rpartition(".")[0]) == (
                each.firmware,
                bare.network.site.prefix,
            )
            assert (f"proxyDHCP ack to {node['ip_address']} " in log) == each.asks_4011
        by_tftp = [each for each in asking if each.loader_by_tftp]
        assert log.count(" ipxe.efi: done, ") == len(by_tftp)
        assert "proxyDHCP answers on ports 67 and 4011" in log
        assert "gets no answer" not in log
        assert "also tells machines what to boot" not in log

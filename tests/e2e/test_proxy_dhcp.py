"""Real firmware on a site whose DHCP server gives addresses alone: PureBoot beside it says what to boot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.core.events import Kind
from tests.e2e.lab import Rack
from tests.e2e.test_first_light import PATIENCE, serving

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]


@pytest.fixture
async def bare(_machines_can_boot: None, tmp_path: Path) -> AsyncIterator[Rack]:
    """A rack whose DHCP server knows nothing of booting."""
    async with Rack(tmp_path / "rack", names_boot=False) as made:
        yield made


@pytest.mark.parametrize(
    ("firmware", "http_boot", "path", "loader"),
    [
        ("bios", False, "auto", None),
        ("uefi", False, "auto", "ipxe.efi"),
        ("uefi", False, "bypass", "ipxe.efi"),
        ("uefi", True, "auto", "ipxe.efi"),
    ],
    ids=["bios", "uefi on port 4011", "uefi by bypass", "uefi over http"],
)
async def test_a_machine_boots_by_the_proxy(
    bare: Rack, tmp_path: Path, firmware: str, http_boot: bool, path: str, loader: str | None
) -> None:
    machine = await bare.machine(firmware=firmware, http_boot=http_boot)
    asks = {"DHCP__MODE": "proxy", "DHCP__INTERFACES": bare.network.cable, "DHCP__PATH": path, "LOG__LEVEL": "debug"}
    async with serving(bare, tmp_path, **asks) as site:
        await machine.power_on()
        await site.happened(Kind.NODE_DISCOVERED)
        await machine.console.wait_for("is new here, now listed as discovered", timeout=PATIENCE)
        [node] = await site.api("GET", "/nodes?state=discovered")
        assert (node["mac_address"], node["boot_mode"]) == (machine.mac, firmware)
        # The address is the site's own; what to boot is ours: the loader first, then the script.
        log = (tmp_path / "serve.log").read_text()
        assert node["ip_address"].startswith(f"{bare.network.site.prefix}.1")
        assert "proxyDHCP answers on ports 67 and 4011" in log
        assert ("proxyDHCP ack" in log) == (path == "auto" and loader is not None and not http_boot)
        assert (f" {loader}: done, " in log) == (loader is not None and not http_boot)
        assert "gets no answer" not in log
        assert "also tells machines what to boot" not in log

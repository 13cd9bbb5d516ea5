"""What a PureBoot offers on an interface: its addresses, its loaders, and what is missing of them."""

from pathlib import Path
from typing import Any

import pytest

from bootsrv.dhcp.offer import Path as Way
from bootsrv.dhcp.site import LOADER_NAMES, Places, ProxySite
from bootsrv.loaders import Loaders
from tests.store_settings import settings_for

OWN = "10.0.0.1"


def site(folder: Path, places: Places, **settings: Any) -> ProxySite:
    made = settings_for(f"sqlite:///{folder / 'p.db'}", folder, **settings)
    return ProxySite(made, Loaders(folder / "loaders", folder / "cache", packaged=()), places)


@pytest.mark.parametrize(
    ("http", "tftp", "url", "expected"),
    [
        (("0.0.0.0", 8080), ("0.0.0.0", 69), None, (OWN, f"http://{OWN}:8080", f"http://{OWN}:8080")),
        (("::", 80), ("::", 69), None, (OWN, f"http://{OWN}:80", f"http://{OWN}:80")),
        (("10.0.0.7", 80), ("10.0.0.8", 69), None, ("10.0.0.8", "http://10.0.0.7:80", "http://10.0.0.7:80")),
        (("0.0.0.0", 8080), None, "https://boot.example", (None, "https://boot.example", f"http://{OWN}:8080")),
        (("0.0.0.0", 8080), ("fd00::1", 69), None, (None, f"http://{OWN}:8080", f"http://{OWN}:8080")),
    ],
)
def test_addresses(
    tmp_path: Path, http: tuple[str, int], tftp: tuple[str, int] | None, url: str | None, expected: tuple[str, ...]
) -> None:
    settings = {"server__url": url} if url else {}
    made = site(tmp_path, Places(http=http, tftp=tftp), dhcp__path="bypass", dhcp__deny="52:54:00", **settings)
    terms = made.terms(OWN)
    assert (terms.tftp, terms.http, terms.plain_http) == expected
    assert (terms.address, terms.path, terms.rules.deny) == (OWN, Way.BYPASS, ("52:54:00",))
    assert made.names == (("boot.example",) if url else ())


def test_what_is_missing_is_seen_again_and_again(tmp_path: Path) -> None:
    root = tmp_path / "tftp"
    root.mkdir()
    made = site(tmp_path, Places(http=("0.0.0.0", 80), tftp=("0.0.0.0", 69)), tftp__root=str(root))
    assert made.terms(OWN).missing == {}  # nobody has looked yet
    made.look()
    assert set(made.terms(OWN).missing) == set(LOADER_NAMES)
    assert "bin-arm64-efi" in made.terms(OWN).missing["ipxe-arm64.efi"]
    (tmp_path / "loaders").mkdir()
    (tmp_path / "loaders" / "ipxe-arm64.efi").write_bytes(b"x")
    (root / "ipxe.efi").write_bytes(b"x")
    made.look()
    assert set(made.terms(OWN).missing) == set(LOADER_NAMES) - {"ipxe-arm64.efi", "ipxe.efi"}

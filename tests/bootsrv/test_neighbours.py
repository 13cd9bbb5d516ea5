"""The kernel's table of neighbours, as Linux writes it."""

from pathlib import Path

import pytest

from bootsrv.neighbours import Neighbours

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.10       0x1         0x2         52:54:00:AA:bb:01     *        eth0
192.0.2.11       0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.12       0x1         0x6         52:54:00:aa:bb:03     *        eth0
rubbish
"""


@pytest.mark.parametrize(
    ("address", "mac"),
    [
        ("192.0.2.10", "52:54:00:aa:bb:01"),
        ("192.0.2.11", None),
        ("192.0.2.12", "52:54:00:aa:bb:03"),
        ("192.0.2.1", None),
    ],
)
def test_who_is_at_an_address(tmp_path: Path, address: str, mac: str | None) -> None:
    (tmp_path / "arp").write_text(TABLE)
    assert Neighbours(tmp_path / "arp").mac_of(address) == mac


def test_a_system_without_the_table_knows_nobody(tmp_path: Path) -> None:
    assert Neighbours(tmp_path / "none").mac_of("192.0.2.10") is None

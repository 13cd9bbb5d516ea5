"""Whose an address is, as the kernel knows it of machines on the same network: firmware says its MAC address nowhere
else before its loader runs, where the DHCP server is another one.
"""

import re
import time
from pathlib import Path

ARP = Path("/proc/net/arp")
_SECONDS = 1.0  # firmware that has just asked is in the table already: the kernel had to find it to answer it
_LINE = re.compile(r"^(?P<address>[0-9.]+)\s+\S+\s+0x(?P<flags>[0-9a-f]+)\s+(?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2})\s")
_COMPLETE = 0x2


class Neighbours:
    """The kernel's table of IPv4 neighbours, read once a second at most."""

    def __init__(self, table: Path = ARP) -> None:
        self._table = table
        self._known: dict[str, str] = {}
        self._read_at = float("-inf")

    def mac_of(self, address: str) -> str | None:
        """The MAC address at an address; None where it is behind a router, unknown or not IPv4."""
        if time.monotonic() - self._read_at >= _SECONDS:
            self._known = self._read()
            self._read_at = time.monotonic()
        return self._known.get(address)

    def _read(self) -> dict[str, str]:
        try:
            lines = self._table.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return {}  # another system than Linux, or a container without it
        found = (_LINE.match(line.lower()) for line in lines)
        return {
            each["address"]: each["mac"]
            for each in found
            if each is not None and int(each["flags"], 16) & _COMPLETE and each["mac"] != "00:00:00:00:00:00"
        }

"""The site's own DHCP server: dnsmasq, which knows where the boot server is and serves no file itself.

What each line is there for was found out the slow way:

- No router advertisements: iPXE waits 13 to 16 s for them at every stage. They are sent, with a lifetime of 0, so that
  nobody takes this for the way out.
- iPXE waits 3 s more for a proxyDHCP offer unless option 175.176 tells it that none will come.
- dnsmasq waits 3 s to see whether an address is in use, unless it is told `no-ping`.
- A changed file is read on SIGHUP, and dnsmasq 2.90 may crash on that: so what differs between machines is in their MAC
  addresses from the start.
"""

from dataclasses import dataclass
from pathlib import Path

BIOS_LOADER = "undionly.kpxe"
# The fourth byte of a machine's MAC address says which loader its UEFI is given.
# The last two are a loader that a site may name and few have, and what the site of another boot server would name.
UEFI_LOADERS = {
    "ipxe.efi": 0x77,
    "snponly.efi": 0x78,
    "shimx64.efi": 0x7B,
    "ipxe-signed.efi": 0x7A,
    "wdsmgfw.efi": 0x79,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Addresses of the network. `prefix` is the first three numbers of a /24.

    With `names_boot` False the DHCP server gives addresses alone, and somebody else has to say what to boot.
    """

    prefix: str
    http_port: int
    names_boot: bool = True

    @property
    def server(self) -> str:
        """Where the boot server listens."""
        return f"{self.prefix}.1"

    @property
    def dhcp(self) -> str:
        """Where the DHCP server listens."""
        return f"{self.prefix}.2"


def dnsmasq_settings(site: Site, *, interface: str, leases: Path) -> str:
    """The text of dnsmasq's settings file."""
    lines = [
        "port=0",
        f"interface={interface}",
        "bind-interfaces",
        f"dhcp-leasefile={leases}",
        f"dhcp-range={site.prefix}.100,{site.prefix}.199,255.255.255.0,1h",
        "dhcp-authoritative",
        "no-ping",
        "dhcp-option=option:router",  # none: in a network that leads nowhere, a default route costs time-outs
        "dhcp-option=option:dns-server",
        "enable-ra",
        f"dhcp-range=::,constructor:{interface},ra-stateless",
        f"ra-param={interface},10,0",
        *(_boot_lines(site) if site.names_boot else ()),
        "log-dhcp",
    ]
    return "\n".join([*lines, ""])


def _boot_lines(site: Site) -> list[str]:
    """What to boot, as the README has it, and a loader by MAC address."""
    loaders = [
        line
        for name, byte in UEFI_LOADERS.items()
        for line in (
            f"dhcp-mac=set:{name},52:54:00:{byte:02x}:*:*",
            f"dhcp-boot=tag:!ipxe,tag:uefi,tag:{name},{name},,{site.server}",
        )
    ]
    return [
        "dhcp-userclass=set:ipxe,iPXE",
        "dhcp-match=set:bios,option:client-arch,0",
        "dhcp-match=set:uefi,option:client-arch,7",
        "dhcp-match=set:uefi,option:client-arch,9",
        "dhcp-match=set:http,option:client-arch,16",
        "dhcp-option-force=tag:!ipxe,tag:http,60,HTTPClient",
        "dhcp-option-force=tag:ipxe,encap:175,176,1b",
        f"dhcp-boot=tag:ipxe,http://{site.server}:{site.http_port}/boot.ipxe",
        f"dhcp-boot=tag:!ipxe,tag:bios,{BIOS_LOADER},,{site.server}",
        f"dhcp-boot=tag:!ipxe,tag:http,http://{site.server}:{site.http_port}/boot/ipxe.efi",
        *loaders,
    ]

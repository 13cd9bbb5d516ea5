"""A network of its own for one test: a namespace with a bridge, a DHCP server in it, and one cable to the test's side.

    the test's side                  the namespace
    rack.address (.1) ---- veth ---- bridge (.2, dnsmasq) ---- taps ---- machines

The boot server runs on the test's side, in the test's process or in one of its own, bound to `address`. The namespace
has no name and no mount: it lives as long as a process in it does, and all of those die with the test. So nothing is
left behind, even by `kill -9`, and it works in a container that may make namespaces but no mounts.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from dataclasses import replace
from pathlib import Path

from tests.e2e.lab.child import Child
from tests.e2e.lab.site import Site, dnsmasq_settings

_BRIDGE = "br0"
# A bridge takes the lowest address of its ports and changes it as they come and go: this one keeps its own.
_BRIDGE_MAC = "52:54:00:00:77:02"
_IPV6 = "fd77:7075:7265::2/64"
_READY_SECONDS = 15.0
_HTTP_PORT = 8080


class Network:
    """Started by `start`, ended by `stop`. Two of them, of one run or of two, never meet.

    `names_boot` False is a site whose DHCP server gives addresses alone.
    """

    def __init__(self, folder: Path, *, names_boot: bool = True) -> None:
        self.site = Site(prefix="", http_port=0, names_boot=names_boot)
        self._folder = folder
        self._id = secrets.token_hex(3)
        self._claim = socket.socket(socket.AF_UNIX)
        self._keeper: Child | None = None
        self._dnsmasq: Child | None = None
        self._taps = 0

    @property
    def dhcp(self) -> Child:
        """The DHCP server; its `log` shows every packet."""
        assert self._dnsmasq is not None, "the network is not started"
        return self._dnsmasq

    async def start(self) -> None:
        """Make everything.

        Raises:
            RuntimeError: a command failed; its words are in the message.
        """
        self.site = replace(self.site, prefix=self._claim_prefix(), http_port=_HTTP_PORT)
        self._keeper = await Child.start("unshare", "--net", "--", "sh", "-c", "echo ready; exec sleep infinity")
        await self._keeper.log.wait_for("ready", timeout=_READY_SECONDS)
        await self._lay_cables()
        self.site = replace(self.site, http_port=_free_port(self.site.server))
        await self._start_dhcp()

    async def stop(self) -> None:
        """Take everything down, whatever of it there is."""
        for child in (self._dnsmasq, self._keeper):
            if child:
                await child.stop()
        # The kernel takes a namespace down in the background; our end of the cable goes now.
        with contextlib.suppress(RuntimeError):
            await _ip(f"link delete {self.cable}")
        self._claim.close()

    async def tap(self) -> str:
        """Plug in one more cable for a machine and name it."""
        self._taps += 1
        name = f"tap{self._taps}"
        await self._inside(f"tuntap add dev {name} mode tap", f"link set {name} master {_BRIDGE} up")
        return name

    def enter(self, *command: str) -> tuple[str, ...]:
        """The command that runs a command in the namespace, under the same process id."""
        assert self._keeper is not None, "the network is not started"
        return ("nsenter", f"--net=/proc/{self._keeper.pid}/ns/net", "--", *command)

    @property
    def cable(self) -> str:
        """The interface of the test's side."""
        return f"pb{self._id}"

    async def _lay_cables(self) -> None:
        assert self._keeper is not None
        await _ip(f"link add {self.cable} type veth peer name up0 netns {self._keeper.pid}")
        _leave_ipv6(self.cable)
        await _ip(f"address add {self.site.server}/24 dev {self.cable}", f"link set {self.cable} up")
        await self._inside(
            "link set lo up",
            f"link add {_BRIDGE} address {_BRIDGE_MAC} type bridge forward_delay 0 stp_state 0",
            f"link set up0 master {_BRIDGE} up",
            f"address add {self.site.dhcp}/24 dev {_BRIDGE}",
            f"address add {_IPV6} dev {_BRIDGE} nodad",
            f"link set {_BRIDGE} up",
        )

    async def _start_dhcp(self) -> None:
        settings = self._folder / "dnsmasq.conf"
        settings.write_text(dnsmasq_settings(self.site, interface=_BRIDGE, leases=self._folder / "leases"))
        # Not --keep-in-foreground: then it gives up privileges, and the kernel forgets that it is to die with the test.
        command = self.enter("dnsmasq", "--no-daemon", f"--conf-file={settings}")
        self._dnsmasq = await Child.start(*command, log=self._folder / "dhcp.log")
        await self._dnsmasq.log.wait_for("DHCP, IP range", timeout=_READY_SECONDS)

    async def _inside(self, *commands: str) -> None:
        await _ip(*commands, enter=self.enter())

    def _claim_prefix(self) -> str:
        """Find a /24 nobody uses, in the block that is set aside for test benches (RFC 2544, 198.18.0.0/15).

        An abstract socket of its name keeps it ours until this process ends.
        """
        for _ in range(100):
            prefix = f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}"
            with contextlib.suppress(OSError):
                self._claim.bind(f"\0pureboot-lab-{prefix}")
                return prefix
        raise RuntimeError("no /24 below 198.18.0.0/15 is free for the rack's network")


def _leave_ipv6(interface: str) -> None:
    """Our side must not believe what the site advertises. The setting is read-only in some containers."""
    with contextlib.suppress(OSError):
        Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("1")


def _free_port(address: str) -> int:
    """The usual port, or another one where some server of this computer has that port on all addresses."""
    for port in (_HTTP_PORT, 0):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen()
            return int(listener.getsockname()[1])
    raise RuntimeError(f"no TCP port is free on {address}")


async def _ip(*commands: str, enter: tuple[str, ...] = ()) -> None:
    process = await asyncio.create_subprocess_exec(
        *enter,
        *("ip", "-batch", "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C"},
    )
    output, _ = await process.communicate("\n".join([*commands, ""]).encode())
    if process.returncode:
        raise RuntimeError(f"ip {'; '.join(commands)}: {output.decode(errors='replace').strip()}")

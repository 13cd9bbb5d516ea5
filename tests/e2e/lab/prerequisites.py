"""What this computer lacks for booting machines, in words that say what to do about it."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.e2e.lab.disk import SIGNED_GRUB, SIGNED_SHIM
from tests.e2e.lab.firmware import OVMF_CODE, SECURE_CODE
from tests.e2e.lab.payload import BUSYBOX

_PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "grub-mkimage": "grub-common",
    "mcopy": "mtools",
    "xorriso": "xorriso",
    "dpkg": "dpkg",
}
_FILES = {
    OVMF_CODE: "ovmf",
    SECURE_CODE: "ovmf",
    SIGNED_SHIM: "shim-signed",
    SIGNED_GRUB: "grub-efi-amd64-signed",
    Path("/usr/lib/ipxe/qemu/efi-virtio.rom"): "ipxe-qemu",
    Path("/usr/lib/ipxe/undionly.kpxe"): "ipxe",
    Path("/usr/lib/grub/x86_64-efi/moddep.lst"): "grub-efi-amd64-bin",
    BUSYBOX: "busybox-static",
}
_TFTP_PORT = 69


def missing_prerequisites() -> list[str]:
    """One sentence for each thing that is missing; empty if machines can be booted here."""
    found = [f"{name} is missing: apt-get install {package}" for name, package in _PROGRAMS.items() if not _has(name)]
    found += [f"{path} is missing: apt-get install {package}" for path, package in _FILES.items() if not path.exists()]
    if BUSYBOX.exists() and b"/ld-linux" in BUSYBOX.read_bytes():
        found.append(f"{BUSYBOX} needs libraries, which the initrd has not: apt-get install busybox-static")
    return found + _missing_privileges()


def _has(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _missing_privileges() -> list[str]:
    if os.geteuid() != 0:
        return ["network namespaces and port 69 need root: run the tests as root"]
    tried = "ip link add probe0 type bridge && ip tuntap add dev probe1 mode tap"
    done = subprocess.run(("unshare", "--net", "sh", "-c", tried), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return _taken_port()
    why = done.stderr.strip() or f"exit {done.returncode}"
    return [
        f"this root may not make a network namespace with a bridge and a tap ({why}); "
        "a container needs --privileged, or --cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun"
    ]


def _taken_port() -> list[str]:
    """Firmware asks port 69 and no other. Loopback stands for "all addresses": only a server on those is in the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", _TFTP_PORT))
        except OSError as error:
            return [f"UDP port {_TFTP_PORT}: {error.strerror}; stop the TFTP server that ss -ulpn shows there"]
    return []

"""What the machine boots in place of an installer: Debian's kernel and a small initrd whose init runs the node agent.

Init reads `pureboot.agent=URL` from the kernel's command line, fetches the script and runs it with sh; the agent finds
`pureboot.callback=` and `pureboot.token=` in /proc/cmdline itself. The agent restarts the machine or switches it off
when a step says so. When it ends by itself there is nothing more to do, and init switches the machine off.
With `pureboot.agent=none` init does nothing more, as that of a system which knows nothing of PureBoot.

What init prints, for a test to wait for: `PUREBOOT-INIT up`, `PUREBOOT-INIT address …`, `PUREBOOT-INIT agent …` and
`PUREBOOT-INIT agent ended with …`.
"""

import functools
import gzip
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lab.cpio import archive, folder, link, program
from tests.e2e.lab.kernel import Kernel, debian_kernel

BUSYBOX = Path("/bin/busybox")
_MODULES = ("virtio_pci", "virtio_net", "virtio_blk", "virtio_rng")
_APPLETS = ("mount", "mkdir", "insmod", "sh")  # what init needs before busybox has installed the rest
_GZIP_LEVEL = 6

_INIT = """\
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mkdir -p /proc /sys /dev /run /tmp /etc /usr/bin /usr/sbin /sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
exec </dev/console >/dev/console 2>&1
/bin/busybox --install -s
# In load order, which the names are numbered by.
for module in /modules/*; do insmod "$module"; done
echo "PUREBOOT-INIT up"

give_up() {
    echo "PUREBOOT-INIT failed: $*"
    sleep 1
    poweroff -f
}

value() {
    for word in $(cat /proc/cmdline); do
        case $word in "$1="*) echo "${word#*=}"; return ;; esac
    done
}

ip link set lo up
ip link set eth0 up || give_up "no network card"
udhcpc -i eth0 -n -q -t 10 -T 1 -s /etc/lease || give_up "no address by DHCP"
echo "PUREBOOT-INIT address $(cat /run/address)"

agent=$(value pureboot.agent)
[ "$agent" = none ] && echo "PUREBOOT-INIT idles" && exec sleep infinity
[ -n "$agent" ] || give_up "no pureboot.agent= on the kernel's command line"
tries=0
until wget -q -O /run/agent.sh "$agent"; do
    tries=$((tries + 1))
    [ $tries -lt 10 ] || give_up "no agent from $agent"
    sleep 1
done
echo "PUREBOOT-INIT agent $agent"
sh /run/agent.sh
echo "PUREBOOT-INIT agent ended with $?"
sync
poweroff -f
"""

_LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/${mask:-24}" dev "$interface"
for first in $router; do ip route add default via "$first"; break; done
for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
echo "$ip" >/run/address
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Two files for the boot server to serve."""

    kernel: Path
    initrd: Path


@functools.cache
def build_payload(cache: Path) -> Payload:
    """Make the payload, the initrd anew in each run; the kernel is kept in `cache`. It blocks: call it in a thread.

    Raises:
        RuntimeError: the kernel's package cannot be had.
    """
    kernel = debian_kernel(cache, _MODULES)
    initrd = kernel.folder / "initrd.gz"
    fresh = gzip.compress(initrd_archive(kernel), _GZIP_LEVEL, mtime=0)
    if not initrd.exists() or initrd.read_bytes() != fresh:
        _write_at_once(initrd, fresh)
    return Payload(kernel=kernel.image, initrd=initrd)


def _write_at_once(path: Path, content: bytes) -> None:
    """Another test run may be serving it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(content)
    Path(new.name).chmod(0o644)
    Path(new.name).replace(path)


def initrd_archive(kernel: Kernel) -> bytes:
    """The initrd before compression."""
    return archive(
        {
            **{name: folder() for name in ("bin", "dev", "etc", "modules")},
            "bin/busybox": program(BUSYBOX.read_bytes()),
            **{f"bin/{name}": link("busybox") for name in _APPLETS},
            "init": program(_INIT.encode()),
            "etc/lease": program(_LEASE.encode()),
            **{f"modules/{path.name}": program(path.read_bytes()) for path in kernel.modules},
        }
    )

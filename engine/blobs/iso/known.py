"""Where the installers of the distributions have their kernel and initrd."""

from dataclasses import dataclass

from engine.blobs.iso.tree import EntryKind, Tree
from engine.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A kernel and its initrd; `of` says whose."""

    of: str
    kernel: str
    initrd: str


PAIRS = (
    Pair(of="Ubuntu", kernel="casper/vmlinuz", initrd="casper/initrd"),
    Pair(of="Ubuntu", kernel="casper/hwe-vmlinuz", initrd="casper/hwe-initrd"),
    Pair(of="Ubuntu", kernel="casper/vmlinuz", initrd="casper/initrd.lz"),
    Pair(of="Ubuntu", kernel="casper/vmlinuz", initrd="casper/initrd.gz"),
    Pair(of="Debian", kernel="install.amd/vmlinuz", initrd="install.amd/initrd.gz"),
    Pair(of="Debian", kernel="install.a64/vmlinuz", initrd="install.a64/initrd.gz"),
    Pair(of="Debian", kernel="install.386/vmlinuz", initrd="install.386/initrd.gz"),
    Pair(of="Debian netboot", kernel="linux", initrd="initrd.gz"),
    Pair(of="Debian live", kernel="live/vmlinuz", initrd="live/initrd.img"),
    Pair(of="RHEL, Fedora and their kin", kernel="images/pxeboot/vmlinuz", initrd="images/pxeboot/initrd.img"),
    Pair(of="SUSE", kernel="boot/x86_64/loader/linux", initrd="boot/x86_64/loader/initrd"),
    Pair(of="SUSE", kernel="boot/aarch64/linux", initrd="boot/aarch64/initrd"),
    Pair(of="Arch", kernel="arch/boot/x86_64/vmlinuz-linux", initrd="arch/boot/x86_64/initramfs-linux.img"),
    Pair(of="Alpine", kernel="boot/vmlinuz-lts", initrd="boot/initramfs-lts"),
    Pair(of="Alpine", kernel="boot/vmlinuz-virt", initrd="boot/initramfs-virt"),
    Pair(of="Proxmox", kernel="boot/linux26", initrd="boot/initrd.img"),
)


def boot_pair(tree: Tree) -> Pair:
    """The kernel and initrd of an image that is known.

    Raises:
        NotFound: they are at none of the known places.
    """
    for pair in PAIRS:
        if _is_file(tree, pair.kernel) and _is_file(tree, pair.initrd):
            return pair
    raise NotFound("no kernel and initrd are at any known place of this image; look with `ls`, and name them")


def _is_file(tree: Tree, path: str) -> bool:
    try:
        return tree.find(path).kind is EntryKind.FILE
    except NotFound:
        return False

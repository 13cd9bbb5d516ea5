"""The inside of `localboot.efi`, which starts the system on a disk of a UEFI machine that came in by the network.

A script that ends is not enough there: with `exit` the firmware opens its menu, with `exit 1` it first tries every
other network protocol it knows. So GRUB looks for a system itself. Its script lies in a small file system within the
program, since the plain commands that can be put there directly know neither `if` nor `for`.

Its limit: it sees the disks that the firmware has started. Firmware in a hurry starts only those in its boot order
(seen with OVMF, where a disk without a place in it was not there); such a disk is left to the firmware itself.
"""

import io
import tarfile

PREFIX = "(memdisk)/boot/grub"
"""Where GRUB looks for its script; grub-mkimage insists on this place for a program with a file system in it."""

MODULES = (
    *("normal", "memdisk", "tar", "echo", "sleep", "test", "minicmd", "regexp"),
    *("part_gpt", "part_msdos", "fat", "chain", "boot"),
)

# Where systems keep their loader in the EFI system partition; the first stage that Secure Boot needs comes before GRUB
# itself, as in the boot entries that installers write. Windows is last: a Linux beside it offers Windows in its menu.
_VENDORS = ("debian", "ubuntu", "redhat", "rocky", "almalinux", "centos", "fedora", "opensuse", "sles", "sle", "arch")
INSTALLED = (
    *(f"/EFI/{vendor}/{program}" for vendor in _VENDORS for program in ("shimx64.efi", "shim.efi", "grubx64.efi")),
    "/EFI/systemd/systemd-bootx64.efi",
    "/EFI/Microsoft/Boot/bootmgfw.efi",
)
"""Paths that only an installation makes, so they are looked for on every disk first."""

REMOVABLE = ("/EFI/BOOT/BOOTX64.EFI",)
"""The path that firmware starts from any medium: also what a forgotten installer stick has, so it comes after the
others. Some systems have nothing else: cloud images, and those installed so on purpose."""

NOTHING_FOUND = "PureBoot: no disk has an EFI system partition with a system on it"


def script() -> str:
    """GRUB's commands, run once from top to bottom. Disks are looked at in the firmware's order, CDs not at all."""
    return "\n".join((*search(), "exit", ""))


def search() -> tuple[str, ...]:
    """The lines that look for a system and start it; past the last one none was found, and the screen says so."""
    return (*_start_first(INSTALLED), *_start_first(REMOVABLE), f'echo "{NOTHING_FOUND}"')


def file_system() -> bytes:
    """The tar archive that GRUB mounts as `(memdisk)`; the same bytes each time."""
    content = script().encode()
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(f"{PREFIX.removeprefix('(memdisk)/')}/grub.cfg")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def _start_first(programs: tuple[str, ...]) -> tuple[str, ...]:
    """On each disk, and there in the order given, start the first program there is; go on if it returns."""
    return (
        "for disk in (hd*); do",
        f"  for program in {' '.join(programs)}; do",
        '    if [ -f "$disk$program" ]; then',
        '      echo "PureBoot: starting $disk$program"',
        # The program is told the disk it came from, where it looks for its own files.
        """      regexp --set=1:root '^\\((.*)\\)$' "$disk\"""",
        '      if chainloader "$disk$program"; then boot; fi',
        "    fi",
        "  done",
        "done",
    )

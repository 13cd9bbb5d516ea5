"""A disk with an "installed system" on it, for both firmwares: it says so on the serial port and switches off.

One small image: a GPT with an EFI system partition, whose program is for UEFI, and boot code in the first sector for
BIOS. It can be a machine's disk, or a file that a step downloads and writes to /dev/vda.
"""

import functools
import struct
import subprocess
import tempfile
import uuid
import zlib
from pathlib import Path, PurePosixPath

MARKER = "PUREBOOT-DISK-OK"
"""What the disk prints, followed by a space and the firmware: `PUREBOOT-DISK-OK bios`."""

FALLBACK_PATH = "EFI/BOOT/BOOTX64.EFI"

SIGNED_SHIM = Path("/usr/lib/shim/shimx64.efi.signed")
SIGNED_GRUB = Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
_SIGNED_FOLDER = "EFI/debian"  # where the signed GRUB looks for its settings

_SECTOR = 512
_ENTRIES = 128
_ENTRY_SECTORS = _ENTRIES * 128 // _SECTOR
_FIRST = 2048  # where the partition begins, in sectors
_ESP_SECTORS = 4096
_SIGNED_ESP_SECTORS = 16384
_ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
_DISK_ID = uuid.UUID("8a0a2f6e-52a4-4f5c-8c58-5d9b6a0f2b01")
_PARTITION_ID = uuid.UUID("8a0a2f6e-52a4-4f5c-8c58-5d9b6a0f2b02")


def bootable_image(path: Path, *, efi_path: str = FALLBACK_PATH, marker: str = MARKER) -> Path:
    """Write the image; `efi_path` is where in the EFI system partition its program lies. It blocks for half a second.

    Raises:
        RuntimeError: grub-mkimage or mtools failed, or are not installed.
    """
    path.write_bytes(_image(efi_path, marker))
    return path


def signed_image(path: Path) -> Path:
    """Write an image with what Debian installs for Secure Boot: shim and GRUB, both signed, and GRUB's settings."""
    path.write_bytes(_signed_image())
    return path


def bootable_cd(path: Path, marker: str) -> Path:
    """Write an ISO image with boot code for BIOS (El Torito, no emulation) that prints the marker and switches off.

    Raises:
        RuntimeError: xorriso failed, or is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "boot.bin").write_bytes(_first_sector(f"{marker}\r\n", total=4).ljust(4 * _SECTOR, b"\0"))
        boot = ("-b", "boot.bin", "-no-emul-boot", "-boot-load-size", "4")
        _run("xorriso", "-as", "mkisofs", "-quiet", "-V", "PUREBOOT", *boot, "-o", str(path), folder)
    return path


def efi_program(path: Path, commands: str, *modules: str) -> Path:
    """Write an EFI program that carries out commands of GRUB."""
    with tempfile.TemporaryDirectory() as folder:
        _make_program(Path(folder), path, commands, modules)
    return path


@functools.cache
def _image(efi_path: str, marker: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        program = efi_program(Path(folder, "program.efi"), f"echo {marker} uefi\nhalt\n", "echo", "halt")
        return _disk({efi_path: program.read_bytes()}, _ESP_SECTORS, f"{marker} bios\r\n")


@functools.cache
def _signed_image() -> bytes:
    files = {
        f"{_SIGNED_FOLDER}/shimx64.efi": SIGNED_SHIM.read_bytes(),
        f"{_SIGNED_FOLDER}/grubx64.efi": SIGNED_GRUB.read_bytes(),
        f"{_SIGNED_FOLDER}/grub.cfg": f"echo {MARKER} uefi\nhalt\n".encode(),
    }
    return _disk(files, _SIGNED_ESP_SECTORS, f"{MARKER} bios\r\n")


def _disk(files: dict[str, bytes], sectors: int, bios_text: str) -> bytes:
    """A disk with a partition of so many sectors for the files, and boot code for BIOS."""
    total = _FIRST + sectors + _ENTRY_SECTORS + 1
    image = bytearray(total * _SECTOR)
    image[:_SECTOR] = _first_sector(bios_text, total)
    image[_FIRST * _SECTOR : (_FIRST + sectors) * _SECTOR] = _system_partition(files, sectors)
    for lba, data in _partition_table(sectors, total).items():
        image[lba * _SECTOR : lba * _SECTOR + len(data)] = data
    return bytes(image)


def _first_sector(text: str, total: int) -> bytes:
    """Boot code that writes a text to the first serial port, and the entry that keeps other tools off a GPT disk.

    It talks to the port itself (8250: data at 0x3F8, status at 0x3FD) and not to the BIOS, whose screen may be missing;
    then it asks QEMU's q35 to switch off (ACPI, PM1a control register at 0x604) and halts in any case.
    """
    code = bytearray(
        b"\xfa\xfc\x31\xc0\x8e\xd8"  #   cli; cld; xor ax, ax; mov ds, ax
        b"\xbe\x00\x00"  #               mov si, text (set below)
        b"\xac\x84\xc0\x74\x12\x88\xc3"  # next: lodsb; test al, al; jz off; mov bl, al
        b"\xba\xfd\x03"  #               mov dx, 0x3fd
        b"\xec\xa8\x20\x74\xfb"  #       busy: in al, dx; test al, 0x20; jz busy
        b"\xba\xf8\x03\x88\xd8\xee"  #   mov dx, 0x3f8; mov al, bl; out dx, al
        b"\xeb\xe9"  #                   jmp next
        b"\xba\x04\x06\xb8\x00\x20\xef"  # off: mov dx, 0x604; mov ax, 0x2000; out dx, ax
        b"\xf4\xeb\xfd"  #               halt: hlt; jmp halt
    )
    code[7:9] = struct.pack("<H", 0x7C00 + len(code))
    code += text.encode("ascii") + b"\0"
    protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, total - 1)
    return bytes(code).ljust(446, b"\0") + protective + bytes(48) + b"\x55\xaa"


def _system_partition(files: dict[str, bytes], sectors: int) -> bytes:
    """A FAT file system, made with mtools: no mount, no vfat in the kernel."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "esp.img")
        image.write_bytes(bytes(sectors * _SECTOR))
        _run("mformat", "-i", str(image), "-v", "PUREBOOT", "::")
        parents = {parent for path in files for parent in PurePosixPath(path).parents if parent.name}
        for parent in sorted(parents):
            _run("mmd", "-i", str(image), f"::/{parent}")
        for number, (path, content) in enumerate(files.items()):
            file = Path(folder, str(number))
            file.write_bytes(content)
            _run("mcopy", "-i", str(image), str(file), f"::/{path}")
        return image.read_bytes()


def _make_program(folder: Path, program: Path, text: str, modules: tuple[str, ...]) -> None:
    commands = folder / "commands.cfg"
    commands.write_text(text)
    options = ("-O", "x86_64-efi", "-p", "/", "-c", str(commands), "-o", str(program))
    _run("grub-mkimage", *options, *modules)


def _partition_table(sectors: int, total: int) -> dict[int, bytes]:
    """The GPT's sectors by where they go (UEFI Specification 2.10, section 5.3)."""
    name = "EFI system".encode("utf-16-le").ljust(72, b"\0")
    last = _FIRST + sectors - 1
    entry = _ESP_TYPE.bytes_le + _PARTITION_ID.bytes_le + struct.pack("<QQQ", _FIRST, last, 0) + name
    entries = entry.ljust(_ENTRIES * 128, b"\0")
    end = total - 1
    return {
        1: _header(entries, here=1, other=end, table=2, total=total),
        2: entries,
        end - _ENTRY_SECTORS: entries,
        end: _header(entries, here=end, other=1, table=end - _ENTRY_SECTORS, total=total),
    }


def _header(entries: bytes, *, here: int, other: int, table: int, total: int) -> bytes:
    def packed(checksum: int) -> bytes:
        return struct.pack(
            "<8s4sIIIQQQQ16sQIII",
            *(b"EFI PART", b"\0\0\1\0", 92, checksum, 0, here, other),
            *(2 + _ENTRY_SECTORS, total - _ENTRY_SECTORS - 2, _DISK_ID.bytes_le),
            *(table, _ENTRIES, 128, zlib.crc32(entries)),
        )

    return packed(zlib.crc32(packed(0)))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError(f"{command[0]} is not installed; see tests/debian-packages.txt") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{' '.join(command)}: {error.stderr.strip()}") from None

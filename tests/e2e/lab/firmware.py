"""The two kinds of firmware, and how QEMU is told to be a machine with one of them.

BIOS is SeaBIOS with the iPXE ROM that QEMU puts into the network card; it asks DHCP as iPXE at once. UEFI is OVMF
without that ROM (an empty `romfile=`), so that OVMF's own PXE client fetches the loader by TFTP, as on a real server.
"""

import shutil
from enum import StrEnum
from pathlib import Path

_FOLDER = Path("/usr/share/OVMF")
# Without KVM the smaller build starts a second sooner; Debian 13 has the larger alone.
_SIZE = "" if (_FOLDER / "OVMF_CODE.fd").exists() else "_4M"
OVMF_CODE = _FOLDER / f"OVMF_CODE{_SIZE}.fd"
OVMF_VARIABLES = _FOLDER / f"OVMF_VARS{_SIZE}.fd"
# The same with Secure Boot, and with Microsoft's keys in its variables; only system management mode may write those.
SECURE_CODE = _FOLDER / f"OVMF_CODE{_SIZE}.secboot.fd"
SECURE_VARIABLES = _FOLDER / f"OVMF_VARS{_SIZE}.ms.fd"
_GUARDED = ("-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1")


class Firmware(StrEnum):
    """What runs first."""

    BIOS = "bios"
    UEFI = "uefi"


def firmware_options(firmware: Firmware, folder: Path, *, secure_boot: bool = False) -> list[str]:
    """QEMU options for it; a UEFI machine's variables are kept in `folder` from one power-on to the next."""
    if firmware is Firmware.BIOS:
        return []
    code, fresh = (SECURE_CODE, SECURE_VARIABLES) if secure_boot else (OVMF_CODE, OVMF_VARIABLES)
    variables = folder / "variables.fd"
    if not variables.exists():
        shutil.copyfile(fresh, variables)
    return [
        *(_GUARDED if secure_boot else ()),
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={variables}"),
    ]


def protocol_options(*, http_boot: bool) -> list[str]:
    """QEMU options by which OVMF boots over HTTP alone: with PXE on, it waits for that first."""
    off = [f"opt/org.tianocore/{name}PXESupport" for name in ("IPv4", "IPv6")] if http_boot else []
    return [option for name in off for option in ("-fw_cfg", f"name={name},string=n")]


def card_options(firmware: Firmware, *, boot_rom: bool | None) -> str:
    """What is added to the network card's `-device`; `boot_rom` None is what the firmware's kind is tested with."""
    keep = firmware is Firmware.BIOS if boot_rom is None else boot_rom
    return "" if keep else ",romfile="

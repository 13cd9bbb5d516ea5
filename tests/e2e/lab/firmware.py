"""The two kinds of firmware, and how QEMU is told to be a machine with one of them.

BIOS is SeaBIOS with the iPXE ROM that QEMU puts into the network card; it asks DHCP as iPXE at once. UEFI is OVMF
without that ROM (an empty `romfile=`), so that OVMF's own PXE client fetches the loader by TFTP, as on a real server.
"""

import shutil
from enum import StrEnum
from pathlib import Path

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")


class Firmware(StrEnum):
    """What runs first."""

    BIOS = "bios"
    UEFI = "uefi"


def firmware_options(firmware: Firmware, folder: Path) -> list[str]:
    """QEMU options for it; a UEFI machine's variables are kept in `folder` from one power-on to the next."""
    if firmware is Firmware.BIOS:
        return []
    variables = folder / "variables.fd"
    if not variables.exists():
        shutil.copyfile(OVMF_VARIABLES, variables)
    return [
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}"),
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

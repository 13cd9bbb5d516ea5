"""What each way to boot needs of a machine, and the sentence for one that has not got it.

Sources: iPXE's `efi_image.c` (EFI programs run only on UEFI), `bzimage.c` and `pxe_image.c` (what runs only on a PC's
BIOS), wimboot's README (x86 only, BIOS and UEFI), and how files are named: `.efi` is a UEFI program, `.kpxe`, `.kkpxe`,
`.pxe` and `.lkrn` are iPXE's programs for a BIOS, `pxelinux.0` is PXELINUX.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from engine.core.boot import BootKind

ANY = "any"
_MODES = {"bios": "BIOS", "uefi": "UEFI"}
_BIOS_ENDINGS = frozenset({".kpxe", ".kkpxe", ".pxe", ".lkrn"})
_BIOS_NAMES = frozenset({"pxelinux.0", "lpxelinux.0", "gpxelinux.0"})  # of others, `.0` may end a version
_WHATS = {
    BootKind.KERNEL: "the kernel",
    BootKind.ISO: "the image (iso)",
    BootKind.CHAIN: "the loader (chain)",
    BootKind.EFI: "the EFI program (efi)",
    BootKind.WIMBOOT: "wimboot",
}
_X86 = frozenset({"x86_64", "i386"})
# The ends of names by which distributions and UEFI itself (2.10, section 3.5.1.1) tell programs of one architecture.
_NAMED_FOR = re.compile(r"(x64|x86_64|amd64|aa64|arm64)(?:\.efi)?$", re.IGNORECASE)
_ARCHITECTURES = {"x64": "x86_64", "x86_64": "x86_64", "amd64": "x86_64", "aa64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of a machine: `bios` or `uefi`, `x86_64` or `arm64`; None or `any` where it is not known."""

    boot_mode: str | None = None
    arch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What something needs; `any` of a mode, and no architectures, is nothing in particular."""

    boot_mode: str = ANY
    archs: frozenset[str] = frozenset()


def need(kind: BootKind, name: str) -> Need:
    """What booting a file of a name in one of the ways needs."""
    ending = _ending(name)
    match kind:
        case BootKind.EFI:
            return Need(boot_mode="uefi", archs=_archs(name))
        case BootKind.WIMBOOT:
            return Need(archs=_X86)
        case BootKind.CHAIN if ending == ".efi":
            return Need(boot_mode="uefi", archs=_archs(name))
        case BootKind.CHAIN | BootKind.KERNEL if ending in _BIOS_ENDINGS or _last(name) in _BIOS_NAMES:
            return Need(boot_mode="bios", archs=_X86)
        case BootKind.KERNEL if ending == ".efi":
            return Need(boot_mode="uefi", archs=_archs(name))
        case _:
            return Need()


def refusal(kind: BootKind, name: str, machine: Machine) -> str | None:
    """Why a machine cannot boot a file, in a sentence; None if it can, or if nothing speaks against it."""
    wanted = need(kind, name)
    what = f"{_WHATS[kind]} {name[:200]}"
    mode = machine.boot_mode
    if mode in _MODES and wanted.boot_mode not in (ANY, mode):
        return f"{what} needs {_MODES[wanted.boot_mode]} firmware, but this machine starts in {_MODES[mode]} mode"
    if machine.arch not in (None, ANY) and wanted.archs and machine.arch not in wanted.archs:
        return f"{what} is for {' or '.join(sorted(wanted.archs))}, but this machine is {machine.arch}"
    return None


def boot_mode(kind: BootKind, name: str, of_workflow: str) -> str:
    """The mode that a machine has to be in for a file of a workflow: `bios`, `uefi`, or `any`."""
    wanted = need(kind, name).boot_mode
    return of_workflow if wanted == ANY else wanted


def wrong_workflow(name: str, boot_mode: str, architecture: str, machine: Machine) -> str | None:
    """Why a machine is none that a workflow is for; None if it is, or if it is not known."""
    if machine.boot_mode in _MODES and boot_mode not in (ANY, machine.boot_mode):
        return f"{name} is for {boot_mode} firmware, but this machine started in {machine.boot_mode} mode"
    if machine.arch not in (None, ANY) and architecture not in (ANY, machine.arch):
        return f"{name} is for {architecture} machines, but this one is {machine.arch}"
    return None


def named(parameters: Mapping[str, Any]) -> tuple[BootKind, str] | None:
    """The way to boot that a step's parameters name, and the file; None if they name none."""
    for kind in BootKind:
        name = parameters.get(kind.value)
        if isinstance(name, str) and name:
            return kind, name
    return None


def _archs(name: str) -> frozenset[str]:
    match = _NAMED_FOR.search(PurePosixPath(_path(name)).name)
    return frozenset({_ARCHITECTURES[match[1].lower()]}) if match else frozenset()


def _last(name: str) -> str:
    return PurePosixPath(_path(name)).name.lower()


def _ending(name: str) -> str:
    return PurePosixPath(_path(name)).suffix.lower()


def _path(name: str) -> str:
    """The path of a name or a URL; of one that is broken, all of it."""
    try:
        return urlsplit(name).path if "://" in name else name
    except ValueError:
        return name

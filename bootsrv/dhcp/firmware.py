"""What firmware says it is (option 93), and which program it is given first; pure.

The codes are IANA's "Processor Architecture Types". RFC 4578 as it was printed had 7 and 9 the other way round, and old
firmware has them so; both run the program for x86-64. A code that has no loader here is not guessed at: a BIOS program
on an unknown machine only hides what is wrong.
"""

from dataclasses import dataclass

from bootsrv.loaders import ARM64_LOADER, BIOS_LOADER, IA32_LOADER, UEFI_LOADER


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One code: what it means, which loader it is given (None: there is none for it), and whether it asks over HTTP."""

    code: int
    name: str
    loader: str | None = None
    http: bool = False

    @property
    def bios(self) -> bool:
        """Whether it runs programs of a PC's BIOS; else, if there is a loader, those of UEFI."""
        return self.loader == BIOS_LOADER


_NAMES = {
    1: "NEC PC-98",
    2: "Itanium",
    3: "DEC Alpha",
    4: "Arc x86",
    5: "Intel Lean Client",
    8: "EFI on XScale",
    10: "32-bit ARM UEFI",
    12: "PowerPC Open Firmware",
    13: "PowerPC ePAPR",
    14: "POWER OPAL v3",
    18: "32-bit ARM UEFI over HTTP",
    21: "32-bit ARM U-Boot",
    22: "64-bit ARM U-Boot",
    23: "32-bit ARM U-Boot over HTTP",
    24: "64-bit ARM U-Boot over HTTP",
    25: "32-bit RISC-V UEFI",
    26: "32-bit RISC-V UEFI over HTTP",
    27: "64-bit RISC-V UEFI",
    28: "64-bit RISC-V UEFI over HTTP",
    29: "128-bit RISC-V UEFI",
    30: "128-bit RISC-V UEFI over HTTP",
    31: "s390 Basic",
    32: "s390 Extended",
    33: "32-bit MIPS UEFI",
    34: "64-bit MIPS UEFI",
    35: "32-bit Sunway UEFI",
    36: "64-bit Sunway UEFI",
    37: "32-bit LoongArch UEFI",
    38: "32-bit LoongArch UEFI over HTTP",
    39: "64-bit LoongArch UEFI",
    40: "64-bit LoongArch UEFI over HTTP",
    41: "ARM rpiboot",
}

_WITH_LOADER = (
    Architecture(code=0, name="x86 BIOS", loader=BIOS_LOADER),
    Architecture(code=6, name="32-bit x86 UEFI", loader=IA32_LOADER),
    Architecture(code=7, name="x86-64 UEFI", loader=UEFI_LOADER),
    Architecture(code=9, name="x86-64 UEFI (as EBC)", loader=UEFI_LOADER),
    Architecture(code=11, name="64-bit ARM UEFI", loader=ARM64_LOADER),
    Architecture(code=15, name="32-bit x86 UEFI over HTTP", loader=IA32_LOADER, http=True),
    Architecture(code=16, name="x86-64 UEFI over HTTP", loader=UEFI_LOADER, http=True),
    Architecture(code=17, name="x86-64 UEFI over HTTP (as EBC)", loader=UEFI_LOADER, http=True),
    Architecture(code=19, name="64-bit ARM UEFI over HTTP", loader=ARM64_LOADER, http=True),
    Architecture(code=20, name="x86 BIOS over HTTP", loader=BIOS_LOADER, http=True),
)

ARCHITECTURES = {each.code: each for each in _WITH_LOADER} | {
    code: Architecture(code=code, name=name) for code, name in _NAMES.items()
}


def architecture(codes: tuple[int, ...]) -> Architecture:
    """The first of the codes that has a loader; else the first, with a name that says what it is. There must be one."""
    known = [ARCHITECTURES.get(code) or Architecture(code=code, name="not in IANA's list") for code in codes]
    return next((each for each in known if each.loader), known[0])

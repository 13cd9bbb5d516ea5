"""What a simulated machine is: its hardware, and the personality that decides what goes wrong with it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bootsrv.loaders import BIOS_LOADER, UEFI_LOADER


class Firmware(StrEnum):
    """What starts the machine, in the contract's words for a boot mode."""

    BIOS = "bios"
    UEFI = "uefi"


class Personality(StrEnum):
    """What a machine is like to work with."""

    STEADY = "steady"
    SLOW_DISK = "slow_disk"
    TIRED_DISK = "tired_disk"
    FAILING_DISK = "failing_disk"
    FLAKY_NETWORK = "flaky_network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a personality means. `write_failures` counts the first writes to the disk that fail, -1 is all of them.

    Rates are in MiB/s; `drops` is the share of requests that get lost on the way.
    """

    write_rate: float = 190.0
    download_rate: float = 12.0
    write_failures: int = 0
    drops: float = 0.0


TRAITS = {
    Personality.STEADY: Traits(),
    Personality.SLOW_DISK: Traits(write_rate=34.0),
    Personality.TIRED_DISK: Traits(write_rate=120.0, write_failures=1),
    Personality.FAILING_DISK: Traits(write_rate=150.0, write_failures=-1),
    Personality.FLAKY_NETWORK: Traits(download_rate=5.0, drops=0.15),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """One simulated machine. `mac_address` is in the contract's form, sizes are in GiB.

    `address` is what DHCP gave it. `installed` says whether its disk held a system when it was switched on first.
    """

    mac_address: str
    hostname: str = ""
    address: str = "10.20.0.1"
    vendor: str = "PureBoot"
    model: str = "Simulated machine"
    serial: str = ""
    uuid: str = ""
    firmware: Firmware = Firmware.UEFI
    processor: str = "AMD EPYC 7313P 16-Core Processor"
    cores: int = 16
    memory: int = 64
    disk: str = "/dev/sda"
    disk_size: int = 480
    disk_model: str = "SAMSUNG MZ7LH480"
    installed: bool = False
    personality: Personality = Personality.STEADY

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.hostname or self.mac_address

    @property
    def traits(self) -> Traits:
        """What its personality means."""
        return TRAITS[self.personality]

    @property
    def loader(self) -> str:
        """The program its firmware asks for by TFTP."""
        return BIOS_LOADER if self.firmware is Firmware.BIOS else UEFI_LOADER

    @property
    def tftp_window(self) -> int:
        """How many blocks its firmware takes before it acknowledges: EDK2 asks for 4, BIOS boot ROMs know only one."""
        return 1 if self.firmware is Firmware.BIOS else 4

    def ipxe_settings(self) -> dict[str, str]:
        """What iPXE knows of the machine, under iPXE's names."""
        is_bios = self.firmware is Firmware.BIOS
        return {
            "netX/mac": self.mac_address,
            "net0/mac": self.mac_address,
            "mac": self.mac_address,
            "netX/ip": self.address,
            "ip": self.address,
            "uuid": self.uuid,
            "serial": self.serial,
            "manufacturer": self.vendor,
            "product": self.model,
            "hostname": self.hostname,
            "platform": "pcbios" if is_bios else "efi",
            "buildarch": "i386" if is_bios else "x86_64",
        }

"""A virtual rack: real firmware in QEMU on a network of its own, with a DHCP server that is not ours.

async with Rack(folder) as rack:
    ...                                      # start a boot server on rack.address, ports 69 and rack.http_port
    machine = await rack.machine(firmware="uefi")
    await machine.power_on()
    await machine.console.wait_for("PureBoot:", timeout=60)
"""

from tests.e2e.lab.console import Console
from tests.e2e.lab.disk import MARKER, bootable_cd, bootable_image, efi_program
from tests.e2e.lab.firmware import Firmware
from tests.e2e.lab.machine import Machine
from tests.e2e.lab.network import Network
from tests.e2e.lab.payload import Payload, build_payload
from tests.e2e.lab.prerequisites import missing_prerequisites
from tests.e2e.lab.rack import Rack

__all__ = [
    "MARKER",
    "Console",
    "Firmware",
    "Machine",
    "Network",
    "Payload",
    "Rack",
    "bootable_cd",
    "bootable_image",
    "build_payload",
    "efi_program",
    "missing_prerequisites",
]

"""The rack: a network and the machines on it, put up for one test and taken down after it."""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from tests.e2e.lab.disk import bootable_image, signed_image
from tests.e2e.lab.firmware import Firmware
from tests.e2e.lab.machine import Identity, Machine, prepare_disk
from tests.e2e.lab.network import Network
from tests.e2e.lab.payload import Payload, build_payload
from tests.e2e.lab.site import UEFI_LOADERS

CACHE = Path(__file__).parents[3] / ".e2e-cache"
MEBIBYTE = 2**20


class Rack:
    """`async with Rack(folder) as rack:`; logs and disks are kept in `folder`, or thrown away if none is given.

    With `names_boot` False the site's DHCP server gives addresses alone.
    """

    def __init__(self, folder: Path | None = None, *, names_boot: bool = True) -> None:
        # Paths of sockets have at most 107 bytes, which a test's own folder may exceed.
        self._short = Path(tempfile.mkdtemp(prefix="pb-"))
        self.folder = folder or self._short / "rack"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network = Network(self.folder, names_boot=names_boot)
        self.machines: list[Machine] = []
        self._numbers = itertools.count(1)

    @property
    def address(self) -> str:
        """The IPv4 address a boot server must listen on, TFTP at port 69."""
        return self.network.site.server

    @property
    def http_port(self) -> int:
        """The port the site's DHCP server names in the URL of boot.ipxe."""
        return self.network.site.http_port

    @property
    def http_url(self) -> str:
        """The URL under which machines reach the boot server."""
        return f"http://{self.address}:{self.http_port}"

    async def machine(
        self,
        *,
        firmware: Firmware | str = Firmware.BIOS,
        disk: int | Path = 64 * MEBIBYTE,
        memory_mib: int = 512,
        uefi_loader: str = "ipxe.efi",
        boot_rom: bool | None = None,
        http_boot: bool = False,
        secure_boot: bool = False,
    ) -> Machine:
        """Put a machine into the rack, not powered on.

        `disk` is a size in bytes for an empty disk, or an image to copy. `uefi_loader` is the file that the site's DHCP
        server names to its UEFI. `boot_rom` puts iPXE into its network card or takes it out, against the custom of the
        firmware's kind. With `http_boot` a UEFI machine boots over HTTP and not by PXE; with `secure_boot` it starts
        nothing that Microsoft has not signed.
        """
        assert uefi_loader in UEFI_LOADERS, f"the site's DHCP server knows {', '.join(UEFI_LOADERS)}"
        identity = Identity.of(next(self._numbers), uefi_loader=uefi_loader)
        folder, sockets = self.folder / identity.name, self._short / identity.name
        for path in (folder, sockets):
            path.mkdir()
        image = folder / "disk.raw"
        await asyncio.to_thread(prepare_disk, image, disk)
        machine = Machine(
            identity,
            firmware=Firmware(firmware),
            network=self.network,
            disk=image,
            folder=folder,
            sockets=sockets,
            memory_mib=memory_mib,
            boot_rom=boot_rom,
            http_boot=http_boot,
            secure_boot=secure_boot,
        )
        self.machines.append(machine)
        return machine

    async def payload(self) -> Payload:
        """Kernel and initrd for a boot step."""
        return await asyncio.to_thread(build_payload, CACHE)

    async def bootable_image(self, path: Path, *, signed: bool = False) -> Path:
        """Write the image of a disk that boots, for a step to write to a machine's disk.

        `signed` is one for Secure Boot: Debian's shim and GRUB.
        """
        return await asyncio.to_thread(signed_image if signed else bootable_image, path)

    async def __aenter__(self) -> "Rack":
        try:
            await self.network.start()
        except BaseException:
            await self._clear()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.last_lines())
        await self._clear()

    def last_lines(self, lines: int = 15) -> str:
        """What each machine printed last, for whoever has to understand a failure."""
        return "\n".join(
            f"--- last lines of {machine.identity.name} ({machine.firmware}):\n{machine.console.tail(lines)}"
            for machine in self.machines
        )

    async def _clear(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, self._short, ignore_errors=True)
            stack.push_async_callback(self.network.stop)
            for machine in self.machines:
                stack.push_async_callback(machine.power_off)

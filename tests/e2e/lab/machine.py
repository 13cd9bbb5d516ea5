"""One machine: QEMU with a network card, a disk and a serial console; the network comes first in its boot order."""

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.lab.accelerator import accelerator_options
from tests.e2e.lab.child import Child
from tests.e2e.lab.console import Console
from tests.e2e.lab.firmware import Firmware, card_options, firmware_options, protocol_options
from tests.e2e.lab.network import Network
from tests.e2e.lab.qmp import Qmp
from tests.e2e.lab.site import UEFI_LOADERS

_CONNECT_SECONDS = 20.0
_QUIT_SECONDS = 10.0
_MAKER = "PureBoot"
_PRODUCT = "Virtual rack"
# iPXE waits two seconds for Ctrl-B at each start; any other key says that nobody wants its command line.
_BANNER = "for the iPXE command line"
_NAMESPACE = uuid.UUID("5d6f0f2c-7c3e-4e2f-9a55-0b6f3f6a7e77")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a machine says of itself, the same at each power-on."""

    name: str
    mac: str
    uuid: str
    serial: str

    @classmethod
    def of(cls, number: int, *, uefi_loader: str) -> "Identity":
        """The identity of the rack's nth machine; which loader its UEFI asks for is in its MAC address."""
        return cls(
            name=f"machine-{number}",
            mac=f"52:54:00:{UEFI_LOADERS[uefi_loader]:02x}:00:{number:02x}",
            uuid=str(uuid.uuid5(_NAMESPACE, str(number))),
            serial=f"RACK-{number:04d}",
        )


class Machine:
    """Made by `Rack.machine`. `disk` is a raw image that stays from one power-on to the next."""

    def __init__(
        self,
        identity: Identity,
        *,
        firmware: Firmware,
        network: Network,
        disk: Path,
        folder: Path,
        sockets: Path,
        memory_mib: int,
        boot_rom: bool | None,
        http_boot: bool = False,
        secure_boot: bool = False,
    ) -> None:
        self.identity = identity
        self.firmware = firmware
        self.disk = disk
        self.console = Console(identity.name)
        self._network = network
        self._folder = folder
        self._sockets = sockets
        self._memory_mib = memory_mib
        self._boot_rom = boot_rom
        self._http_boot = http_boot
        self._secure_boot = secure_boot
        self._tap = ""
        self._process: Child | None = None
        self._qmp: Qmp | None = None
        self._pump: asyncio.Task[None] | None = None
        self._keyboard: asyncio.StreamWriter | None = None

    @property
    def mac(self) -> str:
        """Its MAC address in the form aa:bb:cc:dd:ee:ff."""
        return self.identity.mac

    @property
    def running(self) -> bool:
        """Whether it has power."""
        return self._process is not None and self._process.running

    @property
    def qmp(self) -> Qmp:
        """The control connection of the machine that runs."""
        assert self._qmp is not None, f"{self.identity.name} is not powered on"
        return self._qmp

    async def power_on(self) -> None:
        """Switch it on, with an empty `console` that also goes to `console.log` in its folder.

        Raises:
            RuntimeError: QEMU did not start; its own words are in the message.
        """
        assert not self.running, f"{self.identity.name} is already powered on"
        self._tap = self._tap or await self._network.tap()
        self.console = Console(self.identity.name, self._folder / "console.log")
        try:
            await self._start()
        except BaseException:
            await self._put_away()
            raise

    async def power_off(self) -> None:
        """Pull the plug, if it has power."""
        if self._process is None:
            return
        if self.running:
            with contextlib.suppress(RuntimeError, ConnectionError):
                await self.qmp.command("quit")
            with contextlib.suppress(TimeoutError):
                await self._process.wait(_QUIT_SECONDS)
        await self._put_away()

    async def wait_off(self, timeout: float) -> None:
        """Wait until it switches itself off.

        Raises:
            TimeoutError: it still runs after `timeout` seconds.
        """
        assert self._process is not None, f"{self.identity.name} was never powered on"
        try:
            await self._process.wait(timeout)
        except TimeoutError:
            raise TimeoutError(
                f"{self.identity.name} still runs after {timeout:g} s; its last lines:\n{self.console.tail()}"
            ) from None
        await self._put_away()

    async def type(self, text: str) -> None:
        """Type on its serial console; the enter key is a carriage return."""
        assert self._keyboard is not None, f"{self.identity.name} is not powered on"
        self._keyboard.write(text.encode())
        await self._keyboard.drain()

    def _go_on(self) -> None:
        if self._keyboard:
            self._keyboard.write(b" ")

    async def reset(self) -> None:
        """Press the reset button."""
        await self.qmp.command("system_reset")

    async def press_power(self) -> None:
        """Press the power button: the system on it may switch off or pay no heed."""
        await self.qmp.command("system_powerdown")

    async def wait_for_reset(self, *, count: int = 1, timeout: float) -> None:
        """Wait until it has restarted `count` times since power-on, by itself or by `reset`."""
        await self.qmp.wait_for("RESET", count=count, timeout=timeout)

    def read_disk(self, offset: int, size: int) -> bytes:
        """Bytes of its disk as the machine has written them; it may be running."""
        with self.disk.open("rb") as disk:
            disk.seek(offset)
            return disk.read(size)

    async def _start(self) -> None:
        async with _listen(self._sockets / "s") as serial, _listen(self._sockets / "q") as control:
            self._process = await Child.start(*self._network.enter(*self._command()), log=self._folder / "qemu.log")
            ended = asyncio.create_task(self._process.ended())
            async with asyncio.timeout(_CONNECT_SECONDS):
                for connection in (serial, control):
                    either: set[asyncio.Future[Any]] = {connection, ended}
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
        try:
            (console, self._keyboard), (reader, writer) = serial.result(), control.result()
            self.console.reply(_BANNER, self._go_on)
            self._pump = asyncio.create_task(self.console.follow(console))
            self._qmp = Qmp(reader, writer)
            await self._qmp.command("qmp_capabilities")
        except (asyncio.InvalidStateError, RuntimeError):
            await self._process.stop()
            raise RuntimeError(f"{self.identity.name} did not start: {self._process.log.tail()}") from None

    async def _put_away(self) -> None:
        if self._process:
            await self._process.stop()
        if self._keyboard:
            self._keyboard.close()
        if self._pump:
            await self._pump
        if self._qmp:
            await self._qmp.close()
        self._process, self._pump, self._qmp, self._keyboard = None, None, None, None

    def _command(self) -> list[str]:
        who = self.identity
        card = f"virtio-net-pci,netdev=net0,mac={who.mac},bootindex=1"
        return [
            *("qemu-system-x86_64", "-name", who.name, "-nodefaults", "-no-user-config"),
            # Without graphics SeaBIOS and iPXE write to the serial console.
            *(
                "-machine",
                f"q35,graphics=off{',smm=on' if self._secure_boot else ''}",
                "-display",
                "none",
                "-vga",
                "none",
            ),
            *accelerator_options(),
            *("-smp", "1", "-m", str(self._memory_mib)),
            *("-uuid", who.uuid, "-smbios", f"type=1,manufacturer={_MAKER},product={_PRODUCT},serial={who.serial}"),
            *firmware_options(self.firmware, self._folder, secure_boot=self._secure_boot),
            *protocol_options(http_boot=self._http_boot),
            *("-chardev", f"socket,id=serial0,path={self._sockets / 's'}", "-serial", "chardev:serial0"),
            *("-chardev", f"socket,id=qmp0,path={self._sockets / 'q'}", "-mon", "chardev=qmp0,mode=control"),
            *("-netdev", f"tap,id=net0,ifname={self._tap},script=no,downscript=no"),
            *("-device", card + card_options(self.firmware, boot_rom=self._boot_rom)),
            *("-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"),
            *("-drive", f"file={_escaped(self.disk)},if=none,id=disk0,format=raw,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=disk0,bootindex=2"),
        ]


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def _listen(path: Path) -> AsyncIterator[asyncio.Future[_Connection]]:
    """Listen for QEMU, which connects to us: so it cannot print anything before we listen."""
    connection: asyncio.Future[_Connection] = asyncio.get_running_loop().create_future()
    _remove(path)
    server = await asyncio.start_unix_server(lambda *both: connection.set_result(both), path)
    try:
        yield connection
    finally:
        server.close()
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _escaped(path: Path) -> str:
    """QEMU's way to write a comma within an option."""
    return str(path).replace(",", ",,")


def prepare_disk(path: Path, content: int | Path) -> None:
    """Make a disk image: empty with so many bytes, or a copy of an image."""
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        with path.open("wb") as disk:
            disk.truncate(content)

"""Many simulated machines at one server."""

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

from bootsrv.simulator.counters import Counters
from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.machine import Machine, Network
from bootsrv.simulator.pace import Pace

_log = logging.getLogger(__name__)

TFTP_AT_ONCE = 6  # below what a server allows one address, for those who cannot have addresses of their own
ON_LOOPBACK = ipaddress.ip_address("127.16.0.1")


class Rack:
    """Simulated machines by MAC address.

    On loopback each speaks from an address of its own (127.16.0.1 and up), so that the server sees as many peers as
    there are machines.
    """

    def __init__(
        self,
        hardware: Iterable[Hardware],
        network: Network,
        *,
        speed: float = 1.0,
    ) -> None:
        self.counters = Counters()
        self.pace = Pace(speed)
        self._threads = ThreadPoolExecutor(TFTP_AT_ONCE, thread_name_prefix="simulated-firmware")
        alone = _has_own_addresses(network.host)
        self.machines = {
            each.mac_address: Machine(
                each,
                network,
                threads=self._threads,
                pace=self.pace,
                counters=self.counters,
                source=str(ON_LOOPBACK + at) if alone else None,
            )
            for at, each in enumerate(hardware)
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Rack"]:
        """While entered, the machines are there, switched off until `power_on`."""
        lives = [
            asyncio.create_task(self._live(machine), name=f"machine-{mac}") for mac, machine in self.machines.items()
        ]
        try:
            yield self
        finally:
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)
            await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    async def _live(self, machine: Machine) -> None:
        """One machine's bug must not end the others, nor pass in silence."""
        while True:
            try:
                await machine.run()
            except Exception:
                _log.exception("the simulated machine %s broke", machine.hardware.name)
                await self.pace.pause(5.0)

    def power_on(self, mac_address: str) -> bool:
        """Press a machine's button; False if there is no such machine."""
        machine = self.machines.get(mac_address)
        if machine is None:
            return False
        machine.power_on()
        return True


def _has_own_addresses(host: str) -> bool:
    """Whether machines can have addresses of their own: Linux answers for all of 127.0.0.0/8."""
    try:
        if not ipaddress.ip_address(host).is_loopback:
            return False
    except ValueError:
        if host != "localhost":
            return False
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((str(ON_LOOPBACK), 0))
        except OSError:
            return False
    return True

"""Many simulated machines at one server."""

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from bootsrv.descriptors import allow_many
from bootsrv.simulator.counters import Counters
from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.machine import Machine, Network, Power
from bootsrv.simulator.pace import Pace

_log = logging.getLogger(__name__)

TFTP_AT_ONCE = 6  # below what a server allows one address, for those who cannot have addresses of their own
ON_LOOPBACK = ipaddress.ip_address("127.16.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of so many machines: installed anew, booted from the disk as it was, given up, or still at it."""

    machines: int
    installed: int
    on_disk: int
    failed: int
    unfinished: int


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
        alone = _has_own_addresses(network.host)
        turns = None if alone else asyncio.Semaphore(TFTP_AT_ONCE)
        self.machines = {
            each.mac_address: Machine(
                each,
                network,
                turns=turns,
                pace=self.pace,
                counters=self.counters,
                source=str(ON_LOOPBACK + at) if alone else None,
            )
            for at, each in enumerate(hardware)
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Rack"]:
        """While entered, the machines are there, switched off until `power_on`."""
        allow_many()
        lives = [
            asyncio.create_task(self._live(machine), name=f"machine-{mac}") for mac, machine in self.machines.items()
        ]
        try:
            yield self
        finally:
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)

    async def _live(self, machine: Machine) -> None:
        """One machine's bug must not end the others, nor pass in silence."""
        while True:
            try:
                await machine.run()
            except Exception:
                _log.exception("the simulated machine %s broke", machine.hardware.name)
                await self.pace.pause(5.0)

    async def rest(self) -> None:
        """Wait until every machine is at rest: it has booted its disk, or given up."""
        for machine in self.machines.values():
            await machine.rest()

    @property
    def outcome(self) -> Outcome:
        """What has become of the machines until now."""
        machines = self.machines.values()
        installed = sum(bool(machine.installs) for machine in machines)
        others = [each for each in machines if each.is_at_rest and each.boots and not each.installs]
        on_disk = sum(machine.power is Power.DISK for machine in others)
        return Outcome(
            machines=len(machines),
            installed=installed,
            on_disk=on_disk,
            failed=len(others) - on_disk,
            unfinished=len(machines) - installed - len(others),
        )

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

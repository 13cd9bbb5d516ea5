"""One simulated machine from power-on to its disk: firmware, loader, iPXE, kernel, agent; again after each reboot."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from bootsrv.simulator import script
from bootsrv.simulator.agent import Agent, Orders, Wish, orders
from bootsrv.simulator.counters import Counters
from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.link import Link, Lost
from bootsrv.simulator.pace import Pace
from bootsrv.simulator.times import Stage

_log = logging.getLogger(__name__)

FIRMWARE_SECONDS = 1.4
DHCP_SECONDS = 0.6
IPXE_SECONDS = 0.5
KERNEL_SECONDS = 2.2
DISK_SECONDS = 3.0
TFTP_TRIES = 3
LONG_SECONDS = 10.0
MAX_BOOTS = 100
MAX_SCRIPTS = 1000  # one that is told to wait asks a few times a minute
REPORT_SECONDS = 30.0
SCRIPT_PATH = "/boot.ipxe"


class Power(StrEnum):
    """What a machine does now."""

    OFF = "off"
    FIRMWARE = "firmware"
    IPXE = "ipxe"
    WAITING = "waiting"
    AGENT = "agent"
    DISK = "disk"


IDLE = (Power.OFF, Power.DISK, Power.WAITING)
"""What a machine does when pressing its button starts it and interrupts nothing."""


class Reset(Exception):
    """The button was pressed while the machine waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where machines find the server; `url` is its HTTP base URL. `reports` says whether installed systems report."""

    url: str
    tftp_port: int
    reports: bool = True

    @property
    def host(self) -> str:
        """The server's name or address."""
        return urlsplit(self.url).hostname or ""


class Machine:
    """One simulated machine; `run` is its whole life."""

    def __init__(
        self,
        hardware: Hardware,
        network: Network,
        *,
        turns: asyncio.Semaphore | None = None,
        pace: Pace,
        counters: Counters,
        source: str | None = None,
    ) -> None:
        self.hardware = hardware
        self.power = Power.OFF
        self.installed = hardware.installed
        self.boots = 0
        self.installs = 0
        self._network = network
        self._turns = turns
        self._pace = pace
        self._counters = counters
        self._source = source
        self._switch = asyncio.Event()
        self._changed = asyncio.Event()
        self._resumed: Orders | None = None
        self._works = False
        self._on_since = 0.0
        self._has_new_system = False

    @property
    def is_at_rest(self) -> bool:
        """Whether it will do nothing more until its button is pressed; one that waits at the server's word will."""
        return not (self._works or self._switch.is_set())

    async def rest(self) -> None:
        """Wait until it is at rest."""
        while not self.is_at_rest:
            await self._changed.wait()

    @property
    def is_idle(self) -> bool:
        """Whether pressing the button starts it."""
        return self.power in IDLE

    async def until(self, *powers: Power) -> None:
        """Wait until it does one of these."""
        while self.power not in powers:
            await self._changed.wait()

    def resume(self, given: Orders) -> None:
        """Begin in the middle: the kernel runs already, with these orders for its agent."""
        self._resumed = given
        self._switch.set()

    def power_on(self) -> None:
        """Press the button: a machine that is off starts, one that runs from its disk or waits starts again."""
        if self.is_idle:
            self._switch.set()

    async def run(self) -> None:
        """Wait for power, start, work; until cancelled."""
        while True:
            await self._wait_for_power()
            self._counters.power_ons += 1
            self._works, self._on_since = True, time.monotonic()
            try:
                async with self._link() as link:
                    await self._work(link)
            finally:
                self._works = False
                self._stir()

    def _link(self) -> Link:
        return Link(self.hardware, turns=self._turns, pace=self._pace, counters=self._counters, source=self._source)

    async def _wait_for_power(self) -> None:
        """Being off, or running from the disk: an installed system tells from time to time that it is there."""
        if self.power is Power.DISK and self._network.reports:
            async with self._link() as link:
                while not self._switch.is_set():
                    await self._tell(link)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._switch.wait(), REPORT_SECONDS)
        await self._switch.wait()
        self._switch.clear()

    async def _tell(self, link: Link) -> None:
        facts = {
            "mac_address": self.hardware.mac_address,
            "ip_address": self.hardware.address,
            "hostname": self.hardware.hostname or None,
        }
        with contextlib.suppress(Lost):
            known = {name: value for name, value in facts.items() if value}
            await link.call("POST", f"{self._network.url}/api/v1/report", data=known)

    async def _work(self, link: Link) -> None:
        """Boot until the machine ends on its disk or is switched off."""
        for _ in range(MAX_BOOTS):
            self.boots += 1
            try:
                wish = await self._boot(link)
            except Reset:
                self._counters.power_ons += 1
                continue
            if wish is Wish.REBOOT:
                continue
            if wish is Wish.NOTHING and self.installed:
                await self._boot_disk()
            else:
                self._become(Power.OFF)
            return
        self._become(Power.OFF)

    async def _boot(self, link: Link) -> Wish:
        if self._resumed is not None:
            given, self._resumed = self._resumed, None
            return await self._agent(link, given)
        self._become(Power.FIRMWARE)
        await self._pace.pause(FIRMWARE_SECONDS + DHCP_SECONDS)
        if not await self._load(link):
            return Wish.NOTHING
        self._become(Power.IPXE)
        await self._pace.pause(IPXE_SECONDS)
        end = await self._ipxe(link)
        if not isinstance(end, script.Kernel):
            return Wish.NOTHING
        self._counters.kernels += 1
        await self._pace.pause(KERNEL_SECONDS)
        await self._answers(link, end.cmdline)
        began = time.monotonic()
        wish = await self._agent(link, orders(end.cmdline))
        self._took(Stage.STEPS, began)
        return wish

    async def _answers(self, link: Link, cmdline: str) -> None:
        """Fetch the installer's answer file, if the command line names one."""
        words = dict(word.partition("=")[::2] for word in cmdline.split())
        if words.get("url", "").startswith("http"):
            began = time.monotonic()
            await link.get(words["url"])
            self._took(Stage.ANSWERS, began)

    async def _load(self, link: Link) -> bool:
        """The firmware loads the loader."""
        for _ in range(TFTP_TRIES):
            began = time.monotonic()
            try:
                await link.tftp(self._network.host, self._network.tftp_port, self.hardware.loader)
            except Lost as error:
                _log.info("%s: %s", self.hardware.name, error)
                await self._pace.pause(DHCP_SECONDS)
            else:
                self._took(Stage.LOADER, began)
                return True
        return False

    async def _ipxe(self, link: Link) -> script.End:
        """The loader fetches a script, and what that says, until something is booted."""
        content = await self._fetch(link, f"{self._network.url}{SCRIPT_PATH}")
        end: script.End = script.Replaced(text=(content or b"").decode("utf-8", "replace"))
        for _ in range(MAX_SCRIPTS):
            if not isinstance(end, script.Replaced):
                return end
            end = await self._play(link, end.text)
        return script.Left(code=1)

    async def _play(self, link: Link, text: str) -> script.End:
        running = script.run(text, self.hardware.ipxe_settings(), disk_boots=self.installed)
        answer: script.Answer = None
        while True:
            try:
                effect = running.send(answer)
            except StopIteration as ended:
                end: script.End = ended.value
                return end
            answer = await self._carry_out(link, effect)

    async def _carry_out(self, link: Link, effect: script.Effect) -> script.Answer:
        match effect:
            case script.Say(text=text):
                _log.debug("%s shows: %s", self.hardware.name, text)
            case script.Pause(seconds=seconds):
                await self._wait(seconds)
            case script.Fetch(url=url):
                return await self._fetch(link, url)
        return None

    async def _fetch(self, link: Link, url: str) -> script.Answer:
        began = time.monotonic()
        content = await link.get(url)
        if content is not None:
            self._took(Stage.SCRIPT if urlsplit(url).path == SCRIPT_PATH else Stage.FILE, began)
        return content

    def _took(self, stage: Stage, began: float) -> None:
        self._counters.times.note(stage, time.monotonic() - began)

    async def _wait(self, seconds: float) -> None:
        """Wait as a script says.

        Raises:
            Reset: it was a long wait, and somebody pressed the button.
        """
        if seconds < LONG_SECONDS:
            await self._pace.pause(seconds)
            return
        self._become(Power.WAITING)
        try:
            async with asyncio.timeout(self._pace.real(seconds)):
                await self._switch.wait()
        except TimeoutError:
            self._become(Power.IPXE)
        else:
            raise Reset
        finally:
            self._switch.clear()

    async def _agent(self, link: Link, given: Orders | None) -> Wish:
        self._become(Power.AGENT)
        if given is None:  # an installer that is on its own: for a simulated machine there is nothing to do
            return Wish.NOTHING
        agent = Agent(
            link,
            self.hardware,
            given,
            boot=f"{self.hardware.mac_address}-{self.boots}",
            pace=self._pace,
            counters=self._counters,
        )
        wish = await agent.run()
        if agent.installed is not None:
            self.installed = self._has_new_system = agent.installed
        return wish

    async def _boot_disk(self) -> None:
        self._counters.disk_boots += 1
        await self._pace.pause(DISK_SECONDS)
        if self._has_new_system:
            self._has_new_system = False
            self.installs += 1
            self._took(Stage.INSTALL, self._on_since)
        self._become(Power.DISK)

    def _become(self, power: Power) -> None:
        self.power = power
        self._stir()

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

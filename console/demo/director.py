"""Who runs the demo's rack room: switches machines on, starts workflows now and then, and answers what people start."""

import asyncio
import logging

from bootsrv.simulator import IDLE, Rack
from console.demo.content import Scenario, Start
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import ExecutionStatus
from engine.errors import NotFound, PureBootError, Unavailable

_log = logging.getLogger(__name__)

PRINCIPAL = "trigger:demo"
BUTTON_SECONDS = 1.0
DISCOVERY_SECONDS = 1.2
FIRST_DISCOVERY_SECONDS = 0.3
MAX_TRIES = 120


class Director:
    """Runs the demo until cancelled."""

    def __init__(self, pureboot: PureBoot, rack: Rack, scenario: Scenario) -> None:
        self._pureboot = pureboot
        self._rack = rack
        self._scenario = scenario
        self._pause = rack.pace.pause

    async def run(self, cursor: int) -> None:
        """Follow the feed from `cursor` on and let the scenario happen."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(group, cursor), name="demo-follow")
            group.create_task(self._discover(), name="demo-discover")
            group.create_task(self._start_all(), name="demo-starts")
            group.create_task(self._start_again(), name="demo-again")

    async def _follow(self, group: asyncio.TaskGroup, cursor: int) -> None:
        """Whenever something is started on a machine, somebody goes and presses its button."""
        while True:
            try:
                async for batch in self._pureboot.feed.follow(cursor):
                    for event in batch:
                        cursor = event.id
                        if event.kind is Kind.EXECUTION_STARTED and event.node_id is not None:
                            group.create_task(self._press(event.node_id), name="demo-button")
            except Unavailable as error:
                _log.warning("the demo waits for the store: %s", error)
                await asyncio.sleep(1.0)

    async def _press(self, node_id: str) -> None:
        nodes = await self._pureboot.nodes_by_ids({node_id})
        machine = self._rack.machines.get(nodes[0].mac_address) if nodes else None
        if machine is None:
            return
        await self._pause(BUTTON_SECONDS)
        await machine.until(*IDLE)  # it may still be ending what it did before
        machine.power_on()

    async def _discover(self) -> None:
        """Switch on the machines that nobody knows, and those that run from their disks."""
        running = {start.node for start in self._scenario.running}
        for planned in self._scenario.machines:
            if planned.since is not None and planned.hardware.installed:
                self._rack.power_on(planned.hardware.mac_address)
        await self._pause(FIRST_DISCOVERY_SECONDS)
        for planned in self._scenario.machines:
            if planned.since is None and planned.hardware.hostname not in running:
                self._rack.power_on(planned.hardware.mac_address)
                await self._pause(DISCOVERY_SECONDS)

    async def _start_all(self) -> None:
        passed = 0.0
        for start in sorted(self._scenario.starts, key=lambda start: start.at):
            await self._pause(start.at - passed)
            passed = start.at
            await self._start(start)

    async def _start_again(self) -> None:
        """Keep something going when all else has ended."""
        if not self._scenario.again:
            return
        await self._pause(max((start.at for start in self._scenario.starts), default=0.0))
        turn = 0
        while True:
            await self._pause(self._scenario.every)
            counts = await self._pureboot.executions.counts()
            if counts.get(ExecutionStatus.RUNNING, 0) < self._scenario.below:
                await self._start(self._scenario.again[turn % len(self._scenario.again)])
                turn += 1

    async def _start(self, start: Start) -> None:
        try:
            await self._known(start.node)
            await self._pureboot.executions.start(
                start.workflow, node=start.node, params=start.params, by=PRINCIPAL, trigger="demo"
            )
        except PureBootError as error:  # somebody was faster, or has locked the node: theirs to say
            _log.info("the demo does not start %s on %s: %s", start.workflow, start.node, error)

    async def _known(self, hostname: str) -> None:
        """Wait until a machine has reported itself, and put it into its group.

        Raises:
            NotFound: it has not, in all that time.
        """
        planned = self._scenario.machine(hostname)
        for _ in range(MAX_TRIES):
            try:
                node = await self._pureboot.nodes.get(hostname)
            except NotFound:
                await self._pause(BUTTON_SECONDS)
                continue
            if planned is not None and node.group_id is None:
                await self._pureboot.nodes.update(node.id, {"group_id": planned.rack}, by=PRINCIPAL)
            return
        raise NotFound(f"{hostname} has not reported itself")

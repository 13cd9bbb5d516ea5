"""What happened before the demo was opened: told to the store through the same services as everything else.

The clock goes from one event to the next, so history and timelines read as if the rack had been in use for two weeks.
Nobody hosts the store meanwhile; machines are played at once by the simulator's pure half.
"""

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bootsrv.simulator import Firmware, Hardware
from bootsrv.simulator.agent import BOOTED
from bootsrv.simulator.shell import Performance, perform
from console.demo.content import (
    Planned,
    Rack,
    Scenario,
    Start,
    TemplateSource,
    TemplateVersion,
    WorkflowSource,
    templates,
    workflows,
)
from engine.app import PureBoot
from engine.core.boot import BOOT_ACTION, BootRequest
from engine.core.documents import Bump
from engine.core.executions import Execution
from engine.core.nodes import NodeState
from engine.core.reports import ReportStatus, StepReport
from engine.core.scopes import Server
from engine.services.callbacks import CurrentStep, Gone
from engine.settings import Settings

ADA, GRACE = "user:ada", "user:grace"
_SERVER = Server(url="http://127.0.0.1:8080", tftp_url="tftp://127.0.0.1:6969")
_INSTALL = "debian-12"
_BOOT_SECONDS = 9.0
_RETRY_SECONDS = 10.0
_MAX_STEPS = 40
_ADOPTED = (NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED, NodeState.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """An execution in whose middle the demo begins, and the token its machine's agent has."""

    mac_address: str
    execution_id: str
    token: str


class PastClock:
    """Stands where it is put, at the latest at `end`."""

    def __init__(self, moment: datetime, end: datetime) -> None:
        self._moment = moment
        self._end = end

    def now(self) -> datetime:
        """Where it stands."""
        return self._moment

    def monotonic(self) -> float:
        """The same in seconds: it never jumps."""
        return self._moment.timestamp()

    def go(self, moment: datetime) -> None:
        """Put it to a later moment; it never goes back."""
        self._moment = min(max(self._moment, moment), self._end)

    def pass_(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.go(self._moment + timedelta(seconds=seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Be there."""
        self.go(moment)


async def write_past(settings: Settings, scenario: Scenario, now: datetime) -> list[UnderWay]:
    """Fill an empty store with two weeks that end at `now`."""
    clock = PastClock(now - timedelta(days=15), now)
    async with PureBoot(settings, clock=clock, host=False) as pureboot:
        past = _Past(pureboot, clock, scenario)
        for days, work in sorted(past.events(), key=lambda event: -event[0]):
            clock.go(now - timedelta(days=days))
            await work()
        return await past.begin(now)


_Event = tuple[float, Callable[[], Awaitable[None]]]


class _Past:
    def __init__(self, pureboot: PureBoot, clock: PastClock, scenario: Scenario) -> None:
        self._pureboot = pureboot
        self._clock = clock
        self._scenario = scenario

    def events(self) -> list[_Event]:
        """What happened, each with how many days ago."""
        found: list[_Event] = []
        for at, template in enumerate(templates()):
            for number, version in enumerate(template.versions):
                found.append((version.days - at / 1000, self._template(template, version, number)))
        found += [(workflow.days, self._workflow(workflow)) for workflow in workflows()]
        found += [(13.8, self._group(rack)) for rack in self._scenario.racks]
        for at, planned in enumerate(self._scenario.machines):
            if planned.since is not None:
                found.append((planned.days - at / 100, self._installed(planned)))
        return found

    def _template(
        self, template: TemplateSource, version: TemplateVersion, number: int
    ) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if number:
                await self._pureboot.templates.add_version(
                    template.name,
                    version.text,
                    by=version.by,
                    commit_message=version.message,
                    bump=Bump(version.bump),
                )
                return
            await self._pureboot.templates.create(
                template.name,
                version.text,
                by=version.by,
                type_=template.type,
                description=template.description,
                os_family=template.os_family,
                tags=template.tags,
                commit_message=version.message,
            )

        return work

    def _workflow(self, source: WorkflowSource) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            for workflow, _ in await self._pureboot.workflows.import_(source.text, by=source.by, file=source.file):
                await self._pureboot.workflows.publish(workflow.name, by=source.by)

        return work

    def _group(self, rack: Rack) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            values = {"name": rack.name, "description": rack.description, "metadata": dict(rack.metadata)}
            await self._pureboot.groups.create(values, by=ADA)

        return work

    def _installed(self, planned: Planned) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            await self._meet(planned)
            if planned.adopted:
                await self._move(planned, *_ADOPTED, comment="was here before PureBoot")
            else:
                await self._install(planned)
            if planned.locked:
                await self._pureboot.nodes.update(planned.hardware.mac_address, {"locked": True}, by=GRACE)

        return work

    async def _install(self, planned: Planned) -> None:
        for _ in range(3 if planned.since is NodeState.INSTALL_FAILED else 1):
            self._clock.pass_(600)
            role = "database" if planned.rack == "r5" else "web"
            execution = await self._start(
                Start(workflow=_INSTALL, node=planned.hardware.hostname, params={"role": role})
            )
            async for seconds in self._play(execution, planned.hardware, _MAX_STEPS):
                self._clock.pass_(seconds)
        if planned.since is NodeState.ACTIVE:
            self._clock.pass_(3600)
            await self._move(planned, NodeState.ACTIVE, comment="handed over")

    async def _move(self, planned: Planned, *states: NodeState, comment: str) -> None:
        for state in states:
            await self._pureboot.nodes.move(planned.hardware.mac_address, state, by=ADA, comment=comment)

    async def begin(self, now: datetime) -> list[UnderWay]:
        """Start what is under way at `now`, all at the same time: whoever has to go on first goes on."""
        begun = [self._begun(start) for start in self._scenario.running]
        waiting = [(now + timedelta(seconds=start.at), at) for at, start in enumerate(self._scenario.running)]
        found: list[UnderWay] = []
        heapq.heapify(waiting)
        while waiting:
            moment, at = heapq.heappop(waiting)
            self._clock.go(moment)
            seconds = await anext(begun[at], None)
            if isinstance(seconds, UnderWay):
                found.append(seconds)
            elif seconds is not None:
                heapq.heappush(waiting, (self._clock.now() + timedelta(seconds=seconds), at))
        return found

    async def _begun(self, start: Start) -> AsyncIterator[float | UnderWay]:
        """An execution up to where the demo takes over; yields seconds to pass, and at last what it came to."""
        planned = self._scenario.machine(start.node)
        if planned is None:
            return
        await self._meet(planned)
        execution = await self._start(start)
        async for seconds in self._play(execution, planned.hardware, start.done):
            yield seconds
        yield UnderWay(
            mac_address=planned.hardware.mac_address,
            execution_id=execution.id,
            token=self._pureboot.context.capability(execution.id),
        )

    async def _meet(self, planned: Planned) -> None:
        """The machine asks for the first time; somebody puts it into its group."""
        await self._pureboot.boots.boot(_request(planned.hardware), server=_SERVER)
        values = {"group_id": planned.rack, "tags": list(planned.tags)}
        await self._pureboot.nodes.update(planned.hardware.mac_address, values, by=ADA)

    async def _start(self, start: Start) -> Execution:
        return await self._pureboot.executions.start(start.workflow, node=start.node, params=start.params, by=ADA)

    async def _play(self, execution: Execution, hardware: Hardware, steps: int) -> AsyncIterator[float]:
        """Let the machine boot and perform so many steps; yields how many seconds pass before it goes on."""
        yield _BOOT_SECONDS
        await self._pureboot.boots.boot(_request(hardware), server=_SERVER)
        yield _BOOT_SECONDS
        agent = f"{hardware.mac_address}-{execution.id[:8]}"
        for _ in range(steps):
            try:
                step = await self._pureboot.callbacks.current(execution.id, server=_SERVER, agent=agent)
            except Gone:
                return
            if step is None:
                yield _RETRY_SECONDS
                await self._pureboot.executions.advance_due()
                continue
            performance = _performance(step, hardware)
            yield performance.seconds
            await self._report(execution, step, performance)

    async def _report(self, execution: Execution, step: CurrentStep, performance: Performance) -> None:
        if step.step_type != "node.script":
            message = BOOTED if step.step_type == BOOT_ACTION else str(step.step_config.get("op", "reboot"))
            report = StepReport(status=ReportStatus.SUCCESS, message=message, attempt=step.attempt)
        else:
            lines = [moment.text for moment in performance.moments if moment.text]
            text = "".join(f"{line}\n" for line in lines)
            await self._pureboot.callbacks.append_log(execution.id, step.step_id, text)
            report = StepReport(
                status=ReportStatus.FAILED if performance.exit_code else ReportStatus.SUCCESS,
                message=lines[-1].rpartition("\n")[2] if lines else None,
                exit_code=performance.exit_code,
                output=performance.output,
                attempt=step.attempt,
            )
        await self._pureboot.callbacks.report(execution.id, step.step_id, report)


def _performance(step: CurrentStep, hardware: Hardware) -> Performance:
    config = step.step_config
    env = dict(config.get("env") or {})
    return perform(str(config.get("script") or ""), hardware, attempt=step.attempt, env=env)


def _request(hardware: Hardware) -> BootRequest:
    return BootRequest(
        mac_address=hardware.mac_address,
        uuid=hardware.uuid,
        serial=hardware.serial,
        arch="x86_64",
        platform="pcbios" if hardware.firmware is Firmware.BIOS else "efi",
        vendor=hardware.vendor,
        model=hardware.model,
        hostname=hardware.hostname,
        ip_address=hardware.address,
    )

"""The demo: its content is right, its past reads well, its machines really boot, and it leaves nothing behind."""

import asyncio
import logging
import re
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootsrv.simulator import Personality, Power
from console.demo.content import scenario, templates, workflows
from console.demo.past import write_past
from console.demo.site import Site, open_demo, prepare
from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.page import EVERYTHING, Page
from tests.console.cli_support import Terminal, environment, line_with, process

ANY_PORTS = {"http.port": 0, "tftp.port": 0}
SECONDS = 40.0


async def event(pureboot: PureBoot, wanted: Callable[[Event], bool], after: int = 0) -> Event:
    """The first event after `after` that is wanted."""
    async with asyncio.timeout(SECONDS):
        async for batch in pureboot.feed.follow(after):
            for each in batch:
                if wanted(each):
                    return each
    raise AssertionError


def ends(execution_id: str | None) -> Callable[[Event], bool]:
    return lambda each: each.kind is Kind.EXECUTION_FINISHED and each.execution_id == execution_id


async def live_on(site: Site, hostname: str) -> str:
    """The id of the execution that runs on a machine."""
    found, _ = await site.pureboot.executions.find(Page(filters={"node": (hostname,), "status": ("running",)}))
    return found[0].id


@pytest.mark.parametrize("count", [1, 5, 24, 100])
def test_as_many_machines_as_wanted_each_one_of_its_kind(count: int) -> None:
    plan = scenario(count)
    assert len(plan.machines) == count
    for values in (
        [each.hardware.mac_address for each in plan.machines],
        [each.hardware.hostname for each in plan.machines],
        [each.hardware.address for each in plan.machines],
        [each.hardware.serial for each in plan.machines],
    ):
        assert len(set(values)) == count
    assert {each.rack for each in plan.machines} == {rack.name for rack in plan.racks}
    assert all(plan.machine(start.node) for start in (*plan.starts, *plan.running, *plan.again))


def test_the_rack_is_a_mixed_one() -> None:
    plan = scenario()
    assert len(plan.racks) == 3
    kinds = Counter(each.hardware.personality for each in plan.machines)
    assert set(kinds) == set(Personality)
    assert {each.hardware.firmware.value for each in plan.machines} == {"bios", "uefi"}
    assert any(each.locked for each in plan.machines)
    busy = {start.node for start in (*plan.starts, *plan.running, *plan.again)}
    to_try = [each for each in plan.machines if each.since is None and each.hardware.hostname not in busy]
    assert len(to_try) >= 4


def test_templates_have_versions_to_compare() -> None:
    found = templates()
    assert len({each.name for each in found}) == len(found)
    assert sum(len(each.versions) > 1 for each in found) >= 3
    for each in found:
        texts = [version.text for version in each.versions]
        assert len(set(texts)) == len(texts)
        assert [version.days for version in each.versions] == sorted((v.days for v in each.versions), reverse=True)


def test_there_are_workflows_that_install_look_and_burn_in() -> None:
    assert {each.file for each in workflows()} == {"debian-12.yaml", "inventory.yaml", "burn-in.yaml"}


async def test_the_past_is_told_in_order_and_ends_with_what_is_under_way(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    settings = prepare(tmp_path, ANY_PORTS)
    under_way = await write_past(settings, scenario(), now)
    async with PureBoot(settings, host=False) as pureboot:
        events = await pureboot.events_after(0, 10_000)
        times = [each.at for each in events]
        assert times == sorted(times)
        assert times[0] < now - timedelta(days=13)
        assert times[-1] <= now
        planned = [each for each in scenario().machines if each.since is not None]
        for each in planned:
            node = await pureboot.nodes.get(each.hardware.hostname)
            assert (node.state, node.locked) == (each.since, each.locked)
            assert node.group_id is not None
        failed = await pureboot.nodes.get("r5-07")
        assert failed.install_attempts == 3
        assert "Input/output error" in (failed.last_install_error or "")
        running = await pureboot.executions_by_ids({each.execution_id for each in under_way})
        assert len(running) == len(scenario().running)
        for execution in running:
            assert execution.status is ExecutionStatus.RUNNING
            finished = [attempt for attempt in execution.attempts if attempt.status is AttemptStatus.SUCCEEDED]
            assert finished
            assert all(
                now - attempt.completed_at < timedelta(seconds=30) for attempt in finished if attempt.completed_at
            )
        for workflow in ("debian-12", "inventory", "burn-in"):
            assert (await pureboot.workflows.get(workflow)).is_active


async def test_a_rack_comes_to_life(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with open_demo(tmp_path, speed=25, flags=ANY_PORTS) as site:
        pureboot = site.pureboot
        steady, failing = await live_on(site, "r4-04"), await live_on(site, "r4-06")
        await asyncio.gather(event(pureboot, ends(steady)), event(pureboot, ends(failing)))
        assert (await pureboot.nodes.get("r4-04")).state is NodeState.INSTALLED
        lost = await pureboot.executions.get(failing)
        assert lost.status is ExecutionStatus.FAILED
        assert [each.status for each in lost.attempts if each.step_key == "image"] == [AttemptStatus.FAILED] * 3
        assert (await pureboot.nodes.get("r4-06")).install_attempts == 1

        inventory = await event(
            pureboot, lambda each: each.kind is Kind.EXECUTION_STARTED and each.data["workflow"] == "inventory"
        )
        await event(pureboot, ends(inventory.execution_id))
        looked = await pureboot.executions.get(str(inventory.execution_id))
        assert looked.status is ExecutionStatus.SUCCEEDED, looked.error
        summary = next(each for each in looked.attempts if each.step_key == "summary")
        assert re.fullmatch(r"r6-0\d: 16 cores, 128 GiB, disk /dev/sda", str(summary.output["echo"]))
        discovered, _ = await pureboot.nodes.find(Page(limit=None, filters={"state": ("discovered",)}))
        assert len(discovered) > 3
    served = [record.getMessage() for record in caplog.records if record.name == "bootsrv.tftp.server"]
    assert any("undionly.kpxe: done" in text for text in served)
    assert any("ipxe.efi: done" in text for text in served)
    asked = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bootsrv.http"))
    for path in (
        "GET /boot.ipxe: 200",
        "GET /boot.ipxe?mac=",
        "GET /files/rescue/initrd.gz: 200",
        "/logs?attempt=1: 200",
    ):
        assert path in asked


async def test_a_machine_that_somebody_starts_a_workflow_on_is_switched_on(tmp_path: Path) -> None:
    async with open_demo(tmp_path, speed=25, flags=ANY_PORTS) as site:
        pureboot = site.pureboot
        met = await event(
            pureboot, lambda each: each.kind is Kind.NODE_DISCOVERED and each.data.get("hostname") == "r4-08"
        )
        execution = await pureboot.executions.start("debian-12", node=met.node_id, by="user:ada")
        await event(pureboot, ends(execution.id))
        assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.SUCCEEDED
        node = await pureboot.nodes.get("r4-08")
        assert node.state is NodeState.INSTALLED
        await asyncio.wait_for(site.rack.machines[node.mac_address].until(Power.DISK), SECONDS)


async def test_something_is_always_going_on(tmp_path: Path) -> None:
    async with open_demo(tmp_path, speed=200, flags=ANY_PORTS) as site:
        started: Counter[str | None] = Counter()
        async with asyncio.timeout(SECONDS):
            async for batch in site.pureboot.feed.follow(await site.pureboot.feed.cursor()):
                started.update(each.node_id for each in batch if each.kind is Kind.EXECUTION_STARTED)
                if max(started.values(), default=0) >= 2:  # the scenario itself starts each machine once
                    break


async def test_the_network_of_the_demo_is_this_machines_own(tmp_path: Path) -> None:
    settings = prepare(tmp_path, {})
    assert (settings.http.host, settings.tftp.host) == ("127.0.0.1", "127.0.0.1")
    assert settings.database.url == f"sqlite:///{tmp_path / 'pureboot.db'}"
    assert settings.files.dir.is_relative_to(tmp_path)
    assert prepare(tmp_path, {"http.port": 8099}).http.port == 8099


def test_it_runs_without_a_screen_until_a_signal_and_leaves_nothing(sqlite_url: str, tmp_path: Path) -> None:
    env = {**environment(sqlite_url, tmp_path), "TMPDIR": str(tmp_path)}
    with process("demo", "--no-screen", "--speed", "10", "--http-port", "0", "--tftp-port", "0", env=env) as demo:
        assert "24 simulated machines" in line_with(demo.stderr, "simulated")
        assert [path.name for path in tmp_path.glob("pureboot-demo-*")]
        line_with(demo.stdout, "installing -> installed")
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
    assert not list(tmp_path.glob("pureboot-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_opens_on_a_live_rack_and_leaves_nothing(sqlite_url: str, tmp_path: Path, number: signal.Signals) -> None:
    env = {**environment(sqlite_url, tmp_path), "TMPDIR": str(tmp_path)}
    with Terminal("demo", "--http-port", "0", "--tftp-port", "0", env=env) as demo:
        demo.until("r4-05")
        demo.until("Write the image")
        demo.until("discovered")
        demo.process.send_signal(number)
        assert demo.end() == 0
    assert not list(tmp_path.glob("pureboot-demo-*"))


async def test_every_screen_has_something_to_show_at_once(tmp_path: Path) -> None:
    async with open_demo(tmp_path, flags=ANY_PORTS) as site:
        pureboot = site.pureboot
        cursor = await pureboot.feed.cursor()
        counts = await pureboot.executions.counts()
        assert counts[ExecutionStatus.RUNNING] >= 4
        assert counts[ExecutionStatus.SUCCEEDED] >= 3
        assert counts[ExecutionStatus.FAILED] >= 3
        assert (await pureboot.templates.find(EVERYTHING))[1] >= 6
        async with asyncio.timeout(5):  # the promise to whoever opens the demo
            log = await anext(pureboot.feed.follow_log(await live_on(site, "r4-05")))
            assert log
            await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_PROGRESSED, cursor)
        await event(pureboot, lambda each: each.kind is Kind.NODE_DISCOVERED, cursor)

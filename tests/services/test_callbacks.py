"""What nodes do with their token, and what they are told when they ask for their boot; on both databases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from engine.app import PureBoot
from engine.core.boot import BootDecision, BootRequest, Choice, Local, Serve, Wait, stays
from engine.core.events import Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from engine.services.callbacks import Gone
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, SERVER, begun, ended, published, report, statuses

MAC = "aa:bb:cc:dd:ee:01"
REQUEST = BootRequest(mac_address=MAC, platform="efi", arch="x86_64", vendor="QEMU", serial="S1")

INSTALL = """
name: install
boot_mode: uefi
params: {disk: {type: string, default: /dev/vda}}
steps:
  - key: boot
    action: node.boot
    with:
      kernel: k
      initrd: [a, b]
      cmdline: url=${server.http_url}/render/${execution.token}/seed cb=${execution.callback_url}
    next_state: installing
  - key: write
    action: node.script
    with: {script: "dd of={{ params.disk }} # ${node.mac}", env: {DISK: "{{ params.disk }}"}}
    heartbeat: 1m
    retry: {max_attempts: 2}
    next_state: installed
  - {key: stop, action: node.reboot, with: {op: poweroff}}
"""


@asynccontextmanager
async def installing(opener: Opener, url: str, **flags: object) -> AsyncIterator[tuple[PureBoot, Execution]]:
    async with opener(url, **flags) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        yield pureboot, await pureboot.executions.start("install", node="r1", by=ADA)


async def told(pureboot: PureBoot, request: BootRequest = REQUEST) -> BootDecision:
    return await pureboot.boots.boot(request, server=SERVER)


async def test_a_stranger_is_registered_and_boots_its_disk(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        answer = await told(pureboot)
        assert isinstance(answer, Local)
        assert (answer.message, answer.ask_again) == (f"{MAC} is new here, now listed as discovered", True)
        assert answer.menu is not None
        assert answer.menu.choices == (Choice.ENROL,)
        node = await pureboot.nodes.get(MAC)
        assert (node.state, node.boot_mode, node.arch, node.vendor) == (NodeState.DISCOVERED, "uefi", "x86_64", "QEMU")
        assert isinstance(await told(pureboot), Local)
        assert (await pureboot.nodes.find(Page()))[1] == 1


async def test_a_machine_that_stays_is_logged_when_it_starts_and_when_it_is_told_something_else(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    again = replace(REQUEST, again=True)

    async def logged(pureboot: PureBoot) -> list[str]:
        found, _ = await pureboot.events(Page(filters={"kind": (Kind.NODE_BOOT_LOCAL.value,)}))
        return [event.data["message"] for event in found]

    async with opener(store_url, clock=clock) as pureboot:
        await told(pureboot)
        for _ in range(3):
            nothing = await told(pureboot, again)
        assert nothing == stays(f"{MAC} is discovered, nothing is to be done: it boots its disk")
        assert len(await logged(pureboot)) == 2
        for _ in range(3):
            await told(pureboot)  # no machine starts so often
        assert len(await logged(pureboot)) == 2
        clock.advance(10)
        await told(pureboot)  # switched off and on
        assert len(await logged(pureboot)) == 3
        await pureboot.nodes.update(MAC, {"locked": True}, by=ADA)
        for _ in range(3):
            assert await told(pureboot, again) == Local(message=f"{MAC} is locked and boots its disk")
        assert (await logged(pureboot))[0] == f"{MAC} is locked and boots its disk"
        assert len(await logged(pureboot)) == 4


async def test_a_boot_step_is_served_complete_and_the_same_when_asked_again(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        served = await told(pureboot)
        token = pureboot.context.capability(execution.id)
        assert served == Serve(
            step_name="boot",
            kernel="k",
            initrd=("a", "b"),
            cmdline=f"url={SERVER.url}/render/{token}/seed cb={SERVER.url}/api/v1/callback/{execution.id}",
            boot_mode="uefi",
        )
        assert await told(pureboot) == served
        assert (await pureboot.callbacks.execution_of(token) or execution).id == execution.id
        assert await pureboot.callbacks.execution_of(token.swapcase()) is None
        stored = await pureboot.executions.get(execution.id)
        assert token not in repr(stored)
        found, _ = await pureboot.events(Page(limit=200))
        assert token not in repr(found)


async def test_the_agents_life_from_boot_to_the_end(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        first = await pureboot.callbacks.current(execution.id, server=SERVER, agent="boot1")
        assert first is not None
        assert (first.step_type, first.served) == ("node.boot", False)
        await told(pureboot)
        first = await pureboot.callbacks.current(execution.id, server=SERVER, agent="boot1")
        assert first is not None
        assert first.served
        assert await report(pureboot, execution, first.step_id) == "recorded"
        step = await pureboot.callbacks.current(execution.id, server=SERVER, agent="boot1")
        assert step is not None
        assert (step.step_key, step.attempt, step.heartbeat_seconds) == ("write", 1, 60)
        assert step.step_config == {"script": f"dd of=/dev/vda # {MAC}", "env": {"DISK": "/dev/vda"}}
        await report(pureboot, execution, "write", "progress", progress_percent=40, message="half \x1b[31mway")
        running = (await pureboot.executions.get(execution.id)).attempts[-1]
        assert (running.progress_percent, running.message) == (40, "half \N{REPLACEMENT CHARACTER}[31mway")
        await pureboot.callbacks.append_log(execution.id, "write", "one\r\n")
        await report(pureboot, execution, "write", exit_code=0, output={"bytes": 5}, logs="two\n")
        await report(pureboot, execution, "stop")
        done = await ended(pureboot, execution)
        assert (done.status, dict(done.attempts[1].output)) == (ExecutionStatus.SUCCEEDED, {"bytes": 5})
        assert [each.text for each in await pureboot.executions.log(execution.id)] == ["one\n", "two\n"]
        with pytest.raises(Gone, match="has succeeded"):
            await pureboot.callbacks.current(execution.id, server=SERVER)


async def test_a_repeated_report_is_recorded_once(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        assert await report(pureboot, execution, "boot") == "recorded"
        cursor = await pureboot.feed.cursor()
        assert await report(pureboot, execution, "boot") == "repeated"
        assert await pureboot.feed.cursor() == cursor
        await report(pureboot, execution, "write")
        await report(pureboot, execution, "stop")
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED
        assert await report(pureboot, execution, "stop") == "repeated"


@pytest.mark.parametrize(
    ("step", "status", "message"),
    [
        ("write", "success", r"step write has no such attempt; .*\(current: boot\)"),
        ("boot", "failed", "attempt 1 of step boot is succeeded"),
    ],
)
async def test_a_report_that_is_not_for_the_current_step_changes_nothing(
    store_url: str, opener: Opener, step: str, status: str, message: str
) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        if step == "boot":
            await report(pureboot, execution, "boot")
        before = await pureboot.executions.get(execution.id)
        with pytest.raises(Conflict, match=message):
            await report(pureboot, execution, step, status)
        assert await pureboot.executions.get(execution.id) == before
        with pytest.raises(NotFound, match="workflow install has no step gone"):
            await report(pureboot, execution, "gone")
        with pytest.raises(Invalid, match="101 is not between 0 and 100"):
            await report(pureboot, execution, "boot", "progress", progress_percent=101)


async def test_late_reports_of_a_cancelled_execution_are_told_so(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        await pureboot.executions.cancel(execution.id, by=ADA)
        with pytest.raises(Conflict, match="has cancelled; the report is not taken"):
            await report(pureboot, execution, "boot")
        with pytest.raises(Gone):
            await pureboot.callbacks.heartbeat(execution.id)
        assert isinstance(await told(pureboot), Local)


async def test_an_attempt_is_never_given_to_a_second_life_of_the_machine(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        await report(pureboot, execution, "boot")
        for _ in range(2):
            step = await pureboot.callbacks.current(execution.id, server=SERVER, agent="life1")
            assert step is not None
            assert step.attempt == 1
        step = await pureboot.callbacks.current(execution.id, server=SERVER, agent="life2")
        assert step is not None
        assert step.attempt == 2
        found = await pureboot.executions.get(execution.id)
        assert statuses(found) == [("boot", 1, "succeeded"), ("write", 1, "failed"), ("write", 2, "running")]
        assert found.attempts[1].error == "lost: the machine started again while the step ran"
        with pytest.raises(Conflict, match="attempt 1 of step write is failed"):
            await report(pureboot, execution, "write", attempt=1)
        assert await pureboot.callbacks.current(execution.id, server=SERVER, agent="life3") is None
        assert (await ended(pureboot, execution)).status is ExecutionStatus.FAILED


async def test_silence_ends_an_attempt_and_any_sign_of_life_puts_that_off(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with installing(opener, store_url, clock=clock) as (pureboot, execution):
        await report(pureboot, execution, "boot")
        await pureboot.callbacks.current(execution.id, server=SERVER, agent="life1")
        for _ in range(3):
            clock.advance(50)
            await pureboot.callbacks.heartbeat(execution.id)
        await pureboot.callbacks.append_log(execution.id, "write", "x")
        clock.advance(59)
        await pureboot.executions.advance_due()
        assert statuses(await pureboot.executions.get(execution.id))[-1] == ("write", 1, "running")
        clock.advance(1)
        await begun(pureboot, execution, "write", times=2)
        assert statuses(await pureboot.executions.get(execution.id))[-2:] == [
            ("write", 1, "timed_out"),
            ("write", 2, "running"),
        ]


async def test_once_installed_the_machine_boots_its_disk_for_good(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        assert isinstance(await told(pureboot), Serve)
        await report(pureboot, execution, "boot")
        assert isinstance(await told(pureboot), Local)
        await report(pureboot, execution, "write")
        assert await told(pureboot) == Local(message="r1 is installed and boots its disk")
        await report(pureboot, execution, "stop")
        await ended(pureboot, execution)
        await pureboot.nodes.move("r1", NodeState.ACTIVE, by=ADA)
        assert await told(pureboot) == Local(message="r1 is active and boots its disk")


async def test_a_machine_that_comes_too_early_waits(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = INSTALL.replace("steps:", "steps:\n  - {key: w, action: core.delay, with: {duration: 1m}}")
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, text)
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("install", node=MAC, by=ADA)
        assert isinstance(await told(pureboot), Wait)
        await begun(pureboot, execution, "w")
        clock.advance(60)
        await begun(pureboot, execution, "boot")
        assert isinstance(await told(pureboot), Serve)


async def test_the_wrong_firmware_is_refused_and_the_step_goes_on_waiting(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        answer = await told(pureboot, BootRequest(mac_address=MAC, platform="pcbios"))
        assert answer == stays("install is for uefi firmware, but this machine started in bios mode")
        assert await told(pureboot, BootRequest(mac_address=MAC, platform="pcbios", again=True)) == answer
        assert (await pureboot.executions.get(execution.id)).current_steps == ("boot",)
        [refusal], _ = await pureboot.events(Page(filters={"kind": (Kind.NODE_BOOT_REFUSED.value,)}))
        assert refusal.data["message"] == answer.message


async def test_a_boot_with_an_unresolved_variable_is_an_error_not_a_broken_install(
    store_url: str, opener: Opener
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL.replace("cb=", "ns=${meta.dns} cb="))
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("install", node=MAC, by=ADA)
        answer = await told(pureboot)
        assert isinstance(answer, Local)
        assert "${meta.dns} has no value" in answer.message
        done = await ended(pureboot, execution)
        assert done.status is ExecutionStatus.FAILED
        assert "with.cmdline: ${meta.dns} has no value and no default" in str(done.attempts[0].error)


async def test_a_template_is_rendered_for_the_node_that_boots(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        await pureboot.templates.create("seed", "host ${node.hostname}\nfor ${execution.step_name}\n", by=ADA)
        await pureboot.templates.create("broken", "ok\ndns ${meta.dns} ${meta.ntp|10.0.0.1}\n", by=ADA)

        async def render(reference: str) -> str:
            return await pureboot.callbacks.render(execution.id, reference, server=SERVER)

        assert await render("seed") == await render("seed:v1.0") == "host r1\nfor boot\n"
        with pytest.raises(Invalid, match=r"broken:2:5: \$\{meta.dns\} has no value and no default"):
            await render("broken")
        [failure], _ = await pureboot.events(Page(filters={"kind": (Kind.TEMPLATE_RENDER_FAILED.value,)}))
        assert failure.data["template"] == "broken"
        with pytest.raises(NotFound):
            await render("gone")
        await pureboot.executions.cancel(execution.id, by=ADA)
        with pytest.raises(NotFound):
            await render("seed")


async def test_a_file_that_is_not_there_fails_the_boot_step_with_that_reason(store_url: str, opener: Opener) -> None:
    async with installing(opener, store_url) as (pureboot, execution):
        assert await pureboot.boots.refuse(REQUEST, "k is not there") == stays("k is not there")
        assert (await ended(pureboot, execution)).error == "step boot failed: k is not there"


async def test_an_installers_own_report_ends_the_step_it_runs_in(store_url: str, opener: Opener) -> None:
    from engine.core.reports import InstallationStatus, NodeReport

    async with installing(opener, store_url) as (pureboot, execution):
        await told(pureboot)

        async def say(status: str, **values: object) -> None:
            report = NodeReport(mac_address=MAC, installation_status=InstallationStatus(status), **values)  # type: ignore[arg-type]
            await pureboot.reports.report(report)

        await say("started")
        assert (await pureboot.nodes.get("r1")).state is NodeState.INSTALLING
        await say("progress", installation_progress=250)
        assert (await pureboot.executions.get(execution.id)).attempts[0].progress_percent == 100
        await say("complete")
        assert (await pureboot.executions.get(execution.id)).current_steps == ("write",)
        await say("failed", installation_error="no space")
        found = await pureboot.executions.get(execution.id)
        assert statuses(found)[1:] == [("write", 1, "failed"), ("write", 2, "running")]
        assert found.attempts[1].error == "no space"


async def test_a_failure_that_is_told_again_while_the_next_try_waits_is_known(store_url: str, opener: Opener) -> None:
    workflow = """
name: patient
steps:
  - {key: a, action: node.script, with: {script: "true"}, retry: {max_attempts: 2, delay: 1h}}
"""
    async with opener(store_url) as pureboot:
        await published(pureboot, workflow)
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("patient", node=MAC, by=ADA)
        assert await report(pureboot, execution, "a", "failed", exit_code=1) == "recorded"
        assert await report(pureboot, execution, "a", "failed", exit_code=1) == "repeated"
        with pytest.raises(Conflict, match="attempt 1 of step a is failed"):
            await report(pureboot, execution, "a", "success")
        await pureboot.callbacks.append_log(execution.id, "a", "last words\n")
        first, second = (await pureboot.executions.get(execution.id)).attempts
        assert (first.status, second.status) == ("failed", "retrying")
        [piece] = await pureboot.executions.log(execution.id)
        assert (piece.attempt_id, piece.text) == (first.id, "last words\n")

"""What a node asks and reports: the current step, its outcome, its log, signs of life."""

import asyncio
import json
from typing import Any

import pytest

from bootsrv.http.received import Received
from bootsrv.http.site import Limits
from engine.app import PureBoot
from engine.core.executions import AttemptStatus, ExecutionStatus
from tests.bootsrv.http_support import MAC, SCRIPT, Client, eventually, node, serving, started, until_ended
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import begun, published

TWO = """\
name: two
steps:
  - key: pause
    action: core.delay
    with: {duration: 1h}
  - key: run
    action: node.script
    with: {script: "echo ${node.mac} ${execution.attempt}"}
    timeout: 10m
"""

TEMPLATED = """\
name: templated
steps:
  - key: run
    action: node.script
    with: {template: hello, env: {WHO: "${node.hostname}"}}
"""


async def _waiting(client: Client, count: int = 1) -> None:
    await eventually(lambda: client.site.bells.waiting == count)


async def test_the_current_step_is_complete(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1")
    await pureboot.templates.create("hello", "echo hello ${node.hostname} from ${server.url}\n", by="user:test")
    execution, _ = await started(pureboot, TEMPLATED)
    async with serving(pureboot) as client:
        answer = await client.get(f"/api/v1/callback/{execution.id}/current")
        assert {*("execution_id", "step_id", "step_key", "step_name", "step_type", "step_config", "attempt")} <= set(
            answer.data
        )
        assert (answer.data["step_key"], answer.data["step_type"], answer.data["attempt"]) == ("run", "node.script", 1)
        config = answer.data["step_config"]
    assert config["script"] == f"echo hello web-1 from {client.url}\n"
    assert config["env"] == {"WHO": "web-1"}


async def test_a_long_poll_ends_at_once_when_the_step_becomes_current(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(sqlite_url, clock=clock) as pureboot, serving(pureboot) as client:
        await node(pureboot)
        execution, _ = await started(pureboot, TWO)
        path = f"/api/v1/callback/{execution.id}/current"
        assert (await client.get(path)).status == 204
        assert (await client.get(f"{path}?wait=0")).status == 204
        poll = asyncio.create_task(client.get(f"{path}?wait=60"))
        await _waiting(client)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        clock.advance(3601)
        answer = await poll
        assert loop.time() - begun < 2
        assert (answer.status, answer.data["step_config"]["script"]) == (200, f"echo {MAC} 1")
        assert (await client.get(path)).data == answer.data  # asked again, the answer is the same


async def test_a_long_poll_ends_at_once_when_the_execution_does(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, TWO)
    async with serving(pureboot) as client:
        poll = asyncio.create_task(client.get(f"/api/v1/callback/{execution.id}/current?wait=60"))
        await _waiting(client)
        await pureboot.executions.cancel(execution.id, by="user:test")
        assert "has cancelled" in (await poll).problem(410)["detail"]
        assert client.site.bells.waiting == 0


async def test_a_long_poll_ends_at_once_when_a_step_of_an_execution_below_becomes_current(pureboot: PureBoot) -> None:
    await node(pureboot)
    steps = "[{key: ask, action: core.approve}, {key: run, action: node.script, with: {script: 'true'}}]"
    await published(pureboot, f"name: below\nsteps: {steps}")
    text = "name: above\nsteps: [{key: a, action: core.workflow, with: {workflow: below}}]"
    execution, _ = await started(pureboot, text)
    async with serving(pureboot) as client:
        poll = asyncio.create_task(client.get(f"/api/v1/callback/{execution.id}/current?wait=60"))
        await _waiting(client)
        [_, below] = await pureboot.executions.tree(execution.id)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await pureboot.control.approve(below.id, by="user:test")
        assert (await poll).data["execution_id"] == below.id
        assert loop.time() - begun < 2  # it looks again by itself after five


async def test_a_long_poll_ends_when_its_time_is_over(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, TWO)
    async with serving(pureboot, limits=Limits(longest_wait=0.1)) as client:
        assert (await client.get(f"/api/v1/callback/{execution.id}/current?wait=60")).status == 204
        (await client.get(f"/api/v1/callback/{execution.id}/current?wait=soon")).problem(422)


async def test_nothing_is_handed_to_a_client_that_has_hung_up(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(sqlite_url, clock=clock) as pureboot:
        await node(pureboot)
        execution, _ = await started(pureboot, TWO)
        async with serving(pureboot) as client:  # from here on, the next event is that the step becomes current
            _, writer = await asyncio.open_connection(*client.listener.address)
            writer.write(
                f"GET /api/v1/callback/{execution.id}/current?wait=60&agent=gone HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
            await _waiting(client)
            writer.close()
            await writer.wait_closed()
            await eventually(lambda: client.listener.connections == 0)
            clock.advance(3601)
            await _waiting(client, 0)
            await begun(pureboot, execution, "run")
        attempt = (await pureboot.executions.get(execution.id)).attempts[-1]
        assert (attempt.step_key, attempt.taken_by) == ("run", None)


async def test_head_cannot_take_a_step(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    async with serving(pureboot) as client:
        assert (await client.ask("HEAD", f"/api/v1/callback/{execution.id}/current")).status == 405
    assert (await pureboot.executions.get(execution.id)).attempts[0].taken_by is None


async def test_a_step_that_one_life_of_a_machine_took_is_not_given_to_the_next(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT + "    retry: {max_attempts: 2}\n")
    path = f"/api/v1/callback/{execution.id}/current"
    async with serving(pureboot) as client:
        assert (await client.get(f"{path}?agent=life-1")).data["attempt"] == 1
        assert (await client.get(f"{path}?agent=life-1")).data["attempt"] == 1
        assert (await client.get(f"{path}?agent=life-2")).data["attempt"] == 2
    first, second = (await pureboot.executions.get(execution.id)).attempts
    assert (first.status, second.taken_by) == (AttemptStatus.FAILED, "life-2")


async def test_a_report_ends_the_step_once(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    step = f"/api/v1/callback/{execution.id}/step/run"
    async with serving(pureboot) as client:
        progress = await client.post(step, {"status": "progress", "progress_percent": 40, "message": "halfway"})
        assert progress.data == {"result": "recorded"}
        said = {"status": "success", "message": "ok", "exit_code": 0, "logs": "a\nb\n", "output": {"disk": "vda"}}
        assert (await client.post(step, said)).data == {"result": "recorded"}
        assert (await client.post(step, said)).data == {"result": "repeated"}
        (await client.post(step, {"status": "failed"})).problem(409)
    ended = await pureboot.executions.get(execution.id)
    (attempt,) = ended.attempts
    assert ended.status is ExecutionStatus.SUCCEEDED
    assert (attempt.message, attempt.exit_code, attempt.output) == ("ok", 0, {"disk": "vda"})
    assert [piece.text for piece in await pureboot.executions.log(execution.id)] == ["a\nb\n"]


async def test_a_step_has_its_id_too(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    async with serving(pureboot) as client:
        current = (await client.get(f"/api/v1/callback/{execution.id}/current")).data
        path = f"/api/v1/callback/{execution.id}/step/{current['step_id']}"
        assert (await client.post(path, {"status": "success"})).status == 200


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "status"),
        ({"status": "perhaps"}, "status"),
        ({"status": "progress", "progress_percent": 101}, "progress_percent"),
        ({"status": "failed", "exit_code": 2**40}, "exit_code"),
        ({"status": "failed", "exit_code": "1x"}, "exit_code"),
        ({"status": "success", "output": []}, "output"),
        ({"status": "success", "attempt": 0}, "attempt"),
        ({"status": "success", "outptu": {}}, "outptu"),
    ],
)
async def test_a_wrong_report_is_refused_and_the_step_goes_on(pureboot: PureBoot, body: Any, path: str) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    async with serving(pureboot) as client:
        assert set((await client.post(f"/api/v1/callback/{execution.id}/step/run", body)).wrong()) == {path}
        (await client.post(f"/api/v1/callback/{execution.id}/step/other", {"status": "success"})).problem(404)
        late = await client.post(f"/api/v1/callback/{execution.id}/step/run", {"status": "success", "attempt": 2})
        late.problem(409)
    assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.RUNNING


async def test_a_step_that_is_not_current_takes_no_report(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, TWO)
    path = f"/api/v1/callback/{execution.id}"
    async with serving(pureboot) as client:
        early = await client.post(f"{path}/step/run", {"status": "success"})
        assert "current: pause" in early.problem(409)["detail"]
        (await client.post(f"{path}/step/run/logs", data="x")).problem(409)
    assert (await pureboot.executions.get(execution.id)).current_steps == ("pause",)


async def test_a_machine_s_last_words_need_not_be_clean(pureboot: PureBoot) -> None:
    """What a shell script sends may hold anything: the outcome counts, and no terminal is harmed."""
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    step = f"/api/v1/callback/{execution.id}/step/run"
    async with serving(pureboot) as client:
        assert (await client.post(f"{step}/logs", data=b"caf\xe9 \x1b[2J\0 ok\r\n")).status == 200
        assert (await client.post(f"{step}/logs", {"logs": "as JSON\n"})).status == 200
        (await client.post(f"{step}/logs", {"text": "x"})).problem(422)
        raw = b'{"status": "failed", "message": "caf\xe9", "exit_code": 1}'
        assert (await client.post(step, data=raw, headers={"Content-Type": "text/plain"})).status == 200
    log = "".join(piece.text for piece in await pureboot.executions.log(execution.id))
    assert log == "caf\ufffd \ufffd[2J\ufffd ok\nas JSON\n"
    assert (await pureboot.executions.get(execution.id)).attempts[0].message == "caf\ufffd"


async def test_a_piece_of_log_belongs_to_the_attempt_it_names(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(sqlite_url, clock=clock) as pureboot, serving(pureboot) as client:
        await node(pureboot)
        execution, _ = await started(pureboot, SCRIPT + "    retry: {max_attempts: 2}\n")
        logs = f"/api/v1/callback/{execution.id}/step/run/logs"
        clock.advance(601)
        await pureboot.executions.advance_due()
        assert (await client.post(f"{logs}?attempt=1", data="late\n")).status == 200
        assert (await client.post(f"{logs}?attempt=2", data="now\n")).status == 200
        (await client.post(f"{logs}?attempt=3", data="never\n")).problem(409)
        first, second = (await pureboot.executions.get(execution.id)).attempts
        assert first.status is AttemptStatus.TIMED_OUT
        told = {piece.attempt_id: piece.text for piece in await pureboot.executions.log(execution.id)}
    assert told == {first.id: "late\n", second.id: "now\n"}


async def test_a_piece_of_log_that_is_sent_again_is_not_taken_twice(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    logs = f"/api/v1/callback/{execution.id}/step/run/logs?attempt=1&offset="
    async with serving(pureboot) as client:
        for offset, piece in (
            (0, "one\n"),
            (0, "one\n"),
            (0, "one\ntwo\n"),
            (8, "drei ü"),
            (8, "drei ü\n"),
            (20, "gap\n"),
        ):
            assert (await client.post(f"{logs}{offset}", data=piece)).status == 200
        same = await asyncio.gather(*(client.post(f"{logs}24", data="at once\n") for _ in range(10)))
        assert {answer.status for answer in same} == {200}
        await pureboot.executions.cancel(execution.id, by="user:test")
        (await client.post(f"{logs}32", data="late\n")).problem(409)
        (await client.post(f"{logs}32", data="late\n")).problem(409)  # what was refused has not arrived
    log = "".join(piece.text for piece in await pureboot.executions.log(execution.id))
    assert log == "one\ntwo\ndrei ü\ngap\nat once\n"


async def test_how_much_arrived_is_remembered_in_bounds() -> None:
    received, kept = Received(), 0

    async def keep(_piece: bytes) -> None:
        nonlocal kept
        kept += 1

    for number in range(5000):
        await received.take((str(number),), 0, b"x", keep)
    await received.take(("4999",), 0, b"x", keep)
    assert kept == 5000
    assert len(received._logs) <= 4096


async def test_a_sign_of_life_moves_the_deadline(sqlite_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(sqlite_url, clock=clock) as pureboot, serving(pureboot) as client:
        await node(pureboot)
        execution, _ = await started(pureboot, SCRIPT)
        callback = f"/api/v1/callback/{execution.id}"
        await client.get(f"{callback}/current")
        for path, body in (
            ("heartbeat", None),
            ("heartbeat", {"anything": 1}),
            ("step/run", {"status": "progress"}),
            ("step/run/logs", {"logs": "x"}),
        ):
            clock.advance(25)
            assert (await client.post(f"{callback}/{path}", body)).status == 200
            await pureboot.executions.advance_due()
            assert (await pureboot.executions.get(execution.id)).attempts[0].status is AttemptStatus.RUNNING
        clock.advance(31)
        await pureboot.executions.advance_due()
        assert (await pureboot.executions.get(execution.id)).attempts[0].status is AttemptStatus.TIMED_OUT
        (await client.post(f"{callback}/heartbeat")).problem(410)


async def test_polls_wake_only_for_their_own(pureboot: PureBoot) -> None:
    executions = []
    for number in range(8):
        mac = f"52:54:00:00:01:{number:02x}"
        await node(pureboot, mac)
        execution, _ = await started(pureboot, TWO, node=mac)
        executions.append(execution)
    async with serving(pureboot) as client:
        polls = [asyncio.create_task(client.get(f"/api/v1/callback/{each.id}/current?wait=60")) for each in executions]
        await _waiting(client, 8)
        await pureboot.executions.cancel(executions[3].id, by="user:test")
        assert (await polls[3]).status == 410
        assert [poll.done() for poll in polls] == [number == 3 for number in range(8)]
        for each in executions[:3] + executions[4:]:
            await pureboot.executions.cancel(each.id, by="user:test")
        assert {(await poll).status for poll in polls} == {410}


async def test_an_execution_runs_to_its_end_by_callbacks_alone(pureboot: PureBoot) -> None:
    await node(pureboot)
    text = SCRIPT + "  - key: state\n    action: core.echo\n    with: {message: done}\n"
    execution, _ = await started(pureboot, text)
    async with serving(pureboot) as client:
        await client.post(f"/api/v1/callback/{execution.id}/step/run", {"status": "success"})
        assert (await until_ended(pureboot, execution.id)).status is ExecutionStatus.SUCCEEDED
        (await client.get(f"/api/v1/callback/{execution.id}/current?wait=30")).problem(410)


async def test_the_form_is_asked_for(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    path = f"/api/v1/callback/{execution.id}/current"
    async with serving(pureboot) as client:
        assert (await client.get(f"{path}?format=sh")).text.startswith(f"PB_EXECUTION_ID={execution.id}\n")
        assert json.loads((await client.get(f"{path}?format=json")).text)["success"] is True
        assert set((await client.get(f"{path}?format=xml")).wrong()) == {"format"}

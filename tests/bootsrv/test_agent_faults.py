"""The node agent when things go wrong: the link, the server, the machine, the agent itself. Nothing runs twice."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bootsrv.http.agent import as_assignments
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.scopes import Server
from tests.bootsrv.http_agent import PATIENCE, SYSTEMS, ended, happened, is_gone, log_of, logged, machine
from tests.bootsrv.http_support import eventually, node, serving, started
from tests.bootsrv.test_agent import workflow
from tests.conftest import Opener

on_every_system = pytest.mark.parametrize("system", SYSTEMS, ids="-".join)
on_one_system = pytest.mark.parametrize("system", SYSTEMS[:1], ids="-".join)


def waits_for(file: Path, begun: Path) -> str:
    """A script that counts how often it was begun, and goes on when a file is there."""
    return f"""\
echo begun >>{begun}
echo begun
until [ -e {file} ]; do sleep 0.1; done
echo "disk=vda" >>$PUREBOOT_OUTPUT
echo went on
"""


@asynccontextmanager
async def peer(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Another server than ours, with ways of its own."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


@on_every_system
async def test_a_server_that_goes_and_comes_back_loses_nothing(
    sqlite_url: str, opener: Opener, tmp_path: Path, system: tuple[str, str]
) -> None:
    """The script ends while nobody listens; its log and result arrive when somebody does."""
    go, begun = tmp_path / "go", tmp_path / "begun"
    script = waits_for(go, begun) + "i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo line $i; done\nexit 4\n"
    async with opener(sqlite_url) as pureboot:
        await node(pureboot)
        execution, _ = await started(pureboot, workflow(script))
        async with serving(pureboot) as client:
            port = client.listener.address[1]
            running = machine(tmp_path / "m", pureboot, client.url, execution, system)
            agent = await running.__aenter__()
            await logged(pureboot, execution, "begun\n")
    try:
        go.touch()
        await eventually((agent.state / _only(agent.state) / "code").exists)
        async with opener(sqlite_url) as pureboot:
            async with serving(pureboot, port=port):
                done = await ended(pureboot, execution)
                assert await agent.ended() == 0
            (attempt,) = done.attempts
            assert (attempt.status, attempt.exit_code) == (AttemptStatus.FAILED, 4)
            assert (attempt.message, attempt.output) == ("line 2000", {"disk": "vda"})
            lines = "".join(f"line {number}\n" for number in range(1, 2001))
            assert await log_of(pureboot, attempt) == f"begun\nwent on\n{lines}"
        assert begun.read_text() == "begun\n"
    finally:
        await running.__aexit__(None, None, None)


def _only(state: Path) -> str:
    """The name of the one attempt's folder."""
    (found,) = (path.name for path in state.iterdir() if path.is_dir())
    return found


@on_every_system
async def test_an_agent_that_was_killed_goes_on_with_the_script_that_still_runs(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    go, begun = tmp_path / "go", tmp_path / "begun"
    execution, _ = await started(pureboot, workflow(waits_for(go, begun)))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await logged(pureboot, execution, "begun\n")
        await agent.kill()
        go.touch()
        await eventually((agent.state / _only(agent.state) / "code").exists)
        await agent.start()
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    (attempt,) = done.attempts
    assert (attempt.status, attempt.exit_code, attempt.output) == (AttemptStatus.SUCCEEDED, 0, {"disk": "vda"})
    assert await log_of(pureboot, attempt) == "begun\nwent on\n"
    assert begun.read_text() == "begun\n"


@on_every_system
async def test_a_script_that_went_with_the_agent_is_lost_and_not_run_again(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    go, begun = tmp_path / "go", tmp_path / "begun"
    execution, _ = await started(pureboot, workflow(waits_for(go, begun)))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await logged(pureboot, execution, "begun\n")
        await agent.kill()
        for pid in agent._scripts():
            os.killpg(pid, signal.SIGKILL)
        # its number may be another's by now, which must neither be waited for nor be ended
        (agent.state / _only(agent.state) / "pid").write_text(f"{os.getpid()}\n")
        go.touch()
        await agent.start()
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    (attempt,) = done.attempts
    assert (attempt.status, attempt.error) == (AttemptStatus.FAILED, "the agent was restarted while the script ran")
    assert begun.read_text() == "begun\n"


@on_one_system
async def test_a_script_that_is_killed_from_outside_is_told_of(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, workflow(waits_for(tmp_path / "never", tmp_path / "begun")))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await logged(pureboot, execution, "begun\n")
        for pid in agent._scripts():
            os.killpg(pid, signal.SIGKILL)
        done = await ended(pureboot, execution)
    assert done.attempts[0].error == "the script was ended from outside"


@on_every_system
async def test_a_machine_that_starts_again_does_not_run_what_it_lost(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    go, begun = tmp_path / "go", tmp_path / "begun"
    more = "    retry: {max_attempts: 2}\n"
    execution, _ = await started(pureboot, workflow(waits_for(go, begun), more=more))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await logged(pureboot, execution, "begun\n")
        await agent.close()
        agent.boot_id = "life-2"
        go.touch()
        await agent.start()
        done = await ended(pureboot, execution)
    lost, again = done.attempts
    assert (lost.status, lost.error) == (AttemptStatus.FAILED, "lost: the machine started again while the step ran")
    assert (again.status, again.attempt, again.taken_by) == (AttemptStatus.SUCCEEDED, 2, "life-2")
    assert begun.read_text() == "begun\nbegun\n"


@pytest.mark.parametrize("heard_by", ["sign of life", "log"])
@on_every_system
async def test_what_is_cancelled_is_ended_on_the_machine(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str], heard_by: str
) -> None:
    """A script that says nothing more, and one that says a lot: whatever is sent next is told so."""
    await node(pureboot)
    says, beat = ("sleep 600", "1") if heard_by == "sign of life" else ("while :; do echo more; sleep 0.1; done", "600")
    execution, _ = await started(pureboot, workflow(f"echo $$ >pid; echo begun; {says}; echo never\n"))
    async with (
        serving(pureboot) as client,
        machine(tmp_path / "m", pureboot, client.url, execution, system, PUREBOOT_HEARTBEAT=beat) as agent,
    ):
        await logged(pureboot, execution, "begun\n")
        (pid,) = [int(path.read_text()) for path in agent.state.glob("*/work/pid")]
        await pureboot.executions.cancel(execution.id, by="user:test")
        assert await agent.ended() == 0
        assert is_gone(pid)
    (attempt,) = (await pureboot.executions.get(execution.id)).attempts
    assert (attempt.status, attempt.error) == (AttemptStatus.CANCELLED, "cancelled by user:test")
    assert "never" not in await log_of(pureboot, attempt)


@on_every_system
async def test_a_piece_of_log_without_an_answer_is_sent_again_and_none_after_one(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, workflow(waits_for(tmp_path / "go", tmp_path / "begun")))
    step = await pureboot.callbacks.current(execution.id, server=Server(url="http://x"))
    assert step is not None
    pieces: list[tuple[str, str]] = []
    done = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response(status=410 if done.is_set() else 200, text=as_assignments(step, pureboot.context.now()))
        if not request.path.endswith("/logs"):
            done.set()
            return web.Response()
        pieces.append((request.query["offset"], await request.text()))
        if len(pieces) == 1 and request.transport is not None:
            request.transport.abort()
        return web.Response()

    async with (
        peer(answer) as url,
        machine(tmp_path / "m", pureboot, url, execution, system, PUREBOOT_HEARTBEAT="600") as agent,
    ):
        await eventually(lambda: len(pieces) == 2 and (agent.state / _only(agent.state) / "sent").exists())
        await agent.kill()
        (tmp_path / "go").touch()
        await agent.start()
        assert await agent.ended() == 0
    assert pieces == [("0", "begun\n"), ("0", "begun\n"), ("6", "went on\n")]


@on_one_system
async def test_a_result_that_nobody_wants_any_more_is_dropped(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    """It ends just after its time was over for the server; the agent goes on with what is current."""
    await node(pureboot)
    go, begun = tmp_path / "go", tmp_path / "begun"
    then = "    on_failure: continue\n  - key: next\n    action: node.script\n    with: {script: echo next}\n"
    execution, token = await started(pureboot, workflow(waits_for(go, begun), then=then))
    async with (
        serving(pureboot) as client,
        machine(tmp_path / "m", pureboot, client.url, execution, system, PUREBOOT_HEARTBEAT="60") as agent,
    ):
        await logged(pureboot, execution, "begun\n")
        path = f"/api/v1/callback/{execution.id}/step/run"
        told = await client.with_token(token).post(path, {"status": "failed", "message": "said somebody else"})
        assert told.status == 200
        go.touch()
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    first, second = done.attempts
    assert (first.status, first.message) == (AttemptStatus.FAILED, "said somebody else")
    assert (second.step_key, second.status) == ("next", AttemptStatus.SUCCEEDED)
    assert any("does not want the result" in line for line in agent.said)


@on_every_system
async def test_a_result_that_is_refused_still_tells_how_it_ended(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    """A server that finds fault with what the script wrote is told the rest."""
    await node(pureboot)
    execution, _ = await started(pureboot, workflow("echo a=b >>$PUREBOOT_OUTPUT; echo why; exit 5\n"))
    step = await pureboot.callbacks.current(execution.id, server=Server(url="http://x"))
    assert step is not None
    results: list[dict[str, object]] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            over = len(results) == 2
            return web.Response(status=410) if over else web.Response(text=as_assignments(step, pureboot.context.now()))
        if request.path.endswith("/logs"):
            return web.Response()
        results.append(json.loads(await request.text()))
        return web.Response(status=422 if len(results) == 1 else 200)

    async with (
        peer(answer) as url,
        machine(tmp_path / "m", pureboot, url, execution, system, PUREBOOT_HEARTBEAT="60") as agent,
    ):
        assert await agent.ended() == 0
    outcome: dict[str, object] = {"status": "failed", "attempt": 1, "exit_code": 5}
    assert results == [{**outcome, "message": "why", "output": {"a": "b"}}, outcome]


@on_one_system
async def test_an_agent_that_nobody_knows_gives_up(pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, workflow("true\n"))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await agent.close()
        agent.token = "wrong"
        agent.said.clear()
        await agent.start()
        assert await agent.ended() == 3
    assert "the server does not know this execution or token (401)" in agent.said[-1]


@on_every_system
async def test_what_is_no_step_is_not_run(pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]) -> None:
    """A proxy's welcome page, and an answer that was cut off."""
    await node(pureboot)
    execution, _ = await started(pureboot, workflow("true\n"))
    page = f"touch {tmp_path}/hacked\nPB_END=1\n"
    cut = f"PB_EXECUTION_ID=x\ntouch {tmp_path}/hacked\n"
    answers = iter([page, cut, ""])

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reader.readuntil(b"\r\n\r\n")
        body = next(answers, "").encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = "http://{}:{}".format(*server.sockets[0].getsockname())
        async with machine(tmp_path / "m", pureboot, url, execution, system) as agent:
            await eventually(lambda: sum("is no step" in line for line in agent.said) >= 3)
    assert not (tmp_path / "hacked").exists()


@on_every_system
async def test_a_server_that_does_not_answer_is_not_waited_for(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    """It takes the connection and says nothing; with a time limit of the agent's own even busybox's wget comes back."""
    await node(pureboot)
    execution, _ = await started(pureboot, workflow("true\n"))
    asked = asyncio.Semaphore(0)

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with server:
        url = "http://{}:{}".format(*server.sockets[0].getsockname())
        settings = {"PUREBOOT_WAIT": "0", "PUREBOOT_PATIENCE": "1"}
        async with machine(tmp_path / "m", pureboot, url, execution, system, **settings):
            async with asyncio.timeout(PATIENCE):
                for _ in range(3):
                    await asked.acquire()


@on_one_system
async def test_a_retry_of_the_server_s_reaches_the_agent_as_a_new_attempt(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    script = f"echo try >>{tmp_path}/tries; [ $(wc -l <{tmp_path}/tries) -eq 3 ]\n"
    more = "    retry: {max_attempts: 3}\n"
    execution, _ = await started(pureboot, workflow(script, more=more))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system):
        done = await ended(pureboot, execution)
    assert [attempt.status for attempt in done.attempts] == [
        AttemptStatus.FAILED,
        AttemptStatus.FAILED,
        AttemptStatus.SUCCEEDED,
    ]
    assert done.status is ExecutionStatus.SUCCEEDED
    taken = await happened(pureboot, Kind.ATTEMPT_TAKEN, attempt=3)
    assert taken.data["taken_by"] == "life-1"

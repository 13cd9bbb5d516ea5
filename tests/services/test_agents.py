"""Remote agents, against a real one: a small HTTP server that does what the contract says."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.app import PureBoot
from engine.core.agents import (
    Agent,
    AgentStatus,
    AuthType,
    RetryConfig,
    auth_headers,
    parse_auth,
    parse_retry,
    parse_url,
)
from engine.core.breaker import FAILURES, PAUSE, Breaker
from engine.core.events import Kind
from engine.core.executions import AttemptStatus, ExecutionStatus, Performer
from engine.core.page import EVERYTHING, Page
from engine.core.reports import ReportStatus, StepReport
from engine.errors import Conflict, Invalid, NotFound
from engine.outbound import Guard
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.story import ADA, ended, event, published

NOW = ManualClock().now()
CALL = """
name: call
steps:
  - key: ask
    action: agent.call
    with: {agent: burner, input: {disk: "{{ params.disk }}"}}
  - {key: after, action: core.echo, with: {message: "{{ steps.ask.output.said }}"}}
params: {disk: {type: string, default: sda}}
"""


@dataclass
class Burner:
    """An agent: what it was asked, and what it answers, one after another (the last again and again)."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    looked: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {"said": "done"})])
    health: int = 200

    async def call(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.calls.append(json.loads(body) | {"_body": body})
        self.headers.append(dict(request.headers))
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response(answer, status=status)

    async def look(self, request: web.Request) -> web.Response:
        self.looked.append(dict(request.headers))
        return web.Response(status=self.health)


@pytest.fixture
async def burner() -> AsyncIterator[Burner]:
    """The agent, listening."""
    made = Burner()
    app = web.Application()
    app.router.add_post("/do", made.call)
    app.router.add_get("/do/health", made.look)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/do"
    yield made
    await runner.cleanup()


async def ran(pureboot: PureBoot, **params: Any) -> Any:
    """The execution that called, at its end."""
    started = await pureboot.executions.start("call", by=ADA, params=params)
    return await ended(pureboot, started)


async def test_an_agent_performs_a_step_at_once(store_url: str, tmp_path: Path, burner: Burner) -> None:
    async with PureBoot(settings_for(store_url, tmp_path)) as pureboot:
        await pureboot.agents.create(
            {"name": "burner", "url": burner.url, "auth_type": "hmac", "auth_config": {"secret": "correct horse"}},
            by=ADA,
        )
        await published(pureboot, CALL)
        done = await ran(pureboot, disk="sdb")
        assert done.status is ExecutionStatus.SUCCEEDED
        first, after = done.attempts
        assert (first.output, after.output["echo"]) == ({"said": "done"}, "done")
        asked, headers = burner.calls[0], burner.headers[0]
        body = asked.pop("_body")
        assert asked.pop("callback_url").split("?")[0].endswith(f"/api/v1/callback/{done.id}/step/ask")
        assert asked == {
            "execution_id": done.id,
            "step_id": first.step_id,
            "step_key": "ask",
            "attempt": 1,
            "idempotency_key": first.idempotency_key,
            "input": {"disk": "sdb"},
        }
        assert headers["Idempotency-Key"] == first.idempotency_key
        signature = hmac.new(b"correct horse", body, hashlib.sha256).hexdigest()
        assert headers["X-PureBoot-Signature"] == f"sha256={signature}"
        told = json.dumps([each.data for each in (await pureboot.events(EVERYTHING))[0]], default=str)
        assert "correct horse" not in told
        await pureboot.secrets.rotate(by=ADA)
        assert (await ran(pureboot)).status is ExecutionStatus.SUCCEEDED


async def test_an_agent_that_takes_its_time_reports_later(store_url: str, tmp_path: Path, burner: Burner) -> None:
    """And neither the restart of the host nor a second report changes anything."""
    burner.answers = [(202, {})]
    settings = settings_for(store_url, tmp_path)
    async with PureBoot(settings) as pureboot:
        await pureboot.agents.create({"name": "burner", "url": burner.url}, by=ADA)
        await published(pureboot, CALL)
        started = await pureboot.executions.start("call", by=ADA)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_TAKEN)
        attempt = (await pureboot.executions.get(started.id)).attempts[0]
        assert (attempt.performer, attempt.taken_by) == (Performer.AGENT, "agent:burner")
    async with PureBoot(settings) as pureboot:
        progress = StepReport(status=ReportStatus.PROGRESS, progress_percent=40, message="half-way")
        assert await pureboot.callbacks.report(started.id, "ask", progress) == "recorded"
        done = StepReport(status=ReportStatus.SUCCESS, output={"said": "later"})
        assert await pureboot.callbacks.report(started.id, "ask", done) == "recorded"
        assert await pureboot.callbacks.report(started.id, "ask", done) == "repeated"
        found = await ended(pureboot, started)
        assert found.attempts[1].output["echo"] == "later"
        finished = await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_FINISHED and each.step_key == "ask")
        assert finished.principal == "agent:burner"
    assert len(burner.calls) == 1


@pytest.mark.parametrize(
    ("answers", "error", "calls"),
    [
        ([(503, {"no": 1}), (500, {}), (200, {"said": "x"})], None, 3),
        ([(503, {})], "agent burner answered 503 Service Unavailable", 3),
        (
            [(422, {"why": "no such disk"})],
            'agent burner answered 422 Unprocessable Entity: {"why": "no such disk"}',
            1,
        ),
        ([(302, {})], "agent burner answered 302 Found: {}", 1),
    ],
    ids=["tried again", "given up", "refused", "redirected"],
)
async def test_what_an_agent_cannot_take_is_tried_again(
    sqlite_url: str, tmp_path: Path, burner: Burner, answers: list[tuple[int, Any]], error: str | None, calls: int
) -> None:
    burner.answers = answers
    async with PureBoot(settings_for(sqlite_url, tmp_path)) as pureboot:
        retry = {"max_attempts": 3, "delay": 0.01, "backoff": "constant"}
        await pureboot.agents.create({"name": "burner", "url": burner.url, "retry_config": retry}, by=ADA)
        await published(pureboot, CALL)
        done = await ran(pureboot)
        assert done.attempts[0].error == error
        assert done.attempts[0].status is (AttemptStatus.FAILED if error else AttemptStatus.SUCCEEDED)
        assert len(burner.calls) == calls
        assert len({each["idempotency_key"] for each in burner.calls}) == 1


async def test_an_agent_that_is_away_is_left_alone_for_a_while(sqlite_url: str, tmp_path: Path, burner: Burner) -> None:
    burner.answers = [(500, {})]
    async with PureBoot(settings_for(sqlite_url, tmp_path)) as pureboot:
        await pureboot.agents.create({"name": "burner", "url": burner.url, "retry_config": {"max_attempts": 1}}, by=ADA)
        await published(pureboot, CALL)
        errors = [(await ran(pureboot)).attempts[0].error for _ in range(FAILURES + 1)]
        assert len(burner.calls) == FAILURES
        assert errors[-1].startswith(f"agent burner did not answer {FAILURES} times in a row and is left alone until")
        await pureboot.agents.check("burner")  # well again, as far as anybody can see
        burner.answers = [(200, {"said": "x"})]
        assert (await ran(pureboot)).status is ExecutionStatus.SUCCEEDED


async def test_how_an_agent_is(store_url: str, tmp_path: Path, burner: Burner) -> None:
    async with PureBoot(settings_for(store_url, tmp_path), host=False) as pureboot:
        values = {"auth_type": "bearer", "auth_config": {"token": "very-secret-token"}}
        made = await pureboot.agents.create({"name": "burner", "url": f"{burner.url}/", **values}, by=ADA)
        assert (made.url, made.status) == (burner.url, AgentStatus.UNKNOWN)
        assert (await pureboot.agents.check("burner")).error is None
        assert burner.looked[-1]["Authorization"] == "Bearer very-secret-token"
        assert (await pureboot.agents.get(made.id)).status is AgentStatus.HEALTHY
        burner.health = 503
        assert [each.error for each in await pureboot.agents.check_all()] == ["GET /health answered 503"]
        told, _ = await pureboot.events(Page(filters={"kind": (Kind.AGENT_STATUS_CHANGED.value,)}))
        assert [each.data["status"] for each in told] == ["unhealthy"]
        await pureboot.agents.update("burner", {"url": "http://127.0.0.1:9/", "timeout_ms": 500}, by=ADA)
        assert "GET http://127.0.0.1:9/health" in str((await pureboot.agents.check("burner")).error)
        with pytest.raises(Conflict):
            await pureboot.agents.create({"name": "burner", "url": burner.url}, by=ADA)
        with pytest.raises(Invalid, match=r"auth_config\.password: is missing for auth_type basic"):
            await pureboot.agents.update("burner", {"auth_type": "basic", "auth_config": {"username": "a"}}, by=ADA)
        await pureboot.agents.delete("burner", by=ADA)
        with pytest.raises(NotFound, match="there is no agent burner"):
            await pureboot.agents.check("burner")


async def test_no_address_of_this_machine_is_asked_unless_that_is_allowed(
    sqlite_url: str, tmp_path: Path, burner: Burner
) -> None:
    async with PureBoot(settings_for(sqlite_url, tmp_path, outbound__allow=[])) as pureboot:
        await published(pureboot, CALL)
        port = burner.url.split(":")[2]
        for host in ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0.0.0.0"):
            values = {"url": f"http://{host}:{port}", "retry_config": {"max_attempts": 1}, "timeout_ms": 2000}
            if (await pureboot.agents.find(EVERYTHING))[1]:
                await pureboot.agents.update("burner", values, by=ADA)
            else:
                await pureboot.agents.create({"name": "burner", **values}, by=ADA)
            error = (await ran(pureboot)).attempts[0].error
            assert "is not asked unless outbound.allow names it" in error, host
        text = f"name: web\nsteps: [{{key: a, action: core.http, with: {{url: '{burner.url}'}}}}]"
        await published(pureboot, text)
        done = await ended(pureboot, await pureboot.executions.start("web", by=ADA))
        assert "127.0.0.1 is a loopback address" in str(done.attempts[0].error)
    assert not burner.calls


@pytest.mark.parametrize(
    ("address", "allow", "may"),
    [
        ("10.0.0.1", (), True),
        ("192.168.1.1", (), True),
        ("2001:db8::1", (), True),
        ("127.0.0.1", (), False),
        ("127.9.9.9", ("127.0.0.0/8",), True),
        ("::1", ("127.0.0.0/8",), False),
        ("::1", ("::1",), True),
        ("::ffff:127.0.0.1", (), False),
        ("::ffff:169.254.169.254", (), False),
        ("169.254.169.254", ("127.0.0.0/8",), False),
        ("fe80::1%eth0", (), False),
        ("0.0.0.0", (), False),
        ("224.0.0.1", (), False),
    ],
)
def test_which_addresses_are_asked(address: str, allow: tuple[str, ...], may: bool) -> None:
    assert (Guard(allow).refusal(address) is None) is may


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a/b",
        "http://",
        "//a",
        "http://a:0/",
        "http://u:p@a/",
        "http://a/?q=1",
        "http://a/#f",
        "http://a b/",
        None,
    ],
)
def test_what_is_no_address_of_an_agent(url: Any) -> None:
    with pytest.raises(Invalid) as refused:
        parse_url(url)
    assert refused.value.problems[0].path == "url"


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"max_attempts": 0}, ["retry_config.max_attempts"]),
        ({"max_attempts": True, "backoff": "never"}, ["retry_config.max_attempts", "retry_config.backoff"]),
        ({"delay": "soon"}, ["retry_config.delay"]),
        ({"delay": 9999}, ["retry_config.delay"]),
        ({"tries": 2}, ["retry_config.tries"]),
        ([], ["retry_config"]),
    ],
)
def test_every_wrong_value_of_a_retry_is_named(data: Any, paths: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        parse_retry(data)
    assert [each.path for each in refused.value.problems] == paths


def test_delays_between_tries() -> None:
    assert list(RetryConfig(max_attempts=4, delay=1).delays()) == [1, 2, 4]
    assert list(RetryConfig(max_attempts=3, delay=2, backoff="constant").delays()) == [2, 2]
    assert list(parse_retry({"max_attempts": 1, "delay": "10s"}).delays()) == []
    assert list(parse_retry({"max_attempts": 10, "delay": "5m"}).delays()) == [300] * 9


def test_how_an_agent_is_shown_who_asks() -> None:
    assert auth_headers(AuthType.NONE, {}, b"") == {}
    basic = parse_auth(AuthType.BASIC, {"username": "Aladdin", "password": "open sesame"})
    assert auth_headers(AuthType.BASIC, basic, b"") == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    with pytest.raises(Invalid, match="may hold no `:`"):
        parse_auth(AuthType.BASIC, {"username": "a:b", "password": "x"})
    with pytest.raises(Invalid, match="is not known for auth_type none"):
        parse_auth(AuthType.NONE, {"token": "x"})


def test_a_breaker_opens_lets_one_through_and_closes() -> None:
    breaker, now = Breaker(), NOW
    for _ in range(FAILURES):
        assert breaker.closed_at(now) is None
        breaker = breaker.trying(now).failed(now)
    assert breaker.closed_at(now) == now + PAUSE
    later = now + PAUSE + timedelta(seconds=1)
    assert breaker.closed_at(later) is None
    trying = breaker.trying(later)
    assert trying.closed_at(later) == later + PAUSE  # one is enough to see whether it is back
    assert trying.failed(later).closed_at(later) == later + PAUSE
    assert trying.answered() == Breaker()


def test_an_agent_shows_nothing_of_its_secret() -> None:
    shown = Agent(id="1", name="a", url="http://a", sealed="x", created_at=NOW, updated_at=NOW)
    assert "sealed" in shown.HIDDEN

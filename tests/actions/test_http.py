"""`core.http` against a real server on loopback."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from engine.actions.builtin import BUILTIN
from engine.actions.http import HTTP, MAX_BODY
from engine.actions.registry import ActionFailed, Call, Outcome, Registry
from engine.core.links import Link
from engine.errors import Invalid
from engine.outbound import Guard
from tests.clock import ManualClock

NOW = ManualClock().now()
KEY = "0000-attempt"


@dataclass
class Heard:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass
class Server:
    """Answers as it is told and remembers what it was asked."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.heard.append(Heard(request.method, request.path_qs, request.headers, body))
        self.asked.set()
        match request.path.split("/")[1]:
            case "status":
                return web.Response(status=int(request.path.split("/")[2]), text="x" * 400)
            case "text":
                return web.Response(body=b"na\xefve\0", content_type="text/plain", charset="latin-1")
            case "odd":
                return web.Response(text=r'{"nul": "a\u0000b", "half": 1}', content_type="application/json")
            case "half" | "infinite" as kind:
                return web.Response(text='{"a": "\\ud800"}' if kind == "half" else '{"a": 1e999}')
            case "large":
                return web.Response(body=b"x" * (MAX_BODY + int(request.path.split("/")[2])))
            case "moved":
                raise web.HTTPFound(request.query["to"])
            case "round":
                raise web.HTTPTemporaryRedirect("/round")
            case "slow":
                try:
                    await asyncio.sleep(60)
                finally:
                    self.left.set()
        return web.json_response({"data": {"id": 17, "items": [{"id": "a"}, {"id": "b"}]}}, status=201)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    yield server
    await runner.cleanup()


async def nothing(_text: str) -> None:
    pass


def call(**with_: Any) -> Call:
    return Call(
        parameters=HTTP.complete(with_),
        execution_id="e1",
        step_key="ask",
        attempt=1,
        idempotency_key=KEY,
        started_at=NOW,
        clock=ManualClock(),
        log=nothing,
        guard=Guard(("127.0.0.0/8", "::1")),
    )


async def run(asked: Call) -> Outcome:
    assert HTTP.run is not None
    return await HTTP.run(asked)


def test_it_is_an_action_that_comes_with_pureboot() -> None:
    assert Registry(BUILTIN)["core.http"] is HTTP


def test_it_costs_nothing_until_it_is_used() -> None:
    program = "import sys, engine.actions.builtin; print('aiohttp' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert asked.stdout == "False\n"


async def test_json_is_sent_with_the_attempts_key_and_the_answer_is_the_output(server: Server) -> None:
    asked = call(
        method="post", url=f"{server.url}/things?x=1", headers={"X-Team": "ops", "X-Count": 3}, json={"name": "é"}
    )
    outcome = await run(asked)
    (heard,) = server.heard
    assert (heard.method, heard.path, json.loads(heard.body)) == ("POST", "/things?x=1", {"name": "é"})
    assert heard.headers["Idempotency-Key"] == KEY
    assert heard.headers["Content-Type"] == "application/json"
    assert (heard.headers["X-Team"], heard.headers["X-Count"]) == ("ops", "3")
    assert outcome.message == "201 Created"
    assert outcome.output["status"] == 201
    assert outcome.output["json"]["data"]["id"] == 17
    assert json.loads(outcome.output["text"]) == outcome.output["json"]


async def test_a_body_goes_as_it_is_and_own_headers_win(server: Server) -> None:
    await run(
        call(
            method="PUT",
            url=server.url,
            body="a=1",
            headers={"content-type": "text/x", "idempotency-key": "mine", "accept": "*/*"},
        )
    )
    (heard,) = server.heard
    assert (heard.body, heard.headers["Content-Type"], heard.headers["Idempotency-Key"]) == ("a=1", "text/x", "mine")


async def test_json_null_is_sent_and_nothing_is_not(server: Server) -> None:
    await run(call(method="POST", url=server.url, json=None))
    await run(call(method="POST", url=server.url))
    assert [heard.body for heard in server.heard] == ["null", ""]


async def test_texts_that_no_store_takes_are_made_fit(server: Server) -> None:
    text = await run(call(url=f"{server.url}/text"))
    assert (text.output["text"], text.output["json"]) == ("naïve\N{REPLACEMENT CHARACTER}", None)
    odd = await run(call(url=f"{server.url}/odd"))
    assert odd.output["json"] == {"nul": "a\N{REPLACEMENT CHARACTER}b", "half": 1}
    for kind in ("half", "infinite"):
        assert (await run(call(url=f"{server.url}/{kind}"))).output["json"] is None


@pytest.mark.parametrize(
    ("expect", "status", "fits"),
    [
        (None, 204, True),
        (None, 302, False),
        (404, 404, True),
        (404, 200, False),
        ([200, 404], 404, True),
        ("4xx", 418, True),
        ("4xx", 500, False),
        ("200-204", 205, False),
        ([201, "5xx"], 503, True),
    ],
)
async def test_the_status_must_be_an_expected_one(server: Server, expect: Any, status: int, fits: bool) -> None:
    asked = call(url=f"{server.url}/status/{status}", **({} if expect is None else {"expect": expect}))
    if fits:
        assert (await run(asked)).output["status"] == status
    else:
        with pytest.raises(ActionFailed, match=rf"GET {server.url}/status/{status} answered {status}"):
            await run(asked)


async def test_a_failure_shows_the_beginning_of_the_answer_and_no_secret_of_the_url(server: Server) -> None:
    address = server.url.replace("http://", "http://ada:secret@")
    with pytest.raises(ActionFailed) as failed:
        await run(call(url=f"{address}/status/500?token=secret"))
    told = failed.value.told(str)
    assert told == f"GET {server.url}/status/500 answered 500 Internal Server Error: {'x' * 300}…"


async def test_an_answer_of_a_mebibyte_is_taken_and_a_larger_one_is_not(server: Server) -> None:
    assert len((await run(call(url=f"{server.url}/large/0"))).output["text"]) == MAX_BODY
    with pytest.raises(ActionFailed, match="the answer is larger than 1 MiB"):
        await run(call(url=f"{server.url}/large/1"))


async def test_redirects_are_followed_within_the_host_only(server: Server) -> None:
    outcome = await run(call(method="POST", url=f"{server.url}/moved?to=/there", json={"a": 1}))
    assert outcome.output["status"] == 201
    assert [(heard.method, heard.path, heard.body) for heard in server.heard] == [
        ("POST", "/moved?to=/there", '{"a": 1}'),
        ("GET", "/there", ""),
    ]
    assert {heard.headers["Idempotency-Key"] for heard in server.heard} == {KEY}
    elsewhere = server.url.replace("127.0.0.1", "127.0.0.2") + "/secret?q=1"
    with pytest.raises(ActionFailed, match=r"302 Found, a redirect to http://127\.0\.0\.2:\d+/secret, which is not"):
        await run(call(url=f"{server.url}/moved?to={elsewhere}", headers={"Authorization": "Bearer secret"}))
    expected = await run(call(url=f"{server.url}/moved?to=/there", expect=302))
    assert expected.output["status"] == 302
    assert len(server.heard) == 4
    with pytest.raises(ActionFailed, match="redirected more than 5 times"):
        await run(call(url=f"{server.url}/round"))


async def test_it_waits_until_the_attempts_deadline_and_no_longer(server: Server) -> None:
    asked = replace(call(url=f"{server.url}/slow"), deadline_at=NOW + timedelta(seconds=0.2))
    with pytest.raises(ActionFailed, match=r"/slow: no answer within 0\.2s"):
        await run(asked)


async def test_a_cancelled_call_hangs_up(server: Server) -> None:
    task = asyncio.create_task(run(call(url=f"{server.url}/slow")))
    async with asyncio.timeout(20):
        await server.asked.wait()
        task.cancel()
        await asyncio.wait([task])
        await server.left.wait()
    assert task.cancelled()


async def test_nobody_there_is_a_failure_in_plain_words() -> None:
    with pytest.raises(ActionFailed, match=r"GET http://127\.0\.0\.1:9/x: Cannot connect to host 127\.0\.0\.1:9"):
        await run(call(url="http://127.0.0.1:9/x?token=secret"))
    with pytest.raises(ActionFailed) as failed:
        await run(call(url="http://127.0.0.1:9/x", headers={"X-Team": "a\r\nb: c"}))
    assert "GET http://127.0.0.1:9/x: " in str(failed.value)


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({}, "with.url"),
        ({"url": "ftp://x/"}, "with.url"),
        ({"url": "/relative"}, "with.url"),
        ({"url": "http://x/", "expect": "ok"}, "with.expect"),
        ({"url": "http://x/", "expect": True}, "with.expect"),
        ({"url": "http://x/", "json": 1, "body": "a"}, "with"),
        ({"url": "http://x/", "headers": {"a": [1]}}, "with.headers.a"),
        ({"url": "http://x/", "method": "no good"}, "with.method"),
        ({"url": "http://x/", "link": {"system": "netbox"}}, "with.link.kind"),
        ({"url": "http://x/", "jsn": 1}, "with.jsn"),
    ],
)
def test_what_is_wrong_is_named(with_: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        HTTP.complete(with_)
    assert path in [problem.path for problem in refused.value.problems]


def test_an_expression_is_judged_when_it_is_filled() -> None:
    assert HTTP.problems({"url": "{{ params.url }}/x", "json": {"a": "${node.mac}"}, "expect": "{{ 201 }}"}) == []


class Links:
    """The links of all attempts, as the engine keeps them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], Link] = {}

    async def link(self, system: str, kind: str, key: str, external_id: str, data: Mapping[str, Any]) -> Link:
        made = Link(
            id="l1", system=system, kind=kind, key=key, external_id=external_id, data=dict(data), created_at=NOW
        )
        return self.kept.setdefault((system, kind, key), made)

    async def linked(self, system: str, kind: str, key: str) -> Link | None:
        return self.kept.get((system, kind, key))


async def test_what_was_made_once_is_not_made_again(server: Server) -> None:
    links = Links()
    to = {"system": "netbox", "kind": "device", "key": "r1", "id": "data.items.1.id"}
    asked = replace(call(method="POST", url=server.url, json={}, link=to), link=links.link, linked=links.linked)
    first, second = await run(asked), await run(asked)
    assert len(server.heard) == 1
    assert (first.output["linked"], first.output["external_id"]) == (False, "b")
    assert (second.output["linked"], second.output["external_id"]) == (True, "b")
    assert second.output["json"] == second.output["data"] == first.output["json"]
    assert second.message == "device r1 is in netbox already, as b"


async def test_an_answer_without_the_id_fails_and_links_nothing(server: Server) -> None:
    links = Links()
    to = {"system": "netbox", "kind": "device", "key": "r1", "id": "data.items.7.id"}
    asked = replace(call(url=server.url, link=to), link=links.link, linked=links.linked)
    with pytest.raises(ActionFailed, match=r"no id at data\.items\.7\.id, so what was made cannot be reme") as failed:
        await run(asked)
    assert "cannot be remembered: {" in failed.value.told(str)
    assert links.kept == {}

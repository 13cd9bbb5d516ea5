"""/api/v1/executions, /api/v1/runs, /api/v1/events and /api/v1/tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta, timezone

import pytest

from bootsrv.http.site import Limits
from engine.app import PureBoot
from engine.core.events import Kind
from tests.bootsrv.http_support import (
    HELLO,
    MAC,
    SCRIPT,
    WAITING,
    Client,
    eventually,
    node,
    published,
    serving,
    started,
    until_ended,
)
from tests.clock import ManualClock
from tests.conftest import Opener

EXECUTIONS = "/api/v1/executions"


@pytest.mark.parametrize("prefix", [EXECUTIONS, "/api/v1/runs"])
async def test_an_execution_can_be_looked_into(pureboot: PureBoot, prefix: str) -> None:
    execution, _ = await started(pureboot, HELLO, node=None)
    await until_ended(pureboot, execution.id)
    path = f"{prefix}/{execution.id}"
    async with serving(pureboot) as client:
        shown = (await client.get(path)).data
        assert {
            *("id", "workflow_id", "workflow_name", "workflow_version", "node_id", "status", "params", "trigger"),
            *("request_id", "parent_id", "current_steps", "progress_percent", "error", "started_at"),
            *("completed_at", "created_at"),
        } <= set(shown)
        assert (shown["status"], shown["progress_percent"]) == ("succeeded", 100)
        (attempt,) = (await client.get(f"{path}/steps")).data
        assert {
            *("id", "step_id", "step_key", "step_name", "action", "attempt", "status", "performer", "output", "error"),
            *("message", "exit_code", "progress_percent", "started_at", "completed_at", "deadline_at"),
            "idempotency_key",
        } <= set(attempt)
        assert (attempt["status"], attempt["output"]) == ("succeeded", {"echo": "hello world"})
        events = (await client.get(f"{path}/events")).data
        assert [events[0]["kind"], events[-1]["kind"]] == ["execution.started", "execution.finished"]
        newest = (await client.get(f"{path}/events?sort=-id&limit=1")).data
        assert newest == events[-1:]
        for nothing in ("", "/steps", "/events", "/logs"):
            (await client.get(f"{prefix}/nothing{nothing}")).problem(404)


async def test_steps_are_in_the_order_of_their_start(sqlite_url: str, opener: Opener, clock: ManualClock) -> None:
    text = SCRIPT + "    retry: {max_attempts: 2, delay: 1m}\n"
    async with opener(sqlite_url, clock=clock) as pureboot, serving(pureboot) as client:
        await node(pureboot)
        execution, _ = await started(pureboot, text)
        callback = f"/api/v1/callback/{execution.id}/step/run"
        await client.post(callback, {"status": "failed", "exit_code": 3})
        clock.advance(61)
        await pureboot.executions.advance_due()
        steps = (await client.get(f"{EXECUTIONS}/{execution.id}/steps")).data
    assert [(each["attempt"], each["status"], each["exit_code"]) for each in steps] == [
        (1, "failed", 3),
        (2, "running", None),
    ]


async def test_executions_are_filtered_and_sorted(sqlite_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(sqlite_url, clock=clock) as pureboot, serving(pureboot) as client:
        await node(pureboot, hostname="web-1")
        await started(pureboot, WAITING, node=None)
        clock.advance(3600)
        await started(pureboot, SCRIPT, node="web-1")
        middle = (clock.now() - timedelta(seconds=60)).isoformat()

        async def names(query: str) -> list[str]:
            return [each["workflow_name"] for each in (await client.get(f"{EXECUTIONS}?{query}")).data]

        assert await names("") == ["on-node", "waiting"]
        assert await names("sort=created_at") == ["waiting", "on-node"]
        assert await names("workflow=waiting") == ["waiting"]
        assert await names("workflow=nothing") == []
        assert await names(f"node={MAC}&status=running") == ["on-node"]
        assert await names("node=web-1") == ["on-node"]
        [execution] = (await client.get(f"{EXECUTIONS}?node=web-1")).data
        assert await names(f"node_id={execution['node_id']}") == ["on-node"]
        assert await names(f"workflow_id={execution['workflow_id']}") == ["on-node"]
        assert await names(f"since={middle.replace('+', '%2B')}") == ["on-node"]
        assert await names(f"until={middle}") == ["waiting"]  # with a + that arrives as a blank
        assert await names("since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z") == []
        wrong = await client.get(f"{EXECUTIONS}?since=yesterday")
        assert "not a time" in wrong.wrong()["since"]
        naive = await client.get(f"{EXECUTIONS}?until=2026-03-01T12:00:00")
        assert "without a time zone" in naive.wrong()["until"]
        assert set((await client.get(f"{EXECUTIONS}?status=flying&nod=x")).wrong()) == {"status", "nod"}


async def test_cancel_stops_at_once_and_only_once(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    path = f"{EXECUTIONS}/{execution.id}"
    async with serving(pureboot) as client:
        cancelled = await client.post(f"{path}/cancel", {"reason": "wrong rack"})
        assert (cancelled.data["status"], cancelled.data["error"]) == (
            "cancelled",
            "cancelled by user:anonymous: wrong rack",
        )
        (await client.post(f"{path}/cancel")).problem(409)
        late = await client.post(f"/api/v1/callback/{execution.id}/step/run", {"status": "success"})
        assert "has cancelled" in late.problem(409)["detail"]
        assert (await client.get(f"{path}/steps")).data[0]["status"] == "cancelled"


async def test_logs_come_in_pieces_or_as_text(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, SCRIPT)
    path = f"{EXECUTIONS}/{execution.id}/logs"
    callback = f"/api/v1/callback/{execution.id}/step/run/logs"
    async with serving(pureboot) as client:
        empty = {"success": True, "data": [], "message": None, "total": 0, "cursor": 0}
        assert (await client.get(path)).json == empty
        for number in range(5):
            await client.post(callback, data=f"line {number}\n")
        pieces = await client.get(f"{path}?limit=2")
        assert [each["text"] for each in pieces.data] == ["line 0\n", "line 1\n"]
        assert (pieces.data[0]["step_key"], pieces.data[0]["attempt"]) == ("run", 1)
        more = await client.get(f"{path}?after={pieces.json['cursor']}")
        assert [each["text"] for each in more.data] == ["line 2\n", "line 3\n", "line 4\n"]
        as_text = {"Accept": "text/plain"}
        whole = await client.get(path, headers=as_text)
        assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert whole.text == "".join(f"line {number}\n" for number in range(5))
        assert (await client.get(f"{path}?step=run&attempt=1&after={pieces.json['cursor']}", headers=as_text)).text == (
            "line 2\nline 3\nline 4\n"
        )
        (await client.get(f"{path}?step=other")).problem(404)
        (await client.get(f"{path}?attempt=2")).problem(404)
        assert (await client.ask("HEAD", path, headers=as_text)).body == b""


# --- the event log


async def test_the_event_log_is_read_on_from_anywhere(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for number in range(5):
            await client.post("/api/v1/groups", {"name": f"g{number}"})
        first = await client.get("/api/v1/events?limit=3")
        assert [each["data"]["name"] for each in first.data] == ["g0", "g1", "g2"]
        assert set(first.data[0]) == {"id", "kind", "at", "principal", "node_id", "execution_id", "step_key", "data"}
        rest = await client.get(f"/api/v1/events?after={first.json['cursor']}")
        assert [each["data"]["name"] for each in rest.data] == ["g3", "g4"]
        end = await client.get(f"/api/v1/events?after={rest.json['cursor']}")
        assert (end.data, end.json["cursor"]) == ([], rest.json["cursor"])
        assert [each.json["total"] for each in (first, rest, end)] == [5, 2, 0]
        await client.post("/api/v1/nodes", {"mac_address": MAC})
        only = await client.get("/api/v1/events?kind=node.created&sort=-id&limit=1")
        assert ([each["kind"] for each in only.data], only.json["total"]) == (["node.created"], 1)
        node = only.data[0]["node_id"]
        assert {each["node_id"] for each in (await client.get(f"/api/v1/events?node_id={node}")).data} == {node}
        assert "kind" in (await client.get("/api/v1/events?kind=nonsense")).wrong()


class Reader:
    """Reads server-sent events from a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def event(self) -> tuple[int, str, dict[str, object]]:
        found: dict[str, str] = {}
        while "data" not in found:
            async with asyncio.timeout(10):
                line = (await self.reader.readline()).decode()
            assert line, "the stream ended"
            name, _, value = line.rstrip("\n").partition(": ")
            found[name] = value
        return int(found["id"]), found["event"], json.loads(found["data"])


async def _follow(client: Client, query: str = "", headers: str = "") -> Reader:
    reader, writer = await asyncio.open_connection(*client.listener.address, limit=2**20)
    writer.write(f"GET /api/v1/events/stream{query} HTTP/1.0\r\nHost: x\r\n{headers}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 "), head
    assert b"Content-Type: text/event-stream" in head
    assert await reader.readline() == b"retry: 2000\n"
    return Reader(reader, writer)


@pytest.fixture
async def readers() -> AsyncIterator[list[Reader]]:
    opened: list[Reader] = []
    yield opened
    for each in opened:
        each.writer.close()


async def test_events_arrive_live_and_a_reader_resumes_where_it_was(pureboot: PureBoot, readers: list[Reader]) -> None:
    async with serving(pureboot) as client:
        await client.post("/api/v1/groups", {"name": "before"})
        readers.append(live := await _follow(client))
        await client.post("/api/v1/groups", {"name": "one"})
        await client.post("/api/v1/groups", {"name": "two"})
        seen, kind, event = await live.event()
        assert (kind, event["data"]["name"]) == ("group.created", "one")  # type: ignore[index]
        readers.append(resumed := await _follow(client, headers=f"Last-Event-ID: {seen}\r\n"))
        assert (await resumed.event())[2]["data"]["name"] == "two"  # type: ignore[index]
        readers.append(all_of_it := await _follow(client, "?after=0"))
        assert [(await all_of_it.event())[2]["data"]["name"] for _ in range(3)] == [  # type: ignore[index]
            "before",
            "one",
            "two",
        ]
        readers.append(odd := await _follow(client, headers="Last-Event-ID: yesterday\r\n"))
        await client.post("/api/v1/groups", {"name": "three"})
        assert (await odd.event())[2]["data"]["name"] == "three"  # type: ignore[index]


async def test_a_quiet_stream_shows_that_it_is_alive(pureboot: PureBoot, readers: list[Reader]) -> None:
    async with serving(pureboot, limits=Limits(event_pause_seconds=0.05)) as client:
        readers.append(quiet := await _follow(client))
        assert await quiet.reader.readline() == b"\n"
        assert await quiet.reader.readuntil(b":\n\n") == b":\n\n"


async def test_only_so_many_may_follow(pureboot: PureBoot, readers: list[Reader]) -> None:
    async with serving(pureboot, limits=Limits(event_readers=2, event_pause_seconds=0.05)) as client:
        readers += [await _follow(client), await _follow(client)]
        refused = await client.get("/api/v1/events/stream")
        assert refused.headers["Retry-After"] == "5"
        refused.problem(503)
        readers.pop().writer.close()
        await eventually(lambda: len(client.site.readers) == 1)
        assert (await client.ask("HEAD", "/api/v1/events/stream")).status == 200


async def test_a_reader_that_does_not_read_is_dropped(
    pureboot: PureBoot, readers: list[Reader], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(pureboot, limits=Limits(event_seconds=0.2)) as client:
        readers.append(deaf := await _follow(client))
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(40):
            await pureboot.note(Kind.GROUP_CREATED, name="x" * 500_000)
        await eventually(lambda: "takes nothing: dropped" in caplog.text)
        assert (await client.get("/health")).status == 200


async def test_streams_and_long_polls_end_with_the_server(pureboot: PureBoot, readers: list[Reader]) -> None:
    await node(pureboot)
    await published(pureboot, WAITING + "  - key: later\n    action: node.script\n    with: {script: x}\n")
    execution = await pureboot.executions.start("waiting", by="user:test", node=MAC)
    async with serving(pureboot) as client:
        readers.append(stream := await _follow(client))
        poll = asyncio.create_task(client.get(f"/api/v1/callback/{execution.id}/current?wait=60"))
        await eventually(lambda: client.site.bells.waiting == 1)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        closing = asyncio.create_task(client.listener.close())
        assert (await poll).status == 204
        await closing
        assert loop.time() - begun < 1.5
        assert b'event: end\ndata: {"reason": "stopping"' in await stream.reader.read()


# --- tokens


async def test_a_token_is_shown_once(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.post("/api/v1/tokens", {"name": "ci", "role": "technician", "expires_in": "30d"})
        assert made.status == 201
        assert made.data["token"].startswith("pb_")
        assert made.data["role"] == "technician"
        assert made.data["groups"] == []
        assert made.data["expires_at"]
        assert made.data["token"] not in (await client.get("/api/v1/tokens")).text
        assert [each["name"] for each in (await client.get("/api/v1/tokens")).data] == ["ci"]
        assert made.data["token"] not in (await client.get("/api/v1/events")).text
        (await client.post("/api/v1/tokens", {"name": "ci"})).problem(409)
        assert (await client.delete(f"/api/v1/tokens/{made.data['id']}")).status == 200
        (await client.delete("/api/v1/tokens/ci")).problem(404)


async def test_a_token_ends_when_it_was_said_to(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        end = (pureboot.context.now() + timedelta(days=3)).replace(microsecond=0)
        made = await client.post("/api/v1/tokens", {"name": "ci", "expires_at": end.isoformat()})
        assert made.data["expires_at"] == end.isoformat().replace("+00:00", "Z")
        east = end.astimezone(timezone(timedelta(hours=2)))
        made = await client.post("/api/v1/tokens", {"name": "east", "expires_at": east.isoformat()})
        assert made.data["expires_at"] == end.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"role": "admin"}, "name"),
        ({"name": "A B"}, "name"),
        ({"name": "a", "role": "king"}, "role"),
        ({"name": "a", "expires_in": "soon"}, "expires_in"),
        ({"name": "a", "expires_in": 0}, "expires_in"),
        ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "expires_at": "2999-01-01T00:00:00"}, ""),
        ({"name": "a", "expires_in": 5, "expires_at": "2030-01-01T00:00:00Z"}, ""),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(pureboot: PureBoot, body: object, path: str) -> None:
    async with serving(pureboot) as client:
        assert set((await client.post("/api/v1/tokens", body)).wrong()) == {path}
        assert (await client.get("/api/v1/tokens")).json["total"] == 0

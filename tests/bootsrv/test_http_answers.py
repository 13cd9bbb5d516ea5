"""What every answer has in common: the envelope, problems, bounds on what is sent."""

import asyncio
import json
import logging
from typing import Any

import pytest
from aiohttp import web

from bootsrv.http.app import ROUTES
from bootsrv.http.bodies import read_json
from bootsrv.http.errors import translate
from bootsrv.http.site import Limits
from engine.app import PureBoot
from engine.errors import Invalid
from tests.bootsrv.http_support import MAC, Client, serving

JSON = {"Content-Type": "application/json"}


async def test_success_has_one_envelope(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.post("/api/v1/groups", {"name": "rack-1"})
        listed = await client.get("/api/v1/groups")
    assert made.status == 201
    assert made.json == {"success": True, "data": made.data, "message": "group rack-1 was made"}
    assert made.headers["Location"] == f"/api/v1/groups/{made.data['id']}"
    assert listed.json == {"success": True, "data": [made.data], "message": None, "total": 1}


async def test_no_answer_tells_versions_or_lets_a_browser_guess(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for path in ("/health", "/nothing", "/api/v1/nodes", "/boot.ipxe"):
            headers = (await client.get(path)).headers
            assert headers["Server"] == "PureBoot"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "wrong"),
    [
        ("GET", "/nothing", None, 404, {}),
        ("GET", "/api/v1/nodes/nobody", None, 404, {}),
        ("GET", "/api/v1/nodes/a%00b", None, 404, {}),
        ("GET", "/files/", None, 404, {}),
        ("POST", "/api/v1/nodes", '{"mac_address": "zz"}', 422, {"mac_address": "'zz' is not a MAC address"}),
        ("POST", "/api/v1/nodes", "{}", 422, {"mac_address": "is missing"}),
        ("POST", "/api/v1/nodes", "[]", 422, {"": "must be an object"}),
        ("POST", "/api/v1/nodes", '{"mac_address": "x', 422, {"": "is not JSON"}),
        ("POST", "/api/v1/nodes", '{"mac_address": NaN}', 422, {"": "is not JSON: NaN is no number"}),
        ("POST", "/api/v1/nodes", b'{"mac_address": "\xff"}', 422, {"": "is not UTF-8"}),
        ("POST", "/api/v1/nodes", "[" * 100_000, 413, {}),
        ("POST", "/api/v1/nodes", "[" * 60_000, 422, {"": "is nested deeper"}),
        ("POST", "/api/v1/nodes", '{"mac_address": ' + "1" * 5000 + "}", 422, {"": "is not JSON"}),
        ("POST", "/api/v1/nodes", '{"hostname": "a\\u0000", "mac_address": "x"}', 422, {"hostname": "holds a NUL"}),
        ("POST", "/api/v1/nodes", '{"metadata": {"a": ["\\ud800"]}}', 422, {"metadata.a[0]": "half a surrogate"}),
        (
            "POST",
            "/api/v1/nodes",
            json.dumps({"mac_address": MAC, "hostnam": "a", "locked": "x", "tags": [1]}),
            422,
            {
                "hostnam": "is no field here; did you mean hostname?",
                "locked": "must be true or false",
                "tags[0]": "must be text",
            },
        ),
        ("POST", "/api/v1/nodes", json.dumps({"mac_address": MAC, "group_id": "none"}), 404, {}),
        ("PATCH", "/api/v1/nodes/x/state", '{"state": "flying"}', 422, {"state": "is 'flying', not one of 'discover"}),
        ("GET", "/api/v1/nodes?limt=3", None, 422, {"limt": "did you mean limit?"}),
        ("GET", "/api/v1/nodes?limit=0", None, 422, {"limit": "from 1 to 200"}),
        ("GET", "/api/v1/nodes?limit=201", None, 422, {"limit": "from 1 to 200"}),
        ("GET", "/api/v1/nodes?limit=1&limit=2", None, 422, {"limit": "more than once"}),
        ("GET", "/api/v1/nodes?offset=-1", None, 422, {"offset": "is '-1'"}),
        ("GET", "/api/v1/nodes?offset=99999999999999999999", None, 422, {"offset": "is '9999"}),
        ("GET", "/api/v1/nodes?sort=colour", None, 422, {"sort": "cannot sort by 'colour'"}),
        ("GET", "/api/v1/nodes?state=flying&locked=maybe", None, 422, {"state": "discovered", "locked": "true or"}),
        ("GET", "/api/v1/nodes?hostname=%00", None, 422, {"hostname": "none of them NUL"}),
        ("GET", "/api/v1/events?after=x", None, 422, {"after": "is 'x'"}),
        ("GET", "/api/v1/nodes/x?colour=red", None, 422, {"colour": "is no parameter here; there are: none"}),
    ],
)
async def test_every_error_is_a_problem_that_names_what_is_wrong(
    pureboot: PureBoot, method: str, path: str, body: Any, status: int, wrong: dict[str, str]
) -> None:
    async with serving(pureboot) as client:
        answer = await client.ask(method, path, data=body, headers=JSON if body else {})
    found = answer.wrong(status)
    assert set(found) == set(wrong)
    for name, message in wrong.items():
        assert message in found[name]


async def test_malformed_json_has_a_place(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        answer = await client.post("/api/v1/groups", data='{\n  "name": x}', headers=JSON)
    assert answer.problem(422)["errors"] == [
        {"path": "", "line": 2, "column": 11, "message": "is not JSON: Expecting value"}
    ]


@pytest.mark.parametrize("depth", [70, 5000])
def test_deep_and_broad_trees_are_refused(depth: int) -> None:
    with pytest.raises(Invalid, match="levels"):
        read_json(b"[" * depth + b"]" * depth)
    with pytest.raises(Invalid, match="values"):
        read_json(json.dumps([0] * 200_001).encode())
    assert read_json(b"[[1], {}]") == [[1], {}]


@pytest.mark.parametrize("text", ["0.1", "123456789012345678901234567890", '"\\u00e4"', '{"a": [1, "b"]}'])
def test_a_small_body_is_read_as_exactly_as_a_large_one(text: str) -> None:
    assert read_json(text.encode()) == read_json(f"{text}{' ' * 200_000}".encode()) == json.loads(text)


@pytest.mark.parametrize("text", ['"\\u0000"', "NaN", "1,", '"\\ud800"'])
def test_what_no_store_takes_is_refused_in_small_and_large_bodies(text: str) -> None:
    for size in (0, 200_000):
        with pytest.raises(Invalid):
            read_json(f"{text}{' ' * size}".encode())


async def test_a_method_that_is_not_there_names_those_that_are(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        answer = await client.ask("DELETE", "/api/v1/nodes")
        unknown = await client.ask("PROPFIND", "/health")
    answer.problem(405)
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    unknown.problem(405)


async def test_head_is_there_where_get_is_and_sends_no_body(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for path in ("/health", "/boot.ipxe", "/api/v1/nodes", "/api/v1/events"):
            whole, head = await client.get(path), await client.ask("HEAD", path)
            assert (head.status, head.body) == (200, b"")
            assert head.headers["Content-Length"] == whole.headers["Content-Length"]


async def test_what_a_page_in_a_browser_could_send_is_not_taken_from_administrators(pureboot: PureBoot) -> None:
    plain = {"Content-Type": "text/plain"}
    async with serving(pureboot) as client:
        for sign in ({"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            forged = await client.post("/api/v1/groups", data='{"name": "x"}', headers={**plain, **sign})
            assert "application/json" in forged.problem(415)["detail"]
        assert (await client.get("/api/v1/groups")).json["total"] == 0


async def test_a_body_is_json_by_whatever_name(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for number, kind in enumerate(("text/plain", "application/x-www-form-urlencoded")):  # the latter is curl's
            said = {"Content-Type": kind}
            answer = await client.post("/api/v1/groups", data=f'{{"name": "x{number}"}}', headers=said)
            assert answer.status == 201
        machine = await client.post("/api/v1/report", data=json.dumps({"mac_address": MAC}))
    assert machine.status == 201


async def test_a_compressed_body_is_not_taken(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        answer = await client.post("/api/v1/groups", data=b"x" * 9, headers={**JSON, "Content-Encoding": "gzip"})
    answer.problem(415)


async def test_a_body_may_have_what_its_route_says_and_no_more(pureboot: PureBoot) -> None:
    async def endless() -> Any:
        for _ in range(20):
            yield b" " * 65536

    async with serving(pureboot) as client:
        announced = await client.post("/api/v1/groups", data=b" " * 65537, headers=JSON)
        chunked = await client.post("/api/v1/groups", data=endless(), headers=JSON)
        large = await client.post("/api/v1/templates", {"name": "t", "content": "x" * 1024 * 1024})
        larger = await client.post("/api/v1/templates", {"name": "u", "content": "x" * (1024 * 1024 + 1)})
    assert "65536 bytes" in announced.problem(413)["detail"]
    chunked.problem(413)
    assert large.status == 201
    assert "a document may have" in larger.wrong()["content"]


async def test_a_body_that_does_not_come_is_not_waited_for(pureboot: PureBoot) -> None:
    async with serving(pureboot, limits=Limits(body_seconds=0.2, linger_seconds=0.1)) as client:
        reader, writer = await asyncio.open_connection(*client.listener.address)
        writer.write(b"POST /api/v1/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        answer = await reader.read()  # to the end: the connection is closed
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"nothing more of the body came in 0.2 seconds" in answer


async def test_a_body_that_comes_in_crumbs_is_not_waited_for_either(pureboot: PureBoot) -> None:
    async def crumbs(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(pureboot, limits=Limits(body_seconds=0.4, linger_seconds=0.1)) as client:
        reader, writer = await asyncio.open_connection(*client.listener.address)
        writer.write(b"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n")
        sending = asyncio.create_task(crumbs(writer))
        answer = await reader.readuntil(b"seconds")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 1.4 seconds" in answer


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_and_is_no_fault_of_ours(
    pureboot: PureBoot, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(pureboot) as client:
        reader, writer = await asyncio.open_connection(*client.listener.address)
        writer.write(raw + b"\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert (await client.get("/health")).status == 200
    assert b" 400 " in head.splitlines()[0]
    assert b"Server: PureBoot" in head
    assert json.loads(body)["status"] == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture, aiohttp_port: int) -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise ZeroDivisionError("pb_0123456789abcdefghijklmn")

    app = web.Application(middlewares=[translate])
    app.router.add_get("/render/{token}/x", broken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", aiohttp_port).start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", aiohttp_port)
        writer.write(b"GET /render/secret/x?token=hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    finally:
        await runner.cleanup()
    assert b" 500 " in answer.splitlines()[0]
    assert b"ZeroDivision" not in answer
    assert b"Traceback" not in answer
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "GET /render/***/x?token=*** failed unexpectedly"
    assert record.exc_info is not None


@pytest.fixture
def aiohttp_port(unused_tcp_port: int) -> int:
    return unused_tcp_port


def test_the_table_says_each_thing_once() -> None:
    rows = [(route.method, route.path) for route in ROUTES]
    assert len(rows) == len(set(rows))
    assert all(route.handler.__doc__ for route in ROUTES)
    lists = [route for route in ROUTES if route.filters is not None]
    assert all(route.method == "GET" for route in lists)


async def test_lists_are_cut_sorted_and_filtered(pureboot: PureBoot) -> None:
    async def names(client: Client, query: str) -> tuple[list[str], int]:
        answer = await client.get(f"/api/v1/nodes?{query}")
        return [each["hostname"] for each in answer.data], answer.json["total"]

    async with serving(pureboot) as client:
        for number, name in enumerate(("carol", "alice", "bob")):
            locked = name == "bob"
            await client.post(
                "/api/v1/nodes", {"mac_address": f"52:54:00:00:00:0{number}", "hostname": name, "locked": locked}
            )
        assert await names(client, "") == (["alice", "bob", "carol"], 3)
        assert await names(client, "limit=1&offset=1") == (["bob"], 3)
        assert await names(client, "sort=-hostname&limit=2") == (["carol", "bob"], 3)
        assert await names(client, "hostname=bob&hostname=carol") == (["bob", "carol"], 2)
        assert await names(client, "locked=true") == (["bob"], 1)
        assert await names(client, "locked=false&state=discovered") == (["alice", "carol"], 2)

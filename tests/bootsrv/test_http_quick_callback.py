"""Reports about steps past aiohttp: the same answers and the same lines in the trace as with it."""

from collections.abc import Callable
from json import dumps, loads
from typing import Any, cast

import pytest

from bootsrv.http import quick_ways
from bootsrv.http.site import Site
from engine.app import PureBoot
from engine.core.executions import AttemptStatus
from tests.bootsrv.http_support import MAC, SCRIPT, node, serving, started
from tests.bootsrv.test_http_listener import connected
from tests.bootsrv.test_http_quick import answer, by_both

Change = Callable[[bytes], bytes]

SUCCESS = dumps({"status": "success", "message": "did it", "output": {"disk": "/dev/vda"}}).encode()


def posted(path: str, token: str, body: bytes = b"", *more: str) -> bytes:
    """As curl sends it for the node agent."""
    lines = ("Host: 192.0.2.1:8080", f"Authorization: Bearer {token}", "User-Agent: curl/7.88.1", "Accept: */*", *more)
    length = f"Content-Length: {len(body)}"
    head = "\r\n".join((f"POST /api/v1/callback/{path} HTTP/1.1", *lines, "Content-Type: application/json", length))
    return head.encode() + b"\r\n\r\n" + body


async def test_both_ways_say_the_same(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, token = await started(pureboot, SCRIPT)
    await node(pureboot, "52:54:00:00:00:02")
    other, others = await started(pureboot, SCRIPT.replace("on-node", "another"), "52:54:00:00:00:02")
    step, beat = f"{execution.id}/step/run", f"{execution.id}/heartbeat"

    def said(**values: Any) -> bytes:
        return dumps(values).encode()

    table = [
        (200, posted(step, token, said(status="progress", progress_percent=7))),
        (200, posted(beat, token)),
        (200, posted(beat, token, b"whatever")),
        (401, posted(step, "x" * 32, SUCCESS)),
        (403, posted(step, others, SUCCESS)),
        (403, posted(beat, others)),
        (404, posted(f"{other.id}x/step/run", pureboot.context.capability(f"{other.id}x"), SUCCESS)),
        (404, posted(f"{execution.id}/step/none", token, SUCCESS)),
        (409, posted(step, token, said(status="success", attempt=2))),
        (422, posted(step, token)),
        (422, posted(step, token, b'{"status": ')),
        (422, posted(step, token, said(status="done", progress_percent=101, ouput={}))),
        (200, posted(step, token, SUCCESS)),  # repeated from now on
        (409, posted(step, token, said(status="failed"))),
        (410, posted(beat, token)),
    ]
    async with serving(pureboot) as client:
        for status, data in table:
            await by_both(client, data)  # asked a second time nothing is new
            quick, slow = await by_both(client, data)
            assert quick[0].startswith(f"HTTP/1.1 {status} ".encode()), (quick, data)
            assert quick == slow
            assert "success" in loads(quick[2]) if status == 200 else loads(quick[2])["status"] == status
    [attempt] = (await pureboot.executions.get(execution.id)).attempts
    assert (attempt.status, attempt.output) == (AttemptStatus.SUCCEEDED, {"disk": "/dev/vda"})


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b" ",
        lambda data: data.replace(b"/step/run", b"/step/run?attempt=1"),
        lambda data: data.replace(b"/step/run", b"/step/run/logs"),
        lambda data: data.replace(b"/step/run", b"/step/.."),
        lambda data: data.replace(b"/step/run", b"/step/r%75n"),
        lambda data: data.replace(b"POST", b"PUT"),
        lambda data: data.replace(b"Bearer", b"Basic"),
        lambda data: data.replace(b"Authorization", b"X-Authorization"),
        lambda data: data.replace(b"Accept:", b"Expect: 100-continue\r\nAccept:"),
        lambda data: data.replace(b"Accept: */*", b"Content-Encoding: gzip"),
        lambda data: data.replace(b"Accept: */*", b"Transfer-Encoding: chunked"),
        lambda data: data.replace(b"Accept: */*", b"Content-Length: %d" % len(SUCCESS)),
        lambda data: data.replace(b"Content-Length: ", b"Content-Length: +"),
        lambda data: data.replace(b"Content-Length: ", b"Content-Length: 0"),
        lambda data: data.replace(b"Accept: */*", b"Accept: */*\r\n folded"),
        lambda data: data.replace(b"\r\n", b"\n"),
    ],
)
def test_anything_else_is_for_aiohttp(change: Change) -> None:
    data = posted("e/step/run", "t" * 32, SUCCESS)
    assert change(data) != data
    assert quick_ways.read(cast("Site", None), change(data)) is None


async def test_the_trace_tells_of_it_in_the_same_words(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, token = await started(pureboot, SCRIPT)
    lines: list[dict[str, Any]] = []
    async with serving(pureboot) as client:
        for path in ("step/none", "step/run", "heartbeat"):
            data = posted(f"{execution.id}/{path}", token, SUCCESS)
            await by_both(client, data)
            line = (await client.get(f"/api/v1/nodes/{MAC}/trace")).data[-1]
            assert line.pop("count") == 2, line  # as many as are alike are one
            lines.append(line)
    assert [(line["what"], line["outcome"], line["status"]) for line in lines] == [
        ("callback/step/none", "refused", 404),
        ("callback/step/run", "ok", None),
        ("callback/heartbeat", "refused", 410),
    ]
    assert [line["facts"] for line in lines] == [{"agent": "curl/7.88.1", "address": "127.0.0.1"}] * 3


async def test_reports_in_a_row_are_answered_in_order(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, token = await started(pureboot, SCRIPT)
    step = f"{execution.id}/step/run"
    async with serving(pureboot) as client, connected(client.listener.address, 1) as (one,):
        for percent in range(30):
            one[1].write(posted(step, token, dumps({"status": "progress", "progress_percent": percent}).encode()))
        one[1].write(posted(step, token, SUCCESS) + posted(step, token, SUCCESS, "Connection: close"))
        answers = [loads((await answer(one))[2])["data"]["result"] for _ in range(32)]
    assert answers == ["recorded"] * 31 + ["repeated"]

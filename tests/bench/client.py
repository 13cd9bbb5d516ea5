"""Machines that report, as one lean process: `python -m tests.bench.client MODE --port PORT --targets FILE …`.

`closed`: so many connections, each of which sends a request when the last is answered: for each machine in turn a
progress and a success of each step. `open`: requests go out when their time has come, whatever became of the earlier
ones; one that finds no free connection waits for it. Latencies are from the time at which a request was due, so that a
server which stands still is charged for all that it keeps waiting.
"""

import argparse
import asyncio
import heapq
import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.sizes import STEPS
from tests.bench.workload import KEYS, in_ms, say

Target = tuple[str, str]
Request = tuple[float, bytes]  # when it is due, and its bytes
_TICK = 0.001


def post(path: str, token: str, body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def report(target: Target, number: int) -> bytes:
    """The report with this number of a machine: a progress, then the success of its first step, and so on."""
    execution, token = target
    said: dict[str, object] = {"status": "success", "exit_code": 0, "message": "done"}
    if number % 2 == 0:
        said = {"status": "progress", "progress_percent": 50, "message": "half of it"}
    return post(f"/api/v1/callback/{execution}/step/{KEYS[number // 2]}", token, json.dumps(said).encode())


def heartbeat(target: Target) -> bytes:
    """A sign of life."""
    return post(f"/api/v1/callback/{target[0]}/heartbeat", target[1])


class Connection(asyncio.Protocol):
    """One connection that is kept; answers are told from each other by their length alone."""

    def __init__(self, answered: Callable[["Connection", bool], None]) -> None:
        self._answered = answered
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: Request) -> None:
        """Send; `answered` is called when the answer is whole."""
        assert self._transport is not None
        self.due, data = request
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or len(self._received) < end + 4 + _length(self._received[:end]):
            return
        good = self._received[9:12] == b"200"
        self._received = b""
        self._answered(self, good)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


class Client:
    """The connections, and what came of their requests."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.latencies: list[float] = []
        self.refused = 0
        self.over = asyncio.Event()
        self._open: list[Connection] = []
        self._expected = -1

    def expect(self, count: int) -> None:
        """Have it be over when so many are answered."""
        self._expected = count
        if len(self.latencies) >= count:
            self.over.set()

    async def connect(self, port: int, count: int, answered: Callable[[Connection], None]) -> list[Connection]:
        """Open connections; `answered` is called with each that has its answer."""

        def note(connection: Connection, good: bool) -> None:
            self.latencies.append(self.loop.time() - connection.due)
            self.refused += not good
            answered(connection)
            if len(self.latencies) == self._expected:
                self.over.set()

        for _ in range(count):
            _, connection = await self.loop.create_connection(lambda: Connection(note), "127.0.0.1", port)
            self._open.append(connection)
        return self._open

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._open:
            connection.close()


async def closed(options: argparse.Namespace, targets: list[Target]) -> None:
    """Each connection does one machine after another."""
    client = Client()
    queue = iter(targets)
    work: dict[Connection, Iterator[bytes]] = {}
    idle = 0

    def go_on(connection: Connection) -> None:
        nonlocal idle
        request = next(work[connection], None)
        while request is None:
            target = next(queue, None)
            if target is None:
                idle += 1
                if idle == options.connections:
                    client.over.set()
                return
            work[connection] = (report(target, number) for number in range(2 * STEPS))
            request = next(work[connection], None)
        connection.send((client.loop.time(), request))

    connections = await client.connect(options.port, options.connections, go_on)
    work.update((each, iter(())) for each in connections)
    began = client.loop.time()
    for connection in connections:
        go_on(connection)
    await client.over.wait()
    seconds = client.loop.time() - began
    client.close()
    answered = len(client.latencies)
    say(rate=answered / seconds, answered=answered, refused=client.refused, **in_ms(client.latencies))


def schedule(options: argparse.Namespace, targets: list[Target], began: float) -> Iterator[Request]:
    """All requests of the mixed load, in the order in which they are due."""

    def beats() -> Iterator[Request]:
        for number in range(int(options.seconds * options.heartbeats)):
            yield began + number / options.heartbeats, heartbeat(targets[number % len(targets)])

    def reports() -> Iterator[Request]:
        for number in range(int(options.seconds * options.callbacks)):
            # half a step later than a heartbeat, so that the two do not fall together
            due = began + (number + 0.5) / options.callbacks
            yield due, report(targets[number % len(targets)], number // len(targets))

    return heapq.merge(beats(), reports())


async def open_(options: argparse.Namespace, targets: list[Target]) -> None:
    """The mixed load."""
    client = Client()
    free: list[Connection] = []
    late: deque[Request] = deque()

    def go_on(connection: Connection) -> None:
        if late:
            connection.send(late.popleft())
        else:
            free.append(connection)

    free.extend(await client.connect(options.port, options.connections, go_on))
    began = client.loop.time() + 0.1
    sent = 0
    for request in schedule(options, targets, began):
        if request[0] > client.loop.time():
            await asyncio.sleep(max(_TICK, request[0] - client.loop.time()))
        sent += 1
        if free:
            free.pop().send(request)
        else:
            late.append(request)
    lag = client.loop.time() - request[0] if sent else 0.0
    client.expect(sent)
    await client.over.wait()
    over = client.loop.time()
    client.close()
    say(
        rate=sent / (over - began),
        answered=sent,
        refused=client.refused,
        lag_ms=max(lag, over - began - options.seconds) * 1e3,
        **in_ms(client.latencies),
    )


def main() -> None:
    """Do what the runner asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("closed", "open"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--heartbeats", type=float, default=0)
    parser.add_argument("--callbacks", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    options = parser.parse_args()
    targets = [(execution, token) for execution, token in json.loads(options.targets.read_text())]
    asyncio.run((closed if options.mode == "closed" else open_)(options, targets))


if __name__ == "__main__":
    main()

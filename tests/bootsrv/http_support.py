"""A client for the HTTP doors, workflows to try them with, and the doors themselves on a free port of loopback."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bootsrv.http.app import Part, build
from bootsrv.http.listener import Listener
from bootsrv.http.site import Limits, Site
from bootsrv.loaders import Loaders
from engine.app import PureBoot
from engine.core.executions import Execution
from engine.core.nodes import Node, NodeState

MAC = "52:54:00:00:00:01"
IPXE = {"User-Agent": "iPXE/1.0.0+git-20190125.36a4c85"}

HELLO = """\
name: hello
params:
  who: {type: string, default: world}
steps:
  - key: greet
    action: core.echo
    with: {message: "hello {{ params.who }}"}
"""

WAITING = """\
name: waiting
steps:
  - key: wait
    action: core.delay
    with: {duration: 1h}
"""

SCRIPT = """\
name: on-node
steps:
  - key: run
    name: Run it
    action: node.script
    with: {script: "echo hi"}
    timeout: 10m
    heartbeat: 30s
"""

INSTALL = """\
name: install
boot_mode: any
steps:
  - key: netboot
    name: Boot the installer
    action: node.boot
    with:
      kernel: debian/linux
      initrd: debian/initrd.gz
      cmdline: url=${server.http_url}/render/${execution.token}/answers callback=${execution.callback_url}
  - key: run
    action: node.script
    with: {script: "true"}
    next_state: installed
"""


async def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so that tells nobody when it becomes so: a file, a process, a line in a log."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] in ("application/json", "application/problem+json"), self.text
        return loads(self.body)

    @property
    def data(self) -> Any:
        """What was asked for, out of its envelope."""
        assert self.json["success"] is True
        return self.json["data"]

    def problem(self, status: int) -> Any:
        """The problem it must be."""
        assert self.status == status, (self.status, self.text)
        assert self.headers["Content-Type"] == "application/problem+json"
        told = self.json
        assert {"type", "title", "status", "detail", "errors"} <= set(told)
        assert told["status"] == status
        return told

    def wrong(self, status: int = 422) -> dict[str, str]:
        """The paths of everything that is wrong, with the messages."""
        return {each["path"]: each["message"] for each in self.problem(status)["errors"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks the doors; `token` is shown with every request."""

    session: aiohttp.ClientSession
    url: str
    listener: Listener
    site: Site
    token: str | None = None

    def with_token(self, token: str | None) -> "Client":
        return Client(session=self.session, url=self.url, listener=self.listener, site=self.site, token=token)

    async def ask(
        self, method: str, path: str, *, json: Any = None, data: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        given = CIMultiDict(headers)
        if json is not None:
            given.setdefault("Content-Type", "application/json")
            data = dumps(json).encode()
        if isinstance(data, bytes) and len(data) > 500_000:
            data = io.BytesIO(data)  # aiohttp's client warns of large bytes
        if self.token is not None:
            given.setdefault("Authorization", f"Bearer {self.token}")
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, data=data, headers=given, allow_redirects=False) as response:
            return Answer(status=response.status, headers=response.headers, body=await response.read())

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.ask("POST", path, json=json, **more)

    async def patch(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.ask("PATCH", path, json=json, **more)

    async def put(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.ask("PUT", path, json=json, **more)

    async def delete(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.ask("DELETE", path, json=json, **more)


@asynccontextmanager
async def serving(
    pureboot: PureBoot,
    *,
    limits: Limits | None = None,
    part: Part = Part.ALL,
    loaders: Loaders | None = None,
    tftp: tuple[str, int] | None = ("127.0.0.1", 69),
    port: int = 0,
) -> AsyncIterator[Client]:
    """The doors, open."""
    nowhere = Path("/nonexistent")
    site = Site(
        pureboot=pureboot,
        loaders=loaders or Loaders(None, nowhere, packaged=()),
        tftp=lambda: tftp,
        limits=limits or Limits(),
    )
    quick = None if part is Part.ADMINISTRATORS else site
    listener = Listener(build(site, part), host="127.0.0.1", port=port, setting="http", limits=site.limits, quick=quick)
    await listener.start()
    try:
        async with aiohttp.ClientSession(headers={"User-Agent": "test"}) as session:
            host, port = listener.address
            yield Client(session=session, url=f"http://{host}:{port}", listener=listener, site=site)
    finally:
        await listener.close()


async def published(pureboot: PureBoot, *texts: str) -> None:
    """Workflows that may be started."""
    for text in texts:
        for workflow, _ in await pureboot.workflows.import_(text, by="user:test"):
            await pureboot.workflows.publish(workflow.name, by="user:test")


async def node(pureboot: PureBoot, mac_address: str = MAC, **values: Any) -> Node:
    """A node that is known."""
    return await pureboot.nodes.create(mac_address, values, by="user:test")


async def installed(pureboot: PureBoot, mac_address: str = MAC) -> Node:
    """A node whose disk somebody wants."""
    known = await node(pureboot, mac_address)
    for state in (NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED):
        known = await pureboot.nodes.move(known.id, state, by="user:test")
    return known


async def started(pureboot: PureBoot, text: str, node: str | None = MAC) -> tuple[Execution, str]:
    """An execution of a workflow, and its capability token."""
    await published(pureboot, text)
    name = text.partition("\n")[0].removeprefix("name: ")
    execution = await pureboot.executions.start(name, by="user:test", node=node)
    return execution, pureboot.context.capability(execution.id)


async def until_ended(pureboot: PureBoot, execution_id: str) -> Execution:
    """The execution when it has ended."""
    async for _ in pureboot.feed.follow(0):
        execution = await pureboot.executions.get(execution_id)
        if execution.ended:
            return execution
    raise AssertionError("the feed ended")

"""What the health routes tell while all is well, and while the store cannot be used."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator

import pytest

from engine.app import PureBoot
from engine.store import postgres, sqlite
from tests.bootsrv.http_support import HELLO, SCRIPT, Client, node, published, serving, started
from tests.conftest import Opener
from tests.story import PATIENCE


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a locked store for a moment only."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.5)
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 0.5)


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """While entered, another program keeps the store locked against writers."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def until_ready(client: Client) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await client.get("/health/ready")).status != 200:  # noqa: ASYNC110 - nobody tells a client
            await asyncio.sleep(0.05)


async def test_the_parts_tell_what_they_do(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot, serving(pureboot) as client:
        ready = await client.get("/health/ready")
        assert ready.status == 200
        parts = ready.json["data"]["parts"]
        assert {name: part["status"] for name, part in parts.items()} == {"store": "ok", "engine": "ok", "tftp": "ok"}
        [host] = await pureboot.hosts()
        assert parts["engine"] == {
            "status": "ok",
            "message": "performs the steps",
            "attempts": 0,
            "hosts": [host.name],
        }


async def test_a_guest_names_who_performs_the_steps(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as host, opener(sqlite_url) as guest, serving(guest) as client:
        engine = (await client.get("/health/ready")).json["data"]["parts"]["engine"]
        assert engine["hosts"] == [each.name for each in await host.hosts()]
        assert engine["attempts"] == 0
        assert "another process" in engine["message"]


async def test_a_store_that_cannot_be_written_is_no_ready_one(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as pureboot, serving(pureboot) as client:
        await published(pureboot, HELLO)
        async with locked(sqlite_url):
            refused = await client.post("/api/v1/workflows/hello/execute", {})
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert "another program keeps it locked" in refused.json["detail"]
            ready = await client.get("/health/ready")
            assert ready.status == 503
            assert int(ready.headers["Retry-After"]) > 0
            assert ready.json["detail"] == "not ready: store"
            assert "another program keeps it locked" in ready.json["parts"]["store"]["message"]
            assert ready.json["parts"]["engine"]["message"] == "takes no work until the store can be written"
            assert (await client.get("/health")).status == 200
            assert (await client.get("/api/v1/workflows")).status == 200  # it can be read
        await until_ready(client)
        assert (await client.post("/api/v1/workflows/hello/execute", {})).status == 202


async def test_a_node_that_reports_meanwhile_is_asked_to_come_again(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as pureboot, serving(pureboot) as client:
        await node(pureboot)
        execution, token = await started(pureboot, SCRIPT)
        path = f"/api/v1/callback/{execution.id}/step/run?token={token}"
        assert (await client.get(f"/api/v1/callback/{execution.id}/current?token={token}")).status == 200
        async with locked(sqlite_url):
            refused = await client.post(path, {"status": "success"})
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
        await until_ready(client)
        assert (await client.post(path, {"status": "success"})).status == 200
        assert (await pureboot.executions.get(execution.id)).ended


async def test_a_store_file_that_is_gone_is_told_of_in_words(pureboot: PureBoot, sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    async with serving(pureboot) as client:
        shutil.move(path, f"{path}.away")
        assert (await client.post("/api/v1/groups", {"name": "rack"})).status == 503
        store = (await client.get("/health/ready")).json["parts"]["store"]
        assert "was removed while PureBoot ran: move it back, or put a backup there" in store["message"]
        assert (await client.get("/api/v1/groups")).status == 503
        shutil.move(f"{path}.away", path)
        await until_ready(client)
        assert (await client.post("/api/v1/groups", {"name": "rack"})).status == 201

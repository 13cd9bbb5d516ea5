"""What the writer remembers of nodes and their executions is what the store holds now, whoever wrote it; on both
databases.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.app import PureBoot
from engine.core.boot import BootRequest, Local, Serve
from engine.core.nodes import Node, NodeState
from engine.core.page import Page
from engine.core.scopes import Server
from engine.services import children
from engine.store import nodes
from engine.store.database import Database, open_database
from engine.store.tx import Tx
from tests.conftest import Opener
from tests.story import ADA, published

MAC = "52:54:00:00:00:01"
SERVER = Server(url="http://10.0.0.1:8080")
ASKED = BootRequest(mac_address=MAC, platform="efi", arch="x86_64")
INSTALL = """
name: install
os_family: linux
steps:
  - {key: netboot, action: node.boot, with: {kernel: linux}}
  - {key: run, action: node.script, with: {script: "true"}}
"""


@asynccontextmanager
async def another(url: str) -> AsyncIterator[Database]:
    """The same store, as another process has it."""
    database = await open_database(url)
    database.remember()
    try:
        yield database
    finally:
        await database.close()


async def told(pureboot: PureBoot) -> str:
    decision = await pureboot.boots.boot(ASKED, server=SERVER)
    if isinstance(decision, Serve):
        return "serve"
    assert isinstance(decision, Local)
    return decision.reason


async def test_a_boot_is_decided_as_things_are_now(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot, another(store_url) as other:
        await published(pureboot, INSTALL)
        node = await pureboot.nodes.create(MAC, by=ADA)
        await pureboot.nodes.move(node.id, NodeState.PENDING, by=ADA)
        assert [await told(pureboot), await told(pureboot)] == ["nothing", "nothing"]
        execution = await pureboot.executions.start("install", node=node.id, by=ADA)
        assert [await told(pureboot), await told(pureboot)] == ["serve", "serve"]

        def lock(tx: Tx, is_locked: bool) -> None:
            found = nodes.by_mac(tx, MAC)
            assert found is not None
            nodes.save(tx, replace(found, locked=is_locked))

        for is_locked, expected in ((True, "locked"), (False, "serve"), (True, "locked"), (False, "serve")):
            await other.write(lambda tx, is_locked=is_locked: lock(tx, is_locked))  # type: ignore[misc]
            assert await told(pureboot) == expected
        await pureboot.executions.cancel(execution.id, by=ADA)
        assert [await told(pureboot), await told(pureboot)] == ["nothing", "nothing"]
        await pureboot.executions.start("install", node=node.id, by=ADA)
        assert await told(pureboot) == "serve"


async def test_which_execution_lives_on_a_node_is_known_from_its_start_to_its_end(
    store_url: str, opener: Opener
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, "name: w\nsteps: [{key: run, action: node.script, with: {script: x}}]")
        node = await pureboot.nodes.create(MAC, by=ADA)

        async def live() -> str | None:
            def work(tx: Tx) -> str | None:
                found = children.live_on(tx, node.id)
                return None if found is None else found.id

            remembered = [await pureboot.context.database.write(work) for _ in range(2)]
            assert remembered == [await pureboot.context.database.read(work)] * 2
            return remembered[0]

        assert await live() is None
        first = await pureboot.executions.start("w", node=node.id, by=ADA)
        assert await live() == first.id
        await pureboot.control.pause(first.id, by=ADA)
        assert await live() == first.id
        await pureboot.executions.cancel(first.id, by=ADA)
        assert await live() is None
        await pureboot.control.retry(first.id, by=ADA)
        assert await live() == first.id
        await pureboot.executions.cancel(first.id, by=ADA)
        second = await pureboot.executions.start("w", node=node.id, by=ADA)
        assert await live() == second.id


async def test_when_a_node_was_heard_is_seen_at_once_and_kept(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        made = await pureboot.nodes.create(MAC, by=ADA)
        early, late = (made.created_at + timedelta(seconds=seconds) for seconds in (1, 2))

        def heard(tx: Tx) -> list[Node | None]:
            first = nodes.seen(tx, made, early)
            ways = [nodes.by_mac(tx, MAC), nodes.get(tx, MAC), *nodes.find(tx, Page())[0], *nodes.by_ids(tx, [made.id])]
            assert ways == [first] * 4
            return [nodes.seen(tx, first, late), nodes.get(tx, made.id)]

        assert await pureboot.context.database.write(heard) == [replace(made, last_seen_at=late)] * 2
        assert (await pureboot.nodes.get(made.id)).last_seen_at == late

        def saved(tx: Tx) -> None:
            nodes.seen(tx, made, early)
            nodes.save(tx, replace(made, hostname="r1", last_seen_at=late))

        await pureboot.context.database.write(saved)
        assert (await pureboot.nodes.get("r1")).last_seen_at == late


async def test_a_unit_that_fails_leaves_nothing_behind_in_memory(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        made = await pureboot.nodes.create(MAC, by=ADA)

        def spoilt(tx: Tx) -> None:
            nodes.seen(tx, made, made.created_at + timedelta(days=1))
            raise RuntimeError("after it wrote")

        with pytest.raises(RuntimeError, match="after it wrote"):
            await pureboot.context.database.write(spoilt)
        assert await pureboot.context.database.write(lambda tx: nodes.by_mac(tx, MAC)) == made
        assert await pureboot.nodes.get(MAC) == made

"""Boot traces as they are kept: gathered, joined to machines, folded, bounded; and explained."""

import asyncio
from datetime import timedelta

import pytest

from engine.app import PureBoot
from engine.core.boot_trace import MOST, Contact, ContactKind, Outcome
from engine.core.nodes import Node
from engine.errors import NotFound
from engine.services import traces
from engine.store.traces import STRANGER, by_machine, of, strangers
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, PATIENCE, published

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
HERE = "192.0.2.11"
BOOT = """
name: install
boot_mode: any
steps:
  - key: boot
    name: Boot the installer
    action: node.boot
    with: {kernel: debian/linux}
    next_state: installing
"""


def contact(clock: ManualClock, what: str, kind: str = "http", **values: object) -> Contact:
    return Contact(at=clock.now(), kind=ContactKind(kind), what=what, **{"outcome": Outcome.OK, **values})  # type: ignore[arg-type]


def note(pureboot: PureBoot, clock: ManualClock, what: str, kind: str = "http", **whose: str) -> None:
    pureboot.traces.note(contact(clock, what, kind), **whose)
    clock.advance(1)


async def lines(pureboot: PureBoot, reference: str) -> list[tuple[str, int]]:
    return [(line.what, line.count) for line in (await pureboot.traces.explain(reference)).contacts]


async def test_what_came_by_address_belongs_to_the_machine_that_says_its_name_there(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        note(pureboot, clock, "ipxe.efi", "tftp", address=HERE)
        assert await lines(pureboot, HERE) == [("ipxe.efi", 1)]
        note(pureboot, clock, "/boot.ipxe", address=HERE)
        note(pureboot, clock, "/boot.ipxe", mac=MAC, address=HERE)
        note(pureboot, clock, "/files/linux", address=HERE)
        assert await lines(pureboot, "r1") == [("ipxe.efi", 1), ("/boot.ipxe", 2), ("/files/linux", 1)]
        with pytest.raises(NotFound, match="nothing was heard"):
            await pureboot.traces.explain(HERE)


async def test_firmware_at_an_address_whose_machine_was_silent_waits_for_a_name(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        for mac in (MAC, OTHER):
            await pureboot.nodes.create(mac, by=ADA)
        note(pureboot, clock, "/boot.ipxe", mac=MAC, address=HERE)
        clock.advance(3600)
        note(pureboot, clock, "ipxe.efi", "tftp", address=HERE)
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1)]
        note(pureboot, clock, "/boot.ipxe", mac=OTHER, address=HERE)
        assert await lines(pureboot, OTHER) == [("ipxe.efi", 1), ("/boot.ipxe", 1)]
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1)]


async def test_an_address_of_several_machines_is_nobodys(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        for mac in (MAC, OTHER):
            await pureboot.nodes.create(mac, by=ADA)
            note(pureboot, clock, "/boot.ipxe", mac=mac, address=HERE)
        note(pureboot, clock, "/files/linux", address=HERE)
        assert await lines(pureboot, MAC) == await lines(pureboot, OTHER) == [("/boot.ipxe", 1)]
        assert await lines(pureboot, HERE) == [("/files/linux", 1)]


async def test_a_machine_seen_lately_is_the_same_when_it_starts_anew(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        note(pureboot, clock, "/boot.ipxe", mac=MAC, address=HERE)
        clock.advance(30)
        note(pureboot, clock, "ipxe.efi", "tftp", address=HERE)
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1), ("ipxe.efi", 1)]


async def test_a_trace_is_bounded_and_keeps_the_newest(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        for at in range(2 * MOST + 50):
            note(pureboot, clock, f"/files/{at}", mac=MAC)
            if at % 90 == 0:
                await pureboot.traces.flush()
        kept = [what for what, _ in await lines(pureboot, MAC)]
        assert kept == [f"/files/{at}" for at in range(MOST + 50, 2 * MOST + 50)]


async def test_more_at_once_than_is_kept_is_no_error(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        for _ in range(2):
            for at in range(MOST + 30):
                note(pureboot, clock, f"/files/{at}", mac=MAC)
            assert [what for what, _ in await lines(pureboot, MAC)] == [f"/files/{at}" for at in range(30, MOST + 30)]


async def test_polls_are_one_line_over_many_writes_and_a_restart(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    for count in (40, 80):
        async with opener(store_url, clock=clock) as pureboot:
            if count == 40:
                await pureboot.nodes.create(MAC, by=ADA)
            for _ in range(20):
                note(pureboot, clock, "callback/current", "callback", mac=MAC)
                note(pureboot, clock, "callback/heartbeat", "callback", mac=MAC)
                await pureboot.traces.flush()
            assert await lines(pureboot, MAC) == [("callback/current", count // 2), ("callback/heartbeat", count // 2)]


async def test_what_an_execution_is_for_says_whose_a_call_is(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        await published(pureboot, BOOT)
        execution = await pureboot.executions.start("install", node=MAC, by=ADA)
        note(pureboot, clock, "callback/current", "callback", execution=execution.id, address=HERE)
        note(pureboot, clock, "/files/linux", address=HERE)
        assert await lines(pureboot, MAC) == [("callback/current", 1), ("/files/linux", 1)]


async def test_another_process_reads_what_was_written_and_two_writers_lose_nothing(
    postgres_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(postgres_url, clock=clock) as one, opener(postgres_url, clock=clock, host=False) as other:
        await one.nodes.create(MAC, by=ADA)
        for at in range(30):
            note((one, other)[at % 2], clock, f"/files/{at}", mac=MAC)
            await one.traces.flush()
            await other.traces.flush()
        expected = [(f"/files/{at}", 1) for at in range(30)]
        assert await lines(one, MAC) == await lines(other, MAC) == expected


async def test_it_is_written_by_itself_soon_and_at_the_end(
    sqlite_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "FLUSH_SECONDS", 0.01)
    async with opener(sqlite_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        note(pureboot, clock, "/boot.ipxe", mac=MAC)
        async with asyncio.timeout(10):
            while not await pureboot.context.database.read(lambda tx: of(tx, [MAC])):
                await pureboot.feed.changed(pureboot.feed.stirs)
        monkeypatch.setattr(traces, "FLUSH_SECONDS", 1000)
        note(pureboot, clock, "/files/linux", mac=MAC)
    async with opener(sqlite_url, clock=clock) as pureboot:
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1), ("/files/linux", 1)]


async def test_strangers_are_forgotten_and_nodes_are_not(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        note(pureboot, clock, "/boot.ipxe", mac=MAC)
        note(pureboot, clock, "x.efi", "tftp", address=HERE)
        assert await pureboot.traces.prune() == 0
        await pureboot.traces.flush()
        clock.advance(traces.STRANGERS_KEPT / timedelta(seconds=1) + 60)
        for at in range(5):
            note(pureboot, clock, "x.efi", "tftp", address=f"192.0.2.{100 + at}")
        await pureboot.traces.flush()
        monkeypatch.setattr(traces, "STRANGERS", 3)
        assert await pureboot.traces.prune() == 3
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1)]
        assert await lines(pureboot, "192.0.2.104") == [("x.efi", 1)]
        with pytest.raises(NotFound):
            await pureboot.traces.explain("192.0.2.100")
        note(pureboot, clock, "y.efi", "tftp", address=HERE)
        assert await lines(pureboot, HERE) == [("y.efi", 1)]


async def test_a_flood_of_strangers_is_bounded_at_once_and_takes_no_trace_of_a_node(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "STRANGERS", 20)
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        note(pureboot, clock, "/boot.ipxe", mac=MAC)
        await pureboot.traces.flush()
        for flood in range(4):
            for at in range(30):
                note(pureboot, clock, "discover", "dhcp", mac=f"02:00:00:00:{flood:02x}:{at:02x}")
            await pureboot.traces.flush()
        assert len(await pureboot.context.database.read(strangers)) <= 40
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1)]
        assert await lines(pureboot, "02:00:00:00:03:1d") == [("discover", 1)]


async def test_what_was_written_before_the_rest_was_stopped_is_not_written_again(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_MACHINES", 1)
    monkeypatch.setattr(traces, "FLUSH_SECONDS", 1000)
    machines = [f"02:00:00:00:00:{at:02x}" for at in range(60)]
    async with opener(store_url, clock=clock) as pureboot:
        for mac in machines:
            note(pureboot, clock, "/boot.ipxe", mac=mac)
        flushing = asyncio.create_task(pureboot.traces.flush())
        async with asyncio.timeout(PATIENCE):
            while len(await pureboot.context.database.read(strangers)) < 20:
                continue
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await pureboot.traces.flush()
        kept = await pureboot.context.database.read(lambda tx: by_machine(tx, machines))
        assert list(kept) == machines
        # the one that was being written when all was stopped may be there twice: nobody knows of it
        assert sum(line.count for each in kept.values() for line in each) <= len(machines) + 1


async def test_what_cannot_be_stored_keeps_nothing_else_from_it(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_MACHINES", 1)
    async with opener(store_url, clock=clock) as pureboot:
        pureboot.traces.note(contact(clock, "/files/linux", bytes=2**70), mac=OTHER)
        note(pureboot, clock, "/boot.ipxe", mac=MAC)
        assert await lines(pureboot, MAC) == [("/boot.ipxe", 1)]


async def test_while_the_store_is_away_contacts_wait_and_are_bounded(
    sqlite_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "MOST_NOTED", 100)
    async with opener(sqlite_url, clock=clock) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        for at in range(150):
            note(pureboot, clock, f"/files/{at}", mac=MAC)
        kept = [what for what, _ in await lines(pureboot, MAC)]
        assert 90 <= len(kept) <= 100
        assert kept[-1] == "/files/149"


async def test_those_that_hang_are_found_with_why(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, BOOT)
        known: list[Node] = []
        for mac in (MAC, OTHER):
            known.append(await pureboot.nodes.create(mac, by=ADA))
            await pureboot.executions.start("install", node=mac, by=ADA)
        clock.advance(30)
        note(pureboot, clock, "ipxe.efi", "tftp", mac=MAC)
        clock.advance(70)
        pureboot.traces.note(contact(clock, "/boot.ipxe", facts={"told": "serve"}), mac=OTHER)
        executions = [await pureboot.executions.get(e.id) for e in (await pureboot.snapshot()).executions]
        by_node = {execution.node_id: execution for execution in executions}
        found = await pureboot.traces.hanging([(each, by_node[each.id]) for each in known])
        assert {node_id: verdict.cause for node_id, verdict in found.items()} == {known[0].id: "loader-silent"}
        assert (await pureboot.traces.explain(OTHER)).verdict.cause == "served"


async def test_a_thousand_machines_at_once_cost_few_transactions(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        for at in range(1000):
            for what in ("ipxe.efi", "autoexec.ipxe"):
                pureboot.traces.note(contact(clock, what, "tftp"), address=f"10.0.{at // 250}.{at % 250}")
        before = pureboot.feed.stirs
        await pureboot.traces.flush()
        assert pureboot.feed.stirs - before <= 12
        found = await pureboot.context.database.read(lambda tx: of(tx, [f"{STRANGER}10.0.3.249"]))
        assert [line.what for line in found] == ["ipxe.efi", "autoexec.ipxe"]

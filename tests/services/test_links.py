"""Links: what was made elsewhere is recorded once and found by whoever asks."""

import asyncio
from typing import Any

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.links import Link
from engine.core.page import Page
from engine.errors import Conflict, Invalid
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, ended, published

MAC = "52:54:00:00:00:01"
DEVICE = ("netbox", "device", MAC)


async def record(pureboot: PureBoot, external_id: str = "17", attempt: str = "a1", **more: Any) -> Link:
    return await pureboot.links.record(*DEVICE, external_id, {"slug": "r1"}, attempt_id=attempt, **more)


async def test_what_was_made_is_known_to_everybody(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        assert await pureboot.links.known(*DEVICE) is None
        node = await pureboot.nodes.create(MAC, by=ADA)
        await published(pureboot, "name: w\nsteps: [{key: a, action: core.echo}]")
        execution = await pureboot.executions.start("w", by=ADA, node=MAC)
        link = await record(pureboot, execution_id=execution.id)
        assert (link.system, link.kind, link.key, link.external_id) == (*DEVICE, "17")
        assert (link.data, link.node_id, link.created_at) == ({"slug": "r1"}, node.id, clock.now())
        assert await pureboot.links.known(*DEVICE) == link
        assert await pureboot.links.known("netbox", "device", "other") is None
        assert await pureboot.links.links_of(execution.id) == [link]
        found, _ = await pureboot.events(Page(filters={"kind": (Kind.LINK_RECORDED.value,)}))
        assert [(each.execution_id, each.data["external_id"]) for each in found] == [(execution.id, "17")]
        await ended(pureboot, execution)


@pytest.mark.parametrize(
    ("attempt", "external_id", "same"),
    [("a1", "17", True), ("a1", "18", True), ("a2", "17", True), ("a2", "18", False)],
)
async def test_it_is_recorded_once(store_url: str, opener: Opener, attempt: str, external_id: str, same: bool) -> None:
    async with opener(store_url) as pureboot:
        first = await record(pureboot)
        if same:
            assert await record(pureboot, external_id, attempt) == first
        else:
            with pytest.raises(
                Conflict, match=f"device {MAC} was made in netbox before, as 17; now there is 18 as well"
            ):
                await record(pureboot, external_id, attempt)
        assert await pureboot.links.find(Page()) == ([first], 1)
        assert (await pureboot.events(Page(filters={"kind": (Kind.LINK_RECORDED.value,)})))[1] == 1


async def test_of_many_at_once_one_is_recorded(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot, opener(store_url) as other:
        tries = [record(each, str(at), f"a{at}") for at, each in enumerate((pureboot, other) * 5)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(each).__name__ for each in results) == ["Conflict"] * 9 + ["Link"]
        assert (await pureboot.links.find(Page()))[1] == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (("", "k", "x", "1"), "system"),
        (("s" * 65, "k", "x", "1"), "system"),
        (("s", "k", "x" * 201, "1"), "key"),
        (("s", "k", "x", ""), "external_id"),
    ],
)
async def test_a_name_that_cannot_be_is_refused(
    store_url: str, opener: Opener, given: tuple[str, str, str, str], path: str
) -> None:
    async with opener(store_url, host=False) as pureboot:
        with pytest.raises(Invalid) as refused:
            await pureboot.links.record(*given)
        assert [problem.path for problem in refused.value.problems] == [path]


async def test_they_are_found_by_what_they_are(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        for system, kind, key in (("netbox", "device", "a"), ("netbox", "rack", "a"), ("jira", "issue", "b")):
            await pureboot.links.record(system, kind, key, "1", execution_id="e1")

        async def keys(**filters: str) -> list[str]:
            page = Page(sort="system,kind", filters={name: (value,) for name, value in filters.items()})
            return [f"{link.system}.{link.kind}" for link in (await pureboot.links.find(page))[0]]

        assert await keys() == ["jira.issue", "netbox.device", "netbox.rack"]
        assert await keys(system="netbox") == ["netbox.device", "netbox.rack"]
        assert await keys(kind="issue") == await keys(key="b") == ["jira.issue"]
        assert await keys(execution_id="e2") == []

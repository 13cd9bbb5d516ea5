"""Nodes, on both databases."""

from engine.core.nodes import NodeState
from engine.core.page import Page
from tests.conftest import Opener


async def test_a_node_is_found_by_every_name(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create("AABB.CCDD.EE01", {"hostname": "r1"}, by="user:ada")
        for reference in (node.id, "r1", "aa-bb-cc-dd-ee-01", "aa:bb:cc:dd:ee:01"):
            assert (await pureboot.nodes.get(reference)).id == node.id
        assert node.state is NodeState.DISCOVERED
        assert (await pureboot.nodes.find(Page())) == ([node], 1)

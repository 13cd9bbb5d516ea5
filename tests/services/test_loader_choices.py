"""Which loader was chosen for a node, by itself or by its group; and what the doctor reads of other boot servers."""

from typing import Any

import pytest

from bootsrv.doctor.dhcp import check_dhcp
from bootsrv.doctor.finding import Verdict
from engine.core.events import Kind
from engine.services.loader_choices import LoaderChoices
from tests.conftest import Opener

MAC = "52:54:00:00:00:01"


@pytest.mark.parametrize(
    ("group", "node", "chosen"),
    [
        ({}, {}, None),
        ({"loader": "snponly.efi"}, {}, "snponly.efi"),
        ({"loader": "snponly.efi"}, {"loader": "r1/shimx64.efi"}, "r1/shimx64.efi"),
        ({"loader": "snponly.efi"}, {"loader": ""}, None),
        ({"loader": " snponly "}, {"loader": None}, "snponly.efi"),
        ({}, {"loader": ["a", "b"]}, None),
        ({}, {"loader": True}, None),
    ],
)
async def test_a_nodes_own_loader_is_over_its_groups(
    opener: Opener, store_url: str, group: dict[str, Any], node: dict[str, Any], chosen: str | None
) -> None:
    async with opener(store_url) as pureboot:
        made = await pureboot.groups.create({"name": "r1", "metadata": group}, by="user:test")
        of = await pureboot.nodes.create(MAC, {"group_id": made.id, "metadata": node}, by="user:test")
        other = await pureboot.nodes.create("52:54:00:00:00:02", {}, by="user:test")
        choices = LoaderChoices(pureboot.context)
        cursor, everything = await choices.all()
        assert cursor == await pureboot.feed.cursor()
        assert {each.node_id: each.loader for each in everything} == {of.id: chosen, other.id: None}
        assert [(each.mac_address, each.loader) for each in await choices.of([of.id, "none"])] == [(MAC, chosen)]


async def test_the_doctor_reads_of_other_boot_servers(opener: Opener, store_url: str) -> None:
    settings = {"dhcp__mode": "proxy", "dhcp__interfaces": "lo"}
    async with opener(store_url, **settings) as pureboot:
        [_, none] = await check_dhcp(pureboot.settings)
        assert (none.verdict, none.message) == (Verdict.OK, "none was seen")
        for file in ("old", "pxelinux.0"):
            await pureboot.note(Kind.DHCP_OTHER_SERVER, server="10.0.0.9", file=file, next_server="", mac_address=MAC)
        [_, seen] = await check_dhcp(pureboot.settings)
        assert seen.verdict is Verdict.WARNING
        assert seen.message.startswith("10.0.0.9 tells machines what to boot too: pxelinux.0 (seen ")
    async with opener(store_url) as pureboot:
        [off] = await check_dhcp(pureboot.settings)
        assert off.verdict is Verdict.OK

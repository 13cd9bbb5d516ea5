"""Nodes, groups and what nodes say of themselves, on both databases."""

from dataclasses import replace

import pytest

from engine.core import edits
from engine.core.edits import Edit
from engine.core.events import Kind
from engine.core.nodes import NodeState, TriggeredBy
from engine.core.page import Page
from engine.core.reports import InstallationStatus, NodeReport
from engine.errors import Conflict, Invalid, NotFound
from tests.conftest import Opener
from tests.story import ADA, published

MAC = "aa:bb:cc:dd:ee:01"
S = NodeState


async def test_a_node_is_found_by_every_name(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create("AABB.CCDD.EE01", {"hostname": "r1"}, by=ADA)
        for reference in (node.id, "r1", "aa-bb-cc-dd-ee-01", MAC):
            assert (await pureboot.nodes.get(reference)).id == node.id
        assert node.state is S.DISCOVERED
        assert (await pureboot.nodes.find(Page())) == ([node], 1)
        await pureboot.nodes.create("aa:bb:cc:dd:ee:02", {"hostname": "r1"}, by=ADA)
        with pytest.raises(Conflict, match="several nodes are called r1"):
            await pureboot.nodes.get("r1")
        with pytest.raises(NotFound, match="there is no node r9"):
            await pureboot.nodes.get("r9")


async def test_a_mac_belongs_to_one_node(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        with pytest.raises(Conflict, match=f"there is a node with the MAC address {MAC} already"):
            await pureboot.nodes.create(MAC.upper().replace(":", "-"), by=ADA)
        with pytest.raises(Invalid, match="is not a MAC address"):
            await pureboot.nodes.create("nonsense", by=ADA)


async def test_lists_are_filtered_sorted_and_cut(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        group = await pureboot.groups.create({"name": "r4"}, by=ADA)
        for at in range(1, 6):
            values = {"hostname": f"n{at}", "group_id": "r4" if at > 2 else None, "tags": [f"t{at % 2}"]}
            await pureboot.nodes.create(f"aa:bb:cc:00:00:0{at}", values, by=ADA)
        await pureboot.nodes.move("n1", S.PENDING, by=ADA)

        async def found(**page: object) -> tuple[list[str], int]:
            nodes, total = await pureboot.nodes.find(Page(**page))  # type: ignore[arg-type]
            return [node.hostname or "" for node in nodes], total

        assert await found() == (["n1", "n2", "n3", "n4", "n5"], 5)
        assert await found(limit=2, offset=2, sort="-hostname") == (["n3", "n2"], 5)
        assert await found(filters={"state": ("pending",)}) == (["n1"], 1)
        assert await found(filters={"group": ("r4",)}) == (["n3", "n4", "n5"], 3)
        assert await found(filters={"group_id": (group.id,), "tag": ("t1",)}) == (["n3", "n5"], 2)
        assert await pureboot.nodes.counts() == {S.PENDING: 1, S.DISCOVERED: 4}
        with pytest.raises(Invalid, match="cannot sort by 'colour'"):
            await found(sort="colour")


async def test_every_move_has_its_row_in_the_same_transaction(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, by=ADA)
        await pureboot.nodes.move(MAC, S.PENDING, by=ADA, comment="racked", metadata={"ticket": 7})
        with pytest.raises(
            Conflict, match="is pending and cannot become active; from pending it can become installing"
        ):
            await pureboot.nodes.move(MAC, S.ACTIVE, by=ADA)
        await pureboot.nodes.move(MAC, S.INSTALLING, by="token:ci")
        rows, total = await pureboot.nodes.history(MAC, Page())
        assert total == 2
        assert [(row.from_state, row.to_state, row.triggered_by, row.principal) for row in rows] == [
            (S.PENDING, S.INSTALLING, TriggeredBy.ADMIN, "token:ci"),
            (S.DISCOVERED, S.PENDING, TriggeredBy.ADMIN, ADA),
        ]
        assert (rows[1].comment, rows[1].metadata) == ("racked", {"ticket": 7})
        assert rows[1].created_at <= rows[0].created_at == (await pureboot.nodes.get(node.id)).state_changed_at


async def test_fields_are_changed_and_the_change_is_an_event(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, {"metadata": {"rack": 4}}, by=ADA)
        changed = await pureboot.nodes.update(MAC, {"hostname": "r1", "metadata": {"rack": 5}, "locked": True}, by=ADA)
        assert (changed.hostname, changed.metadata, changed.locked) == ("r1", {"rack": 5}, True)
        [event, *_], _ = await pureboot.events(Page(filters={"node_id": (node.id,)}))
        assert (event.kind, event.principal) == (Kind.NODE_UPDATED, ADA)
        assert event.data["changes"]["hostname"] == [None, "r1"]
        with pytest.raises(Invalid, match="state: cannot be set on a node"):
            await pureboot.nodes.update(MAC, {"state": "active"}, by=ADA)
        with pytest.raises(NotFound, match="there is no group nowhere"):
            await pureboot.nodes.update(MAC, {"group_id": "nowhere"}, by=ADA)


async def test_tags(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.nodes.create(MAC, by=ADA)
        assert (await pureboot.nodes.tag(MAC, add=["GPU", "new"], by=ADA)).tags == ("gpu", "new")
        assert (await pureboot.nodes.tag(MAC, add=["gpu"], remove=["new", "gone"], by=ADA)).tags == ("gpu",)
        with pytest.raises(Invalid, match="is no tag"):
            await pureboot.nodes.tag(MAC, add=["  "], by=ADA)


async def test_groups(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        group = await pureboot.groups.create({"name": "r4", "metadata": {"dns": "10.0.0.2"}}, by=ADA)
        with pytest.raises(Conflict, match="there is a group r4 already"):
            await pureboot.groups.create({"name": "r4"}, by=ADA)
        with pytest.raises(Invalid, match="is no name"):
            await pureboot.groups.create({"name": "Rack 4"}, by=ADA)
        await pureboot.nodes.create(MAC, {"group_id": "r4"}, by=ADA)
        with pytest.raises(Conflict, match="has 1 nodes"):
            await pureboot.groups.delete("r4", by=ADA)
        assert (await pureboot.groups.update("r4", {"name": "r5"}, by=ADA)).name == "r5"
        await pureboot.nodes.update(MAC, {"group_id": None}, by=ADA)
        await pureboot.groups.delete(group.id, by=ADA)
        assert await pureboot.groups.find(Page()) == ([], 0)


async def test_an_unknown_machine_that_reports_is_discovered(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        report = NodeReport(mac_address="AA-BB-CC-DD-EE-01", vendor="Dell\x1b[2J", serial_number="S1")
        node, is_new = await pureboot.reports.report(report)
        assert is_new
        assert (node.mac_address, node.vendor, node.state) == (MAC, "Dell[2J", S.DISCOVERED)
        again, is_new = await pureboot.reports.report(NodeReport(mac_address=MAC, hostname="r1"))
        assert not is_new
        assert (again.id, again.hostname, again.vendor) == (node.id, "r1", "Dell[2J")
        assert again.last_seen_at is not None


async def test_without_discovery_a_stranger_stays_one(store_url: str, opener: Opener) -> None:
    async with opener(store_url, discovery__enabled=False) as pureboot:
        with pytest.raises(NotFound, match="discovery is switched off"):
            await pureboot.reports.report(NodeReport(mac_address=MAC))
        assert await pureboot.nodes.find(Page()) == ([], 0)


async def test_a_report_of_nothing_new_is_no_event(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.reports.report(NodeReport(mac_address=MAC, vendor="Dell"))
        cursor = await pureboot.feed.cursor()
        await pureboot.reports.report(NodeReport(mac_address=MAC, vendor="Dell"))
        assert await pureboot.feed.cursor() == cursor


async def test_an_installation_without_a_workflow_is_told_by_the_node(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:

        async def say(status: str, error: str | None = None) -> NodeState:
            report = NodeReport(
                mac_address=MAC, installation_status=InstallationStatus(status), installation_error=error
            )
            return (await pureboot.reports.report(report))[0].state

        await pureboot.nodes.create(MAC, by=ADA)
        with pytest.raises(Conflict, match="is discovered; an installation can be started only while it is pending"):
            await say("started")
        await pureboot.nodes.move(MAC, S.PENDING, by=ADA)
        assert await say("started") is S.INSTALLING
        assert await say("progress") is S.INSTALLING
        assert [await say("failed", f"e{at}") for at in range(3)] == [S.INSTALLING, S.INSTALLING, S.INSTALL_FAILED]
        node = await pureboot.nodes.get(MAC)
        assert (node.install_attempts, node.last_install_error) == (3, "e2")
        with pytest.raises(Conflict, match="use force"):
            await pureboot.nodes.move(MAC, S.PENDING, by=ADA)
        node = await pureboot.nodes.move(MAC, S.PENDING, by=ADA, force=True)
        assert (node.install_attempts, node.last_install_error) == (0, None)
        await say("started")
        assert await say("complete") is S.INSTALLED
        rows, _ = await pureboot.nodes.history(MAC, Page())
        assert {row.triggered_by for row in rows} == {TriggeredBy.ADMIN, TriggeredBy.NODE_REPORT}
        assert rows[0].principal == f"node:{MAC}"


async def test_no_machine_takes_the_name_of_another(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        victim = await pureboot.nodes.create(MAC, by=ADA)
        for hostname in (victim.id, MAC, "AABBCCDDEE01"):
            report = NodeReport(mac_address="aa:bb:cc:dd:ee:02", hostname=hostname, vendor="ACME")
            node, _ = await pureboot.reports.report(report)
            assert (node.hostname, node.vendor) == (None, "ACME")
            with pytest.raises(Invalid, match="reads as the id or MAC address of another node"):
                await pureboot.nodes.create("aa:bb:cc:dd:ee:03", {"hostname": hostname}, by=ADA)
            with pytest.raises(Invalid, match="reads as the id"):
                await pureboot.nodes.update("aa:bb:cc:dd:ee:02", {"hostname": hostname}, by=ADA)
        assert await pureboot.nodes.get(victim.id) == await pureboot.nodes.get(MAC) == victim
        own = await pureboot.nodes.update(MAC, {"hostname": "aa-bb-cc-dd-ee-01"}, by=ADA)
        assert await pureboot.nodes.get("aa-bb-cc-dd-ee-01") == own


async def test_an_empty_text_is_no_value(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, {"hostname": "", "vendor": "ACME", "group_id": ""}, by=ADA)
        assert (node.hostname, node.vendor, node.group_id) == (None, "ACME", None)
        assert (await pureboot.nodes.update(MAC, {"vendor": ""}, by=ADA)).vendor is None
        told, _ = await pureboot.reports.report(NodeReport(mac_address=MAC, hostname="\x00\x1b"))
        assert told.hostname is None


async def test_an_edit_changes_what_it_names_and_is_taken_back(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        values = {"hostname": "r1", "tags": ["old", "lab"], "metadata": {"site": "ams", "ram": 64}}
        node = await pureboot.nodes.create(MAC, values, by=ADA)
        edit = Edit(
            add_tags=("New",),
            remove_tags=("old",),
            set_metadata={"site": "fra", "slot": [1]},
            unset_metadata=("ram",),
            values={"locked": True},
            seen={"metadata.site": "ams", "metadata.slot": None, "locked": False},
        )
        done = await pureboot.nodes.edit(node.id, edit, by=ADA)
        assert done.before == node
        assert done.after.tags == ("lab", "new")
        assert (done.after.metadata, done.after.locked) == ({"site": "fra", "slot": [1]}, True)
        back = await pureboot.nodes.edit(node.id, edits.inverse(done, edit), by=ADA)
        assert replace(back.after, updated_at=node.updated_at) == node
        rows, _ = await pureboot.events(Page(filters={"kind": (Kind.NODE_UPDATED,)}))
        assert len(rows) == 2
        assert rows[1].data["changes"]["locked"] == [False, True]


async def test_an_edit_of_what_somebody_else_changed_is_refused_whole(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, {"hostname": "r1", "metadata": {"site": "ams"}}, by=ADA)
        edit = Edit(add_tags=("lab",), set_metadata={"site": "fra"}, seen={"metadata.site": "ams"})
        done = await pureboot.nodes.edit(node.id, edit, by=ADA)
        with pytest.raises(Conflict, match=r"metadata\.site is 'fra' now, no more 'ams'"):
            await pureboot.nodes.edit(node.id, replace(edit, add_tags=("other",)), by=ADA)
        await pureboot.nodes.edit(node.id, Edit(set_metadata={"site": "lon"}), by="user:grace")
        with pytest.raises(Conflict, match=r"metadata\.site is 'lon' now"):
            await pureboot.nodes.edit(node.id, edits.inverse(done, edit), by=ADA)
        with pytest.raises(Invalid, match="cannot be set on a node"):
            await pureboot.nodes.edit(node.id, Edit(values={"colour": "red"}), by=ADA)
        with pytest.raises(Invalid, match="is no tag"):
            await pureboot.nodes.edit(node.id, Edit(add_tags=(" ",)), by=ADA)
        after = await pureboot.nodes.get("r1")
        assert (after.tags, after.metadata) == (("lab",), {"site": "lon"})


async def test_a_node_is_retired_in_one_go_or_not_at_all(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        with pytest.raises(Conflict, match="is discovered and cannot become retired"):
            await pureboot.nodes.retire("r1", by=ADA)
        for state in (S.PENDING, S.INSTALLING, S.INSTALLED, S.ACTIVE):
            await pureboot.nodes.move("r1", state, by=ADA)
        await pureboot.nodes.update("r1", {"locked": True}, by=ADA)
        with pytest.raises(Conflict, match="is locked"):
            await pureboot.nodes.retire("r1", by=ADA)
        assert (await pureboot.nodes.get("r1")).state is S.ACTIVE
        await pureboot.nodes.update("r1", {"locked": False}, by=ADA)
        await published(pureboot, "name: w\nsteps: [{key: a, action: node.script, with: {script: x}}]")
        await pureboot.executions.start("w", by=ADA, node=node.id)
        with pytest.raises(Conflict, match="r1 is busy with w"):
            await pureboot.nodes.retire("r1", by=ADA)
        [live], _ = await pureboot.executions.find(Page())
        await pureboot.executions.cancel(live.id, by=ADA)
        retired = await pureboot.nodes.retire("r1", by=ADA, comment="board is dead")
        assert retired.state is S.RETIRED
        rows, _ = await pureboot.nodes.history("r1", Page(limit=2))
        assert [(row.to_state, row.comment) for row in rows] == [
            (S.RETIRED, "board is dead"),
            (S.DEPROVISIONING, "board is dead"),
        ]


async def test_the_newest_inventory_is_kept_over_reports_without_one(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        node = await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        assert await pureboot.nodes.inventory("r1") is None
        await pureboot.reports.report(NodeReport(mac_address=MAC, inventory={"disks": [{"name": "sda"}]}))
        await pureboot.reports.report(NodeReport(mac_address=MAC, vendor="Dell"))
        found = await pureboot.nodes.inventory(node.id)
        assert found is not None
        assert found.values == {"disks": [{"name": "sda"}]}

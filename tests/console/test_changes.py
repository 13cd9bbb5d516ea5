"""Stories about changing machines by hand: tags, metadata, group, lock, retiring; one or many; and taking it back."""

import pytest

from console import views
from console.screens.change import ChangeScreen
from console.screens.menu import MenuScreen, ResultScreen
from console.screens.nodes import NodesScreen
from console.widgets.table import Table
from engine.core.edits import Edit
from engine.core.nodes import Node, NodeState
from engine.core.reports import NodeReport
from tests.console.conftest import Opened, Stage, choose, table
from tests.story import ADA


def known(at: Stage, name: str) -> Node:
    """A node as the console has it."""
    return next(node for node in at.app.model.nodes.values() if node.name == name)


def is_front(at: Stage, kind: type) -> bool:
    return isinstance(at.app.screen, kind)


async def test_tag_many_see_what_happens_to_which_and_take_it_back(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.pureboot.nodes.tag(known(at, "r4-08").id, add=["lab", "old"], by=ADA)
        await at.until(lambda: known(at, "r4-08").tags)
        await choose(at, "r4-08", "r5-03", "r4-01")
        await at.press("E")
        await at.sees("Change r4-08, r5-03, r4-01", "t  tags", "x  retire")
        await at.press("t")
        await at.sees("Tags of", "they have    lab, old", "Nothing will change.")
        await at.type("lab -old")
        await at.sees("This will tag 3 machines.", "+lab", "-old")
        await at.press("enter", "enter")
        assert is_front(at, ChangeScreen), "enter alone changes nothing"
        assert known(at, "r5-03").tags == ()
        await at.press("y")
        await at.until(lambda: [known(at, name).tags for name in ("r4-08", "r5-03", "r4-01")] == [("lab",)] * 3)
        await at.until(lambda: is_front(at, NodesScreen))
        await at.press("E")
        await at.sees("z  undo", "tags")
        await at.press("z")
        await at.until(lambda: known(at, "r4-08").tags == ("lab", "old") and not known(at, "r5-03").tags)


async def test_metadata_is_edited_a_line_a_key_beside_its_groups_and_nothing_is_lost(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        node = known(at, "r4-08")
        await at.pureboot.groups.update("r4", {"metadata": {"site": "ams", "ntp": "10.0.0.1"}}, by=ADA)
        await at.pureboot.nodes.update(node.id, {"metadata": {"slot": 3, "site": "fra"}}, by=ADA)
        await at.until(lambda: at.app.model.groups and known(at, "r4-08").metadata)
        await at.until(lambda: any(group.metadata for group in at.app.model.groups.values()))
        await choose(at, "r4-08")
        await at.press("E", "m")
        await at.sees("site=fra", "slot=3", "of r4        ntp=10.0.0.1", "the node's own stands over it")
        await at.type("disks=[1\n")
        await at.sees("line 3: [1 is not JSON")
        await at.press("ctrl+z")
        await at.type('disks=["sda"]')
        await at.sees('disks=["sda"]', "This will change the metadata of 1 machine.")
        other = Edit(set_metadata={"disks": "none", "owner": "lab"})
        await at.pureboot.nodes.edit(node.id, other, by="user:grace")
        await at.until(lambda: "owner" in known(at, "r4-08").metadata)
        await at.press("tab", "y")
        await at.sees("was changed meanwhile: metadata.disks is 'none' now")
        await at.press("y")
        await at.until(
            lambda: known(at, "r4-08").metadata == {"slot": 3, "site": "fra", "disks": ["sda"], "owner": "lab"}
        )
        await at.until(lambda: is_front(at, NodesScreen))


async def test_group_lock_hostname_and_workflow_of_one(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-08")
        await at.press("E", "o")
        await at.sees("Group of r4-08", "r5", "no group")
        await at.press("j")
        await at.sees("r4 -> r5")
        await at.press("enter", "y")
        await at.until(lambda: at.app.model.group_name(known(at, "r4-08")) == "r5")
        await at.until(lambda: is_front(at, NodesScreen))
        await at.press("E", "l")
        await at.sees("This will lock 1 machine.", "unlocked -> locked")
        await at.press("enter", "y")
        await at.until(lambda: known(at, "r4-08").locked)
        await at.until(lambda: is_front(at, NodesScreen))
        await at.press("E")
        await at.sees("u  unlock")
        await at.press("h")
        await at.sees("Hostname of r4-08")
        await at.type("b")
        await at.press("enter", "y")
        await at.until(lambda: any(node.name == "r4-08b" for node in at.app.model.nodes.values()))
        await at.until(lambda: is_front(at, NodesScreen))
        await at.press("E", "w")
        await at.sees("Workflow of r4-08b", "debian-12", "(its group's)")
        await at.press("home", "enter", "y")
        await at.until(lambda: known(at, "r4-08b").workflow_id)


async def test_retiring_many_is_typed_and_says_who_is_refused_and_why(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        for name in ("r4-03", "r5-01"):
            await at.pureboot.nodes.move(known(at, name).id, NodeState.ACTIVE, by=ADA)
        await at.until(lambda: known(at, "r5-01").state is NodeState.ACTIVE)
        await choose(at, "r4-01", "r4-03", "r5-01", "r4-04")
        await at.press("E", "x")
        await at.sees("This will retire 3 machines. That is the end", "is refused.")
        await at.sees("r4-04", "! refused: it is busy with", "retired for good")
        await at.press("enter", "enter", "y")
        await at.sees("type 3, how many they are, to go on")
        assert known(at, "r4-01").state is NodeState.ACTIVE
        await at.pureboot.nodes.update(known(at, "r5-01").id, {"locked": True}, by=ADA)
        await at.sees("This will retire 2 machines.")
        await at.type("2")
        await at.press("enter", "y")
        await at.until(lambda: known(at, "r4-03").state is NodeState.RETIRED)
        assert known(at, "r5-01").state is NodeState.ACTIVE
        assert known(at, "r4-04").state is NodeState.INSTALLING


async def test_those_that_the_engine_refuses_are_listed(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-01", "r4-02", "r4-08")
        await at.press("m")
        await at.sees("Left out:")
        await at.press("y")
        await at.until(lambda: is_front(at, ResultScreen))
        await at.sees("2 of 3 were refused", "cannot become")
        await at.press("escape")
        assert is_front(at, NodesScreen)


async def test_escape_leaves_every_question(stage: Opened) -> None:
    async with stage(size=(60, 16)) as at:
        await at.pureboot.groups.update("r4", {"metadata": {"site": "ams"}}, by=ADA)
        await choose(at, "r4-08")
        for letter in "tmosx":
            await at.press("E")
            await at.until(lambda: is_front(at, MenuScreen))
            await at.press(letter)
            await at.until(lambda: not is_front(at, MenuScreen) and not is_front(at, NodesScreen))
            await at.press("escape")
            await at.until(lambda: is_front(at, NodesScreen))
        assert at.app.undo is None


async def test_marks_by_range_and_the_other_way_round(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        nodes = table(at).table
        await at.press("space", "j", "j", "M")
        assert nodes.marked == set(nodes.keys[:4])
        await at.press("asterisk")
        assert nodes.marked == set(nodes.keys[4:])
        await at.sees("8 marked")


async def test_a_view_is_saved_used_and_deleted(
    stage: Opened, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with stage(size=(80, 24)) as at:
        await at.press("slash")
        await at.type("rack:r5")
        await at.press("enter", "s", "S", "V")
        await at.sees("VIEW", "failed", "state=install_failed")
        await at.press("s")
        await at.type("rack five")
        await at.press("enter")
        await at.sees("rack five", "rack:r5", "name, reversed")
        await at.press("escape", "escape", "s")
        assert not table(at).pane.filter.text
        await at.press("V")
        await at.sees("rack five")
        await at.press("home", "enter")
        await at.sees("/ rack:r5", "3 of 12")
        assert table(at).pane.listing.reversed
        await at.press("V")
        await at.sees("rack five")
        await at.press("d")
        await at.sees("delete rack five?")
        await at.press("y")
        await at.sees_not("rack five")
        assert [view.name for view in views.load("one node")] == []
        await at.press("d")
        await at.sees("comes with PureBoot")
        await at.press("G", "enter")
        await at.sees("/ locked:yes")
        assert isinstance(at.app.screen.focused, Table)


async def test_the_inventory_is_folded_and_the_groups_metadata_stand_beside_the_nodes(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        node = known(at, "r4-08")
        await at.pureboot.groups.update("r4", {"metadata": {"site": "ams", "ntp": "10.0.0.1"}}, by=ADA)
        await at.pureboot.nodes.update(node.id, {"metadata": {"site": "fra"}}, by=ADA)
        await choose(at, "r4-08")
        await at.press("enter")
        await at.sees("meta.site    fra  (over its group's ams)", "meta.ntp     10.0.0.1  (its group's)")
        assert "inventory" not in at.text
        await at.press("I")
        await at.sees("This machine has not reported its hardware.")
        disks = [{"name": "nvme0n1", "bytes": 480_103_981_056}, {"name": "sda", "smart": {"ok": True}}]
        values = {"cpu": {"model": "Xeon 4310", "cores": 12}, "disks": disks, "flags": ["vt", "aes"], "bmc": None}
        await at.pureboot.reports.report(NodeReport(mac_address=node.mac_address, inventory=values))
        await at.sees("r4-08   inventory, reported just now", "▾ cpu", "Xeon 4310", "▸ 1", "sda", "null")
        await at.press("Z")
        await at.sees("480103981056", "smart", "true")
        await at.press("Z")
        await at.sees_not("480103981056")
        await at.sees("▸ disks", "2: nvme0n1, sda", "vt, aes")
        await at.press("j", "enter", "j", "enter")
        await at.sees("480103981056")
        await at.press("escape")
        await at.press("pagedown")
        await at.sees("inventory    4 parts, reported just now; I shows it")

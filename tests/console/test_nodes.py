"""Stories about the nodes: who works at the rack sees it live, finds a machine, and acts on one or on many."""

import pytest

from console.screens.node import NodeScreen
from console.screens.nodes import NodesScreen
from console.view.labels import ASCII
from engine.core.nodes import NodeState
from engine.core.page import EVERYTHING
from tests import scenarios
from tests.console.conftest import Opened, Stage, choose, table
from tests.story import ADA, report


def names(at: Stage) -> list[str]:
    """The names of the nodes in the order in which they are listed."""
    screen = at.app.screen
    assert isinstance(screen, NodesScreen)
    return [at.app.model.nodes[key].name for key in screen.table.keys]


async def test_an_empty_store_says_what_to_do_and_a_machine_appears_by_itself(stage: Opened) -> None:
    async with stage(scene="nothing", size=(80, 24)) as at:
        await at.sees("No machine has been seen yet.", "Let one boot from the network", "no nodes yet", "nothing runs")
        await at.sees("must send it here (http://10.0.4.1:8080).", "pureboot doctor", "pureboot demo")
        await scenarios.boot(at.pureboot, 5, "r4-05")
        await at.sees("○ discovered", "r4-05", "○ 1")
        assert "No machine" not in at.text


async def test_the_failing_machine_stands_first_and_says_why(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.sees("r4-07")
        first = at.lines[3]
        assert first.split()[:4] == ["✗", "install", "failed", "r4-07"]
        assert "/dev/vda: medium error" in first
        assert names(at)[-1] == "r4-02", "what has left stands last"


async def test_states_change_live_and_the_cursor_stays_with_its_node(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04")
        at.clock.advance(60)
        await report(at.pureboot, at.made.executions["r4-04"], "install")
        await report(at.pureboot, at.made.executions["r4-04"], "finish")
        await at.until(lambda: "✓ installed" in at.line_with("r4-04"))
        assert at.app.model.nodes[table(at).table.cursor_key or ""].name == "r4-04"
        await at.until(lambda: "✓ 3" in at.lines[1])


async def test_a_last_seen_time_is_refreshed_although_it_is_no_event(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-08")
        at.clock.advance(7200)
        await at.until(lambda: at.line_with("r4-08").split()[-2:] == ["3h", "3h"])
        await scenarios.boot(at.pureboot, 8, "r4-08")
        await at.until(lambda: at.line_with("r4-08").split()[-2:] == ["now", "3h"])


async def test_times_grow_old_by_themselves(stage: Opened) -> None:
    async with stage() as at:
        await at.until(lambda: at.line_with("r4-06").split()[-1] == "now")
        at.clock.advance(125)
        await at.until(lambda: at.line_with("r4-06").split()[-1] == "2m")


async def test_filter_while_typing(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("slash", *"inst", "space", "exclamation_mark", *"r4", "minus", *"07")
        await at.sees("5 of 12")
        await at.type(" !boot")
        await at.sees("4 of 12")
        assert set(names(at)) == {"r4-04", "r4-05", "r4-03", "r5-01"}
        await at.press("enter")
        await at.press("j")
        assert table(at).table.has_focus
        assert "/ inst !r4-07 !boot" in at.text, "the filter stays in view while it holds"
        await at.press("escape")
        await at.sees("r4-07")
        assert len(names(at)) == 12
        assert "of 12" not in at.text


async def test_filter_by_field(stage: Opened) -> None:
    async with stage() as at:
        site = {"metadata": {"site": "Am St", "ram": 96}, "locked": True}
        await at.pureboot.nodes.update(at.made.nodes["r5-03"].id, site, by=ADA)
        await at.until(lambda: at.app.model.nodes[at.made.nodes["r5-03"].id].locked)
        for typed, fits in (
            ("group:r5", {"r5-01", "r5-02", "r5-03"}),
            ("state=discovered", {"r4-08", "r5-02", "r5-03", "52:54:00:4a:00:0c"}),
            ("state:active,retired", {"r4-01", "r4-02"}),
            ("state=install_failed", {"r4-07"}),
            ('state="install failed"', {"r4-07"}),
            ("error:medium", {"r4-07"}),
            ("00:0c", {"52:54:00:4a:00:0c"}),
            ("workflow:burn", {"r5-02"}),
            ("vendor:hpe !group=r4", {"r5-03"}),
            ("rack:r5 !state:disc", {"r5-01"}),
            ("tries>1", {"r4-07"}),
            ('meta.site:"am st"', {"r5-03"}),
            ("meta.ram:>=64", {"r5-03"}),
            ("locked:yes", {"r5-03"}),
        ):
            table(at).pane.search(typed)
            await at.pilot.pause()
            assert set(names(at)) == fits, typed


async def test_a_filter_by_time_follows_the_clock(stage: Opened) -> None:
    async with stage() as at:
        at.clock.advance(7200)
        await scenarios.boot(at.pureboot, 8, "r4-08")
        await scenarios.boot(at.pureboot, 50, "r4-50")
        table(at).pane.search("seen<10m")
        await at.until(lambda: set(names(at)) == {"r4-08", "r4-50"})
        at.clock.advance(601)
        await at.until(lambda: names(at) == [])


async def test_the_filter_is_completed_by_tab_and_says_what_means_nothing(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("slash", *"sta", "tab")
        await at.sees("state:", "12 of 12")
        await at.press("tab")
        await at.sees("/ state:discovered", "4 of 12   tab: installed, installing")
        await at.press("tab")
        await at.sees("/ state:installed", "2 of 12")
        await at.press("space", *"vendr:dell")
        await at.sees("no field 'vendr': vendor?")
        await at.press("enter", "j")
        assert table(at).table.has_focus


async def test_a_filter_that_nothing_fits_says_how_to_get_out(stage: Opened) -> None:
    async with stage() as at:
        await at.press("slash")
        await at.type("nosuch")
        await at.sees("No node fits the filter. Press escape to drop it.", "0 of 12", "Fields: state name mac ip group")


async def test_a_filtered_list_follows_what_happens(stage: Opened) -> None:
    async with stage() as at:
        await at.press("slash")
        await at.type("state=retired")
        await at.press("enter")
        assert names(at) == ["r4-02"]
        await scenarios.move(at.pureboot, at.made.nodes["r4-01"], NodeState.DEPROVISIONING, NodeState.RETIRED)
        await at.until(lambda: names(at) == ["r4-01", "r4-02"])


async def test_sort_by_column_and_the_other_way_round(stage: Opened) -> None:
    async with stage() as at:
        await at.press("s")
        assert names(at) == sorted(names(at))
        assert "NAME▾" in at.text
        await at.press("S")
        assert names(at) == sorted(names(at), reverse=True)
        assert "NAME▴" in at.text
        await at.press("s")
        assert "STATE" in at.text
        await at.pilot.click("#nodes", offset=(22, 0))
        assert "NAME▾" in at.text, "a click on a heading sorts by it"


async def test_the_order_is_told_where_no_heading_has_room_for_it(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("s", "s", "s")
        await at.sees("GROU▾")
        await at.press("s", "s", "s", "S")
        await at.sees("SEE▴")
        await at.pilot.resize_terminal(60, 24)
        await at.sees("by seen, reversed")
        await at.press("s", "s")
        await at.sees_not("by s")


async def test_how_many_are_marked_is_told_though_they_are_out_of_sight(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-08", "r5-03")
        await at.sees("2 marked", "? help", "r run")
        await at.press("slash")
        await at.type("r4-01")
        await at.press("enter")
        assert at.lines[-1].endswith("2 marked")
        await at.press("escape", "escape")
        assert "marked" not in at.text


async def test_marks_survive_updates_and_filters(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08", "r5-03")
        assert at.line_with("r4-08").startswith("◆")
        await scenarios.boot(at.pureboot, 40, "r4-00")
        await at.sees("r4-00")
        await at.press("slash")
        await at.type("r5")
        await at.press("enter")
        assert sorted(at.app.model.nodes[key].name for key in table(at).table.chosen) == ["r4-08", "r5-03"]
        await at.press("escape")
        await at.press("escape")
        assert "◆" not in at.text, "escape drops the filter first, then the marks"


async def test_open_a_node_and_go_back(stage: Opened) -> None:
    async with stage() as at:
        await at.sees("r4-07")
        await at.press("enter")
        await at.sees(
            "! step Partition the disk failed: /dev/vda: medium error, sector 1953525160", "EXECUTION", "HISTORY"
        )
        await at.sees("✓ Boot the installer", "✗ Partition the disk", "try 3", "· First boot", "failed tries 3 of 3")
        await at.sees("installing → install failed", "discovered → pending", "ada")
        await at.press("escape")
        await at.sees("STATE")


async def test_the_node_screen_lives(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-06")
        await at.press("enter")
        await at.sees("◌ pending", "▸ Boot the installer")
        await scenarios.boot(at.pureboot, 6, "r4-06")
        await report(at.pureboot, at.made.executions["r4-06"], "netboot")
        await at.sees("▸ installing", "✓ Boot the installer", "▸ Partition the disk", "pending → installing")
        at.clock.advance(65)
        await at.until(lambda: "1m 05s" in at.line_with("Partition the disk"))


async def test_act_on_the_node_that_is_open(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("enter")
        await at.sees("nothing has run here yet; r runs a workflow", "its state has not changed yet")
        await at.press("r")
        await at.sees("debian-12")
        await at.press("j", "enter")
        await at.press("tab", "tab", *"install", "enter", "y")
        await at.sees("◌ pending", "debian-12@v1.0", "▸ running")
        await at.press("c")
        await at.sees("Cancel debian-12 on r4-08?")
        await at.press("y")
        await at.sees("⊘ cancelled")
        await at.press("m")
        await at.sees("from pending to")
        await at.press("escape")
        assert isinstance(at.app.screen, NodeScreen)


async def test_the_node_screen_can_be_paged_at_80x24(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("enter")
        await at.sees("EXECUTION", "MACHINE")
        assert "HISTORY" not in at.text
        await at.press("pagedown")
        await at.sees("HISTORY", "installing → install failed")
        await at.press("pageup")
        await at.sees("EXECUTION")


async def test_the_execution_of_a_node_opens_with_one_key(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04")
        await at.press("e")
        await at.sees("debian-12@v1.0 on r4-04", "Install packages")
        await at.press("escape")
        await choose(at, "r4-08")
        await at.press("e")
        await at.says("nothing has run on this node yet; press r to run a workflow on it")


@pytest.mark.parametrize("theme", ["pureboot-16", "pureboot"])
async def test_it_reads_in_ascii_without_colour(stage: Opened, theme: str) -> None:
    async with stage(size=(60, 16), theme=theme, symbols=ASCII) as at:
        await at.sees("X install failed")
        at.app.complain("that cannot be done")
        await at.sees("that cannot be done")
        for keys in ("question_mark", "j", "j", "escape", "j", "j"):
            await at.press(keys)
            assert at.text.isascii(), f"{keys}\n{at.text}"
        await at.pilot.resize_terminal(80, 24)
        await at.sees("X install failed", "> installing", "####..", "* active")
        assert at.text.isascii()
        for keys in ("question_mark", "m", "r", "slash"):
            await at.press(keys)
            assert at.text.isascii(), keys
            await at.press("escape")


async def test_what_machines_say_cannot_take_over_the_terminal(stage: Opened) -> None:
    async with stage() as at:
        evil = "\x1b]0;owned\x07[red]r4\u202e"
        await at.pureboot.nodes.create(scenarios.mac(99), {"hostname": evil, "vendor": "\x9b31m"}, by=ADA)
        await at.sees("^[]0;owned^G[red]")
        await choose(at, evil)
        for keys in ("enter", "m", "y", "5"):
            await at.press(keys)
            assert not set(at.text) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert len(await _everything(at)) == 13


async def _everything(at: Stage) -> list[str]:
    nodes, _ = await at.pureboot.nodes.find(EVERYTHING)
    return [node.id for node in nodes]

"""Stories about what is done to nodes: a workflow run on one or many, cancelled, and a node moved to another state."""

from console.screens.confirm import Confirm
from console.screens.move import MoveScreen
from console.screens.nodes import NodesScreen
from console.screens.run import RunScreen
from console.view import labels
from engine.core.executions import ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.page import Page
from tests import scenarios
from tests.console.conftest import Opened, Stage, choose
from tests.story import ADA


def dialog(at: Stage) -> MoveScreen:
    screen = at.app.screen
    assert isinstance(screen, MoveScreen)
    return screen


async def test_run_a_workflow_with_a_few_keys_and_see_it_run(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-08")
        await at.press("r")
        await at.sees("Run a workflow on r4-08", "burn-in", "debian-12")
        assert "wipe-disks" not in at.text, "a draft is not offered"
        await at.press("slash")
        await at.type("debian")
        await at.press("enter", "enter")
        await at.sees("Starts debian-12 v1.0 on 1 node: r4-08.", "It installs: what is on its disk may be overwritten.")
        await at.press("ctrl+a", "ctrl+k")
        await at.type("/dev/sdb")
        await at.sees("This cannot be undone: type install to go on")
        await at.press("enter", "enter", *"install", "enter", "enter")
        await at.sees("y run   esc back")
        assert at.app.model.running == 4, "enter alone starts nothing"
        await at.press("y")
        await at.says("debian-12 was started on r4-08")
        await at.until(lambda: "◌ pending" in at.line_with("r4-08 "))
        assert "Boot the ins…" in at.line_with("r4-08 ")
        execution = at.app.model.execution_of(at.made.nodes["r4-08"].id)
        assert execution is not None
        assert (execution.principal, execution.params["disk"]) == (ADA, "/dev/sdb")


async def test_the_confirming_key_is_y(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("r")
        await at.sees("burn-in")
        await at.press("enter")
        await at.sees("Starts burn-in v1.0 on 1 node: r4-08.")
        await at.press("r", "enter")
        assert isinstance(at.app.screen, RunScreen), "the same key again does nothing, nor does enter"
        assert at.app.model.running == 4
        await at.press("n")
        await at.sees("enter choose")
        await at.press("enter")
        await at.press("y")
        await at.says("burn-in was started on r4-08")


async def test_run_on_many_says_who_is_left_out_and_why(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08", "r5-03", "r4-04", "r4-01")
        await at.press("r")
        await at.sees("Run a workflow on", "and 1 more", "Starts burn-in")
        await at.press("j")
        await at.sees(
            "on 2 nodes: r4-08, r5-03.",
            "r4-04 is left out: it is busy with debian-12.",
            "r4-01 is left out: it is active, so it boots its disk.",
            "their disks may be overwritten",
        )
        await at.press("enter", "tab", "tab", "2", "enter", "y")
        await at.until(lambda: at.app.model.running == 6)
        await at.sees("2 of 4 were refused")
        said = [notice.text for notice in at.app.said]
        assert "debian-12 was started on r4-08, r5-03" in said
        assert any("busy" in text for text in said)
        assert any("active" in text for text in said)


async def test_inputs_are_checked_before_anything_starts(stage: Opened) -> None:
    async with stage() as at:
        await at.pureboot.workflows.publish("wipe-disks", by=ADA)
        await choose(at, "r4-08")
        await at.press("r")
        await at.sees("wipe-disks")
        await at.press("G", "enter")
        await at.sees("passes", "reason", "(needed)")
        await at.press("ctrl+a", "ctrl+k")
        await at.type("many")
        await at.press("enter", "enter", "y")
        await at.sees("passes: 'many' is not a whole number; reason: must be filled in")
        assert at.app.model.running == 4
        await at.press("ctrl+a", "ctrl+k")
        await at.type("3")
        await at.press("enter", "enter", "y")
        await at.sees("reason: must be filled in")
        await at.type("worn out")
        await at.sees("worn out")
        await at.press("enter", "y")
        await at.says("wipe-disks was started on r4-08")


async def test_a_busy_node_is_said_to_be_busy_at_once(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04")
        await at.press("r")
        await at.says("no workflow can be started here now: r4-04: it is busy with debian-12; c cancels what runs")
        assert isinstance(at.app.screen, NodesScreen), "there is nothing to choose"
        await choose(at, "r4-04", "r4-06")
        await at.press("r")
        await at.says("r4-06: it is busy with debian-12")
        assert isinstance(at.app.screen, NodesScreen)


async def test_what_a_workflow_would_do_is_said_before_it_is_chosen(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-01")
        await at.press("r")
        await at.press("j")
        await at.sees("r4-01 is left out: it is active", "There is nothing to start.", "to reprovision")
        await at.press("enter")
        await at.sees("enter choose")
        await at.press("escape")
        await choose(at, "r4-08")
        await at.press("r", "j")
        await at.sees("Starts debian-12 v1.0 on 1 node: r4-08.")
        await at.pureboot.executions.start("burn-in", by=ADA, node=at.made.nodes["r4-08"].id)
        await at.sees("r4-08 is left out: it is busy with burn-in.")


async def test_the_number_of_many_machines_is_typed(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        for number in range(40, 44):
            await scenarios.boot(at.pureboot, number, f"r9-{number}")
        await at.sees("r9-43")
        await choose(at, "r9-40", "r9-41", "r9-42", "r9-43", "r4-08", "r4-04")
        await at.press("r", "j", "enter")
        await at.sees("on 5 nodes", "They are 5 discovered.", "type 5, how many they are, to go on")
        await at.press("enter", "enter", "enter", "y")
        await at.sees("type 5, how many they are, to go on")
        assert at.app.model.running == 4
        await at.type("5")
        await at.press("enter", "y")
        await at.until(lambda: at.app.model.running == 9)


async def test_the_answers_are_in_view_on_the_smallest_terminal(stage: Opened) -> None:
    async with stage(size=(60, 16)) as at:
        await choose(at, "r4-08", "r4-04", "r4-01")
        await at.press("r", "j", "enter")
        await at.sees("r4-04 is left out", "y  run", "n  back", "enter next")


async def test_an_input_the_engine_refuses_is_said_and_kept_in_the_log(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("r")
        await at.sees("burn-in")
        await at.press("enter")
        await at.pureboot.workflows.archive("burn-in", by=ADA)
        await at.press("y")
        await at.until(lambda: any("archived" in notice.text for notice in at.app.said))
        await at.press("5", "escape")
        await at.sees("workflow burn-in is archived; import or publish it again to use it")


async def test_escape_leaves_the_run_dialog_step_by_step(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("r")
        await at.sees("debian-12")
        await at.press("enter")
        await at.sees("Starts")
        await at.press("escape")
        await at.sees("enter choose")
        await at.press("escape")
        await at.sees("○ discovered")
        assert at.app.model.running == 4


async def test_without_an_active_workflow_it_says_what_to_do(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await scenarios.boot(at.pureboot, 1, "r4-01")
        await at.sees("r4-01")
        await at.press("r")
        await at.sees("No workflow is active.", "pureboot workflow import")


async def test_the_workflow_of_the_group_is_proposed(stage: Opened) -> None:
    async with stage() as at:
        [workflow], _ = await at.pureboot.workflows.find(Page(filters={"name": ("debian-12",)}))
        await at.pureboot.groups.update("r5", {"workflow_id": workflow.id}, by=ADA)
        await at.until(lambda: any(group.workflow_id for group in at.app.model.groups.values()))
        await choose(at, "r5-03")
        await at.press("r")
        await at.sees("debian-12")
        await at.press("enter")
        await at.sees("Starts debian-12")


async def test_cancel_asks_first_and_enter_alone_does_not_confirm(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04")
        await at.press("c")
        await at.sees("Cancel debian-12 on r4-04?", "It is at Install packages, 65% done.")
        await at.press("c")
        assert isinstance(at.app.screen, Confirm), "the key that asks does not confirm"
        await at.press("enter")
        assert isinstance(at.app.screen, NodesScreen), "enter is on the harmless answer"
        assert at.app.model.running == 4
        await at.press("c", "y")
        await at.says("cancelled: debian-12 on r4-04")
        execution = await at.pureboot.executions.get(at.made.executions["r4-04"].id)
        assert execution.status is ExecutionStatus.CANCELLED
        assert execution.error == "cancelled by user:ada"


async def test_cancel_many(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04", "r4-06", "r4-08")
        await at.press("c")
        await at.sees("Cancel 2 executions?")
        await at.press("y")
        await at.until(lambda: at.app.model.running == 2)


async def test_there_may_be_nothing_to_cancel(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("c")
        await at.says("nothing runs here that could be cancelled")


async def test_move_offers_only_the_states_that_follow(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-01")
        await at.press("m")
        await at.sees("Move r4-01", "from active to", "reprovision", "deprovisioning", "migrating")
        assert [labels.words(key) for key in dialog(at).table.keys] == ["reprovision", "deprovisioning", "migrating"]
        await at.press("j", "enter")
        await at.type("lease is over")
        await at.press("enter")
        await at.type("deprovision")
        await at.press("enter", "enter")
        assert isinstance(at.app.screen, MoveScreen), "enter alone moves nothing"
        await at.press("y")
        await at.until(lambda: "↓ deprovis" in at.line_with("r4-01"))
        [row, *_], _ = await at.pureboot.nodes.history(at.made.nodes["r4-01"].id, Page())
        assert (row.to_state, row.comment, row.principal) == (NodeState.DEPROVISIONING, "lease is over", ADA)


async def test_a_move_to_nowhere_is_refused_in_words(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-02")
        await at.press("m")
        await at.says("r4-02: retired is the end, no other state follows it")
        assert not isinstance(at.app.screen, MoveScreen)


async def test_a_move_of_many_says_who_is_left_out_and_what_cannot_be_undone_is_typed(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-01", "r4-08")
        await at.press("m")
        await at.sees("pending", "Moves 1 node to", "Left out: r4-0")
        at_ = dialog(at)
        at_.table.move_to(NodeState.DEPROVISIONING)
        await at.sees("Left out: r4-08: from here it can become pending.", "type deprovision to go on")
        await at.press("enter", "enter", "enter", "y")
        assert isinstance(at.app.screen, MoveScreen)
        await at.type("deprovision")
        await at.press("enter", "y")
        await at.sees("↓ deprovisioning")
        await at.says("r4-08 is discovered and cannot become deprovisioning")


async def test_a_move_says_that_something_runs_there(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-04")
        await at.press("m")
        await at.sees("debian-12 runs there and goes on", "cancel it (c) first")
        await at.press("escape")
        await choose(at, "r4-08")
        await at.press("m")
        await at.sees("Moves r4-08 to pending.")
        assert "goes on" not in at.text


async def test_where_there_is_no_node_every_key_says_so(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.sees("No machine has been seen yet.")
        await at.press("m")
        await at.says("there is no node here to move to another state")


async def test_a_state_that_changed_meanwhile_is_refused_by_the_engine(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-08")
        await at.press("m")
        await at.sees("from discovered to")
        await scenarios.move(at.pureboot, at.made.nodes["r4-08"], NodeState.PENDING, NodeState.INSTALLING)
        await at.press("y")
        await at.says("node r4-08 is installing and cannot become pending")


async def test_force_resets_the_count_of_failed_installs(stage: Opened) -> None:
    async with stage() as at:
        await choose(at, "r4-07")
        await at.press("m")
        await at.sees("[ ] f  force", "Without force this is refused.")
        await at.press("y")
        await at.says("use force to reset the count")
        await at.press("m")
        await at.sees("[ ] f  force")
        await at.press("f")
        await at.sees("[x] f  force")
        await at.press("y")
        await at.sees("type force to go on")
        await at.type("force")
        await at.press("enter", "y")
        await at.until(lambda: "◌ pending" in at.line_with("r4-07 "))
        node = await at.pureboot.nodes.get("r4-07")
        assert (node.install_attempts, node.last_install_error) == (0, None)

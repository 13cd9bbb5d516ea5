"""Stories about the executions and the workflows they run."""

from console.screens.confirm import Confirm
from engine.core.executions import ExecutionStatus
from tests import scenarios
from tests.console.conftest import Opened, Stage
from tests.story import ADA, published, report


def statuses(at: Stage) -> list[str]:
    """The words at the beginning of the rows."""
    return [line.split()[1] for line in at.lines[3:-1] if line.strip()]


async def test_an_empty_list_says_what_to_do(stage: Opened) -> None:
    async with stage(scene="nothing", size=(80, 24)) as at:
        await at.press("2")
        await at.sees("Nothing has run yet.", "Go to the nodes (1)")


async def test_what_runs_stands_first(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        assert statuses(at) == ["running"] * 4 + ["failed"] * 3 + ["succeeded"] * 4
        assert "↻ Partition the disk (try 2)" in at.line_with("r4-05")
        assert "/dev/vda: medium error" in at.line_with("r4-07")


async def test_progress_and_durations_grow_live(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        assert at.line_with("r5-02").split()[-1] == "7s"
        at.clock.advance(60)
        await at.until(lambda: at.line_with("r5-02").split()[-3:] == ["10%", "13:18:11", "1m", "07s"][-3:])
        await report(at.pureboot, at.made.executions["r5-02"], "load", "progress", progress_percent=60)
        await at.until(lambda: "30%" in at.line_with("r5-02"))
        await report(at.pureboot, at.made.executions["r5-02"], "load")
        await at.until(lambda: "✓ succeeded" in at.line_with("r5-02"))
        assert "▸ 3 running" in at.lines[1]


async def test_an_execution_started_elsewhere_appears(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        await at.pureboot.executions.start("burn-in", by=ADA, node=at.made.nodes["r5-03"].id)
        await at.sees("r5-03")
        assert statuses(at).count("running") == 5


async def test_filter_and_sort(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        await at.press("slash")
        await at.type("status:failed,succeeded !r4-07")
        await at.press("enter")
        assert statuses(at)[1:] == ["succeeded"] * 4, "the first line is the filter's heading"
        await at.press("escape", "s", "s", "s")
        assert "WORKFLOW▾" in at.text
        assert at.lines[3].split()[2] == "burn-in@v1.0"


async def test_cancel_with_a_question(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        await at.press("c")
        await at.sees("Cancel burn-in on r5-02?", "It is at Load memory and disks, 10% done.")
        await at.press("n")
        assert not isinstance(at.app.screen, Confirm)
        await at.press("c", "y")
        await at.until(lambda: "⊘ cancelled" in at.line_with("burn-in@v1.0"))
        execution = await at.pureboot.executions.get(at.made.executions["r5-02"].id)
        assert execution.status is ExecutionStatus.CANCELLED
        await at.press("escape", "G", "c")
        await at.says("nothing runs here that could be cancelled")


async def test_many_are_paused_retried_and_cancelled_after_a_question_that_lists_them(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        await at.press("space", "space", "p")
        await at.sees("Pause 2 executions?", "What runs of them goes on to its end")
        named = [line.split("▌")[1].strip() for line in at.lines if " on r" in line and "▌" in line]
        assert len(named) == 2
        await at.press("y")
        await at.until(lambda: sum("‖ paused" in line for line in at.lines) == 2)
        await at.press("p")
        await at.sees("Resume 2 executions?")
        await at.press("y")
        await at.sees_not("‖ paused")
        await at.press("a", "r")
        await at.sees(
            "Retry 3 executions?", "8 of the marked ones cannot be, and are left alone", "debian-12 on r4-07, 13:14:42"
        )
        await at.press("n")
        await at.press("c")
        await at.sees("Cancel 4 executions?", "burn-in on r5-02")
        await at.press("n", "escape", "G", "p")
        await at.says("only what runs can be paused")


async def test_filter_by_who_and_since_when(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        before = len(statuses(at))
        await at.press("slash")
        await at.type("by:ada since:1m")
        await at.press("enter")
        recent = len(statuses(at)) - 1
        assert 0 < recent < before
        await at.press("escape", "slash")
        await at.type("until:1m")
        await at.press("enter")
        assert len(statuses(at)) - 1 == before - recent


async def test_what_runs_says_how_long_it_will_go_on(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        workflow = "name: quick\nsteps:\n  - {key: a, name: Do it, action: node.script, with: {script: x}}\n"
        await published(at.pureboot, workflow)
        for number, seconds in enumerate((600, 720, 780)):
            node = await at.pureboot.nodes.create(f"52:54:00:00:00:0{number}", {}, by=ADA)
            execution = await at.pureboot.executions.start("quick", by=ADA, node=node.id)
            at.clock.advance(seconds)
            await report(at.pureboot, execution, "a")
        await at.pureboot.executions.start("quick", by=ADA, node=node.id)
        await at.press("2")
        await at.until(lambda: at.line_with("▸ running").endswith("~12m"))
        await at.press("home", "enter")
        await at.sees("about 12 min left")
        at.clock.advance(300)
        await at.sees("about 7 min left")
        at.clock.advance(600)
        await at.sees("takes longer than ever before")


async def test_from_an_execution_to_its_node_and_back(stage: Opened) -> None:
    async with stage() as at:
        await at.press("2")
        await at.sees("burn-in@v1.0")
        await at.press("o")
        await at.sees("r5-02", "MACHINE")
        await at.press("escape")
        await at.press("enter")
        await at.sees("burn-in@v1.0 on r5-02")
        await at.press("escape")
        await at.sees("STARTED")


async def test_workflows_and_what_they_do(stage: Opened) -> None:
    async with stage() as at:
        await at.press("4")
        await at.sees("burn-in", "debian-12", "wipe-disks", "draft", "Memory and disk under load for an hour")
        await at.press("j")
        await at.sees("1  Boot the installer  node.boot", "timeout 40m, then installing", "3 tries, 30s apart")
        await at.sees("disk  = /dev/vda", "the disk to install on")
        await at.press("slash")
        await at.type("action:node.script for:linux !debian")
        await at.press("escape")
        await at.sees("wipe-disks")


async def test_publish_a_draft_after_a_question(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("4")
        await at.sees("wipe-disks")
        await at.press("G", "p")
        await at.sees("Publish wipe-disks v1.0?", "Now active: none.")
        await at.press("y")
        await at.until(lambda: "active" in at.line_with("wipe-disks"))
        await at.press("p")
        await at.says("wipe-disks v1.0 is active already")


async def test_a_workflow_written_elsewhere_appears(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("4")
        await at.sees("There is no workflow yet.", "pureboot workflow import FILE")
        await scenarios.library(at.pureboot)
        await at.sees("debian-12", "active", "wipe-disks")


async def test_the_details_can_be_scrolled(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("4")
        await at.sees("debian-12")
        await at.press("j")
        await at.sees("Boot the installer")
        assert "First boot" not in at.text
        await at.press("tab", "pagedown")
        await at.sees("First boot")
        await at.press("home")
        await at.sees_not("First boot")
        await at.press(*"jjjjjjjjj")
        await at.sees("First boot")

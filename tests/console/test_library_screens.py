"""Stories about the library: finding a text, whom a version reaches, going back, what a workflow's diff means."""

from collections.abc import Callable
from pathlib import Path

import pytest

from console.app import PureBootApp
from console.screens.impact import ImpactScreen
from console.screens.search import SearchScreen
from console.screens.template import TemplateScreen
from console.screens.workflow import WorkflowScreen
from engine.core.documents import DocumentKind
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened, Stage
from tests.story import ADA

WIDE, NARROW, VAST = (120, 36), (80, 24), (160, 48)


async def with_nodes(at: Stage) -> None:
    """A template of three versions whose second is the current one, and nodes that boot it."""
    at.pureboot.server = details.SERVER
    await details.template_with_versions(at.pureboot, at.clock)
    await at.pureboot.templates.set_current("debian-preseed", "v1.1", by=ADA)
    await details.nodes_that_boot_it(at.pureboot)


# Finding


async def test_a_text_is_found_while_it_is_typed_and_gone_to(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await with_nodes(at)
        await at.press("3", "F")
        await at.sees("Type what to look for")
        await at.type("CHRONY")
        await at.sees("1 place in 1 template", "curl ca-certificates lvm2 chrony")
        row = at.line_with("lvm2 chrony").split()
        assert row[:3] == ["debian-preseed", "v1.1", "27:68"]
        await at.press("enter", "enter")
        await at.until(lambda: isinstance(at.app.screen, TemplateScreen))
        await at.sees("TEXT  v1.1", "lvm2 chrony")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, SearchScreen))
        await at.press("slash", *"zzz")
        await at.sees("Nothing has it.")
        await at.press("escape")
        await at.sees("CURRENT")


async def test_a_text_is_found_in_workflows(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await with_nodes(at)
        await at.press("4", "F")
        await at.type("wipefs")
        await at.sees("1 place in 1 workflow")
        await at.press("enter", "enter")
        await at.until(lambda: isinstance(at.app.screen, WorkflowScreen))
        await at.sees("TEXT  v1.0", "wipefs -a /dev/sda")


# Who gets it


@pytest.mark.parametrize("size", [WIDE, NARROW, VAST], ids=["wide", "narrow", "vast"])
async def test_who_would_get_a_version_and_what(stage: Opened, size: tuple[int, int]) -> None:
    async with stage(size=size, scene="nothing") as at:
        await with_nodes(at)
        at.app.open_document(DocumentKind.TEMPLATE, "debian-preseed", "v2.0")
        await at.sees("TEXT  v2.0")
        await at.press("i")
        await at.sees("v1.1 → v2.0", "3 nodes would break, 3 nodes would get another text", "as it is written")
        assert isinstance(at.app.screen, ImpactScreen)
        assert at.line_with("r4-01").split()[:2] == ["breaks", "r4-01"]
        await at.press("enter")
        await at.sees("debian-preseed for r4-01", "mirror.${meta.site}.example.net")
        await at.press("escape", "slash", *"node:05", "enter", "home", "enter")
        await at.sees("debian-preseed for r4-05", "mirror.ams.example.net")
        await at.press("escape", "d")
        await at.sees("as it is written")
        await at.press("escape", "escape")
        await at.until(lambda: isinstance(at.app.screen, TemplateScreen))


async def test_before_another_version_is_used_it_is_told_for_whom_it_matters(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await with_nodes(at)
        at.app.open_document(DocumentKind.TEMPLATE, "debian-preseed")
        await at.sees("TEXT  v1.1")
        await at.press("u")
        await at.says("v1.1 is the current version already")
        await at.press("k", "u")
        await at.sees("Use debian-preseed v2.0?", "3 nodes would break, 3 nodes would get another text", "has no value")
        await at.press("n")
        await at.sees_not("Use debian-preseed")
        assert (await at.pureboot.templates.get("debian-preseed")).current_version == "v1.1"
        await at.press("j", "j", "u")
        await at.sees(
            "Use debian-preseed v1.0?", "6 nodes would get another text", "1 execution under way would get another text"
        )
        await at.press("y")
        await at.says("debian-preseed v1.0 is the current version")
        await at.until(lambda: any(line.split()[:2] == ["v1.0", "current"] for line in at.lines))


async def test_a_draft_is_seen_and_published(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.templates.create("motd", "one\n", by=ADA)
        await at.pureboot.templates.add_version("motd", "two\n", by=ADA, draft=True)
        at.app.open_document(DocumentKind.TEMPLATE, "motd", "v1.1")
        await at.until(lambda: any(line.split()[:2] == ["v1.1", "draft"] for line in at.lines))
        await at.press("u")
        await at.sees("Use motd v1.1?", "no node and no execution gets another text by it")
        await at.press("y")
        await at.until(lambda: any(line.split()[:2] == ["v1.1", "current"] for line in at.lines))


async def test_the_first_version_in_use_says_to_choose_another(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.templates.create("motd", "one\n", by=ADA)
        await at.pureboot.templates.add_version("motd", "two\n", by=ADA, draft=True)
        at.app.open_document(DocumentKind.TEMPLATE, "motd")
        await at.sees("TEXT  v1.0")
        await at.press("i")
        await at.says("go to the one that is to take its place")


async def test_nobody_is_reached(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.templates.create("motd", "one\n", by=ADA)
        at.app.open_document(DocumentKind.TEMPLATE, "motd")
        await at.sees("TEXT  v1.0")
        await at.press("i")
        await at.says("there is no other version to compare this one with")
        await at.pureboot.templates.add_version("motd", "two\n", by=ADA)
        await at.sees("v1.1")
        await at.press("k", "i")
        await at.sees("no node and no execution gets another text by it", "+1 -1", "two")


# Workflows


async def test_a_workflows_versions_and_what_they_mean(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await with_nodes(at)
        await at.pureboot.workflows.import_(details.INSTALL.replace("attempts: 3", "attempts: 5"), by=ADA)
        await at.press("4")
        await at.sees("debian-12")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, WorkflowScreen))
        await at.sees("TEXT  v1.0", "v1.1")
        await at.press("k", "d")
        await at.sees("DIFF  v1.0 → v1.1", "step `wipe` now retries 5 times (was 3), counting the first try")
        await at.press("i")
        await at.sees("6 nodes would get another text", "1 execution under way keeps the version begun with")
        await at.press("escape", "p")
        await at.sees("Publish debian-12 v1.1?", "6 nodes would get another text")
        await at.press("y")
        await at.until(lambda: any(line.split()[:2] == ["v1.1", "current"] for line in at.lines))


@pytest.mark.parametrize("size", [NARROW, VAST], ids=["narrow", "vast"])
def test_the_picture_of_an_impact(
    snap_compare: Callable[..., bool], sqlite_url: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    clock = ManualClock()
    app: PureBootApp = details.console_at(sqlite_url, tmp_path, clock)
    assert snap_compare(app, terminal_size=size, run_before=details.show_impact(app, clock))

"""Stories about templates: finding one, reading its versions, seeing what changed and what it becomes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.screens.template import TemplateScreen
from console.screens.templates import TemplatesScreen
from console.view import template_lines
from console.view.diff_lines import Mark
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened, Stage
from tests.story import ADA

WIDE, NARROW = (120, 36), (80, 24)


@asynccontextmanager
async def opened(stage: Opened, size: tuple[int, int] = WIDE) -> AsyncIterator[Stage]:
    """A console that shows a template of three versions."""
    async with stage(size=size, scene="nothing") as at:
        at.pureboot.server = details.SERVER
        await details.template_with_versions(at.pureboot, at.clock)
        at.app.open_template("debian-preseed")
        await at.sees("debian-preseed", "TEXT  v2.0", "mirror.${meta.site}.example.net")
        yield at


def template_screen(at: Stage) -> TemplateScreen:
    screen = at.app.screen
    assert isinstance(screen, TemplateScreen)
    return screen


# The list


async def test_templates_are_listed_and_found(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.press("3")
        await at.sees("There is no template yet.")
        await details.template_with_versions(at.pureboot, at.clock)
        await at.pureboot.templates.create("late", "#!/bin/sh\n", by=ADA, description="Runs at the end")
        await at.sees("debian-preseed", "late")
        columns = ["debian-preseed", "preseed", "v2.0", "3", "10m"]
        await at.until(lambda: at.line_with("debian-preseed").split()[:5] == columns)
        await at.press("slash", *"type:script", "enter")
        await at.sees_not("Debian 12 on one disk")
        await at.press("slash", *"x")
        await at.sees("No template fits the filter.")
        await at.press("escape")
        await at.sees("debian-preseed")
        await at.press("s", "S")
        assert at.lines.index(at.line_with("late")) < at.lines.index(at.line_with("debian-preseed"))
        await at.press("home", "enter")
        await at.sees("TEXT  v1.0", "#!/bin/sh")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, TemplatesScreen))


async def test_what_changes_elsewhere_is_seen_in_the_list(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await details.template_with_versions(at.pureboot, at.clock)
        await at.press("3")
        await at.sees("debian-preseed", "v2.0")
        await at.pureboot.templates.set_current("debian-preseed", "v1.1", by=ADA)
        await at.until(lambda: at.line_with("debian-preseed").split()[2] == "v1.1")
        await at.pureboot.templates.archive("debian-preseed", by=ADA)
        await at.sees("archived  Debian 12 on one disk")


# One template


async def test_the_text_of_each_version_is_shown(stage: Opened) -> None:
    async with opened(stage) as at:
        assert at.line_with("v2.0").split()[:4] == ["v2.0", "current", "17:00:00", "ada"]
        await at.press("j")
        await at.sees("TEXT  v1.1", "mirror.example")
        await at.press("j")
        await at.sees("TEXT  v1.0   30 lines", "string /dev/sda")


async def test_a_version_made_elsewhere_appears_and_the_cursor_stays(stage: Opened) -> None:
    async with opened(stage) as at:
        await at.pureboot.templates.add_version("debian-preseed", "# all new\n", by="user:grace", commit_message="Anew")
        await at.sees("v2.1", "Anew")
        assert "TEXT  v2.0" in at.text
        assert at.line_with("v2.1").split()[1] == "current"


async def test_what_changed_since_the_version_before(stage: Opened) -> None:
    async with opened(stage) as at:
        await at.press("d")
        await at.sees("DIFF  v1.1 → v2.0", "+1 -1", "change 1 of 1")
        left, right = at.line_with("mirror.example").split("│")
        assert left.split()[:2] == right.split()[:2] == ["8", "~"]
        assert at.line_with("mirror.${meta").split("│")[1].split()[0] == "↳"
        await at.press("j")
        await at.sees("DIFF  v1.0 → v1.1", "+7 -5", "change 1 of 5")
        await at.press("n", "n")
        await at.sees("change 3 of 5")
        await at.press("N")
        await at.sees("change 2 of 5")
        await at.press("j")
        await at.sees("the first version; nothing to compare it with")
        await at.press("d")
        await at.sees("TEXT  v1.0   30 lines")


async def test_any_two_versions_are_compared_the_older_on_the_left(stage: Opened) -> None:
    async with opened(stage) as at:
        await at.press("space", "j", "j", "d")
        await at.sees("DIFF  v1.0 → v2.0")
        await at.press("k")
        await at.sees("DIFF  v1.1 → v2.0")
        await at.press("space", "k")
        await at.sees("DIFF  v1.1 → v2.0")
        await at.press("escape", "escape", "d")
        await at.sees("DIFF  v1.1 → v2.0")


async def test_in_a_narrow_terminal_the_diff_is_unified_and_can_be_turned(stage: Opened) -> None:
    async with opened(stage, NARROW) as at:
        await at.press("d")
        await at.sees("DIFF  v1.1 → v2.0")
        assert at.line_with("mirror.example").split()[:2] == ["8", "-"]
        assert at.line_with("mirror.${meta").split()[:2] == ["8", "+"]
        await at.press("v")
        await at.until(lambda: "│" in at.line_with("mirror/http/hostname"))
        await at.press("w")
        await at.until(lambda: "…" in at.line_with("mirror/http/hostname"))


async def test_the_text_takes_the_whole_screen_and_gives_it_back(stage: Opened) -> None:
    async with opened(stage, NARROW) as at:
        await at.press("enter")
        assert template_screen(at).text.has_focus
        await at.press("G")
        await at.sees("late_command")
        await at.press("tab")
        assert template_screen(at).versions.has_focus
        await at.press("z")
        await at.sees_not("VERSION")
        await at.press("escape")
        await at.sees("VERSION")
        await at.press("enter", "escape")
        assert template_screen(at).versions.has_focus


async def test_a_preview_names_what_has_no_value(stage: Opened) -> None:
    async with opened(stage) as at:
        await at.press("p")
        await at.sees("there is no node to show it for")
        node = await at.pureboot.nodes.create("52:54:00:12:34:07", {"hostname": "r4-07"}, by=ADA)
        other = await at.pureboot.nodes.create(
            "52:54:00:12:34:08", {"hostname": "r4-08", "metadata": {"site": "ams"}}, by=ADA
        )
        await at.until(lambda: {node.id, other.id} <= set(at.app.model.nodes))
        await at.press("p")
        await at.sees("For which node is debian-preseed to be shown?", "r4-07", "r4-08")
        await at.press("enter")
        await at.sees(
            "PREVIEW  v2.0 for r4-07   2 left as written",
            "line 8, column 40 of debian-preseed",
            "${meta.site} has no value and no default",
            "get_hostname string r4-07",
        )
        await at.press("p")
        await at.sees("TEXT  v2.0")
        await at.press("p", "slash", *"08", "enter", "enter")
        await at.sees("PREVIEW  v2.0 for r4-08   1 left as written", "mirror.ams.example.net")
        await at.press("y")
        assert "mirror.ams.example.net" in at.app.clipboard, "what is shown is copied, not what it was made from"
        await at.press("j")
        await at.sees("PREVIEW  v1.1 for r4-08")
        await at.press("p", "p", "escape")
        await at.sees("TEXT  v1.1")


async def test_a_preview_that_cannot_be_made_says_why(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.nodes.create("52:54:00:12:34:07", {"hostname": "r4-07"}, by=ADA)
        await at.pureboot.templates.create("ring", "${include:ring}\n", by=ADA)
        await at.until(lambda: at.app.model.nodes)
        at.app.open_template("ring")
        await at.sees("${include:ring}")
        await at.press("p", "enter")
        await at.sees("TEXT  v1.0", "circle")


async def test_what_is_shown_is_copied(stage: Opened) -> None:
    async with opened(stage) as at:
        await at.press("y")
        assert at.app.clipboard == details.PRESEED_3
        await at.press("d")
        await at.sees("DIFF")
        await at.press("y")
        assert at.app.clipboard.startswith("--- a/debian-preseed\n+++ b/debian-preseed\n@@ -5,7 +5,7 @@\n")


async def test_a_template_without_a_version_or_that_is_not_there(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.templates.create("empty", by=ADA)
        at.app.open_template("empty")
        await at.sees("it has no version yet")
        await at.press("d", "space", "v", "n", "w", "y")
        await at.sees("there is no version to copy here yet")
        await at.press("escape")
        at.app.open_template("nowhere")
        await at.sees("nowhere")


# What is said


@pytest.mark.parametrize(("size_bytes", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1500, "1.5 KiB")])
def test_sizes_are_for_people(size_bytes: int, text: str) -> None:
    assert template_lines.size(size_bytes) == text


def test_every_place_of_a_text_is_marked_the_longest_text_first() -> None:
    found = template_lines.places("${a} and ${ab}\n${a}${a}\n", ["${a}", "${a} and"])
    assert found == [
        Mark(line=1, column=1, length=8),
        Mark(line=2, column=1, length=4),
        Mark(line=2, column=5, length=4),
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_picture(snap_compare: Callable[..., bool], sqlite_url: str, tmp_path: Path, size: tuple[int, int]) -> None:
    clock = ManualClock()
    app = details.console_at(sqlite_url, tmp_path, clock)
    assert snap_compare(app, terminal_size=size, run_before=details.show_diff(app, clock))

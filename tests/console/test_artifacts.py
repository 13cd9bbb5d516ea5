"""A story about what an execution made, looked at and saved; the picture is kept beside."""

import os
from pathlib import Path

import pytest

from tests.console import details
from tests.console.conftest import Opened
from tests.story import ADA, ended, published

FLOW = """\
name: reported
steps:
  - {key: a, name: Write the report, action: core.render, with: {template: report, as: report.md}}
  - {key: b, name: Write the list, action: core.render, with: {template: listing, as: nodes.csv}}
"""
REPORT = "# Report of {{ node.name }}\n\n{% for n in range(4) %}- line {{ n }}\n{% endfor %}\u00fc\r\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_artifacts_are_listed_shown_and_saved(
    stage: Opened, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(size=size, scene="nothing") as at:
        below = await details.node_with_execution(at.pureboot)
        await at.pureboot.executions.cancel(below.id, by=ADA)
        await at.pureboot.templates.create("report", REPORT, type_="document", by=ADA)
        await at.pureboot.templates.create("listing", "name\n${node.hostname}\n", by=ADA)
        name = await published(at.pureboot, FLOW)
        execution = await ended(at.pureboot, await at.pureboot.executions.start(name, by=ADA, node=below.node_id))
        at.app.open_execution(execution.id)
        await at.sees("Write the report")
        await at.press("A")
        await at.sees("Artifacts   reported@v1.0", "report.md", "TEXT  nodes.csv", "2 r4-07")
        await at.press("j")
        await at.sees("TEXT  report.md", "# Report of r4-07", "line 3")
        if os.environ.get("SVG"):
            at.app.save_screenshot(os.environ["SVG"])
        await at.press("s")
        await at.sees("Save report.md?")
        await at.press("enter", "y")
        await at.says("report.md saved to report.md")
        made = await at.pureboot.artifacts.get(execution.id, "report.md")
        assert (tmp_path / "report.md").read_bytes() == made.content.encode()
        assert made.content.endswith("\u00fc\r\n")
        await at.press("s", "enter", "y")
        await at.says("is there already and was left as it is")

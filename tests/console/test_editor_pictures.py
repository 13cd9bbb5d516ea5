"""Pictures of the editor; `pytest tests/console/test_editor_pictures.py --snapshot-update` writes them anew."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from console.app import PureBootApp
from console.editing import begin
from console.paint import DARK, SIXTEEN
from console.screens.editor import EditorScreen
from console.view.labels import ASCII, UNICODE
from engine.app import PureBoot
from engine.core.documents import DocumentKind
from tests.console import details
from tests.console.conftest import Setter, screen_text
from tests.story import published

WRONG = details.WORKFLOW.lstrip().replace("timeout: 5m", "timeout: soon").replace("node.reboot", "node.rebot")


def writing(app: PureBootApp, *keys: str) -> details.Show:
    """Puts a text with two errors in the place of a workflow's, goes to the first, and presses keys."""

    async def run(pilot: "Pilot[None]") -> None:
        await details.until(pilot, lambda: app.is_open)
        await published(cast("PureBoot", app.pureboot), details.WORKFLOW)
        begin.edit(app, DocumentKind.WORKFLOW, "debian-12")
        await details.until(pilot, lambda: "nothing is wrong" in screen_text(app))
        screen = app.screen
        assert isinstance(screen, EditorScreen)
        screen.area.put(WRONG)
        await details.until(pilot, lambda: "2 errors" in screen_text(app) and "checking" not in screen_text(app))
        await pilot.press("f8", *keys)
        await pilot.pause()

    return run


@pytest.mark.parametrize(
    ("size", "theme", "keys"),
    [
        ((80, 24), DARK, ()),
        ((80, 24), SIXTEEN, ()),
        ((120, 36), DARK, ("f8", "end", "enter", *"on_failure: ")),
    ],
    ids=["80x24", "ascii-80x24", "list-120x36"],
)
def test_picture_of_the_editor(
    snap_compare: Callable[..., bool],
    console_on: Setter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    theme: str,
    keys: tuple[str, ...],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    set_ = console_on("nothing", theme=theme, symbols=ASCII if theme == SIXTEEN else UNICODE)
    assert snap_compare(set_.app, terminal_size=size, run_before=writing(set_.app, *keys))

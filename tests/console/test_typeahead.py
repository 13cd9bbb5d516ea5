"""Keys that come faster than the screen: each does what it would have done had it come alone."""

import pytest
from textual import events
from textual.widgets import Input

from console import typeahead
from console.screens.execution import ExecutionScreen
from console.screens.node import NodeScreen
from console.screens.run import RunScreen
from tests.console.conftest import Opened, Stage

CHARACTERS = {"slash": "/", "enter": "\r", "escape": "\x1b", "minus": "-"}


def burst(at: Stage, *keys: str) -> None:
    """Keys that a slow link brings all at once."""
    for key in keys:
        at.app.post_message(events.Key(key, CHARACTERS.get(key, key)))


@pytest.fixture(autouse=True)
def _nothing_is_waited_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose end is never heard of would hold the keys behind it for longer than these tests wait."""
    monkeypatch.setattr(typeahead, "_PATIENCE_SECONDS", 60.0)


async def test_a_filter_takes_what_is_typed_behind_its_slash(stage: Opened) -> None:
    async with stage() as at:
        burst(at, "slash", *"r4-0", "8", "enter", "r")
        await at.sees("Run a workflow on r4-08")
        assert not isinstance(at.app.focused, Input)


async def test_a_dialog_takes_what_is_typed_behind_the_key_that_opens_it(stage: Opened) -> None:
    async with stage() as at:
        burst(at, "slash", *"r4-08", "enter", "enter", "r")
        await at.until(lambda: isinstance(at.app.screen, RunScreen))
        await at.sees("burn-in")
        burst(at, "slash", *"deb", "enter", "enter")
        await at.sees("Starts debian-12 v1.0 on 1 node: r4-08")


async def test_screens_are_entered_and_left_as_typed(stage: Opened) -> None:
    async with stage() as at:
        burst(at, "j", "enter", "e")
        await at.until(lambda: isinstance(at.app.screen, ExecutionScreen))
        burst(at, "escape", "escape", "j", "enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        await at.sees("r4-05")
        burst(at, *"2345", "1", "escape", "g", "g", "enter")
        await at.sees("r4-07")


async def test_escape_and_a_letter_that_come_together_are_two_keys(stage: Opened) -> None:
    async with stage() as at:
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        at.app.post_message(events.Key("alt+j", "j"))
        at.app.post_message(events.Key("alt+shift+g", "G"))
        burst(at, "enter")
        await at.sees("retired")


async def test_what_is_held_down_is_not_remembered_for_ever(stage: Opened) -> None:
    async with stage() as at:
        burst(at, *("j" * 2000))
        await at.until(lambda: not at.app._waiting and at.app._under_way is None)
        await at.press("home")
        await at.until(lambda: at.app._under_way is None)


async def test_a_widget_that_does_not_answer_holds_nobody_up(stage: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as at:
        monkeypatch.setattr(typeahead, "_PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(at.app, "on_settled", lambda _message: None)
        burst(at, "2", "3", "4")
        await at.sees("Load memory and disks")

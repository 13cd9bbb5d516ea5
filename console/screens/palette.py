"""The command palette in the manners of this console: nothing blinks, no picture characters, one line to type in."""

from textual.command import CommandPalette
from textual.widgets import Input

PLACEHOLDER = "an action, a screen, a node by name or MAC, a workflow, an execution ..."


class Palette(CommandPalette):
    """Type a part of a name; enter goes there or does it."""

    def __init__(self) -> None:
        super().__init__(placeholder=PLACEHOLDER, id="--command-palette")

    def on_mount(self) -> None:
        """A blinking cursor costs bytes on the line although nothing happens."""
        self.query_one(Input).cursor_blink = False

"""What is shown where the terminal is too small for anything else."""

from rich.text import Text
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

SMALLEST = Size(60, 16)


def is_too_small(size: Size) -> bool:
    """Whether nothing sensible fits."""
    return size.width < SMALLEST.width or size.height < SMALLEST.height


class TooSmall(ModalScreen[None]):
    """Says so, and how large the terminal has to be; it goes away by itself."""

    def compose(self) -> "list[Static]":
        """The message."""
        return [Static(id="too-small")]

    def on_resize(self) -> None:
        """Say how large it is."""
        size = self.app.size
        lines = [
            "PureBoot needs a larger terminal:",
            f"at least {SMALLEST.width}x{SMALLEST.height}; this is {size.width}x{size.height}.",
        ]
        self.query_one("#too-small", Static).update(Text("\n".join(lines), justify="center"))

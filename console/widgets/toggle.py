"""A switch in words: `[x] force`. It reads without colour."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static


class Toggle(Static, can_focus=True):
    """On or off; enter, space or a click changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "switch", show=False)]

    @dataclass
    class Changed(Message):
        """It was switched."""

        is_on: bool

    def __init__(self, label: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        self._label = label
        self.is_on = False

    def on_mount(self) -> None:
        """Show how it stands."""
        self._show()

    def _show(self) -> None:
        self.update(f"[{'x' if self.is_on else ' '}] {self._label}")

    def action_switch(self) -> None:
        """Switch it."""
        self.is_on = not self.is_on
        self._show()
        self.post_message(self.Changed(self.is_on))

    def on_click(self) -> None:
        """Switch it."""
        self.action_switch()

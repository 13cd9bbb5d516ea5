"""The keys of a diff on a screen that shows one beside something else: they mean the diff, wherever the cursor is."""

from console.widgets.diff_view import DiffView


class DiffKeys:
    """What a screen with a `text` does with them."""

    text: DiffView

    def action_layout(self) -> None:
        """Side by side, or one below the other."""
        self.text.action_layout()

    def action_next(self) -> None:
        """The next change."""
        self.text.action_next()

    def action_previous(self) -> None:
        """The change before."""
        self.text.action_previous()

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.text.action_wrap()

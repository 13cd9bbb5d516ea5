"""Whether somebody sees what a widget would paint."""

from textual.widget import Widget


def is_seen(widget: Widget) -> bool:
    """Whether its screen is in front, or behind no more than a dialog.

    What is painted on a screen that is covered lets Textual (8.2) paint the one in front anew, all of it; and
    `Screen.is_current` holds for the screen below the one in front, too.
    """
    front = widget.app.screen
    return front is widget.screen or front.is_modal

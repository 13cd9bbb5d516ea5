"""Keys that every screen has."""

from console.keys.key import Key
from console.keys.shared import PREFIX
from console.places import PLACES, Place


def _shown(place: Place) -> str:
    """The keys of a place: its number, if it has one, and its letter."""
    return f"{place.number} g{place.letter}".strip()


EVERYWHERE = (
    *(
        Key(keys=each.number, action=f"app.show('{each.mode}')", label=each.name, help=each.help, shown=_shown(each))
        for each in PLACES
    ),
    PREFIX,
    Key(
        keys="ctrl+o,alt+left",
        action="app.go_back",
        label="back",
        help="back to the screen before, as it was",
        shown="ctrl+o alt+left",
    ),
    Key(
        keys="ctrl+n,alt+right",
        action="app.go_forward",
        label="forward",
        help="forward again to the screen that was left",
        shown="ctrl+n alt+right",
    ),
    Key(keys="escape", action="back", label="back", help="one step back: leave, clear the filter, drop the marks"),
    Key(
        keys="ctrl+p,colon",
        action="app.command_palette",
        label="palette",
        help="go to any screen, node, workflow or execution by typing",
        shown=": ctrl+p",
    ),
    Key(
        keys="X",
        action="app.export",
        label="save",
        help="save what is shown: as a picture, as text, a table as CSV or JSON",
    ),
    Key(keys="W", action="app.who", label="who", help="who else has a console open, and what they look at"),
    Key(keys="question_mark,f1", action="app.help", label="help", help="this help", footer=True),
    Key(keys="ctrl+z", action="app.suspend", label="suspend", help="back to the shell, until fg"),
    Key(keys="ctrl+q,q", action="app.quit", label="quit", help="leave the console", shown="q ctrl+q"),
)

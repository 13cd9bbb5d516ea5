"""Keys that every screen has."""

from console.keys.key import Key
from console.places import PLACES

EVERYWHERE = (
    *(Key(keys=each.number, action=f"app.show('{each.mode}')", label=each.name, help=each.help) for each in PLACES),
    Key(keys="escape", action="back", label="back", help="one step back: leave, clear the filter, drop the marks"),
    Key(
        keys="ctrl+p,colon",
        action="app.command_palette",
        label="palette",
        help="go to any screen, node, workflow or execution by typing",
        shown=": ctrl+p",
    ),
    Key(keys="W", action="app.who", label="who", help="who else has a console open, and what they look at"),
    Key(keys="question_mark,f1", action="app.help", label="help", help="this help", footer=True),
    Key(keys="ctrl+q,q", action="app.quit", label="quit", help="leave the console", shown="q ctrl+q"),
)

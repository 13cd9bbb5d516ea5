"""Keys of the screens of triggers, packs, agents and secrets."""

from collections.abc import Mapping

from console.keys.key import Key
from console.keys.shared import FILTER, REVERSE, SORT

_DETAILS = Key(keys="tab", action="app.focus_next", label="details", help="go to the details, and back")
_DELETE = Key(keys="delete,D", action="delete", label="delete", help="delete it, after a question", shown="D del")

KEYS: Mapping[str, tuple[Key, ...]] = {
    "triggers": (
        Key(keys="enter", action="open", label="last started", help="open what it started last", footer=True),
        FILTER,
        Key(keys="p", action="pause", label="on/off", help="disable it, or enable it again", footer=True),
        Key(keys="r", action="run", label="fire", help="fire it now, after a question", footer=True),
        _DELETE,
        SORT,
        REVERSE,
        _DETAILS,
    ),
    "packs": (
        Key(keys="enter,u", action="use", label="update", help="what an update would change; then update", footer=True),
        FILTER,
        Key(keys="r", action="run", label="sync", help="let its documents be as its files are now", footer=True),
        Key(keys="V", action="validate", label="check", help="say what is wrong with its files", footer=True),
        _DELETE,
        SORT,
        REVERSE,
        _DETAILS,
    ),
    "agents": (
        Key(keys="enter,r", action="run", label="look", help="ask it how it is, now", footer=True),
        FILTER,
        _DELETE,
        SORT,
        REVERSE,
        _DETAILS,
    ),
    "secrets": (
        Key(keys="enter,F", action="find", label="find", help="find its name in the templates", footer=True),
        FILTER,
        Key(keys="e", action="edit", label="set", help="give it another value", footer=True),
        Key(keys="a", action="new", label="add", help="add a secret", footer=True),
        _DELETE,
        SORT,
        REVERSE,
        _DETAILS,
    ),
}

"""Keys of the event log."""

from collections.abc import Mapping

from console.keys.key import Key
from console.keys.shared import FILTER

KEYS: Mapping[str, tuple[Key, ...]] = {
    "log": (
        Key(keys="enter", action="open", label="open", help="open what the event is about", footer=True),
        FILTER,
        Key(keys="f", action="follow", label="follow", help="follow the newest event, or stand still", footer=True),
        Key(keys="p", action="progress", label="progress", help="list the progress of steps as well, or not"),
        Key(keys="x", action="problems", label="problems", help="show only what went wrong, or all", footer=True),
    ),
}

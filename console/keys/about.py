"""Keys of the screens about PureBoot itself: its settings, the first steps."""

from collections.abc import Mapping

from console.keys.key import Key
from console.keys.shared import FILTER, REVERSE, SORT

KEYS: Mapping[str, tuple[Key, ...]] = {
    "settings": (
        FILTER,
        SORT,
        REVERSE,
        Key(keys="y", action="copy", label="copy", help="copy the setting, as for --set", footer=True),
    ),
    "guide": (
        Key(keys="enter", action="open", label="the nodes", help="on to the nodes", footer=True),
        Key(keys="y", action="copy", label="copy", help="copy what is to be done next", footer=True),
    ),
}

"""Keys of the screens of nodes."""

from collections.abc import Mapping
from dataclasses import replace

from console.keys.key import Key
from console.keys.shared import CHANGE, ENTER, FILTER, MOVE, REVERSE, RUN, SORT

KEYS: Mapping[str, tuple[Key, ...]] = {
    "nodes": (
        ENTER,
        FILTER,
        RUN,
        MOVE,
        CHANGE,
        Key(keys="V", action="views", label="views", help="saved filters with their order: use one, save this one"),
        Key(keys="e", action="execution", label="execution", help="open the node's newest execution"),
        Key(
            keys="c",
            action="cancel",
            label="cancel",
            help="cancel what runs on the node, after a question",
        ),
        SORT,
        REVERSE,
    ),
    "node": (
        RUN,
        replace(MOVE, footer=False),
        CHANGE,
        Key(keys="e", action="execution", label="execution", help="open the newest execution", footer=True),
        Key(keys="c", action="cancel", label="cancel", help="cancel what runs here, after a question", footer=True),
        Key(
            keys="t",
            action="trace",
            label="boot trace",
            help="what it did at the boot doors, line by line",
            footer=True,
        ),
        Key(keys="I", action="inventory", label="inventory", help="the hardware that it reported, part by part"),
    ),
    "inventory": (
        Key(keys="enter", action="open", label="fold", help="fold or unfold the part under the cursor", footer=True),
        Key(keys="Z", action="fold_all", label="fold all", help="unfold everything, or fold it", footer=True),
    ),
    "trace": (),
}

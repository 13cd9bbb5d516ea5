"""Keys of the screens that show how it goes: the dashboard, the boot traffic, the dead letters."""

from collections.abc import Mapping
from dataclasses import replace

from console.keys.key import Key
from console.keys.shared import ENTER, FILTER, NODE, REVERSE, SORT

KEYS: Mapping[str, tuple[Key, ...]] = {
    "dashboard": (
        replace(ENTER, help="go to what the row is about"),
        Key(
            keys="a",
            action="approve",
            label="approve",
            help="approve or reject what the row under the cursor waits for, with a comment",
            footer=True,
        ),
        Key(
            keys="r",
            action="retry",
            label="retry",
            help="retry what failed, or replay its dead letter, after a question",
            footer=True,
        ),
        Key(keys="p", action="pause", label="pause", help="pause the execution under the cursor, or let it go on"),
        Key(keys="t", action="trace", label="boot trace", help="what the machine did at the boot doors, line by line"),
        Key(keys="L", action="letters", label="dead letters", help="the dead letters: what cannot go on by itself"),
        Key(keys="tab", action="app.focus_next", label="next list", help="between what needs you and what runs"),
        Key(keys="v", action="plots", label="plots", help="plots of boots and of how long steps take", footer=True),
    ),
    "plots": (
        Key(keys="v,tab", action="plots", label="dashboard", help="back to the dashboard", footer=True),
        Key(keys="n", action="next", label="next workflow", help="the steps of the next workflow", footer=True),
        Key(keys="N", action="previous", label="workflow before", help="the steps of the workflow before"),
    ),
    "traffic": (
        replace(ENTER, label="node", help="open the node that the file is for"),
        FILTER,
        Key(
            keys="t",
            action="trace",
            label="boot trace",
            help="what the machine did at the boot doors, line by line",
            footer=True,
        ),
        SORT,
        REVERSE,
    ),
    "letters": (
        replace(ENTER, help="open the execution that cannot go on, or its node"),
        FILTER,
        Key(
            keys="r",
            action="replay",
            label="replay",
            help="try the marked ones again, or this one, after a question",
            footer=True,
        ),
        Key(
            keys="D",
            action="discard",
            label="discard",
            help="nothing is to be done about the marked ones, or this one: say why",
            footer=True,
        ),
        replace(NODE, help="open the letter's node", footer=False),
        Key(keys="tab", action="app.focus_next", label="details", help="go to the details, and back"),
        SORT,
        REVERSE,
    ),
}

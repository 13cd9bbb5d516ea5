"""Keys of the screens of workflows and templates."""

from collections.abc import Mapping
from dataclasses import replace

from console.keys.key import Key
from console.keys.shared import (
    CHANGES,
    EDIT,
    ENTER,
    FILTER,
    FIND,
    GRAPH,
    IMPACT,
    MARK_VERSION,
    NEW,
    REVERSE,
    SORT,
    TEXT,
    USE,
    WHERE_USED,
    WRAP,
)

KEYS: Mapping[str, tuple[Key, ...]] = {
    "workflows": (
        Key(
            keys="enter",
            action="open",
            label="versions",
            help="open its versions: texts, diffs, who gets it",
            footer=True,
        ),
        EDIT,
        NEW,
        FILTER,
        replace(FIND, footer=False),
        Key(keys="p", action="publish", label="publish", help="make the newest version the active one", footer=True),
        GRAPH,
        WHERE_USED,
        Key(keys="tab", action="app.focus_next", label="details", help="go to the details, and back"),
    ),
    "templates": (
        ENTER,
        EDIT,
        NEW,
        FILTER,
        FIND,
        WHERE_USED,
        Key(keys="s", action="sort", label="sort", help="sort by the next column"),
        Key(keys="S", action="reverse", label="reverse", help="sort the other way round"),
    ),
    "template": (
        Key(
            keys="d",
            action="diff",
            label="diff",
            help="what changed since the version before, or the marked one",
            footer=True,
        ),
        EDIT,
        MARK_VERSION,
        IMPACT,
        WHERE_USED,
        USE,
        *(replace(each, footer=False) for each in CHANGES),
        Key(keys="p", action="preview", label="preview", help="what it becomes for a node", footer=True),
        *TEXT,
    ),
    "workflow": (
        Key(
            keys="d",
            action="diff",
            label="diff",
            help="what changed since the version before, or the marked one: in its meaning, and in words",
            footer=True,
        ),
        EDIT,
        MARK_VERSION,
        IMPACT,
        WHERE_USED,
        replace(USE, keys="p,u", label="publish", help="make this version the active one, after a question"),
        *CHANGES,
        *TEXT,
    ),
    "impact": (
        Key(
            keys="enter",
            action="open",
            label="for this one",
            help="what this node would get other than now",
            footer=True,
        ),
        Key(keys="d", action="source", label="the text", help="what differs in the text itself", footer=True),
        *CHANGES,
        Key(keys="tab", action="text", label="text", help="between the list and the text"),
        Key(keys="o", action="node", label="node", help="open the node", footer=True),
        FILTER,
        SORT,
        REVERSE,
        WRAP,
    ),
    "where-used": (
        Key(keys="enter", action="open", label="open", help="open what uses it", footer=True),
        FILTER,
        SORT,
        REVERSE,
    ),
    "compare": (
        *CHANGES,
        WRAP,
    ),
    "search": (
        Key(keys="enter", action="open", label="go there", help="go to the line", footer=True),
        Key(keys="slash", action="search", label="find", help="type something else", footer=True),
    ),
}

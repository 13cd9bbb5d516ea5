"""Every key of the console, in one table: the bindings, the footer and the help are all made from it.

A key means the same on every screen. Nothing that stops or changes a machine happens on one key alone: such a key opens
a dialog, and the key that confirms there is another one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from textual.binding import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Keys for one action. `label` is for the footer, `help` for the help; a key with `footer` is shown below."""

    keys: str
    action: str
    label: str
    help: str
    shown: str = ""
    footer: bool = False
    priority: bool = False

    @property
    def display(self) -> str:
        """The keys as people write them."""
        return self.shown or " ".join(_NAMES.get(key, key) for key in self.keys.split(","))

    @property
    def first(self) -> str:
        """The key to name where there is room for one."""
        return self.display.split(" ")[0]


_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "vertical_line": "|",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
}

_EVERYWHERE = (
    Key(keys="1", action="app.show('nodes')", label="Nodes", help="the nodes"),
    Key(keys="2", action="app.show('executions')", label="Executions", help="the executions"),
    Key(keys="3", action="app.show('templates')", label="Templates", help="the templates"),
    Key(keys="4", action="app.show('workflows')", label="Workflows", help="the workflows"),
    Key(keys="5", action="app.show('log')", label="Log", help="the event log, and what went wrong in this session"),
    Key(keys="escape", action="back", label="back", help="one step back: leave, clear the filter, drop the marks"),
    Key(
        keys="ctrl+p,colon",
        action="app.command_palette",
        label="palette",
        help="go to any screen, node, workflow or execution by typing",
        shown=": ctrl+p",
    ),
    Key(keys="question_mark,f1", action="app.help", label="help", help="this help", footer=True),
    Key(keys="ctrl+q,q", action="app.quit", label="quit", help="leave the console", shown="q ctrl+q"),
)

_LIST = (
    Key(keys="j,down", action="down", label="down", help="next row"),
    Key(keys="k,up", action="up", label="up", help="previous row"),
    Key(keys="g,home", action="top", label="top", help="first row"),
    Key(keys="G,end", action="bottom", label="bottom", help="last row"),
    Key(keys="ctrl+d", action="half_down", label="half page", help="half a page down"),
    Key(keys="ctrl+u", action="half_up", label="half page", help="half a page up"),
    Key(keys="ctrl+f,pagedown", action="page_down", label="page", help="a page down"),
    Key(keys="ctrl+b,pageup", action="page_up", label="page", help="a page up"),
    Key(keys="enter", action="open", label="open", help="open the row under the cursor"),
)

_MARKS = (
    Key(
        keys="space",
        action="mark",
        label="mark",
        help="mark or unmark the row; actions then work on all marked ones",
        footer=True,
    ),
    Key(keys="a", action="mark_all", label="mark all", help="mark every row that the filter shows, or none"),
)

_FILTER = Key(
    keys="slash",
    action="filter",
    label="filter",
    help="filter: words, !not, field:part, field=exactly, field:one,other",
    footer=True,
)
_FIND = Key(keys="F", action="find", label="find", help="find a text in all of them, and go to its line", footer=True)
_IMPACT = Key(
    keys="i",
    action="impact",
    label="who gets it",
    help="who would get this version in the place of the current one",
    footer=True,
)
_SORT = Key(keys="s", action="sort", label="sort", help="sort by the next column")
_REVERSE = Key(keys="S", action="reverse", label="reverse", help="sort the other way round")
_ENTER = Key(keys="enter", action="open", label="open", help="open", footer=True)
_RUN = Key(keys="r", action="run", label="run", help="run a workflow on the marked nodes, or on this one", footer=True)
_MOVE = Key(keys="m", action="move", label="move", help="move the node to another state", footer=True)
_CANCEL = Key(keys="c", action="cancel", label="cancel", help="cancel the execution, after a question", footer=True)

_NODE = Key(keys="o", action="node", label="node", help="open the execution's node", footer=True)

_SEARCH = Key(keys="slash", action="search", label="search", help="search in the log", footer=True)
_WRAP = Key(keys="w", action="wrap", label="wrap", help="wrap long lines, or cut them; left, right show the rest")

_MARK_VERSION = Key(keys="space", action="mark", label="mark", help="mark the version to compare others with")
_USE = Key(keys="u", action="use", label="use", help="make this version the current one, after a question", footer=True)
_CHANGES = (
    Key(keys="v", action="layout", label="side by side", help="side by side, or one below the other", footer=True),
    Key(keys="n,right_square_bracket", action="next", label="next change", help="next change"),
    Key(keys="N,left_square_bracket", action="previous", label="change before", help="change before"),
)
_TEXT = (
    Key(keys="enter,tab", action="open", label="text", help="between the versions and the text"),
    Key(keys="z", action="zoom", label="zoom", help="give the text the whole screen, or take it back"),
    _WRAP,
    Key(keys="y", action="copy", label="copy", help="copy what is shown"),
)

# The keys of each context. `everywhere` is added to every screen, `list` to every table.
KEYS: Mapping[str, tuple[Key, ...]] = {
    "everywhere": _EVERYWHERE,
    "list": _LIST,
    "marks": _MARKS,
    "nodes": (
        _ENTER,
        _FILTER,
        _RUN,
        _MOVE,
        Key(keys="e", action="execution", label="execution", help="open the node's newest execution"),
        Key(
            keys="c",
            action="cancel",
            label="cancel",
            help="cancel what runs on the node, after a question",
            footer=True,
        ),
        _SORT,
        _REVERSE,
    ),
    "node": (
        _RUN,
        _MOVE,
        Key(keys="e", action="execution", label="execution", help="open the newest execution", footer=True),
        Key(keys="c", action="cancel", label="cancel", help="cancel what runs here, after a question", footer=True),
        Key(
            keys="t",
            action="trace",
            label="boot trace",
            help="what it did at the boot doors, line by line",
            footer=True,
        ),
    ),
    "trace": (),
    "executions": (
        _ENTER,
        _FILTER,
        _CANCEL,
        _NODE,
        _SORT,
        _REVERSE,
    ),
    "workflows": (
        Key(
            keys="enter",
            action="open",
            label="versions",
            help="open its versions: texts, diffs, who gets it",
            footer=True,
        ),
        _FILTER,
        _FIND,
        Key(keys="p", action="publish", label="publish", help="make the newest version the active one", footer=True),
        Key(keys="tab", action="app.focus_next", label="details", help="go to the details, and back", footer=True),
    ),
    "log": (
        Key(keys="enter", action="open", label="open", help="open what the event is about", footer=True),
        _FILTER,
        Key(keys="f", action="follow", label="follow", help="follow the newest event, or stand still", footer=True),
        Key(keys="p", action="progress", label="progress", help="list the progress of steps as well, or not"),
        Key(keys="x", action="problems", label="problems", help="show only what went wrong, or all", footer=True),
    ),
    "execution": (
        Key(
            keys="a",
            action="approve",
            label="approve",
            help="approve or reject what waits for a person, with a comment",
        ),
        Key(
            keys="l,tab",
            action="log",
            label="log",
            help="between the steps and the log of the one selected",
            footer=True,
        ),
        Key(
            keys="enter",
            action="open",
            label="zoom",
            help="give the log the whole screen, or take it back; open what the step started",
        ),
        Key(keys="f", action="follow", label="follow", help="follow the end of the log, or stand still", footer=True),
        _SEARCH,
        Key(keys="n", action="next", label="next match", help="next match"),
        Key(keys="N", action="previous", label="match before", help="match before"),
        _WRAP,
        Key(keys="space", action="mark", label="mark", help="mark lines of the log, from here to the cursor"),
        Key(
            keys="y", action="copy", label="copy", help="copy the marked lines, the line, or all if the end is followed"
        ),
        Key(keys="Y", action="copy_all", label="copy all", help="copy the whole log"),
        Key(
            keys="p",
            action="pause",
            label="pause",
            help="pause the execution: nothing new begins; or let it go on",
            footer=True,
        ),
        Key(keys="r", action="retry", label="retry", help="retry what failed; what succeeded is kept"),
        Key(keys="R", action="retry_step", label="retry step", help="run the step again, and what follows it"),
        Key(keys="s", action="skip", label="skip", help="skip the step: take it as done, with a reason"),
        _CANCEL,
        replace(_NODE, footer=False),
        Key(keys="u", action="parent", label="parent", help="up to the execution that started this one"),
        Key(keys="A", action="artifacts", label="artifacts", help="the texts that the execution made (core.render)"),
    ),
    "artifacts": (
        Key(keys="enter,tab", action="open", label="text", help="between the list and the text", footer=True),
        Key(keys="s", action="save", label="save", help="save the text to a file, after a question", footer=True),
        _WRAP,
        Key(keys="y", action="copy", label="copy", help="copy the whole text", footer=True),
    ),
    "templates": (
        _ENTER,
        _FILTER,
        _FIND,
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
        _MARK_VERSION,
        _IMPACT,
        _USE,
        *_CHANGES,
        Key(keys="p", action="preview", label="preview", help="what it becomes for a node", footer=True),
        *_TEXT,
    ),
    "workflow": (
        Key(
            keys="d",
            action="diff",
            label="diff",
            help="what changed since the version before, or the marked one: in its meaning, and in words",
            footer=True,
        ),
        _MARK_VERSION,
        _IMPACT,
        replace(_USE, keys="p,u", label="publish", help="make this version the active one, after a question"),
        *_CHANGES,
        *_TEXT,
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
        *_CHANGES,
        Key(keys="tab", action="text", label="text", help="between the list and the text"),
        Key(keys="o", action="node", label="node", help="open the node", footer=True),
        _FILTER,
        _SORT,
        _REVERSE,
        _WRAP,
    ),
    "search": (
        Key(keys="enter", action="open", label="go there", help="go to the line", footer=True),
        Key(keys="slash", action="search", label="find", help="type something else", footer=True),
    ),
}


def bindings(*contexts: str) -> list[Binding]:
    """The bindings of contexts, for a screen's or widget's BINDINGS."""
    return [
        Binding(key.keys, key.action, key.label, show=key.footer, key_display=key.first, priority=key.priority)
        for context in contexts
        for key in KEYS[context]
    ]


def footer(*contexts: str) -> list[Key]:
    """The keys to show below a screen: those that matter of its own contexts, then help."""
    return [key for context in (*contexts, "everywhere") for key in KEYS[context] if key.footer]


def clashes(contexts: Iterable[str]) -> list[str]:
    """The keys that mean two things in contexts that are active at once; `enter` of a list is its screen's own."""
    seen: dict[str, str] = {}
    twice: list[str] = []
    for context in contexts:
        for key in KEYS[context]:
            for each in key.keys.split(","):
                if seen.get(each, key.action) != key.action:
                    twice.append(each)
                seen[each] = key.action
    return twice

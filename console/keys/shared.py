"""Keys that several screens have: a key means the same on each of them."""

from console.keys.key import Key

PREFIX = Key(
    keys="g",
    action="app.go_to",
    label="go to",
    help="then the letter of a place, which are shown meanwhile: go there; g g: first row",
    shown="g ...",
)

LIST = (
    PREFIX,
    Key(keys="j,down", action="down", label="down", help="next row"),
    Key(keys="k,up", action="up", label="up", help="previous row"),
    Key(keys="home", action="top", label="top", help="first row, as g g"),
    Key(keys="G,end", action="bottom", label="bottom", help="last row"),
    Key(keys="ctrl+d", action="half_down", label="half page", help="half a page down"),
    Key(keys="ctrl+u", action="half_up", label="half page", help="half a page up"),
    Key(keys="ctrl+f,pagedown", action="page_down", label="page", help="a page down"),
    Key(keys="ctrl+b,pageup", action="page_up", label="page", help="a page up"),
    Key(keys="enter", action="open", label="open", help="open the row under the cursor"),
)

MARKS = (
    Key(
        keys="space",
        action="mark",
        label="mark",
        help="mark or unmark the row; actions then work on all marked ones",
        footer=True,
    ),
    Key(keys="a", action="mark_all", label="mark all", help="mark every row that the filter shows, or none"),
    Key(keys="M,ctrl+@", action="mark_to", label="mark to here", help="mark all from the row marked last to this one"),
    Key(keys="asterisk", action="mark_others", label="invert", help="mark those that are not, of those shown"),
)

FILTER = Key(
    keys="slash",
    action="filter",
    label="filter",
    help="filter: words, !not, field:part, field=exactly, field:one,other",
    footer=True,
)
FIND = Key(keys="F", action="find", label="find", help="find a text in all of them, and go to its line", footer=True)
IMPACT = Key(
    keys="i",
    action="impact",
    label="who gets it",
    help="who would get this version in the place of the current one",
    footer=True,
)
SORT = Key(keys="s", action="sort", label="sort", help="sort by the next column")
REVERSE = Key(keys="S", action="reverse", label="reverse", help="sort the other way round")
ENTER = Key(keys="enter", action="open", label="open", help="open", footer=True)
RUN = Key(keys="r", action="run", label="run", help="run a workflow on the marked nodes, or on this one", footer=True)
MOVE = Key(keys="m", action="move", label="move", help="move the node to another state", footer=True)
CHANGE = Key(
    keys="E",
    action="change",
    label="change",
    help="tags, metadata, group, lock, retire: of the marked nodes, or of this one; undo",
    footer=True,
)
CANCEL = Key(keys="c", action="cancel", label="cancel", help="cancel the execution, after a question", footer=True)

NODE = Key(keys="o", action="node", label="node", help="open the execution's node", footer=True)

SEARCH = Key(keys="slash", action="search", label="search", help="search in the log", footer=True)
WRAP = Key(keys="w", action="wrap", label="wrap", help="wrap long lines, or cut them; left, right show the rest")

EDIT = Key(keys="e", action="edit", label="edit", help="write its next version, beginning with this text", footer=True)
NEW = Key(keys="C", action="create", label="new", help="begin a new one", footer=True)
WHERE_USED = Key(keys="U", action="where_used", label="where used", help="who uses it: documents, nodes, executions")
MARK_VERSION = Key(keys="space", action="mark", label="mark", help="mark the version to compare others with")
USE = Key(keys="u", action="use", label="use", help="make this version the current one, after a question", footer=True)
CHANGES = (
    Key(keys="v", action="layout", label="side by side", help="side by side, or one below the other", footer=True),
    Key(keys="n,right_square_bracket", action="next", label="next change", help="next change"),
    Key(keys="N,left_square_bracket", action="previous", label="change before", help="change before"),
)
TEXT = (
    Key(keys="enter,tab", action="open", label="text", help="between the versions and the text"),
    Key(keys="z", action="zoom", label="zoom", help="give the text the whole screen, or take it back"),
    WRAP,
    Key(keys="y", action="copy", label="copy", help="copy what is shown"),
)
GRAPH = Key(
    keys="v", action="graph", label="graph", help="the workflow as a graph: where steps branch, join and go back"
)

"""Keys of the editor of workflows and templates. Letters are text there, so all of its own are with ctrl, or above."""

from collections.abc import Mapping

from console.keys.key import Key

_EDITOR = (
    Key(keys="ctrl+s", action="save", label="save", help="save it as a draft, with a message", footer=True),
    Key(
        keys="f9",
        action="publish",
        label="publish",
        help="save it, see whom it reaches, and make it the current version",
        footer=True,
    ),
    Key(keys="ctrl+n,f8", action="next", label="error", help="next error", shown="f8 ctrl+n", footer=True),
    Key(keys="shift+f8", action="previous", label="error before", help="error before"),
    Key(keys="ctrl+f", action="find", label="find", help="find a text; enter goes on, escape closes", footer=True),
    Key(keys="f3", action="find_next", label="next match", help="next match"),
    Key(keys="shift+f3", action="find_previous", label="match before", help="match before"),
    Key(keys="ctrl+g", action="go_to", label="go to line", help="go to a line"),
    Key(
        keys="ctrl+e",
        action="outside",
        label="$EDITOR",
        help="go on in $VISUAL, $EDITOR or vi; what is saved there is taken back",
        footer=True,
    ),
    Key(keys="f4", action="preview", label="preview", help="what the template becomes for a node, as it is written"),
    Key(keys="f5", action="diff", label="diff", help="what differs from the version in use"),
    Key(
        keys="f6", action="impact", label="who gets it", help="who would get this text in the place of the current one"
    ),
)


def _move(keys: str, action: str, help_: str) -> tuple[Key, Key]:
    """A key that moves the cursor, and the same with shift, which selects."""
    first, rest = keys.split(",")[0], keys.split(",")[1:]
    shifted = f"{first.rpartition('+')[0]}+shift+{first.rpartition('+')[2]}".lstrip("+")
    return (
        Key(keys=",".join((first, *rest)), action=action, label=help_, help=help_),
        Key(keys=shifted, action=f"{action}(True)", label="select", help=f"select: {help_}"),
    )


_WRITING = (
    Key(
        keys="ctrl+@,ctrl+space",
        action="complete",
        label="complete",
        help="what could come next; tab or enter takes it",
        shown="ctrl+space",
    ),
    Key(keys="ctrl+z,super+z", action="undo", label="undo", help="undo", shown="ctrl+z"),
    Key(keys="ctrl+y,super+y", action="redo", label="redo", help="redo", shown="ctrl+y"),
    Key(keys="shift+tab", action="outdent", label="outdent", help="one step out; tab goes one step in"),
    *_move("up", "cursor_up", "a line up"),
    *_move("down", "cursor_down", "a line down"),
    *_move("left", "cursor_left", "left"),
    *_move("right", "cursor_right", "right"),
    *_move("ctrl+left", "cursor_word_left", "a word left"),
    *_move("ctrl+right", "cursor_word_right", "a word right"),
    *_move("home,ctrl+a", "cursor_line_start", "to the line's beginning"),
    *_move("end", "cursor_line_end", "to the line's end"),
    Key(keys="pageup", action="cursor_page_up", label="page", help="a page up"),
    Key(keys="pagedown", action="cursor_page_down", label="page", help="a page down"),
    Key(keys="ctrl+home", action="text_start", label="top", help="to the text's beginning"),
    Key(keys="ctrl+end", action="text_end", label="bottom", help="to the text's end"),
    Key(keys="f7", action="select_all", label="all", help="select all"),
    Key(keys="ctrl+x,super+x", action="cut", label="cut", help="cut what is selected, or the line", shown="ctrl+x"),
    Key(keys="ctrl+c,super+c", action="copy", label="copy", help="copy what is selected", shown="ctrl+c"),
    Key(keys="ctrl+v", action="paste", label="paste", help="paste what was cut or copied here"),
    Key(keys="backspace", action="delete_left", label="delete", help="delete to the left"),
    Key(keys="delete,ctrl+d", action="delete_right", label="delete", help="delete to the right"),
    Key(
        keys="ctrl+w,ctrl+backspace,alt+backspace",
        action="delete_word_left",
        label="delete word",
        help="delete the word to the left",
        shown="ctrl+w",
    ),
    Key(keys="alt+delete", action="delete_word_right", label="delete word", help="delete the word to the right"),
    Key(keys="ctrl+u", action="delete_to_start_of_line", label="delete", help="delete to the line's beginning"),
    Key(
        keys="ctrl+k",
        action="delete_to_end_of_line_or_delete_line",
        label="delete",
        help="delete to the line's end",
    ),
    Key(keys="ctrl+shift+k", action="delete_line", label="delete line", help="delete the line"),
)

KEYS: Mapping[str, tuple[Key, ...]] = {"editor": _EDITOR, "writing": _WRITING}

"""An editor for workflows and templates: Textual's, with colours of our own, signs at lines, a list under the cursor.

What is coloured, indented and offered is worked out in `console.view`. Only lines on the screen are coloured: for those
above it is only noted what they begin.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.document._document import EditResult, Location, Selection
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.geometry import Offset
from textual.strip import Strip
from textual.widgets import TextArea

from console import keys, looks
from console.view import indenting
from console.view.completion import NOTHING, Completion
from console.view.highlight import START, Manner, State, after, spans
from console.view.labels import Role, Symbols
from console.widgets.candidates import Candidates
from console.widgets.plain_document import PlainDocument, Wrapped
from engine.core.nodes import NodeState

Offer = Callable[[Sequence[str], int, int], Completion]

_FAR = 5_000  # characters in which the partner of a bracket is looked for
_BREAK = re.compile(r"\r\n|\r")
_SPACE = re.compile(r"\s|$")


class CodeArea(TextArea, inherit_bindings=False):
    """A text that is being written."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("writing")]

    def __init__(self, symbols: Symbols, candidates: Candidates, *, id: str | None = None) -> None:  # noqa: A002
        self._states: list[State] = [START]
        self._manner = Manner.PLAIN
        self._signs: Mapping[int, tuple[bool, int | None]] = {}
        super().__init__(show_line_numbers=True, soft_wrap=False, tab_behavior="indent", id=id)
        self._wrong = symbols.node[NodeState.INSTALL_FAILED]
        self._warning = symbols.warning
        self.candidates = candidates
        self.offer: Offer = lambda _lines, _row, _column: NOTHING
        self.cursor_blink = False
        self.indent_width = indenting.WIDTH
        self._typed = False

    # The text

    def begin(self, text: str, manner: Manner) -> None:
        """Begin with a text that is written in a manner."""
        self._manner = manner
        self.load_text(text)

    def put(self, text: str) -> None:
        """Put another text in the place of the whole, as one edit that can be undone."""
        row, column = self.cursor_location
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end)
        self.history.checkpoint()
        self.move_cursor((row, column))

    def _set_document(self, text: str, language: str | None) -> None:
        self._states = [START]
        document = PlainDocument(text)
        self.document = document
        self.wrapped_document = Wrapped(document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    @property
    def lines(self) -> Sequence[str]:
        """The text, line by line."""
        return self.document.lines

    def edit(self, edit: Edit) -> EditResult:
        """Change it; the colours below the change are found anew."""
        del self._states[edit.top[0] + 1 :]
        return super().edit(edit)

    def _undo_batch(self, edits: Sequence[Edit]) -> None:
        del self._states[1:]
        super()._undo_batch(edits)

    def _redo_batch(self, edits: Sequence[Edit]) -> None:
        del self._states[1:]
        super()._redo_batch(edits)

    # What is drawn

    def mark(self, signs: Mapping[int, tuple[bool, int | None]]) -> None:
        """Show signs: at which line (from 0) there is something, whether it is an error, and at which column."""
        if signs != self._signs:
            self._signs = signs
            self._line_cache.clear()
            self.refresh()

    def _state_at(self, row: int) -> State:
        states, lines = self._states, self.document.lines
        while len(states) <= row:
            states.append(after(lines[len(states) - 1], states[-1], self._manner))
        return states[row]

    def get_component_rich_style(self, *names: str, partial: bool = False, default: Style | None = None) -> Style:
        """The style of a part; the line of the cursor has a background only, and keeps its colours."""
        is_line = "text-area--cursor-line" in names
        return super().get_component_rich_style(*names, partial=partial or is_line, default=default)

    def get_line(self, line_index: int) -> Text:
        """A line with its colours, and without what would command the terminal."""
        line = self.document.get_line(line_index)
        shown = line if line.isprintable() else "".join(map(_harmless, line))
        text = Text(shown, end="", no_wrap=True)
        theme = self.app.theme
        for start, end, token in spans(line, self._state_at(line_index), self._manner):
            text.stylize(looks.look(theme, token), start, end)
        _, column = self._signs.get(line_index, (False, None))
        if column is not None:
            ends = _SPACE.search(line, min(column, len(line)))
            text.stylize(looks.look(theme, looks.WRONG), column - 1, ends.start() if ends else len(line))
        return text

    def _render_line(self, y: int) -> Strip:
        strip = super()._render_line(y)
        row = y + self.scroll_offset.y
        if row not in self._signs:
            return strip
        is_error, _ = self._signs[row]
        sign = self._wrong if is_error else self._warning
        look = looks.look(self.app.theme, Role.BAD if is_error else Role.WARN)
        width = self.gutter_width
        before, behind = strip.crop(0, width - 2), strip.crop(width)
        return Strip.join([before, Strip([Segment(f"{sign} ", look)], 2).apply_style(self.rich_style), behind])

    def _yield_character_locations(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations(start), _FAR)

    def _yield_character_locations_reverse(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations_reverse(start), _FAR)

    def on_resize(self) -> None:
        """The cursor stays in sight when the lines below grow."""
        self.call_after_refresh(self.scroll_cursor_visible)

    # Writing

    async def _on_key(self, event: events.Key) -> None:
        if self.candidates.is_shown and self._choose(event.key):
            event.stop()
            event.prevent_default()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            row, column = min(self.selection)
            blanks = indenting.for_next(self.document[row], column, self._manner)
            self._replace_via_keyboard(f"\n{blanks}", *self.selection)
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            self.action_indent()
        elif event.key == "escape":
            event.prevent_default()  # Textual would move the focus; here it is the screen's way back
        else:
            self._typed = event.is_printable  # and Textual goes on with it

    def _choose(self, key: str) -> bool:
        """Give the list a key; whether it was one of its own."""
        if key in ("tab", "enter"):
            self.take()
        elif key in ("up", "down"):
            self.candidates.move(1 if key == "down" else -1)
        elif key == "escape":
            self.candidates.drop()
        else:
            return False
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        """Put in what was pasted as it is, without indenting; a terminal sends CR for the ends of lines."""
        event.stop()
        event.prevent_default()
        self.candidates.drop()
        self.history.checkpoint()
        if result := self._replace_via_keyboard(_BREAK.sub("\n", event.text), *self.selection):
            self.move_cursor(result.end_location)

    def action_indent(self) -> None:
        """To the next stop, or the selected lines one step further in."""
        start, end = sorted(self.selection)
        if start[0] == end[0]:
            self._replace_via_keyboard(indenting.to_next_stop(start[1]), start, end)
        else:
            self._change_lines(indenting.deeper)

    def action_outdent(self) -> None:
        """The line, or the selected ones, one step further out."""
        self._change_lines(indenting.shallower)

    def _change_lines(self, change: Callable[[Sequence[str]], list[str]]) -> None:
        selection = self.selection
        (first, _), (last, column) = sorted(selection)
        last -= last > first and column == 0
        before = list(self.document.lines[first : last + 1])
        changed = change(before)
        if changed == before:
            return
        self.replace("\n".join(changed), (first, 0), (last, len(before[-1])))

        def moved(place: Location) -> Location:
            row, at = place
            more = len(changed[row - first]) - len(before[row - first]) if first <= row <= last else 0
            return row, max(0, at + more)

        self.selection = Selection(moved(selection.start), moved(selection.end))

    def action_delete_left(self) -> None:
        """Backspace: of blanks at the edge down to the stop before."""
        (row, column), end = self.selection
        count = indenting.back(self.document[row], column) if end == (row, column) else 0
        if count > 1:
            self._delete_via_keyboard((row, column - count), end)
        else:
            super().action_delete_left()
        self._typed = self.candidates.is_shown

    def action_text_start(self) -> None:
        """To the beginning of the text."""
        self.move_cursor((0, 0))

    def action_text_end(self) -> None:
        """To its end."""
        self.move_cursor(self.document.end)

    # What could come next

    def action_complete(self) -> None:
        """Show what could come next, also before anything is written."""
        self._propose(asked=True)

    def on_text_area_changed(self) -> None:
        """Show what could come next behind what was typed."""
        typed, self._typed = self._typed, False
        if typed:
            self._propose(asked=False)
        else:
            self.candidates.drop()

    def _propose(self, *, asked: bool) -> None:
        found = NOTHING
        row, column = self.cursor_location
        if self.selection.is_empty:
            found = self.offer(self.document.lines, row, column)
        before = self.document[row][:column]
        if not (asked or found.written or before.endswith(("${", ".", ": ", "{{ ", ":"))):
            found = NOTHING
        if asked and not found.candidates:
            self.app.bell()
        place = self.cursor_screen_offset
        self.candidates.offer(found, Offset(place.x - len(found.written) - 1, place.y), self.app.size.height - 1)

    def take(self) -> None:
        """Write the candidate that is chosen."""
        candidate, start = self.candidates.chosen, self.candidates.completion.start
        row, column = self.cursor_location
        rest = self.document[row][column:]
        end = "" if candidate.end and rest.startswith(candidate.end.strip()) else candidate.end
        self.candidates.drop()
        self._typed = candidate.text.endswith((".", ":"))
        self._replace_via_keyboard(candidate.text + end, (row, start), (row, column))

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """A cursor that goes elsewhere leaves the list."""
        row, column = event.selection.end
        found = self.candidates.completion
        here = self.document[row][found.start : column]
        if self.candidates.is_shown and not (event.selection.is_empty and here.startswith(found.written)):
            self.candidates.drop()

    def on_blur(self) -> None:
        """Without the focus there is no list."""
        self.candidates.drop()


def _harmless(char: str) -> str:
    """A character that takes the same room and can do nothing to a terminal."""
    return char if char == "\t" or char.isprintable() else "?"

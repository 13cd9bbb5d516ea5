"""A small list under the cursor of an editor: what could be written there."""

from textual import events
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console import looks, paint
from console.view.completion import NOTHING, Candidate, Completion
from console.view.labels import Role
from console.view.pieces import Piece, cells, fit, printable

_MOST_LINES = 8
_MOST_TEXT, _MOST_HINT = 40, 44


class Candidates(Widget):
    """Candidates, one of them chosen. It never has the focus: the editor gives it its keys."""

    DEFAULT_CSS = """
    Candidates {
        overlay: screen;
        constrain: inside;
        width: auto;
        height: auto;
        background: $panel;
        display: none;
    }
    """

    class Taken(Message):
        """One of them was clicked on."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__()
        self._ellipsis = ellipsis
        self.completion: Completion = NOTHING
        self._at = 0

    @property
    def is_shown(self) -> bool:
        """Whether there is something to choose."""
        return bool(self.completion.candidates)

    @property
    def chosen(self) -> Candidate:
        """The one that would be taken."""
        return self.completion.candidates[self._at]

    def offer(self, completion: Completion, place: Offset, bottom: int = 0) -> None:
        """Show candidates below a place of the screen, or above it where they would go beyond the line `bottom`; none
        hides the list.
        """
        self.completion, self._at = completion, 0
        self.display = self.is_shown
        height = min(_MOST_LINES, len(completion.candidates))
        is_below = place.y + 1 + height <= bottom or place.y < height
        self.absolute_offset = Offset(place.x, place.y + 1 if is_below else place.y - height)
        self.refresh(layout=True)

    def drop(self) -> None:
        """Show nothing."""
        if self.is_shown:
            self.offer(NOTHING, Offset(0, 0))

    def move(self, by: int) -> None:
        """Choose another."""
        self._at = (self._at + by) % len(self.completion.candidates)
        self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the widest."""
        texts, hints = self._widths()
        return min(viewport.width, texts + hints + 2)

    def _widths(self) -> tuple[int, int]:
        texts = max((cells(each.text) for each in self.completion.candidates), default=0)
        hints = max((cells(printable(each.hint)) for each in self.completion.candidates), default=0)
        return min(texts, _MOST_TEXT), min(hints, _MOST_HINT) + 2 if hints else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are candidates, up to a few."""
        return min(_MOST_LINES, len(self.completion.candidates))

    @property
    def _first(self) -> int:
        return max(0, self._at - _MOST_LINES + 1)

    def render_line(self, y: int) -> Strip:
        """One of them."""
        at = self._first + y
        if at >= len(self.completion.candidates):
            return Strip.blank(self.size.width, self.rich_style)
        each, (texts, hints) = self.completion.candidates[at], self._widths()
        hint = fit(f"  {printable(each.hint)}", hints, self._ellipsis) if hints else ""
        is_here = at == self._at
        text = fit(f" {printable(each.text)}", texts + 1, self._ellipsis)
        pieces = [Piece(text, Role.STRONG if is_here else Role.PLAIN), Piece(f"{hint} ", Role.MUTED)]
        pieces = paint.under_cursor(pieces, self.app.theme) if is_here else pieces
        over = paint.look(self.app.theme, paint.CURSOR) if is_here else None
        strip = Strip(looks.segments(pieces, self.app.theme, over)).adjust_cell_length(self.size.width)
        return strip.apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Take the one that was clicked on."""
        event.stop()
        if self._first + event.y < len(self.completion.candidates):
            self._at = self._first + event.y
            self.post_message(self.Taken())

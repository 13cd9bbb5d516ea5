"""A workflow's graph on the line API, scrolled both ways, with a cursor that goes from step to step.

The picture is made in `console.view.graph_picture`; here only what is in the window is painted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, work
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from console import keys, looks, paint
from console.view.graph_layout import neighbours
from console.view.graph_picture import GraphPicture, draw_graph, steps_in_order
from console.view.labels import Symbols
from console.view.pieces import Piece, between, window
from console.widgets.moving import Moving
from engine.core.executions import Execution
from engine.core.workflows import Workflow

MARGIN = 2
AT_ONCE = 25  # steps that are drawn in a few milliseconds
ABOVE = 2  # lines around the step under the cursor that are kept in the window


class GraphView(Moving, can_focus=True):
    """A picture of a graph; `selected` is the key of the step under the cursor."""

    DEFAULT_CSS = """
    GraphView {
        height: auto;
        overflow-x: auto;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("graph")]

    @dataclass
    class Selected(Message):
        """Another step is selected."""

        graph: "GraphView"
        key: str

        @property
        def control(self) -> "GraphView":
            """The graph."""
            return self.graph

    @dataclass
    class Opened(Message):
        """More of the selected step is wanted."""

        graph: "GraphView"
        key: str

        @property
        def control(self) -> "GraphView":
            """The graph."""
            return self.graph

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self.lines_painted = 0
        self.picture: GraphPicture | None = None
        self._steps: Sequence[str] = ()
        self.selected = ""

    def draw(self, workflow: Workflow, execution: Execution | None = None) -> None:
        """Draw a workflow version, with an execution of it what became of its steps; a large one in a thread."""
        if len(workflow.steps) <= AT_ONCE:
            self.show(draw_graph(workflow, self.symbols, execution, self.picture))
        else:
            self._draw_later(workflow, execution)

    @work(group="draw", exclusive=True)
    async def _draw_later(self, workflow: Workflow, execution: Execution | None) -> None:
        self.show(await asyncio.to_thread(draw_graph, workflow, self.symbols, execution, self.picture))

    def show(self, picture: GraphPicture) -> None:
        """Show a picture; the cursor stays with its step."""
        if picture is self.picture:
            return
        self.picture = picture
        self._steps = tuple(steps_in_order(picture))
        if self.selected not in picture.places:
            self.selected = self._steps[0] if self._steps else ""
        self.call_after_refresh(self._reveal)
        self.virtual_size = Size(picture.width + 2 * MARGIN, picture.height)
        self.refresh(layout=True)

    def select(self, key: str) -> None:
        """Put the cursor on a step, though nobody asked for it here."""
        if key != self.selected and (self.picture is None or key in self.picture.places):
            self.selected = key
            self._reveal()
            self.refresh()

    def _reveal(self) -> None:
        place = self.picture.places.get(self.selected) if self.picture else None
        if place is not None:
            region = Region(place.left, max(0, place.line - ABOVE), place.width + 2 * MARGIN, 1 + 2 * ABOVE)
            self.scroll_to_region(region, animate=False, force=True)

    # Moving about

    @property
    def place(self) -> int:
        """Which step the cursor is on."""
        return self._steps.index(self.selected) if self.selected in self._steps else 0

    @property
    def last(self) -> int:
        """The last step."""
        return len(self._steps) - 1

    @property
    def page(self) -> int:
        """About how many layers there is room for."""
        return max(1, self.size.height // 3)

    def move(self, place: int) -> None:
        """Select a step by its place from top to bottom."""
        if self._steps:
            self._choose(self._steps[max(0, min(place, self.last))])

    def _choose(self, key: str) -> None:
        if key != self.selected:
            self.select(key)
            self.post_message(self.Selected(self, key))

    def action_step_left(self) -> None:
        """The step to the left; at the end, what lies further left."""
        self._beside(-1)

    def action_step_right(self) -> None:
        """The step to the right; at the end, what lies further right."""
        self._beside(1)

    def _beside(self, step: int) -> None:
        beside = neighbours(self.picture.layout, self.selected, step) if self.picture else None
        if beside is not None:
            self._choose(beside)
        else:
            self.shift(step)

    def shift(self, part: float) -> None:
        """Show what lies to the right by a part of the window; to the left, if negative."""
        self.scroll_relative(x=part * max(8, self.size.width // 4), animate=False, force=True)

    def action_open(self) -> None:
        """Ask for more of the selected step."""
        if self.selected:
            self.post_message(self.Opened(self, self.selected))

    # What is drawn

    def render_line(self, y: int) -> Strip:
        """One line."""
        self.lines_painted += 1
        width, line = self.size.width, self.scroll_offset.y + y
        if self.picture is None or line >= self.picture.height:
            return Strip.blank(width, self.rich_style)
        pieces = [Piece(" " * MARGIN), *self.picture.line(line)]
        theme = self.app.theme
        place = self.picture.places.get(self.selected)
        if place is None or place.line != line:
            segments = looks.segments(pieces, theme)
        else:
            text = "".join(piece.text for piece in pieces)
            first, last = window(text, MARGIN + place.left, place.width)
            over = paint.look(theme, paint.CURSOR if self.has_focus else paint.CURSOR_BLURRED)
            lead, mark = list(between(pieces, 0, first)), list(between(pieces, first, last))
            lead, marked = self._mark(lead), [Piece(piece.text, piece.look) for piece in mark]
            segments = looks.segments(lead, theme) + looks.segments(marked, theme, over)
            segments += looks.segments(between(pieces, last), theme)
        strip = Strip(segments)
        shift = self.scroll_offset.x
        return strip.crop(shift, shift + width).adjust_cell_length(width).apply_style(self.rich_style)

    def _mark(self, lead: list[Piece]) -> list[Piece]:
        """The sign before the step under the cursor, so that it is not told by colour alone."""
        if not lead or not lead[-1].text.endswith(" "):
            return lead
        return [*lead[:-1], Piece(lead[-1].text[:-1], lead[-1].look), Piece(self.symbols.cursor, "strong")]

    # What Textual tells

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in the window."""
        self._reveal()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show by the cursor's colour whether keys come here."""
        super().watch_has_focus(has_focus)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select the step, or ask for more of it if it is selected already."""
        x, y = event.x + self.scroll_offset.x - MARGIN, event.y + self.scroll_offset.y
        for key, place in (self.picture.places if self.picture else {}).items():
            if place.line == y and place.left <= x < place.left + place.width:
                self.action_open() if key == self.selected else self._choose(key)
                return

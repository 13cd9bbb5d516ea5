"""The third of the editor that looks: from error to error, for a text, what differs, what it becomes, who gets it."""

import asyncio

from textual import on, work
from textual.document._document import Selection

from console.screens.compare import CompareScreen
from console.screens.editor_base import EditorBase
from console.screens.pick import PickNode
from console.view import editor_lines, template_lines
from console.view.diff_lines import numbered
from console.widgets.ask_bar import AskBar
from engine.core.documents import DocumentKind
from engine.errors import PureBootError

_FIND, _LINE = "find", "line"
_UNRESOLVED = 3


class Looking(EditorBase):
    """Keys that change nothing."""

    _needle = ""

    # From error to error

    def action_next(self) -> None:
        """To the next error."""
        self._to_finding(1)

    def action_previous(self) -> None:
        """To the error before."""
        self._to_finding(-1)

    def _to_finding(self, step: int) -> None:
        lines = len(self.area.lines)
        rows = [editor_lines.row_of(each, lines, self.subject.name) for each in self.findings]
        places = sorted(
            {(row, (each.column or 1) - 1) for each, row in zip(self.findings, rows, strict=True) if row is not None}
        )
        if not places:
            self.app.tell("nothing is wrong at any line")
            return
        here = self.area.cursor_location
        if step > 0:
            target = next((each for each in places if each > here), places[0])
        else:
            target = next((each for each in reversed(places) if each < here), places[-1])
        self._to(*target)

    def _to(self, row: int, column: int) -> None:
        self.area.move_cursor((row, column), center=True)
        self.area.focus()

    # Finding

    def action_find(self) -> None:
        """Type what to find; what is selected stands there already."""
        selected = self.area.selected_text
        self.bar.ask(_FIND, selected if selected and "\n" not in selected else self._needle)

    def action_go_to(self) -> None:
        """Type the line to go to."""
        self.bar.ask(_LINE)

    def action_find_next(self) -> None:
        """To the next match."""
        self._find(self._needle, back=False)

    def action_find_previous(self) -> None:
        """To the match before."""
        self._find(self._needle, back=True)

    @on(AskBar.Typed)
    def _typed(self, event: AskBar.Typed) -> None:
        if event.question == _FIND:
            self._needle = event.word
            self._find(event.word, back=False, stay=True)
        else:
            self._go_to_line(event.word)

    @on(AskBar.Entered)
    def _entered(self, event: AskBar.Entered) -> None:
        if event.question == _FIND:
            self._needle = event.word
            self._find(event.word, back=False)
        else:
            self._go_to_line(event.word)
            self.bar.action_leave()

    @on(AskBar.Left)
    def _left(self) -> None:
        self.area.focus()

    def _go_to_line(self, word: str) -> None:
        if word.strip().isdecimal():
            row = min(int(word), len(self.area.lines)) - 1
            self.area.move_cursor((max(0, row), 0), center=True)
        else:
            self.bar.note("a number" if word else "")

    def _find(self, needle: str, *, back: bool, stay: bool = False) -> None:
        found = editor_lines.matches(self.area.lines, needle)
        (row, column), end = sorted(self.area.selection)
        from_ = (row, column) if stay or back else end
        at = editor_lines.next_match(found, *from_, back=back)
        if at is None:
            self.bar.note("not found" if needle else "")
            return
        row, column = found[at]
        self.area.selection = Selection((row, column), (row, column + len(needle)))
        self.area.scroll_cursor_visible(center=True)
        self.bar.note(f"{at + 1} of {len(found)}")

    # What differs, who gets it

    @work(group="show", exclusive=True)
    async def action_diff(self) -> None:
        """What differs from the version in use; without one from what it was begun with."""
        of = self.standing.current or self.standing.base
        if not of:
            self.app.complain("it is new: there is no version to compare it with")
            return
        service = (
            self.app.pureboot.templates if self.subject.kind is DocumentKind.TEMPLATE else self.app.pureboot.workflows
        )
        try:
            version = await service.version(self.subject.name, of)
        except PureBootError as error:
            self.app.complain(error)
            return
        self.app.push_screen(CompareScreen((of, version.content), ("this text", self.text)))

    def action_impact(self) -> None:
        """Who would get this text."""
        if not self.standing.base:
            self.app.complain("it is new: nobody gets it yet")
            return
        from console.screens.impact import ImpactScreen

        of = self.standing.current or self.standing.base
        self.app.push_screen(ImpactScreen(self.subject.kind, self.subject.name, of, content=self.text))

    # What it becomes

    def action_preview(self) -> None:
        """Choose a node, and show beside the text what it becomes for it; or show that no more."""
        if self.subject.kind is DocumentKind.WORKFLOW:
            self.app.complain("a workflow becomes nothing by itself; `r` on a node shows what it would do there")
        elif self.preview_node is not None:
            self._preview_for(None)
        elif not self.app.model.nodes:
            self.app.complain("there is no node to show it for; a machine that boots from the network appears here")
        else:
            question = f"For which node is {self.title_name} to be shown?"
            self.app.push_screen(PickNode(question), lambda node: self._preview_for(node) if node else None)

    def _preview_for(self, node: str | None) -> None:
        self.preview_node = node
        self.set_class(node is not None, "-previews")
        if node is not None:
            self.show_preview()
        else:
            self.area.focus()

    @work(group="preview", exclusive=True)
    async def show_preview(self) -> None:
        """Show what the text becomes now for the node that was chosen."""
        node = self.app.model.nodes.get(self.preview_node or "")
        if node is None:
            return
        try:
            rendered = await self.app.pureboot.edits.render(
                self.text, node=node.id, name=self.subject.name or None, type_=self.subject.type
            )
        except PureBootError as error:
            self.unresolved.show([])
            self.preview_heading.show([template_lines.no_preview_heading(node.name, str(error))])
            return
        marks = template_lines.places(rendered.content, [each.text for each in rendered.unresolved])
        lines = await asyncio.to_thread(numbered, rendered.content, marks)
        top = self.preview.scroll_offset.y
        self.preview.show_lines(lines)
        self.preview.move_to(top)
        symbols = self.app.symbols
        self.preview_heading.show([template_lines.preview_heading("", node.name, rendered, symbols)])
        self.unresolved.show(template_lines.unresolved(rendered, _UNRESOLVED, symbols))

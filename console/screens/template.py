"""One template: its versions, the text of one, what changed between two, what one becomes for a node."""

import asyncio
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import ClassVar

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from console import clipboard
from console.model import Changes
from console.screens.diff_keys import DiffKeys
from console.screens.document_keys import DocumentKeys, number
from console.screens.pick import PickNode
from console.view import template_lines
from console.view.diff_lines import Mark, compare, numbered
from console.view.labels import Cell, Row
from console.view.template_lines import DiffFacts
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines
from console.widgets.table import Table
from engine.core import diff
from engine.core.documents import Document, DocumentKind, Version
from engine.core.workflows import PublishedWorkflow
from engine.errors import PureBootError

_UNRESOLVED = 4  # lines
SHORT = 30  # lines of a screen that has none to give away


class Shown(StrEnum):
    """What is below the versions."""

    TEXT = "text"
    DIFF = "diff"
    PREVIEW = "preview"


class TemplateScreen(DiffKeys, DocumentKeys):
    """Title, versions, and below them the text, a diff, or a preview of the version under the cursor."""

    CONTEXTS = ("template", "list")
    NAME = "one template"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, name: str, version: str | None = None, mark: Mark | None = None) -> None:
        """It begins at a version (the current one if none is named), and at a place in its text."""
        super().__init__()
        self.template_name = name
        self._wanted = version
        self._mark = mark
        self._notes: list[Cell] = []
        self._template: Document | PublishedWorkflow | None = None
        self._versions: dict[str, Version] = {}
        self._shown = Shown.TEXT
        self._node: str | None = None
        self._compared: tuple[Version, Version, diff.Diff] | None = None
        self._rendered = ""

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self.heading, self.text_heading, self.problems = (
            Lines(id="template-title"),
            Lines(id="text-heading"),
            Lines(id="unresolved"),
        )
        self.versions = Table(
            template_lines.VERSION_COLUMNS,
            self._row,
            symbols=symbols,
            id="versions",
        )
        self.text = DiffView(symbols, id="text")
        with Vertical():
            yield self.heading
            yield self.versions
            yield self.text_heading
            yield self.problems
            yield self.text

    def _row(self, key: str) -> Row:
        current = self._template.current_version if self._template else None
        return template_lines.version_row(self._versions[key], current, self.app.now())

    def on_resize(self) -> None:
        """Give away the blank lines where there are few lines at all."""
        self.set_class(self.size.height < SHORT, "-short")

    # What is shown

    def begin(self) -> None:
        """Read the versions."""
        self.versions.focus()
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """Read again when there was something about this template."""
        if any(event.data.get("name") == self.template_name for event in changes.events):
            self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        pureboot = self.app.pureboot
        service = pureboot.templates if self.KIND is DocumentKind.TEMPLATE else pureboot.workflows
        try:
            self._template = await service.get(self.template_name)
            listed, _ = await service.versions(self._template.id)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._versions = {version.version_string: version for version in listed}
        self.heading.show([template_lines.title(self._template, self.app.symbols)])
        is_first = not self.versions.keys
        self.versions.show(list(self._versions))
        first = self._wanted or self._template.current_version
        if is_first and first in self._versions:
            self.versions.move_to(first)
        self.versions.refresh(layout=True)
        if not listed:
            self._say(template_lines.no_version_heading())

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show another version, in the way the one before was shown."""
        self._show()

    @work(group="show", exclusive=True)
    async def _show(self) -> None:
        """Show the version under the cursor; a newer call takes the place of one that is at work."""
        version = self.selected
        if version is None:
            return
        if self._shown is Shown.DIFF:
            await self._compare(version)
        elif self._shown is Shown.PREVIEW:
            await self._preview(version)
        else:
            await self._show_text(version)

    async def _show_text(self, version: Version) -> None:
        """Show a version itself; its lines are made in a thread, for a text may be large."""
        self._compared = None
        mark, self._mark = self._mark if version.version_string in (self._wanted, None) else None, None
        lines = await asyncio.to_thread(numbered, version.content, [mark] if mark else [])
        self.text.show_lines(lines)
        self._say(template_lines.text_heading(version, len(lines), self.app.symbols))
        if mark is not None:  # once the heading has taken its place, and it is known how much is seen
            self.call_after_refresh(self._go_to, mark)

    def _go_to(self, mark: Mark) -> None:
        self.text.move_to(max(0, self.text.line_of(mark.line - 1) - self.text.size.height // 3))

    def _say(self, heading: Cell, problems: Sequence[Cell] = ()) -> None:
        self.text_heading.show([heading])
        self.problems.show(problems)

    # What changed

    async def _compare(self, version: Version) -> None:
        """Compare with the base, the older one on the left; in a thread, for texts may be large."""
        base = self.base_of(version)
        if base is None:
            await self._show_text(version)
            self._say(template_lines.no_diff_heading(version.version_string))
            return
        left, right = sorted((base, version), key=number)
        found = await asyncio.to_thread(compare, left.content, right.content)
        self._compared = (left, right, found.diff)
        self._notes = await self.meaning(left, right)
        self.text.show_comparison(found)

    def on_diff_view_moved(self, _event: DiffView.Moved) -> None:
        """Say which change is looked at."""
        if self._shown is Shown.DIFF and self._compared is not None:
            left, right, found = self._compared
            at, of = self.text.change
            facts = DiffFacts(
                left=left.version_string,
                right=right.version_string,
                added=found.added,
                removed=found.removed,
                change=at,
                changes=of,
            )
            self._say(template_lines.diff_heading(facts, self.app.symbols), self._notes)

    async def meaning(self, left: Version, right: Version) -> list[Cell]:
        """What is to be said above a diff beside its heading."""
        return []

    # What it becomes

    async def _preview(self, version: Version) -> None:
        node = self.app.model.nodes.get(self._node or "")
        if node is None:
            self._turn_to(Shown.TEXT)
            return
        try:
            rendered = await self.app.pureboot.templates.render(
                self.template_name, node=node.id, version=version.version_string
            )
        except PureBootError as error:
            self.app.complain(error)
            self._turn_to(Shown.TEXT)
            return
        self._rendered = rendered.content
        marks = template_lines.places(rendered.content, [each.text for each in rendered.unresolved])
        self.text.show_lines(await asyncio.to_thread(numbered, rendered.content, marks))
        self._say(
            template_lines.preview_heading(version.version_string, node.name, rendered, self.app.symbols),
            template_lines.unresolved(rendered, _UNRESOLVED, self.app.symbols),
        )

    # Keys

    def _turn_to(self, shown: Shown) -> None:
        self._shown = shown
        self._show()

    def action_diff(self) -> None:
        """What changed, or the text again."""
        self._turn_to(Shown.TEXT if self._shown is Shown.DIFF else Shown.DIFF)

    def action_mark(self) -> None:
        """Mark the version under the cursor to compare others with, instead of any other."""
        key = self.versions.cursor_key
        self.versions.marked = {key} - self.versions.marked if key else set()
        self.versions.repaint()
        if self._shown is Shown.DIFF:
            self._show()

    def action_preview(self) -> None:
        """Choose a node, and show what the template becomes for it; or the text again."""
        if self._shown is Shown.PREVIEW:
            self._turn_to(Shown.TEXT)
        elif not self.app.model.nodes:
            self.app.complain("there is no node to show it for; a machine that boots from the network appears here")
        else:
            self.app.push_screen(PickNode(f"For which node is {self.template_name} to be shown?"), self._preview_for)

    def _preview_for(self, node_id: str | None) -> None:
        if node_id is not None:
            self._node = node_id
            self._turn_to(Shown.PREVIEW)

    def on_table_opened(self, _event: Table.Opened) -> None:
        """To the text."""
        self.text.focus()

    def action_open(self) -> None:
        """To the text, or back to the versions."""
        if self.text.has_focus and not self.has_class("-zoomed"):
            self.versions.focus()
        else:
            self.text.focus()

    def action_zoom(self) -> None:
        """Give the text the whole screen, or take it back."""
        self.toggle_class("-zoomed")
        (self.text if self.has_class("-zoomed") else self.versions).focus()

    def action_copy(self) -> None:
        """Copy the version under the cursor, what it becomes for the node, or the diff as a patch."""
        version = self.selected
        if version is None:
            self.app.complain("there is no version to copy here yet")
            return
        text = self._rendered if self._shown is Shown.PREVIEW else version.content
        if self._shown is Shown.DIFF and self._compared is not None:
            _, right, found = self._compared
            names = (f"a/{self.template_name}", f"b/{self.template_name}")
            text = diff.unified(found, *names) or right.content
        copied = clipboard.copy(text)
        self.app.copy_to_clipboard(copied.text)
        self.app.tell(copied.said)

    async def action_back(self) -> None:
        """To all of the screen, to the versions, to their text; drop the mark; then leave."""
        if self.has_class("-zoomed"):
            self.action_zoom()
        elif self.text.has_focus:
            self.versions.focus()
        elif self._shown is not Shown.TEXT:
            self._turn_to(Shown.TEXT)
        elif self.versions.marked:
            self.versions.clear_marks()
        else:
            await super().action_back()

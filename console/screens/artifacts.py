"""What an execution made: its artifacts, the text of the one under the cursor, and saving it to a file."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from console import clipboard
from console.model import Changes
from console.screens.base import PureBootScreen
from console.screens.say import Answer, Said, SayScreen
from console.view import artifact_lines
from console.view.diff_lines import numbered
from console.view.labels import Row, safe
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines
from console.widgets.table import Table
from engine.core.artifacts import Artifact
from engine.core.executions import Execution
from engine.errors import PureBootError

SHORT = 30  # lines of a screen that has none to give away


class ArtifactsScreen(PureBootScreen):
    """Title, artifacts, and below them the text of one."""

    CONTEXTS = ("artifacts", "list")
    NAME = "what an execution made"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, execution: Execution) -> None:
        super().__init__()
        self._execution = execution
        self._artifacts: dict[str, Artifact] = {}
        self._shown: Artifact | None = None

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self.heading, self.text_heading = Lines(id="artifacts-title"), Lines(id="text-heading")
        self.table = Table(
            artifact_lines.COLUMNS, self._row, symbols=symbols, empty=artifact_lines.EMPTY, id="artifacts"
        )
        self.text = DiffView(symbols, id="text")
        with Vertical():
            yield self.heading
            yield self.table
            yield self.text_heading
            yield self.text

    def _row(self, key: str) -> Row:
        return artifact_lines.row(self._artifacts[key], self.app.now())

    def on_resize(self) -> None:
        """Give away the blank lines where there are few lines at all."""
        self.set_class(self.size.height < SHORT, "-short")

    def begin(self) -> None:
        """Read the artifacts."""
        self.table.focus()
        node = self.app.model.node_of(self._execution)
        self.heading.show([artifact_lines.title(self._execution, node.name if node else "")])
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """Read again when the execution may have made one."""
        if any(event.execution_id == self._execution.id for event in changes.events):
            self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            listed = await self.app.pureboot.artifacts.find(self._execution.id)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._artifacts = {each.name: each for each in listed}
        self.table.show(list(self._artifacts))
        self.table.refresh(layout=True)

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show the text of another one."""
        self._show()

    @work(group="show", exclusive=True)
    async def _show(self) -> None:
        chosen = self._artifacts.get(self.table.cursor_key or "")
        if chosen is None:
            return
        try:
            self._shown = await self.app.pureboot.artifacts.get(self._execution.id, chosen.name)
        except PureBootError as error:
            self.app.complain(error)
            return
        lines = await asyncio.to_thread(numbered, self._shown.content)
        self.text_heading.show([artifact_lines.text_heading(self._shown, len(lines), self.app.symbols)])
        self.text.show_lines(lines)

    # Keys

    def on_table_opened(self, _event: Table.Opened) -> None:
        """To the text."""
        self.text.focus()

    def action_open(self) -> None:
        """To the text, or back to the list."""
        (self.table if self.text.has_focus else self.text).focus()

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.text.action_wrap()

    def action_copy(self) -> None:
        """Copy the whole text."""
        if self._shown is None:
            self.app.complain("there is nothing to copy here yet")
            return
        copied = clipboard.copy(self._shown.content)
        self.app.copy_to_clipboard(copied.text)
        self.app.tell(copied.said)

    def action_save(self) -> None:
        """Ask where to, and save the text there, byte for byte."""
        shown = self._shown
        if shown is None:
            self.app.complain("there is nothing to save here yet")
            return

        def go(said: Said | None) -> None:
            if said is not None:
                self._save(shown, Path(said.text or shown.name).expanduser())

        lines = [f"{artifact_lines.size(shown.size)}, to a new file on this machine.", f"Here it is {Path.cwd()}."]
        question = f"Save {safe(shown.name)}?"
        asks = f"which file (left empty: {shown.name} here)"
        self.app.push_screen(SayScreen(question, lines, [Answer(key="y", name="save")], asks=asks), go)

    @work(group="save")
    async def _save(self, artifact: Artifact, path: Path) -> None:
        def write() -> None:
            with path.open("xb") as file:
                file.write(artifact.content.encode())

        try:
            await asyncio.to_thread(write)
        except FileExistsError:
            self.app.complain(f"{path} is there already and was left as it is; give another name")
        except OSError as error:
            self.app.complain(f"{path} cannot be written: {error.strerror}")
        else:
            self.app.tell(f"{artifact.name} saved to {path}")

    async def action_back(self) -> None:
        """From the text to the list; then leave."""
        if self.text.has_focus:
            self.table.focus()
        else:
            await super().action_back()

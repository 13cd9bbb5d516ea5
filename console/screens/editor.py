"""Writing the next version of a workflow or template, or a new one: the text, and below it what is wrong with it."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events, work
from textual.containers import Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from console.editing.kept import Keeper
from console.keys import Key
from console.model import Changes
from console.screens.base import work_on
from console.screens.editor_base import Standing, Subject
from console.screens.editor_keeping import Keeping
from console.screens.editor_looking import Looking
from console.screens.editor_saving import Saving
from console.view import editor_lines
from console.view.completion import NOTHING, Completion, Known, complete
from console.view.editor_lines import EditorFacts
from console.view.highlight import manner_of
from console.widgets.ask_bar import AskBar
from console.widgets.candidates import Candidates
from console.widgets.code_area import CodeArea
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines
from engine.core.documents import DocumentKind
from engine.core.findings import Findings
from engine.errors import Invalid, PureBootError

_PAUSE = 0.4  # seconds without a key after which the text is checked
_KEEP = 1.0  # seconds after which a change is kept on this machine
_SHORT, _FEW, _MANY = 30, 3, 6
_MOST_LOOKED_AT = 2_000  # nodes whose metadata is looked at for names


class EditorScreen(Saving, Looking, Keeping):
    """Heading, text, what is wrong; beside the text what it becomes for a node, if that was asked for."""

    CONTEXTS = ("editor", "writing")
    NAME = "the editor"
    CSS_PATH: ClassVar = ["../details.tcss", "../editor.tcss"]

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._known = Known()
        self._is_checking = self._is_stale = False
        self._pause: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self._title, self._problems = Lines(id="editor-title"), Lines(id="editor-problems")
        self.preview_heading, self.unresolved = Lines(id="editor-preview-heading"), Lines(id="editor-unresolved")
        candidates = Candidates(symbols.ellipsis)
        self.area = CodeArea(symbols, candidates, id="code")
        self.preview = DiffView(symbols, id="editor-preview")
        self.bar = AskBar()
        yield self._title
        with Vertical(id="editor-parts"):
            yield self.area
            with Vertical(id="editor-beside"):
                yield self.preview_heading
                yield self.unresolved
                yield self.preview
        yield self._problems
        yield self.bar
        yield candidates

    def footer_keys(self) -> list[Key]:
        """Those of the editor; a question mark is text here."""
        return [
            Key(keys="f1", action=key.action, label=key.label, help=key.help) if key.action == "app.help" else key
            for key in super().footer_keys()
        ]

    # Beginning

    def begin(self) -> None:
        """Read what to begin with."""
        self.area.offer = self._offer
        work_on(self, self._open, group="open", exclusive=True)

    async def _open(self) -> None:
        subject, text = self.subject, ""
        try:
            self._known = await self._read_known()
            if subject.name:
                opened = await self.app.pureboot.edits.open(subject.kind, subject.name, subject.version)
                document, text = opened.document, opened.text
                self.standing = Standing(
                    base=opened.version.version_string if opened.version is not None else "",
                    base_text=text,
                    seen=opened.seen,
                    current=document.current_version,
                    type=document.type,
                    tags=document.tags,
                )
        except PureBootError as error:
            self.app.complain(error)
            self.app.call_later(self.app.back)
            return
        self.rename(self.title_name)
        kept = await asyncio.to_thread(self.keeper.read) if self.keeper is not None else None
        if not subject.name and subject.kind is DocumentKind.WORKFLOW:
            text = self.standing.base_text = editor_lines.SKELETON
        if kept is not None and kept.text != text:
            self.ask_kept(kept, text)
        else:
            self.start(text)

    def rename(self, name: str) -> None:
        """What is written is kept under this name from now on."""
        store = self.app.pureboot.settings.database.url
        before, self.keeper = self.keeper, Keeper.of(store, self.subject.kind, name)
        if before is not None and before != self.keeper:
            before.drop()

    async def _read_known(self) -> Known:
        found = await self.app.pureboot.edits.vocabulary()
        nodes = [node for node, _ in zip(self.app.model.nodes.values(), range(_MOST_LOOKED_AT), strict=False)]
        meta = {key for node in nodes for key in node.metadata}
        meta |= {key for group in self.app.model.groups.values() for key in group.metadata}
        return Known(
            actions=found.actions,
            templates=[each for each in found.templates if each != self.subject.name],
            workflows=found.workflows,
            secrets=found.secrets,
            meta=sorted(meta),
        )

    def start(self, text: str) -> None:
        """Let a text be written."""
        self.is_open = True
        self.area.begin(text, manner_of(self.subject.kind, self.standing.type))
        self.area.focus()
        self.show_standing()
        self._check()

    # What is shown around the text

    def on_resize(self, event: events.Resize) -> None:
        """Say what is wrong in as many lines as there are to give away."""
        self.set_class(event.size.height < _SHORT, "-short")
        if self.is_open:
            self.show_findings()

    def refreshed(self, changes: Changes) -> None:
        """Say so when somebody else has changed it, or something that can be named."""
        if not self.is_open:
            return
        for event in changes.events:
            version = str(event.data.get("version") or event.data.get("to_version") or "")
            if self.subject.name and event.data.get("name") == self.subject.name and event.principal != self.app.user:
                self.standing.theirs = version if version != self.standing.base else ""
                self.show_standing()
        if any(changes.touches(each) for each in ("template", "workflow", "secret")):
            work_on(self, self._renew, group="known", exclusive=True)

    async def _renew(self) -> None:
        with contextlib.suppress(PureBootError):
            self._known = await self._read_known()

    def show_standing(self) -> None:
        """Say what is written, and where the cursor is."""
        row, column = self.area.cursor_location
        facts = EditorFacts(
            kind=self.subject.kind,
            name=self.title_name,
            type=self.standing.type,
            base=self.standing.base,
            is_changed=self.is_changed,
            theirs=self.standing.theirs,
            row=row,
            column=column,
            lines=len(self.area.lines),
        )
        self._title.show([editor_lines.heading(facts, self.app.symbols)])

    def show_findings(self) -> None:
        """Say what is wrong, around the cursor; with signs at the lines."""
        lines, name = len(self.area.lines), self.subject.name
        here = editor_lines.nearest(self.findings, self.area.cursor_location[0], lines, name)
        most = _FEW if self.size.height < _SHORT else _MANY
        told = editor_lines.strip(self.findings, here, most, self.size.width, self.app.symbols)
        self._problems.show([editor_lines.counted(self.findings, self._is_checking), *told])
        self.area.mark(editor_lines.signs(self.findings, lines, name))

    def on_text_area_selection_changed(self, _event: TextArea.SelectionChanged) -> None:
        """Another line may have something wrong."""
        if self.is_open:
            self.show_standing()
            self.show_findings()

    # While it is written

    def on_text_area_changed(self, _event: TextArea.Changed) -> None:
        """Check it when there is a pause, and keep it."""
        if not self.is_open:
            return
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_PAUSE, self._check)
        if self.keeping is None:
            self.keeping = self.set_timer(_KEEP, lambda: work_on(self, self.keep_text, group="keep"))
        self.show_standing()

    def _offer(self, lines: Sequence[str], row: int, column: int) -> Completion:
        return complete(lines, row, column, self.subject.kind, self._known) if self.is_open else NOTHING

    def on_candidates_taken(self) -> None:
        """A candidate was clicked on."""
        self.area.take()
        self.area.focus()

    def _check(self) -> None:
        """Check the text; one check at a time, for it runs in a thread and cannot be called back."""
        self._is_stale = True
        if not self._is_checking:
            self._check_until_fresh()

    @work(group="check")
    async def _check_until_fresh(self) -> None:
        self._is_checking = True
        try:
            while self._is_stale:
                self._is_stale = False
                found = await self._found()
                self.findings = editor_lines.in_order(found, len(self.area.lines), self.subject.name)
        except PureBootError as error:
            self._title.show([editor_lines.not_checked(str(error))])
        finally:
            self._is_checking = False
        self.show_findings()
        if self.preview_node is not None:
            self.show_preview()

    async def _found(self) -> Findings:
        pureboot, text, subject = self.app.pureboot, self.text, self.subject
        try:
            if subject.kind is DocumentKind.WORKFLOW:
                return await pureboot.edits.check_workflow(text, name=subject.name or None)
            type_, tags = self.standing.type, self.standing.tags
            return await pureboot.edits.check_template(text, type_, name=subject.name, tags=tags)
        except Invalid as error:
            return editor_lines.as_findings(error.problems)

"""The packs: where documents come from, and bringing them up to date."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from console.screens.base import work_on
from console.screens.confirm import Confirm
from console.screens.detailed import DetailedScreen
from console.screens.reading import ReadingScreen
from console.view import labels, pack_lines
from console.view.filtering import Fields
from console.view.labels import Cell, Row
from console.view.listing import SortKey
from console.view.pack_lines import PackView
from console.widgets.table import Table
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.core.pack_reports import Preview, Removal, Report, Validation


class PacksScreen(DetailedScreen[PackView]):
    """Every pack, and the folders below `packs.dir` that are none yet."""

    CONTEXTS = ("packs", "list")
    NAME = "packs"
    COLUMNS = pack_lines.COLUMNS
    FIELDS = pack_lines.FIELDS
    SORTS = pack_lines.SORTS
    SUBJECTS: ClassVar = ("pack", "template", "workflow")
    EMPTY = """There is no pack yet.

A pack is a folder or a git repository of workflows and templates that are loaded as one:
  pureboot pack add ./my_pack
  pureboot pack add https://git.example.org/site/packs.git --revision v2.1
A folder below packs.dir appears here by itself; r loads it."""

    async def read(self, pureboot: "PureBoot") -> Mapping[str, PackView]:
        """Every pack, by its ref."""
        known, _ = await pureboot.packs.find()
        found = {each.ref: self._view(each.ref, PackView(ref=each.ref, pack=each)) for each in known}
        return found | {ref: PackView(ref=ref) for ref in await pureboot.packs.unknown() if ref not in found}

    def _view(self, ref: str, view: PackView) -> PackView:
        """With the documents as they were read last, so that nothing flickers."""
        before = self.listed.get(ref)
        return replace(view, documents=before.documents) if before is not None else view

    def row(self, value: PackView, now: datetime) -> Row:
        """Its row."""
        return pack_lines.row(value, now, self.app.symbols)

    def fields(self, value: PackView) -> Fields:
        """What it is searched by."""
        return pack_lines.fields(value)

    def sort_key(self, value: PackView, sort: str) -> SortKey:
        """What it is sorted by."""
        return pack_lines.sort_key(value, sort)

    def details(self, value: PackView, now: datetime) -> Sequence[Cell]:
        """What it is, and its documents."""
        return pack_lines.details(value)

    async def _read(self) -> None:
        await super()._read()
        await self._read_documents()

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Show another one; its documents are read when it is looked at."""
        super().on_table_highlighted(event)
        work_on(self, self._read_documents, group="documents", exclusive=True)

    async def _read_documents(self) -> None:
        view = self.chosen
        if view is None or view.pack is None:
            return
        try:
            found = await self.app.pureboot.packs.documents(view.ref)
        except PureBootError:
            return  # it has just gone
        if view.ref in self.listed:
            self.listed[view.ref] = replace(self.listed[view.ref], documents=found)
            self._show()

    # Keys

    def on_table_opened(self, _event: Table.Opened) -> None:
        """What an update would change."""
        self.action_use()

    def action_run(self) -> None:
        """Sync it: let its documents be as its files are now."""
        if (view := self.chosen) is None:
            return

        def said(report: "Report") -> str:
            for problem in report.errors[:3]:
                self.app.complain(f"{view.ref}/{problem}")
            return pack_lines.report_text(view.ref, report)

        self.app.perform(lambda pureboot: pureboot.packs.sync(view.ref, by=self.app.user), done=said)

    def action_validate(self) -> None:
        """Say what is wrong with its files as they are now."""
        if (view := self.chosen) is None:
            return

        def show(found: "Validation") -> None:
            self.app.push_screen(ReadingScreen(f"Check of {view.ref}", pack_lines.validation_lines(found)))

        self.app.perform(lambda pureboot: pureboot.packs.validate(view.ref), done=show)

    def action_use(self) -> None:
        """Show what an update would change, and update it after a question."""
        view = self.chosen
        if view is None or view.pack is None:
            self.app.complain("it is not loaded yet; r loads it")
            return

        async def look(pureboot: "PureBoot") -> tuple["Preview", list[Cell]]:
            preview = await pureboot.packs.preview(view.ref)
            return preview, await asyncio.to_thread(pack_lines.preview_lines, preview)

        def show(found: tuple["Preview", list[Cell]]) -> None:
            preview, lines = found
            changes = bool(preview.changes) or preview.pack != preview.before
            self.app.push_screen(ReadingScreen(f"Update {view.ref}?", lines, yes="update it" if changes else None), go)

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.packs.update(view.ref, {}, by=self.app.user),
                    done=lambda done: pack_lines.report_text(view.ref, done[1]),
                )

        self.app.perform(look, done=show)

    def action_delete(self) -> None:
        """Remove it, after a question that says what goes with it."""
        view = self.chosen
        if view is None or view.pack is None:
            return

        def ask(going: "Removal") -> None:
            running = sum(going.live.values())
            lines = [
                f"{len(going.documents)} documents are archived: {labels.names(going.documents, 4)}."
                if going.documents
                else "It has no documents.",
                *([f"Executions of its workflows run now: {running}."] if running else []),
                *([f"Packs that need it: {labels.names(going.needed_by)}."] if going.needed_by else []),
                "Their versions stay; adding the pack again brings them back.",
            ]
            question = Confirm(f"Remove the pack {view.ref}?", lines, yes="remove it", no="keep it")
            self.app.push_screen(question, go)

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.packs.remove(view.ref, by=self.app.user),
                    done=f"pack {view.ref} is removed",
                )

        self.app.perform(lambda pureboot: pureboot.packs.removal(view.ref), done=ask)

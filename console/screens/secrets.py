"""The secrets: their names, never their values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from console.screens.base import work_on
from console.screens.confirm import Confirm
from console.screens.detailed import DetailedScreen
from console.screens.hidden import Given, HiddenScreen
from console.view import secret_lines
from console.view.filtering import Fields
from console.view.labels import Cell, Row
from console.view.listing import SortKey
from console.view.secret_lines import SecretView
from console.widgets.table import Table
from engine.core.documents import DocumentKind
from engine.core.page import EVERYTHING
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.services.secrets import Kept


class SecretsScreen(DetailedScreen[SecretView]):
    """Every secret's name."""

    CONTEXTS = ("secrets", "list")
    NAME = "secrets"
    COLUMNS = secret_lines.COLUMNS
    FIELDS = secret_lines.FIELDS
    SORTS = secret_lines.SORTS
    SUBJECTS: ClassVar = ("secret",)
    EMPTY = """There is no secret yet.

Passwords and keys are kept apart from the templates that need them, encrypted:
  e sets one here, pureboot secret set root-password from the command line
A template names it as ${secret.root-password}; nobody is shown its value again."""

    async def read(self, pureboot: "PureBoot") -> Mapping[str, SecretView]:
        """Every secret, by its name."""
        found, _ = await pureboot.secrets.find(EVERYTHING)
        before = self.listed
        return {
            each.name: SecretView(secret=each, used=before[each.name].used if each.name in before else None)
            for each in found
        }

    def row(self, value: SecretView, now: datetime) -> Row:
        """Its row."""
        return secret_lines.row(value, now)

    def fields(self, value: SecretView) -> Fields:
        """What it is searched by."""
        return secret_lines.fields(value)

    def sort_key(self, value: SecretView, sort: str) -> SortKey:
        """What it is sorted by."""
        return secret_lines.sort_key(value, sort)

    def details(self, value: SecretView, now: datetime) -> Sequence[Cell]:
        """Who set it, and where it is named."""
        return secret_lines.details(value, now)

    async def _read(self) -> None:
        await super()._read()
        await self._look_for_uses()

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Show another one; where it is named is looked up when it is looked at."""
        super().on_table_highlighted(event)
        work_on(self, self._look_for_uses, group="uses", exclusive=True)

    async def _look_for_uses(self) -> None:
        view = self.chosen
        if view is None:
            return
        name = view.secret.name
        used: list[str] = []
        try:
            for kind in DocumentKind:
                found, _ = await self.app.pureboot.library.search(kind, name, EVERYTHING)
                used += [f"{kind} {each.document.name}" for each in found if secret_lines.is_named(each, name)]
        except PureBootError as error:
            self.app.complain(error)
            return
        if name in self.listed:
            self.listed[name] = replace(self.listed[name], used=used)
            self.pane.changed({name})
            self._show()

    # Keys

    def on_table_opened(self, _event: Table.Opened) -> None:
        """Find its name in the templates."""
        self.action_find()

    def action_find(self) -> None:
        """Find its name in the texts of the templates."""
        self.app.find_in(DocumentKind.TEMPLATE, f"secret.{self.chosen.secret.name}" if self.chosen else "")

    def action_edit(self) -> None:
        """Give it another value."""
        self._ask(self.chosen.secret.name if self.chosen else "")

    def action_new(self) -> None:
        """Set a new one."""
        self._ask("")

    def _ask(self, name: str) -> None:
        def said(kept: "Kept") -> str:
            if kept.warning:
                self.app.tell(f"{kept.secret.name}: {kept.warning}", severity="warning")
            return f"secret {kept.secret.name} {'is kept' if kept.is_new else 'has another value now'}"

        def go(given: Given | None) -> None:
            if given is not None:
                self.go_to(given.name)
                self.app.perform(
                    lambda pureboot: pureboot.secrets.set(given.name, given.value, by=self.app.user), done=said
                )

        self.app.push_screen(HiddenScreen(name), go)

    def action_delete(self) -> None:
        """Delete it, after a question that says who names it."""
        if (view := self.chosen) is None:
            return
        name = view.secret.name

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.secrets.delete(name, by=self.app.user), done=f"secret {name} is deleted"
                )

        named = f"Named in: {', '.join(view.used)}." if view.used else "Nothing that is in use names it."
        lines = [named, "What names it is served to no machine any more. The value cannot be brought back."]
        question = Confirm(f"Delete the secret {name}?", lines, yes="delete it", no="keep it")
        self.app.push_screen(question, go)

"""The keys of a screen that shows the versions of a document: write the next one, who gets it, who uses it, use it."""

from typing import TYPE_CHECKING, ClassVar

from console.editing import begin
from console.screens.base import PureBootScreen
from console.screens.use_version import ask_to_use
from engine.core.documents import Document, DocumentKind, DocumentStatus, Version
from engine.core.workflows import PublishedWorkflow

if TYPE_CHECKING:
    from console.widgets.table import Table

_CHOOSE = "this version is in use, and the first: go to the one that is to take its place"


class DocumentKeys(PureBootScreen):
    """What a screen with a document and its `versions` does with them."""

    KIND: ClassVar = DocumentKind.TEMPLATE

    versions: "Table"
    template_name: str
    _template: Document | PublishedWorkflow | None
    _versions: dict[str, Version]

    @property
    def selected(self) -> Version | None:
        """The version under the cursor."""
        return self._versions.get(self.versions.cursor_key or "")

    def base_of(self, version: Version) -> Version | None:
        """What a version is compared with: the marked one, else the one before it."""
        marked = next((self._versions[key] for key in self.versions.marked if key in self._versions), None)
        if marked is not None and marked is not version:
            return marked
        older = [each for each in self._versions.values() if number(each) < number(version)]
        return max(older, key=number, default=None)

    def action_edit(self) -> None:
        """Write the next version, beginning with the text under the cursor."""
        version = self.selected
        begin.edit(self.app, self.KIND, self.template_name, version.version_string if version else None)

    def action_where_used(self) -> None:
        """Show who uses it."""
        from console.screens.where_used import WhereUsedScreen

        self.app.push_screen(WhereUsedScreen(self.KIND, self.template_name))

    def action_impact(self) -> None:
        """Show who would get this version in the place of the current one; of the current one, of that before it."""
        version = self.selected
        base = None if version is None else self._shown_now(version)
        if version is None or base is None:
            is_more = version is not None and len(self._versions) > 1
            self.app.complain(_CHOOSE if is_more else "there is no other version to compare this one with")
            return
        from console.screens.impact import ImpactScreen

        names = (base.version_string, version.version_string)
        self.app.push_screen(ImpactScreen(self.KIND, self.template_name, *names))

    def _shown_now(self, version: Version) -> Version | None:
        """What a version would take the place of: the marked one, the current one, or the one before it."""
        current = self._versions.get(self._template.current_version or "") if self._template else None
        if self.versions.marked or current is None or current is version:
            return self.base_of(version)
        return current

    def action_use(self) -> None:
        """Make the version under the cursor the current one, after a question that says for whom it matters."""
        version, template = self.selected, self._template
        if version is None or template is None:
            self.app.complain("there is no version to use here yet")
        elif version.version_string == template.current_version and template.status is DocumentStatus.ACTIVE:
            self.app.complain(f"{version.version_string} is the current version already")
        else:
            ask_to_use(self.app, self.KIND, self.template_name, version.version_string, template.current_version)


def number(version: Version) -> tuple[int, int]:
    """What versions are ordered by."""
    return version.major, version.minor

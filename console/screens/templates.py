"""The templates: what nodes are given to read."""

from collections.abc import Iterable

from textual import work
from textual.widget import Widget

from console.editing import begin
from console.model import Changes
from console.screens.lists import ListScreen
from console.view import template_lines
from console.view.labels import Row
from console.view.listing import Listing
from console.view.template_lines import TemplateView
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.page import Page
from engine.errors import PureBootError

_EMPTY = """There is no template yet.

A template is a text a node is given while it is installed: preseed, kickstart, cloud-init, a script.
Press C to write one, or add one: pureboot template add NAME FILE --type preseed"""
_ALL = Page(limit=None, filters={"status": tuple(status.value for status in DocumentStatus)})
_NOTHING_FITS = f"""No template fits the filter. Press escape to drop it.

Fields: {" ".join(template_lines.TEMPLATE_FIELDS)}"""


class TemplatesScreen(ListScreen):
    """Every template."""

    CONTEXTS = ("templates", "list")
    NAME = "templates"

    def __init__(self) -> None:
        super().__init__()
        self._templates: dict[str, Document] = {}
        self._counts: dict[str, tuple[str | None, int]] = {}

    def body(self) -> Iterable[Widget]:
        """The list."""
        self.table = Table(
            template_lines.TEMPLATE_COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="templates"
        )
        listing = Listing(
            fields=lambda key: template_lines.template_fields(self._templates[key]),
            known=template_lines.TEMPLATE_FIELDS,
            sort_key=lambda key, sort: template_lines.template_sort_key(self._templates[key], sort),
            sorts=template_lines.TEMPLATE_SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._templates, known=lambda key: key in self._templates)
        yield self.pane

    def _row(self, key: str) -> Row:
        template = self._templates[key]
        _, count = self._counts.get(key, (None, None))
        return template_lines.template_row(TemplateView(template=template, versions=count), self.app.now())

    def begin(self) -> None:
        """Show all templates."""
        self.table.focus()
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """Read again when there was something about a template."""
        if changes.touches("template"):
            self._read()

    def ticked(self) -> None:
        """Times grow old."""
        self.table.repaint()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        """Read the templates; then, for those with new versions, how many there are."""
        templates = self.app.pureboot.templates
        try:
            listed, _ = await templates.find(_ALL)
            self._templates = {template.id: template for template in listed}
            self._show()
            for template in listed:
                if self._counts.get(template.id, (None, 0))[0] != template.latest_version:
                    _, count = await templates.versions(template.id, Page(limit=1))
                    self._counts[template.id] = (template.latest_version, count)
            self.table.repaint()
        except PureBootError as error:
            self.app.complain(error)

    def _show(self) -> None:
        self.table.empty = _NOTHING_FITS if self._templates else _EMPTY
        self.pane.listing.forget_all()
        self.pane.rearrange()

    # Keys

    def action_find(self) -> None:
        """Find a text in all of them."""
        self.app.find_in(DocumentKind.TEMPLATE)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open a template."""
        self.app.open_template(self._templates[event.key].name)

    def action_edit(self) -> None:
        """Write its next version."""
        template = self._templates.get(self.table.cursor_key or "")
        if template is not None:
            begin.edit(self.app, DocumentKind.TEMPLATE, template.name)

    def action_create(self) -> None:
        """Write a new one."""
        begin.create(self.app, DocumentKind.TEMPLATE)

    def action_where_used(self) -> None:
        """Show who uses it."""
        from console.screens.where_used import WhereUsedScreen

        template = self._templates.get(self.table.cursor_key or "")
        if template is not None:
            self.app.push_screen(WhereUsedScreen(DocumentKind.TEMPLATE, template.name))

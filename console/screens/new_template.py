"""What a new template is called, and what it is."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from console.screens.base import Dialog
from console.screens.editor_base import Subject
from console.view.columns import Column
from console.view.labels import Role, cell
from console.widgets.table import Table
from engine.core.documents import FILE_TYPES, DocumentKind, TemplateType
from engine.core.names import parse_name
from engine.errors import Invalid

_COLUMNS = (
    Column(key="type", title="TYPE", width=12, keep=100),
    Column(key="for", title="", width=30, flex=1, keep=90),
)
_WHAT = {
    TemplateType.KICKSTART: "Red Hat and its kin: Anaconda",
    TemplateType.PRESEED: "Debian: debian-installer",
    TemplateType.AUTOINSTALL: "Ubuntu: Subiquity",
    TemplateType.CLOUD_INIT: "cloud images, at their first boot",
    TemplateType.IGNITION: "Flatcar, Fedora CoreOS",
    TemplateType.UNATTEND: "Windows",
    TemplateType.IPXE: "a script of the boot loader",
    TemplateType.SCRIPT: "anything that a machine runs",
    TemplateType.DOCUMENT: "any text, made with Jinja2",
    TemplateType.WORKFLOW: "makes workflows",
}


class NewTemplate(Dialog[Subject]):
    """Asks for a name, then for a type; answers with what is to be written, escape with None."""

    BINDINGS: ClassVar = [Binding("escape", "refuse", "no"), Binding("shift+tab", "back_to_name", show=False)]
    AUTO_FOCUS = "#new-name"
    CSS_PATH: ClassVar = "../editor.tcss"

    def compose(self) -> ComposeResult:
        """The name, the types."""
        symbols = self.app.symbols
        name = Input(placeholder="its name, such as debian-13-preseed", id="new-name", compact=True)
        name.cursor_blink = False
        self.table = Table(
            _COLUMNS,
            lambda key: (cell(key, Role.STRONG), cell(_WHAT.get(TemplateType(key), ""), Role.MUTED)),
            symbols=symbols,
            id="new-type",
        )
        with Vertical(classes="dialog new-template"):
            yield Static("A new template", classes="dialog-title", markup=False)
            yield name
            yield Static("", id="new-problem", markup=False)
            yield self.table
            yield Static(
                "enter on, and begin to write   shift+tab back   esc leave", classes="dialog-foot", markup=False
            )

    def on_mount(self) -> None:
        """The types, those that are texts."""
        self.table.show([each.value for each in TemplateType if each not in FILE_TYPES])
        self.table.move_to(TemplateType.SCRIPT.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On to the type, if the name can be one."""
        event.stop()
        problem = self.query_one("#new-problem", Static)
        try:
            parse_name(event.value.strip())
        except Invalid as error:
            problem.update(str(error))
            return
        problem.update("")
        self.table.focus()

    def on_key(self, event: events.Key) -> None:
        """From the list to the name, and on."""
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            self.table.focus()

    def action_back_to_name(self) -> None:
        """To the name."""
        self.query_one("#new-name", Input).focus()

    def on_table_opened(self, event: Table.Opened) -> None:
        """This type; the name has to be one by now."""
        event.stop()
        name = self.query_one("#new-name", Input).value.strip()
        try:
            parse_name(name)
        except Invalid as error:
            self.query_one("#new-problem", Static).update(str(error))
            self.action_back_to_name()
            return
        self.dismiss(Subject(kind=DocumentKind.TEMPLATE, new_name=name, type=event.key))

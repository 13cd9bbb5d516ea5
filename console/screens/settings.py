"""The settings that hold, and where each was written."""

from collections.abc import Iterable

from textual.widget import Widget

from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import setting_rows
from console.view.labels import Row
from console.view.listing import Listing
from console.view.setting_rows import Setting
from console.widgets.pane import ListPane
from console.widgets.table import Table

_NOTHING_FITS = f"""No setting fits the filter. Press escape to drop it.

Fields: {" ".join(setting_rows.FIELDS)}"""


class SettingsScreen(ListScreen):
    """Every setting."""

    CONTEXTS = ("settings", "list")
    NAME = "settings"

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[str, Setting] = {}

    def body(self) -> Iterable[Widget]:
        """The list."""
        self.table = Table(
            setting_rows.COLUMNS, self._row, symbols=self.app.symbols, empty=_NOTHING_FITS, id="settings"
        )
        listing = Listing(
            fields=lambda key: setting_rows.fields(self._settings[key]),
            known=setting_rows.FIELDS,
            sort_key=lambda key, sort: setting_rows.sort_key(self._settings[key], sort),
            sorts=setting_rows.SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._settings, known=self._settings.__contains__)
        yield self.pane

    def _row(self, key: str) -> Row:
        return setting_rows.row(self._settings[key])

    def begin(self) -> None:
        """Show them: they hold as long as the process lives."""
        settings = self.app.pureboot.settings
        listed = setting_rows.settings_of(
            settings.model_dump(), type(settings)().model_dump(), self.app.preferences.origins
        )
        self._settings |= {each.name: each for each in listed}
        self.table.focus()
        work_on(self, self.pane.begin, group="fill")

    def action_copy(self) -> None:
        """Copy the setting as a flag."""
        setting = self._settings.get(self.table.cursor_key or "")
        if setting is not None and setting_rows.MASK in setting.value:
            self.app.complain(f"{setting.name} holds a secret, which is not shown and so not copied")
        elif setting is not None:
            self.app.copy_to_clipboard(f"--set {setting.name}={setting.value}")
            self.app.tell(f"copied --set {setting.name}={setting.value}")

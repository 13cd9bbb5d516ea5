"""Saving what a screen shows: as a picture, as text, and its table as CSV or JSON."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from console.screens.base import work_on
from console.screens.say import Answer, Said, SayScreen
from console.view import exporting
from console.view.exporting import Form
from console.widgets.table import Table

if TYPE_CHECKING:
    from console.app import PureBootApp

_ANSWERS = {"v": (Form.SVG, "picture (SVG)"), "t": (Form.TEXT, "text")}
_OF_TABLES = {"c": (Form.CSV, "table as CSV"), "j": (Form.JSON, "table as JSON")}


def export(app: "PureBootApp") -> None:
    """Ask what the screen in front is to be saved as, and save it."""
    screen = app.screen
    if isinstance(screen, SayScreen):
        return
    table = next((each for each in screen.query(Table) if each.keys), None)
    forms = _ANSWERS | (_OF_TABLES if table is not None else {})
    name = str(getattr(screen, "NAME", ""))
    picture, text = app.export_screenshot(title=f"{app.title}: {name}"), exporting.as_text(_lines(screen))

    def content(form: Form) -> str:
        if form in (Form.SVG, Form.TEXT) or table is None:
            return picture if form is Form.SVG else text
        rows = [table.row_of(key) for key in table.keys]
        return (exporting.as_csv if form is Form.CSV else exporting.as_json)(table.columns, rows)

    def go(said: Said | None) -> None:
        if said is not None:
            form = forms[said.key][0]
            path = Path(said.text or exporting.file_name(name, app.now(), form)).expanduser()
            written = content(form)
            work_on(app, partial(_save, app, path, written), group="save")

    rows = f"The table has {len(table.keys)} rows, as filtered and sorted now." if table is not None else ""
    app.push_screen(
        SayScreen(
            "Save what is shown here?",
            [line for line in (rows, f"To a new file on this machine, in {Path.cwd()}.") if line],
            [Answer(key=key, name=label) for key, (_, label) in forms.items()],
            asks="which file (left empty: a name with the time)",
        ),
        go,
    )


def _lines(screen: Screen[object]) -> list[str]:
    return [strip.text for strip in screen._compositor.render_strips()]


async def _save(app: "PureBootApp", path: Path, text: str) -> None:
    def write() -> None:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)

    try:
        await asyncio.to_thread(write)
    except FileExistsError:
        app.complain(f"{path} is there already and was left as it is; give another name")
    except OSError as error:
        app.complain(f"{path} cannot be written: {error.strerror}; give another place")
    else:
        app.tell(f"saved to {path}")

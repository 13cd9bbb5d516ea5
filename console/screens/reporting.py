"""Saving the report of one execution: which format, to which file, and the writing of it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from console.screens.say import Answer, Said, SayScreen
from console.view.labels import safe
from console.view.reports import FORMATS, SUFFIXES, file_name, format_of
from engine.core.executions import Execution
from engine.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from console.app import PureBootApp
    from console.pureboot import PureBoot

_KEYS = {"h": "html", "t": "text", "s": "svg"}


def save_report(app: "PureBootApp", execution: Execution) -> None:
    """Ask in which format and where to, and save a report of what happened."""
    node = app.model.node_of(execution)
    name = node.name if node is not None else ""
    lines = [
        "What happened, from beginning to end: timeline, attempts, errors, logs, events.",
        f"To a new file on this machine; here it is {Path.cwd()}.",
    ]
    stem = file_name(execution, name, "text").removesuffix(SUFFIXES["text"])
    answers = [Answer(key=key, name=format_) for key, format_ in _KEYS.items()]

    def go(said: Said | None) -> None:
        if said is None:
            return
        format_ = _KEYS[said.key]
        written = said.text or f"{stem}{SUFFIXES[format_]}"
        path = Path(written if format_of(written) else f"{written}{SUFFIXES[format_]}").expanduser()
        app.perform(lambda pureboot: _save(pureboot, execution, format_, path), done=f"the report is in {path}")

    asks = f"which file (empty: {safe(stem)}.html, .txt, .svg)"
    app.push_screen(SayScreen("Save a report?", lines, answers, asks=asks), go)


async def _save(pureboot: "PureBoot", execution: Execution, format_: str, path: Path) -> None:
    account = await pureboot.accounts.of(execution.id)

    def write() -> None:
        text = FORMATS[format_](account)
        with path.open("xb") as file:
            file.write(text.encode("utf-8", "replace"))

    try:
        await asyncio.to_thread(write)
    except FileExistsError:
        raise Conflict(f"{path} is there already and was left as it is; give another name") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from None

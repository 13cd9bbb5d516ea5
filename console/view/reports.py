"""Reports of one execution in the formats that there are, and the names of their files. Pure."""

import re
from collections.abc import Callable, Mapping

from console.view.report_html import report_html
from console.view.report_svg import report_svg
from console.view.report_text import report_text
from engine.core.accounts import Account
from engine.core.executions import Execution

FORMATS: Mapping[str, Callable[[Account], str]] = {"text": report_text, "html": report_html, "svg": report_svg}
SUFFIXES: Mapping[str, str] = {"text": ".txt", "html": ".html", "svg": ".svg"}
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def format_of(name: str) -> str | None:
    """The format that a file's name asks for; None if it does not say."""
    lowered = name.lower()
    known = {".htm": "html", ".log": "text", **{suffix: format_ for format_, suffix in SUFFIXES.items()}}
    return next((format_ for suffix, format_ in known.items() if lowered.endswith(suffix)), None)


def file_name(execution: Execution, node: str, format_: str) -> str:
    """A name for the file: `r4-07-debian-12-019a3c5e.html`."""
    parts = (node, execution.workflow_name, execution.id[:8])
    stem = "-".join(filter(None, (_ODD.sub("-", part).strip("-.") for part in parts)))
    return f"{stem}{SUFFIXES[format_]}"

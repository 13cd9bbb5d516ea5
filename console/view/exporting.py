"""What is on the screen, as a file for a ticket or a spreadsheet. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from console.view.columns import Column
from console.view.labels import Row, plain


class Form(StrEnum):
    """What a screen can be saved as; the value is the file's extension."""

    SVG = "svg"
    TEXT = "txt"
    CSV = "csv"
    JSON = "json"


# What a spreadsheet takes for the beginning of a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def file_name(screen: str, now: datetime, form: Form) -> str:
    """A name that no other has: `pureboot-nodes-20260301-140322.csv`, by the time in UTC."""
    words = "-".join("".join(char if char.isalnum() else " " for char in screen).split()) or "screen"
    return f"pureboot-{words}-{now:%Y%m%d-%H%M%S}.{form}"


def as_csv(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """Rows as CSV (RFC 4180), with the columns' keys above; no text is one that a spreadsheet would calculate."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([each.key for each in columns])
    for row in rows:
        writer.writerow([_harmless(plain(cell)) for cell in row])
    return text.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) and len(text) > 1 else text


def as_json(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """Rows as a JSON list of objects by the columns' keys."""
    found = [{column.key: plain(cell) for column, cell in zip(columns, row, strict=True)} for row in rows]
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def as_text(lines: Iterable[str]) -> str:
    """The lines of the screen, without the blanks at their ends."""
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"

"""Logging, set up once at the entry point: to standard error, or to a file where the screen is the console's."""

import json
import logging
import logging.handlers
import sys
import time
from pathlib import Path
from typing import Literal

Format = Literal["console", "json"]

_MAX_BYTES = 5 * 1024 * 1024
_KEPT = 3
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what a caller gave as `extra` is among its keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in record.__dict__.items() if key not in _OWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """A line for people: time in UTC, level, message; without what a terminal would take for a command."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write a record's first part; only it may hold foreign text."""
        text = super().formatMessage(record)
        if text.isprintable():
            return text
        return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)


def to_stderr(level: str, format_: Format) -> None:
    """Log to standard error."""
    _install(logging.StreamHandler(sys.stderr), level, format_)


def to_file(path: Path, level: str, format_: Format) -> None:
    """Log to a file, which is cut at 5 MiB and kept three times.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8")
    _install(handler, level, format_)


def _install(handler: logging.Handler, level: str, format_: Format) -> None:
    handler.setFormatter(JsonFormatter() if format_ == "json" else PlainFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "pureboot", False):
            root.removeHandler(old)
            old.close()
    handler.pureboot = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())
    # These say at INFO what is only of use to who works on them.
    for noisy in ("aiosqlite", "asyncio", "alembic", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))

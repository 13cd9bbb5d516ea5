"""Artifacts: texts that an execution made (`core.render`), kept with it and gone with it.

An artifact is what people look at afterwards: no secret is in it, nor the execution's token, and nothing in it is ever
run by a browser that shows it. A name is one file name; made again (by a retry, by another step) it takes the place of
the older one.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from engine.errors import Invalid, Problem

MOST = 100
"""How many artifacts an execution may have; each is of at most 1 MiB (`engine.core.documents.MAX_CONTENT`)."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One text that an execution made, from a version of a template. `sha256` and `size` (bytes) are of the content in
    UTF-8.
    """

    HIDDEN: ClassVar = frozenset({"content"})
    SHOWN: ClassVar = ("url",)

    id: str
    execution_id: str
    attempt_id: str
    step_key: str
    name: str
    template: str
    version: str
    content_type: str
    sha256: str
    size: int
    content: str = ""
    created_at: datetime

    @property
    def url(self) -> str:
        """Where it is found: a path of the API."""
        return f"/api/v1/executions/{self.execution_id}/artifacts/{self.name}"


def check_name(name: str, path: str = "as") -> str:
    """Refuse what is no file name.

    Raises:
        Invalid: it is empty or too long, or holds more than letters, digits and `._-`.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no file name; write letters, digits and . _ -, at most 128, the first no . or -"
        raise Invalid([Problem(path=path, message=message)])
    return name


def content_type(name: str) -> str:
    """The type of a text by its name; what a browser would run or lay out (HTML, SVG, XML) is plain text here."""
    return _TYPES.get(name.rpartition(".")[2].lower(), "text/plain")

"""Programs that checks ask: run with nothing but a text, within a time, and told of where they are missing."""

import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.core.findings import Finding, warning

SECONDS = 10.0
"""How long a program may take; a text that takes it longer is not checked."""

_MOST_OUTPUT = 64 * 1024
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_log = logging.getLogger(__name__)
_told: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended and what it said on standard error."""

    code: int
    errors: str


def find(name: str) -> str | None:
    """The path of a program of the system, None if it is not installed. PATH is not looked at."""
    return shutil.which(name, path=_PATH)


def run(words: Sequence[str], text: str, *, env: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Ran:
    """Run a program with a text as its standard input, in an environment that holds nothing of ours.

    Raises:
        subprocess.TimeoutExpired: it took too long, and was ended.
        OSError: it cannot be run.
    """
    done = subprocess.run(  # noqa: S603 - fixed words; the text is only input
        list(words),
        input=text.encode("utf-8", "replace"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        env={"PATH": _PATH, "LC_ALL": "C.UTF-8", **(env or {})},
        timeout=seconds,
        check=False,
    )
    return Ran(code=done.returncode, errors=done.stderr[:_MOST_OUTPUT].decode("utf-8", "replace"))


def not_checked(what: str, why: str) -> Finding:
    """The warning that a text is not checked, which stops nothing; the log is told once of each reason."""
    message = f"is not checked by {what}: {why}"
    if message not in _told and len(_told) < 1000:
        _told.add(message)
        _log.warning("templates: %s", message)
    return warning(message)


def too_slow(what: str) -> Finding:
    """The warning that a program took too long."""
    return not_checked(what, f"it took longer than {SECONDS:.0f} seconds")

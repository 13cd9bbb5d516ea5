"""Kickstarts, by pykickstart: every release of Red Hat's and Fedora's has a language of its own.

pykickstart keeps state in its classes and tells of deprecated words by Python's warnings, so one text is checked at a
time. It is never let near a file or an address: `%include` and `%ksappend` are passed over.
"""

import importlib
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from engine.core.findings import Finding, error, in_order, warning
from engine.validators import esxi, programs, script
from engine.validators.facts import Facts

NAME = "kickstart"
NEWEST = ("RHEL10", "RHEL9", "RHEL8", "RHEL7", "DEVEL")
"""The releases a text without `#version=` is tried for, in this order; DEVEL is Fedora's next."""

_VERSION = re.compile(r"^#version=\s*(.*?)\s*$", re.MULTILINE)
_PLACE = re.compile(r"\s*(?:on|at|in) line (\d+)\b")
_PREFIX = re.compile(r"The following problem occurred on line \d+ of the kickstart file:\s*")
_MOST_PASSES = 20
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What pykickstart says of a text as one release's, and the scripts in it as (line, interpreter, text)."""

    version: str
    findings: tuple[Finding, ...]
    scripts: tuple[tuple[int, str, str], ...] = ()

    @property
    def wrong(self) -> int:
        """How many errors there are."""
        return sum(each.is_error for each in self.findings)


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A kickstart, as the release that its `#version=` names, else as the newest that takes it; or one of ESXi."""
    if esxi.is_one(text):
        yield from esxi.check(text)
        return
    try:
        importlib.import_module("pykickstart.parser")
    except ImportError:
        yield programs.not_checked("pykickstart", "it is not installed; pip install 'pureboot[validators]'")
        return
    if "\r\n" in text:
        yield warning("lines end in CR LF: scripts in it will not run; save it with LF only", 1)
    with _lock:
        read, more = _as_said(text)
    yield from more
    yield from read.findings
    for line, interpreter, body in read.scripts:
        yield from _script(line, interpreter, body)


def _as_said(text: str) -> tuple[Read, tuple[Finding, ...]]:
    """The reading that counts, and what is to be said of the version."""
    said = _VERSION.search(text)
    if said is None:
        return _newest(text)
    line = text.count("\n", 0, said.start()) + 1
    version = _known(said[1])
    if version is None:
        read, more = _newest(text)
        message = f"there is no version {said[1]!r}; write such as #version=RHEL9 or #version=F43"
        return read, (error(message, line, 1), *more)
    return _read(text, version), ()


def _newest(text: str) -> tuple[Read, tuple[Finding, ...]]:
    best: Read | None = None
    for version in NEWEST:
        read = _read(text, version)
        if best is None:
            best = first = read
        elif read.wrong < best.wrong:
            best = read
        if not read.wrong:
            break
    assert best is not None  # noqa: S101 - there are releases
    if best is first or best.wrong:
        return (first if first.wrong <= best.wrong else best), ()
    [reason, *_] = [each for each in first.findings if each.is_error]
    why = reason.message.rstrip(".")
    message = f"fits {best.version}, but not {first.version} ({why}); say which it is for: #version={best.version}"
    return best, (warning(message, reason.line),)


def _known(said: str) -> str | None:
    from pykickstart.errors import KickstartVersionError
    from pykickstart.version import stringToVersion, versionToString

    try:
        return str(versionToString(stringToVersion(said), skipDevel=True))
    except KickstartVersionError:
        return None


def _read(text: str, version: str) -> Read:
    """Read a text as one release's; what stops the reader is taken out, and it reads again."""
    lines = text.split("\n")
    found: list[Finding] = []
    for _ in range(_MOST_PASSES):
        seen, scripts, stopped = _pass("\n".join(lines), version)
        found += [each for each in seen if each not in found]
        if stopped is None:
            break
        found.append(stopped)
        at = (stopped.line or 0) - 1
        if not 0 <= at < len(lines) or not lines[at].strip():
            break
        lines[at] = ""
    return Read(version=version, findings=in_order(found), scripts=scripts)


def _pass(text: str, version: str) -> tuple[list[Finding], tuple[tuple[int, str, str], ...], Finding | None]:
    from pykickstart.errors import KickstartError

    from engine.validators.kickstart_reader import Reader

    handler = _handler(version)
    parser = Reader(handler)
    stopped = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            parser.readKickstartFromString(text)
        except KickstartError as wrong:
            stopped = _finding(wrong)
        except (ValueError, IndexError) as wrong:  # shlex: a quotation that does not end
            stopped = error(f"cannot be read: {wrong}", parser.reached)
    found = [_finding(each, line) for each, line in parser.found]
    found += [_told(each.message) for each in told if type(each.message).__module__.startswith("pykickstart")]
    scripts = tuple((each.lineno, each.interp, each.script) for each in handler.scripts)
    return found, scripts, stopped


def _handler(version: str) -> Any:
    from pykickstart.version import stringToVersion, versionToString

    name = versionToString(stringToVersion(version), skipDevel=True)
    # Not by returnClassForVersion: that makes sys.path longer each time it is asked.
    module = importlib.import_module(f"pykickstart.handlers.{name.lower()}")
    return getattr(module, f"{name}Handler")()


def _finding(wrong: Exception, line: int | None = None) -> Finding:
    own = getattr(wrong, "lineno", None)
    message = getattr(wrong, "message", None) or _PREFIX.sub("", str(wrong))
    return error(" ".join(str(message).split()), own or line)


def _told(message: Any) -> Finding:
    text = " ".join(str(message).split())
    place = _PLACE.search(text)
    found = warning(_PLACE.sub("", text), int(place[1]) if place else None)
    return replace(found, message=found.message.rstrip("."))


def _script(line: int, interpreter: str, body: str) -> Iterator[Finding]:
    """A script in a section. /bin/sh of these systems is bash."""
    name = PurePosixPath(interpreter.split()[0]).name if interpreter.split() else "sh"
    checked = script.by_interpreter(body, "bash" if name == "sh" and programs.find("bash") else interpreter or "sh")
    for each in checked:
        yield replace(each, line=(each.line or 0) + line)

"""MANIFEST.sha256: which files a pack has and what is in them, as `sha256sum` writes it and `sha256sum -c` reads it."""

import hashlib
import re
from collections.abc import Mapping

from engine.core.packs import SUMS, PackFiles
from engine.errors import Problem

_LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64}) [ *](?P<path>.+)")


def digest_of(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def sums(files: PackFiles) -> dict[str, str]:
    """The SHA-256 of every file of a pack but the sums themselves, by path."""
    read = {path: digest_of(content) for path, content in files.files.items()}
    return {path: digest for path, digest in sorted({**files.others, **read}.items()) if path != SUMS}


def write(digests: Mapping[str, str]) -> str:
    """The text of MANIFEST.sha256."""
    return "".join(_line(path, digest) for path, digest in sorted(digests.items()))


def _line(path: str, digest: str) -> str:
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == path else chr(92)}{digest}  {escaped}\n"


def differences(files: PackFiles, pinned: str | None) -> list[Problem]:
    """Every file that differs from what MANIFEST.sha256 says, is missing or is not listed; nothing without one, unless
    its own digest is `pinned`. Then nothing of the pack can be trusted.
    """
    written = files.files.get(SUMS)
    if written is None:
        message = f"is missing, but its SHA-256 is pinned to {pinned}; no file of this pack is loaded"
        return [Problem(file=SUMS, message=message)] if pinned else []
    found = digest_of(written)
    if pinned and found != pinned.lower():
        return [Problem(file=SUMS, message=f"has the SHA-256 {found}, but it is pinned to {pinned.lower()}")]
    try:
        listed = _read(written.decode("utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        return [Problem(file=SUMS, message=f"cannot be read: {error}")]
    return _compared(listed, sums(files), {each.file or "" for each in files.refused})


def _read(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not `SHA-256, two blanks, path`; write it with pureboot pack manifest")
        path = match["path"]
        if match["escaped"]:
            path = re.sub(r"\\([\\nr])", lambda each: {"\\": "\\", "n": "\n", "r": "\r"}[each[1]], path)
        path = path.removeprefix("./")
        if path in found:
            raise ValueError(f"line {number} names {path} a second time")
        found[path] = match["digest"].lower()
    return found


def _compared(listed: Mapping[str, str], there: Mapping[str, str], refused: set[str]) -> list[Problem]:
    problems = []
    for path in sorted({*listed, *there}):
        if path not in there:
            if path not in refused:
                problems.append(Problem(file=path, message=f"is listed in {SUMS}, but is not here"))
        elif path not in listed:
            problems.append(Problem(file=path, message=f"is not listed in {SUMS}"))
        elif listed[path] != there[path]:
            problems.append(Problem(file=path, message=f"differs from {SUMS}: its SHA-256 is {there[path]}"))
    unread = sorted(refused & set(listed))
    return problems + [Problem(file=path, message="was refused, so it cannot be compared") for path in unread]

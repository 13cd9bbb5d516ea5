"""Python and the packages: new enough for what PureBoot declares. Pure but for `installed`."""

import re
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

from bootsrv.doctor.finding import Finding, ok, problem

OLDEST = (3, 11)
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?:>=\s*([0-9.]+))?([^;]*)(;.*)?")


def installed(name: str) -> str | None:
    """The version of an installed package; None if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def declared(distribution: str = "pureboot") -> list[str]:
    """What PureBoot's own package says it needs; empty if it is not installed as a package."""
    try:
        return metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []


def check_python(version: Sequence[int] = tuple(sys.version_info[:3])) -> Finding:
    """Whether the interpreter is new enough."""
    shown = ".".join(str(part) for part in version)
    if tuple(version[:2]) >= OLDEST:
        return ok("python", f"Python {shown}")
    wanted = ".".join(str(part) for part in OLDEST)
    return problem("python", f"Python {shown} is too old", f"install Python {wanted} or newer and PureBoot into it")


def check_packages(requirements: Sequence[str], find: Callable[[str], str | None] = installed) -> Finding:
    """Whether each package is there and not older than declared; extras are not looked at."""
    wrong, seen = [], 0
    for text in requirements:
        match = _REQUIREMENT.fullmatch(text)
        if match is None or "extra" in (match[4] or ""):
            continue
        seen += 1
        name, least = match[1], match[2]
        there = find(name)
        if there is None:
            wrong.append(f"{name} is missing")
        elif least and numbers(there) < numbers(least):
            wrong.append(f"{name} {there} is older than {least}")
    if wrong:
        return problem("packages", "; ".join(wrong), "pip install --upgrade pureboot")
    return ok("packages", f"{seen} packages, all new enough" if seen else "run from its source folder")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers a version begins with, to be compared; zeros at the end say nothing."""
    found = [int(part) for part in re.split(r"[^0-9]+", re.match(r"[0-9.]*", version)[0]) if part]  # type: ignore[index]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)

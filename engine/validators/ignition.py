"""Ignition configurations (specification 3.x): JSON of the known shape, and no path twice."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.core.findings import Finding, error
from engine.core.sources import Source
from engine.validators import json_text, structure
from engine.validators.facts import Facts
from engine.validators.schema_files import checker

NAME = "ignition"
SCHEMES = ("http", "https", "tftp", "s3", "gs", "arn", "data", "")


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """An Ignition configuration."""
    if _is_butane(text):
        yield error("this is Butane, not Ignition: translate it with `butane --strict` first", 1, 1)
        return
    source, found = json_text.read(text)
    yield from found
    if source is None:
        return
    if not isinstance(source.tree, Mapping):
        yield error("must be an object with ignition, storage, systemd, passwd", 1, 1)
        return
    yield from _version(source)
    for finding in structure.check(source, checker(NAME)):
        if not finding.path.startswith("ignition.version"):
            yield _hinted(finding)
    yield from _paths(source)
    yield from _sources(source, source.tree, ())


def _is_butane(text: str) -> bool:
    lines = [line for line in text.split("\n")[:20] if line.strip() and not line.lstrip().startswith("#")]
    return any(line.startswith("variant:") for line in lines)


def _at(source: Source, way: tuple[str | int, ...], message: str) -> Finding:
    problem = source.problem(way, message)
    return error(problem.message, problem.line, problem.column, path=problem.path)


def _version(source: Source) -> Iterator[Finding]:
    about = source.tree.get("ignition")
    said = about.get("version") if isinstance(about, Mapping) else None
    if said is None:
        return
    way = ("ignition", "version")
    if not isinstance(said, str):
        yield _at(source, way, f'the version is a text, such as "3.4.0", not {said!r}')
    elif said.startswith(("1.", "2.")):
        yield _at(source, way, f"{said} is the old specification, which no present release reads; write 3.x")
    elif not said.startswith("3.") or len(said.split(".")) != 3:
        yield _at(source, way, f"{said!r} is no version of the specification; write such as 3.4.0")


def _hinted(finding: Finding) -> Finding:
    if finding.path.endswith(".mode"):
        from dataclasses import replace

        return replace(finding, message=f"{finding.message}; in JSON it is a decimal number: 0644 is 420, 0755 is 493")
    return finding


def _paths(source: Source) -> Iterator[Finding]:
    """Ignition takes each path once, whatever is made there."""
    storage = source.tree.get("storage")
    if not isinstance(storage, Mapping):
        return
    seen: dict[str, str] = {}
    for kind in ("files", "directories", "links"):
        listed = storage.get(kind)
        for at, each in enumerate(listed if isinstance(listed, list) else ()):
            path = each.get("path") if isinstance(each, Mapping) else None
            if not isinstance(path, str):
                continue
            if path in seen:
                yield _at(source, ("storage", kind, at, "path"), f"{path} is written twice ({seen[path]} too)")
            seen.setdefault(path, f"storage.{kind}[{at}]")
            mode = each.get("mode")
            if isinstance(mode, int) and mode in (644, 755, 600, 640, 700, 750, 777, 400, 440):
                meant = int(str(mode), 8)
                message = f"{mode} is decimal here; the mode 0{mode} is written {meant}"
                yield _at(source, ("storage", kind, at, "mode"), message)


def _sources(source: Source, tree: Any, way: tuple[str | int, ...]) -> Iterator[Finding]:
    """Addresses, wherever they stand."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key == "source" and isinstance(value, str):
                wrong = _address(value)
                if wrong:
                    yield _at(source, (*way, key), wrong)
            else:
                yield from _sources(source, value, (*way, key))
    elif isinstance(tree, list):
        for at, value in enumerate(tree):
            yield from _sources(source, value, (*way, at))


def _address(value: str) -> str | None:
    try:
        scheme = urlsplit(value).scheme
    except ValueError as wrong:
        return f"is no address: {wrong}"
    if scheme not in SCHEMES or (not scheme and value):
        return f"an address begins with one of {', '.join(each for each in SCHEMES if each)}, not {value[:40]!r}"
    if scheme == "data" and "," not in value:
        return "a data address has a comma before its data, such as data:,hello"
    return None

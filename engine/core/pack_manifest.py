"""The manifest of a pack, `pack.yaml`: what the pack is, what it needs, and what is said of its files."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from engine.core import sources
from engine.core.documents import TemplateType
from engine.core.pack_versions import check_range, check_version
from engine.core.packs import MANIFEST, parse_ref
from engine.core.sources import Path, Source
from engine.errors import Invalid, Problem

MAX_TEXT = 10_000
MAX_WORD = 32


class Names(StrEnum):
    """How documents are named: `prefixed` by the pack's ref and a dot, or `plain` as their files are."""

    PREFIXED = "prefixed"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `pack.yaml` says; None and empty where it says nothing.

    `dependencies` are ranges of versions by ref. `templates` and `workflows` are what it says of single files, by file
    name: a template that is listed there needs neither front matter nor sidecar, and neither is looked for.
    """

    ref: str | None = None
    label: str | None = None
    version: str | None = None
    description: str | None = None
    dependencies: Mapping[str, str] = field(default_factory=dict)
    names: Names = Names.PREFIXED
    draft: bool = False
    templates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workflows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def parse(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        Invalid: something in it is wrong; all of it is named with line and column.
    """
    source = sources.read_one(text, file=MANIFEST)
    if not isinstance(source.tree, Mapping):
        raise Invalid([source.problem((), "a manifest is a mapping with ref, label, version and description")])
    reading = _Reading(source, _version_as_written(text))
    values = reading.values(source.tree, (), _KEYS)
    if reading.problems:
        raise Invalid(sorted(reading.problems, key=lambda each: (each.line or 0, each.column or 0)))
    return Manifest(**values)


def read_facts(source: Source, path: Path = ()) -> dict[str, Any]:
    """What front matter, a sidecar or a manifest says of a template.

    Raises:
        Invalid: a key is not known, or its value is wrong.
    """
    tree: Any = source.tree
    for part in path:
        tree = tree[part]
    if not isinstance(tree, Mapping):
        raise Invalid([source.problem(path, f"must be a mapping with {', '.join(TEMPLATE_KEYS)}")])
    reading = _Reading(source, None)
    values = reading.values(tree, path, TEMPLATE_KEYS)
    if reading.problems:
        raise Invalid(reading.problems)
    return values


def _version_as_written(text: str) -> str | None:
    """The digits of `version: 1.10`, which YAML takes for the number 1.1."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "version" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return None


@dataclass(slots=True)
class _Reading:
    source: Source
    version: str | None
    problems: list[Problem] = field(default_factory=list)

    def values(self, tree: Mapping[str, Any], path: Path, keys: "Mapping[str, _Read]") -> dict[str, Any]:
        """The keys that are given, each read by its reader."""
        found = {}
        for key, value in tree.items():
            read = keys.get(key)
            if read is None:
                self.wrong((*path, key), f"is no key here{_hint(key, keys)}", at_key=True)
            elif value is not None:
                try:
                    found[key] = read(self, value, (*path, key))
                except ValueError as error:
                    self.wrong((*path, key), str(error))
                except Invalid as error:
                    self.problems += [self.source.problem((*path, key), each.message) for each in error.problems]
        return found

    def wrong(self, path: Path, message: str, *, at_key: bool = False) -> None:
        self.problems.append(self.source.problem(path, message, at_key=at_key))


_Read = Callable[[_Reading, Any, Path], Any]


def _hint(key: str, keys: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, keys, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(keys)}"


def _text(_: _Reading, value: Any, __: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text; put it in quotes")
    if len(value) > MAX_TEXT or "\0" in value:
        raise ValueError(f"may have {MAX_TEXT} characters, none of them NUL")
    return value


def _word(reading: _Reading, value: Any, path: Path) -> str:
    text = _text(reading, value, path)
    if len(text) > MAX_WORD or not text.isprintable():
        raise ValueError(f"may have {MAX_WORD} characters, on one line")
    return text


def _ref(_: _Reading, value: Any, __: Path) -> str:
    return parse_ref(str(value))


def _version(reading: _Reading, value: Any, _: Path) -> str:
    return check_version(reading.version if reading.version is not None else str(value))


def _truth(_: _Reading, value: Any, __: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _names(_: _Reading, value: Any, __: Path) -> Names:
    if value not in set(Names):
        raise ValueError(f"{value!r} is not one of {', '.join(Names)}")
    return Names(value)


def _type(_: _Reading, value: Any, __: Path) -> str:
    if value not in set(TemplateType):
        raise ValueError(f"{value!r} is no type of template; one of {', '.join(TemplateType)}")
    return str(value)


def _tags(_: _Reading, value: Any, __: Path) -> tuple[str, ...]:
    tags = value if isinstance(value, list) else [value]
    if not all(isinstance(tag, str) and tag and len(tag) <= 255 and tag.isprintable() for tag in tags):
        raise ValueError("must be a list of short texts")
    if len(tags) > 100:
        raise ValueError("may be 100 tags at most")
    return tuple(tags)


def _dependencies(reading: _Reading, value: Any, path: Path) -> dict[str, str]:
    """`{base: ">=1.2,<2"}`, or a list of `base>=1.2,<2` and `base`."""
    if isinstance(value, list):
        pairs = [((*path, at), *_split(item)) for at, item in enumerate(value)]
    elif isinstance(value, Mapping):
        pairs = [((*path, key), str(key), "" if text is None else str(text)) for key, text in value.items()]
    else:
        raise ValueError('must be a mapping such as {base: ">=1.2,<2"}')
    found = {}
    for place, ref, text in pairs:
        try:
            found[parse_ref(ref)] = check_range(text)
        except Invalid as error:
            reading.problems += [reading.source.problem(place, each.message) for each in error.problems]
        except ValueError as error:
            reading.wrong(place, str(error))
    return found


def _split(item: Any) -> tuple[str, str]:
    text = str(item).strip()
    at = next((at for at, char in enumerate(text) if char in "<>=!~ "), len(text))
    return text[:at], text[at:].strip()


def _each(keys: "Mapping[str, _Read]") -> _Read:
    def read(reading: _Reading, value: Any, path: Path) -> dict[str, dict[str, Any]]:
        if not isinstance(value, Mapping):
            raise ValueError("must be a mapping of file names")
        found = {}
        for name, said in value.items():
            if not isinstance(said, Mapping | None):
                reading.wrong((*path, name), f"must be a mapping with {', '.join(keys)}")
            else:
                found[name] = reading.values(said or {}, (*path, name), keys)
        return found

    return read


TEMPLATE_KEYS: Mapping[str, _Read] = {"type": _type, "description": _text, "os_family": _word, "tags": _tags}
"""What can be said of a template."""

_WORKFLOW_KEYS: Mapping[str, _Read] = {"tags": _tags, "draft": _truth}
_KEYS: Mapping[str, _Read] = {
    "ref": _ref,
    "label": _text,
    "version": _version,
    "description": _text,
    "dependencies": _dependencies,
    "names": _names,
    "draft": _truth,
    "templates": _each(TEMPLATE_KEYS),
    "workflows": _each(_WORKFLOW_KEYS),
}

"""A YAML or JSON text that a person wrote, with the place of everything in it.

Reading builds the plain tree and, beside it, the line and column of each key and value, so that whoever finds something
wrong in the tree can say where it stands in the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.errors import Invalid, Problem

Path = tuple[str | int, ...]
Place = tuple[int, int]

MAX_NODES = 50_000  # aliases count each time they are used, so a "billion laughs" file ends here
MAX_DEPTH = 64

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A tree and where its parts were written. Places are 1-based (line, column); a tree given as JSON has none."""

    tree: Any
    keys: Mapping[Path, Place] = field(default_factory=dict)
    values: Mapping[Path, Place] = field(default_factory=dict)
    file: str | None = None

    def problem(self, path: Sequence[str | int], message: str, *, at_key: bool = False) -> Problem:
        """Say what is wrong at `path`; the place is that of the nearest thing that was written."""
        place = self._place(tuple(path), at_key=at_key)
        line, column = place or (None, None)
        return Problem(message=message, path=spell(path), line=line, column=column, file=self.file)

    def _place(self, path: Path, *, at_key: bool) -> Place | None:
        if at_key and path in self.keys:
            return self.keys[path]
        for end in range(len(path), -1, -1):
            if path[:end] in self.values:
                return self.values[path[:end]]
        return None


def spell(path: Sequence[str | int]) -> str:
    """Write a path as people read it: `steps[2].with.kernel`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read(text: str, *, file: str | None = None, any_tag: bool = False) -> list[Source]:
    """Read every document of a YAML (or JSON) text.

    With `any_tag` a scalar may have a tag that is not known here, such as `!vault`, and is the text that was written.

    Raises:
        Invalid: it is not YAML, repeats a key, or is too large or deep; with line and column.
    """
    try:
        _refuse_depth(text, file)
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
        return [_Walk(file, any_tag=any_tag).source(node) for node in nodes]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise Invalid([_marked(f"is not YAML: {message}", mark, file)]) from None
    except yaml.YAMLError as error:
        raise Invalid([Problem(message=f"is not YAML: {error}", file=file)]) from None


def read_one(text: str, *, file: str | None = None) -> Source:
    """Read a text that holds exactly one document.

    Raises:
        Invalid: as `read`, or it holds none or several.
    """
    sources = read(text, file=file)
    if len(sources) != 1:
        raise Invalid([Problem(message=f"holds {len(sources)} YAML documents; write one", file=file)])
    return sources[0]


def _refuse_depth(text: str, file: str | None) -> None:
    """Look at the nesting before composing: libyaml's composer recurses in C and ends the process on a deep text."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid([_marked("is nested too deeply", event.start_mark, file)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _marked(message: str, mark: Any, file: str | None) -> Problem:
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return Problem(message=message, line=line, column=column, file=file)


class _Walk:
    """One pass over the composed nodes of a document: builds the tree and notes the places."""

    def __init__(self, file: str | None, *, any_tag: bool) -> None:
        self._file = file
        self._any_tag = any_tag
        self._seen = 0
        self._keys: dict[Path, Place] = {}
        self._values: dict[Path, Place] = {}
        self._scalars = yaml.SafeLoader("")
        self._problems: list[Problem] = []

    def source(self, node: yaml.Node) -> Source:
        tree = self._visit(node, ())
        if self._problems:
            raise Invalid(self._problems)
        return Source(tree=tree, keys=self._keys, values=self._values, file=self._file)

    def _visit(self, node: yaml.Node, path: Path) -> Any:
        self._seen += 1
        if self._seen > MAX_NODES or len(path) > MAX_DEPTH:
            raise Invalid([_marked("is too large or nested too deeply", node.start_mark, self._file)])
        self._values[path] = _place(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._visit(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        self._refuse_keys(node)
        self._scalars.flatten_mapping(node)  # `<<: *anchor`; what is written here itself comes last and wins
        tree: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self._keys[(*path, key)] = _place(key_node)
            tree[key] = self._visit(value_node, (*path, key))
        return tree

    def _refuse_keys(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise Invalid([_marked("a key must be a plain word", key_node.start_mark, self._file)])
            if key_node.value in seen:
                message = f"the key {key_node.value!r} is written twice"
                self._problems.append(_marked(message, key_node.start_mark, self._file))
            seen.add(key_node.value)

    def _scalar(self, node: yaml.Node) -> Any:
        if self._any_tag and node.tag.startswith("!"):
            return node.value
        try:
            value = self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            message = getattr(error, "problem", None) or str(error)
            self._problems.append(_marked(f"cannot be read: {message}", node.start_mark, self._file))
            return None
        # Dates and binary have no place in a file whose tree must also be JSON: what was written is what is meant.
        return value if value is None or isinstance(value, str | int | float | bool) else node.value


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1

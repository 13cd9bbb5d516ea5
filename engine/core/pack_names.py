"""Names inside a pack: `base` in a text of the pack `my_pack` means `my_pack.base` if the pack has it.

What a text of a pack refers to is settled when it is synced: `${include:base}` is kept as `${include:my_pack.base}`,
and so are the `template` of a step and the `workflow` of `core.workflow`. What the pack does not have is left as it is
and means the site's own. A file is meant by its name, and also without its extension where that can mean only one.
Nothing else of a text is changed, and nothing at all in a pack whose documents are named plainly, as their files are.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.core import sources
from engine.core.sources import Source
from engine.errors import Invalid

Names = Mapping[str, str]
"""What documents of the pack are called in full, by the names they have inside it."""

# What is no include is passed over as `placeholders` does: `$${` writes a literal `${`.
_INCLUDE = re.compile(r"\$\$\{|(\$\{include:)([A-Za-z0-9_][A-Za-z0-9._/-]*)((?::v[0-9]{1,9}(?:\.[0-9]{1,9})?)?\})")
_WITH = ("with", "config", "config_json", "parameters")
_ACTION = ("action", "type", "actionType")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def names_inside(full: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names inside a pack, from pairs of a file's name and its document's: with the extension, and without it where no
    other has it.
    """
    found = dict(full)
    stems: dict[str, set[str]] = {}
    for short, name in found.items():
        stem = short.rpartition(".")[0]
        if stem:
            stems.setdefault(stem, set()).add(name)
    return {**{stem: next(iter(names)) for stem, names in stems.items() if len(names) == 1}, **found}


def settle_includes(text: str, templates: Names) -> str:
    """A text whose includes name the pack's own templates in full."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return f"{match[1]}{templates.get(match[2], match[2])}{match[3]}"

    return _INCLUDE.sub(replaced, text)


def settle_workflow(text: str, source: Source, name: str, templates: Names, workflows: Names) -> tuple[str, Any]:
    """A workflow's file under its full name, its references settled; and the tree of it.

    Everything else stays as it was written, comments and all.

    Raises:
        Invalid: a name is written in a way that cannot be replaced.
    """
    tree = _settled(source.tree, name, templates, workflows)
    edits = _Edits(templates=templates, workflows=workflows)
    edits.root(yaml.compose(text, Loader=_Loader), name)
    settled = settle_includes(edits.applied(text), templates)
    try:
        same = sources.read_one(settled).tree == tree
    except Invalid:
        same = False
    if not same:
        message = f"its names cannot be replaced as they are written; write name: {name}, and references in full"
        raise Invalid([source.problem(("name",), message)])
    return settled, tree


def _settled(tree: Any, name: str, templates: Names, workflows: Names) -> Any:
    """The tree that the settled text must have."""
    found = _included({"name": name, **tree} | {"name": name}, templates)
    for key in ("steps", "nodes"):
        for step in found.get(key) or () if isinstance(found.get(key), list) else ():
            _settle_step(step, templates, workflows)
    return found


def _included(tree: Any, templates: Names) -> Any:
    if isinstance(tree, str):
        return settle_includes(tree, templates)
    if isinstance(tree, Mapping):
        return {settle_includes(str(key), templates): _included(value, templates) for key, value in tree.items()}
    return [_included(item, templates) for item in tree] if isinstance(tree, list) else tree


def _settle_step(step: Any, templates: Names, workflows: Names) -> None:
    if not isinstance(step, dict):
        return
    starts = any(step.get(key) == "core.workflow" for key in _ACTION)
    for key in _WITH:
        given = step.get(key)
        if isinstance(given, dict):
            if isinstance(given.get("template"), str):
                given["template"] = _template(given["template"], templates)
            if starts and isinstance(given.get("workflow"), str):
                given["workflow"] = workflows.get(given["workflow"], given["workflow"])


def _template(written: str, templates: Names) -> str:
    name, colon, version = written.partition(":")
    return templates.get(name, name) + colon + version


@dataclass(kw_only=True)
class _Edits:
    """Pieces of a text to be replaced, by where they begin."""

    templates: Names
    workflows: Names
    found: dict[int, tuple[int, str]] = field(default_factory=dict)

    def applied(self, text: str) -> str:
        pieces = []
        at = 0
        for start, (end, new) in sorted(self.found.items()):
            pieces += [text[at:start], new]
            at = end
        return "".join([*pieces, text[at:]])

    def root(self, node: Any, name: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        keys = _values(node)
        if "name" in keys:
            self._scalar(keys["name"], lambda _: name)
        elif node.flow_style:
            self.found[node.start_mark.index + 1] = (node.start_mark.index + 1, f'"name": "{name}", ')
        else:
            indent = " " * node.start_mark.column
            self.found[node.start_mark.index] = (node.start_mark.index, f"name: {name}\n{indent}")
        for key in ("steps", "nodes"):
            steps = keys.get(key)
            for step in steps.value if isinstance(steps, yaml.SequenceNode) else ():
                self._step(step)

    def _step(self, node: Any) -> None:
        step = _values(node)
        starts = any(_is(step.get(key), "core.workflow") for key in _ACTION)
        for key in _WITH:
            given = _values(step.get(key))
            self._scalar(given.get("template"), lambda written: _template(written, self.templates))
            if starts:
                self._scalar(given.get("workflow"), lambda written: self.workflows.get(written, written))

    def _scalar(self, node: Any, change: Callable[[str], str]) -> None:
        if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
            new = change(node.value)
            if new != node.value:
                quote = node.style or ""
                self.found[node.start_mark.index] = (node.end_mark.index, f"{quote}{new}{quote}")


def _values(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _is(node: Any, value: str) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == value

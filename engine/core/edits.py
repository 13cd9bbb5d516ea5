"""What a person changes on a node by hand, what of it somebody else has changed meanwhile, and how it is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.nodes import Node
from engine.errors import Conflict

METADATA = "metadata."


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Only what is named changes. `values` are fields of a node as `Nodes.update` takes them, beside tags and metadata.

    `seen` is what stood there when it was decided, by field or `metadata.KEY` (None: nothing): if something else stands
    there by now, the edit is refused. Without it the last one wins.
    """

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    set_metadata: Mapping[str, Any] = field(default_factory=dict)
    unset_metadata: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.add_tags or self.remove_tags or self.set_metadata or self.unset_metadata or self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A node before and after an edit; the same where there was nothing to change."""

    before: Node
    after: Node


def standing(node: Node, name: str) -> Any:
    """What stands in a field, or under `metadata.KEY`; None if nothing does."""
    if name.startswith(METADATA):
        return node.metadata.get(name.removeprefix(METADATA))
    return getattr(node, name)


def values_of(node: Node, edit: Edit) -> dict[str, Any]:
    """What `Nodes.update` is to set.

    Raises:
        Conflict: something was changed since it was seen; the message names what stands there now.
    """
    for name, value in edit.seen.items():
        now = standing(node, name)
        if now != value:
            raise Conflict(
                f"node {node.name} was changed meanwhile: {name} is {_told(now)} now, no more {_told(value)}; "
                "look at it, then decide again"
            )
    wanted = dict(edit.values)
    if edit.add_tags or edit.remove_tags:
        wanted["tags"] = [tag for tag in (*node.tags, *edit.add_tags) if tag not in edit.remove_tags]
    if edit.set_metadata or edit.unset_metadata:
        kept = {key: value for key, value in node.metadata.items() if key not in edit.unset_metadata}
        wanted["metadata"] = {**kept, **edit.set_metadata}
    return wanted


def _told(value: Any) -> str:
    return "nothing" if value is None else repr(value)


def inverse(edited: Edited, edit: Edit) -> Edit:
    """What takes an edit back, where nobody has changed the same since."""
    before, after = edited.before, edited.after
    keys = {*before.metadata, *after.metadata}
    changed = sorted(key for key in keys if before.metadata.get(key) != after.metadata.get(key))
    fields = [name for name in edit.values if getattr(before, name) != getattr(after, name)]
    return Edit(
        add_tags=tuple(tag for tag in before.tags if tag not in after.tags),
        remove_tags=tuple(tag for tag in after.tags if tag not in before.tags),
        set_metadata={key: before.metadata[key] for key in changed if key in before.metadata},
        unset_metadata=tuple(key for key in changed if key not in before.metadata),
        values={name: getattr(before, name) for name in fields},
        seen={
            **{f"{METADATA}{key}": after.metadata.get(key) for key in changed},
            **{name: getattr(after, name) for name in fields},
        },
    )

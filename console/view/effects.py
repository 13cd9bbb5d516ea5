"""What a change will do to which machines, before it is made: a line for each, and what has to be typed first. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from console.view import labels
from console.view.columns import Column
from console.view.labels import Role, Row, Symbols, cell, state_cell
from console.view.pieces import Piece
from console.view.typed_lines import Metadata, Tags, value_text
from engine.core.edits import METADATA, Edit
from engine.core.executions import Execution
from engine.core.groups import Group
from engine.core.nodes import TRANSITIONS, Node, NodeState

COLUMNS = (
    Column(key="node", title="NODE", width=10, flex=1, most=24, keep=100),
    Column(key="state", title="STATE", width=16, keep=90),
    Column(key="effect", title="WHAT HAPPENS", width=20, flex=4, keep=99),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What happens to one node: what becomes of it, or why nothing can; `says` is empty where nothing changes."""

    node: Node
    says: str = ""
    is_refused: bool = False

    @property
    def is_done(self) -> bool:
        """Whether something happens."""
        return bool(self.says) and not self.is_refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What happens to all. `word` names what cannot be undone (`wipe`): it, or how many they are, has to be typed."""

    effects: tuple[Effect, ...] = ()
    verb: str = ""
    more: str = ""
    word: str = ""
    problem: str = ""

    @property
    def going(self) -> list[Effect]:
        """Those to which something happens."""
        return [each for each in self.effects if each.is_done]

    @property
    def answers(self) -> tuple[str, ...]:
        """What may be typed to say yes; nothing needs to be where there are none."""
        return typed_answers(self.word, len(self.going)) if self.word and self.going else ()

    @property
    def sentence(self) -> str:
        """What will happen, and what will not, in words."""
        going, refused = self.going, [each for each in self.effects if each.is_refused]
        same = len(self.effects) - len(going) - len(refused)
        parts = [f"This will {self.verb} {machines(len(going))}." if going else "Nothing will change."]
        parts += [self.more] if going and self.more else []
        parts += [f"{machines(same)} stay{'s' if same == 1 else ''} as {'it is' if same == 1 else 'they are'}."] * (
            bool(same) and bool(going)
        )
        parts += [f"{machines(len(refused))} {'is' if len(refused) == 1 else 'are'} refused."] * bool(refused)
        return " ".join(parts)


def machines(count: int) -> str:
    """How many machines."""
    return "1 machine" if count == 1 else f"{count} machines"


def typed_answers(word: str, count: int) -> tuple[str, ...]:
    """What says yes to what cannot be undone: of many machines their number, of one the word as well."""
    return (word, "1") if count == 1 else (str(count),)


def typed_request(answers: Sequence[str]) -> str:
    """What to type."""
    first = answers[0]
    return f"type {first}, how many they are, to go on" if first.isdigit() else f"type {first} to go on"


def effect_row(effect: Effect, symbols: Symbols) -> Row:
    """The row of a node."""
    if effect.is_refused:
        told = (Piece(f"{symbols.warning} refused: ", Role.WARN), *cell(effect.says, Role.PLAIN))
    else:
        told = cell(effect.says or "stays as it is", Role.PLAIN if effect.says else Role.MUTED)
    return (cell(effect.node.name, Role.STRONG if effect.is_done else Role.MUTED), _state(effect, symbols), told)


def _state(effect: Effect, symbols: Symbols) -> labels.Cell:
    return state_cell(effect.node.state, symbols)


def sorted_effects(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Those that are refused first: they are what a person has to read."""
    return tuple(sorted(effects, key=lambda each: (not each.is_refused, not each.is_done)))


# Edits

Says = Callable[[Node, Edit], str]


def tags_effects(nodes: Sequence[Node], tags: Tags) -> Effects:
    """What adding and taking away tags does."""
    return Effects(effects=tuple(Effect(node=node, says=_tags_said(node, tags)) for node in nodes), verb="tag")


def _tags_said(node: Node, tags: Tags) -> str:
    added = [f"+{tag}" for tag in tags.add if tag not in node.tags]
    return " ".join([*added, *(f"-{tag}" for tag in tags.remove if tag in node.tags)])


def tags_edit(tags: Tags) -> Edit:
    """The edit; tags that others add or take away meanwhile stay."""
    return Edit(add_tags=tags.add, remove_tags=tags.remove)


def metadata_edit(shown: Mapping[str, object] | None, typed: Metadata) -> Edit:
    """What was typed as an edit. `shown` is the metadata of the one node that stood in the text: a key whose line is
    gone is taken away, and one that somebody else changes meanwhile is not overwritten.
    """
    if shown is None:
        return Edit(set_metadata=typed.values, unset_metadata=typed.unset)
    changed = {key: value for key, value in typed.values.items() if key not in shown or shown[key] != value}
    gone = tuple(sorted(key for key in shown if key not in typed.values))
    seen = {f"{METADATA}{key}": shown.get(key) for key in (*changed, *gone)}
    return Edit(set_metadata=changed, unset_metadata=gone, seen=seen)


def metadata_effects(nodes: Sequence[Node], edit: Edit, groups: Mapping[str, Group]) -> Effects:
    """What an edit of metadata does."""
    said = (_metadata_said(node, edit, groups.get(node.group_id or "")) for node in nodes)
    effects = tuple(Effect(node=node, says=says) for node, says in zip(nodes, said, strict=True))
    return Effects(effects=effects, verb="change the metadata of")


def _metadata_said(node: Node, edit: Edit, group: Group | None) -> str:
    below = group.metadata if group is not None else {}
    parts = []
    for key, value in edit.set_metadata.items():
        before = node.metadata.get(key)
        if key in node.metadata and before == value:
            continue
        was = f" (was {value_text(before)})" if key in node.metadata else ""
        over = f" over the group's {value_text(below[key])}" if key in below and not was else ""
        parts.append(f"{key}={value_text(value)}{was}{over}")
    for key in edit.unset_metadata:
        if key in node.metadata:
            then = f", the group's {value_text(below[key])} holds" if key in below else ""
            parts.append(f"-{key} (was {value_text(node.metadata[key])}{then})")
    return "  ".join(parts)


def values_effects(
    nodes: Sequence[Node], name: str, value: object, verb: str, told: Callable[[object], str]
) -> Effects:
    """What setting a field does; `told` says a value in words."""

    def says(node: Node) -> str:
        before = getattr(node, name)
        return "" if before == value else f"{told(before)} -> {told(value)}"

    return Effects(effects=tuple(Effect(node=node, says=says(node)) for node in nodes), verb=verb)


def seen_of(node: Node, edit: Edit) -> Edit:
    """The edit of one node that holds only as long as its fields are what they are now."""
    return replace(edit, seen={**edit.seen, **{name: getattr(node, name) for name in edit.values}})


# States

_ENDS = (NodeState.ACTIVE, NodeState.DEPROVISIONING)


def retire_effects(nodes: Sequence[Node], live: Mapping[str, Execution]) -> Effects:
    """What taking them out of service does, which is not undone."""
    effects = [_retired(node, live.get(node.id)) for node in nodes]
    more = "That is the end: no other state follows."
    return Effects(effects=sorted_effects(effects), verb="retire", more=more, word="retire")


def _retired(node: Node, live: Execution | None) -> Effect:
    if node.state is NodeState.RETIRED:
        return Effect(node=node)
    if node.locked:
        return Effect(node=node, says="it is locked", is_refused=True)
    if live is not None and not live.ended:
        return Effect(node=node, says=f"it is busy with {live.workflow_name}", is_refused=True)
    if node.state not in _ENDS:
        return Effect(node=node, says="it is not active", is_refused=True)
    return Effect(node=node, says="retired for good")


def move_effects(
    nodes: Sequence[Node], state: NodeState, live: Mapping[str, Execution], *, max_attempts: int, force: bool
) -> Effects:
    """What moving them to a state does."""
    effects = [_moved(node, state, live.get(node.id), max_attempts, force) for node in nodes]
    word = "force" if force else {NodeState.RETIRED: "retire", NodeState.DEPROVISIONING: "deprovision"}.get(state, "")
    more = "That is the end: no other state follows." if state is NodeState.RETIRED else ""
    return Effects(effects=sorted_effects(effects), verb=f"move to {labels.words(state)}", more=more, word=word)


def _moved(node: Node, state: NodeState, live: Execution | None, max_attempts: int, force: bool) -> Effect:
    if state not in TRANSITIONS[node.state]:
        ways = " or ".join(labels.words(each) for each in TRANSITIONS[node.state])
        says = f"from here it can become {ways}" if ways else "that is the end, no other state follows"
        return Effect(node=node, says=says, is_refused=True)
    if node.state is NodeState.INSTALL_FAILED and node.install_attempts >= max_attempts and not force:
        says = f"{node.install_attempts} installs have failed; force counts them anew"
        return Effect(node=node, says=says, is_refused=True)
    busy = f"; {live.workflow_name} runs there and goes on" if live is not None and not live.ended else ""
    return Effect(node=node, says=f"becomes {labels.words(state)}{busy}")

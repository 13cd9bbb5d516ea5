"""What can be changed on machines by hand: the menu, the questions, the calls, and the way back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.screens import deeds
from console.screens.base import work_on
from console.screens.change import ChangeScreen, Question
from console.screens.menu import Choice, MenuScreen
from console.view import effects, labels, node_lines, typed_lines
from console.view.effects import Effects
from engine.core import edits
from engine.core.edits import Edit, Edited
from engine.core.nodes import Node
from engine.core.page import Page
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp

_NONE = "no group"
_OWN = "(its group's)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The last change that can be taken back: what it was, and the edit of each node that undoes it."""

    what: str
    edits: Mapping[str, Edit]


def menu(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Ask what to change on these nodes."""
    nodes = deeds.nodes_of(app, node_ids)
    undo = app.undo
    if not nodes and undo is None:
        app.complain("there is no node here to change; a machine that boots from the network appears here")
        return
    listed = [
        *(_offered(app, nodes) if nodes else []),
        *([Choice(key="z", name="undo", note=undo.what)] if undo is not None else []),
    ]
    calls: dict[str, Callable[[PureBootApp, Sequence[str]], None]] = {
        "t": tags,
        "m": metadata,
        "o": group,
        "w": workflow,
        "h": hostname,
        "l": lambda app, ids: lock(app, ids, is_locked=True),
        "u": lambda app, ids: lock(app, ids, is_locked=False),
        "r": deeds.run_on,
        "s": deeds.move,
        "c": lambda app, ids: deeds.cancel(app, deeds.executions_of(app, ids)),
        "x": retire,
        "z": lambda app, _: take_back(app),
    }
    ids = [node.id for node in nodes]

    def chosen(letter: str | None) -> None:
        if letter is not None:
            calls[letter](app, ids)

    title = f"Change {labels.names([node.name for node in nodes])}" if nodes else "Change"
    app.push_screen(MenuScreen(title, listed), chosen)


def _offered(app: "PureBootApp", nodes: Sequence[Node]) -> list[Choice]:
    one = nodes[0] if len(nodes) == 1 else None
    groups = sorted({app.model.group_name(node) or "none" for node in nodes})
    locked = sum(node.locked for node in nodes)
    return [
        Choice(key="t", name="tags", note=" ".join(one.tags) if one else "add and take away"),
        Choice(key="m", name="metadata", note=", ".join(one.metadata) if one else "set keys, take them away"),
        Choice(key="o", name="group", note=labels.names(groups)),
        Choice(key="w", name="workflow", note="what `run` proposes"),
        *([Choice(key="h", name="hostname", note=one.hostname or "none")] if one else []),
        *([Choice(key="l", name="lock", note="nothing is started on it")] if locked < len(nodes) else []),
        *([Choice(key="u", name="unlock", note=f"{locked} locked")] if locked else []),
        Choice(key="r", name="run", note="a workflow"),
        Choice(key="s", name="state", note="move to another"),
        *(
            [Choice(key="c", name="cancel", note="what runs")]
            if deeds.executions_of(app, [n.id for n in nodes])
            else []
        ),
        Choice(key="x", name="retire", note="for good"),
    ]


# Edits


def _now(app: "PureBootApp", nodes: Sequence[Node]) -> list[Node]:
    """The nodes as they are by now."""
    return [app.model.nodes.get(node.id, node) for node in nodes]


async def perform(
    app: "PureBootApp",
    nodes: Sequence[Node],
    what: str,
    edit_of: Callable[[Node], Edit],
) -> str:
    """Make edits, each its own transaction; keeps what undoes them. Gives why one alone was refused."""
    undone: dict[str, Edit] = {}
    edit_by_id = {node.id: edit_of(node) for node in nodes}

    async def call(node_id: str) -> Edited:
        edited = await app.pureboot.nodes.edit(node_id, edit_by_id[node_id], by=app.user)
        back = edits.inverse(edited, edit_by_id[node_id])
        if back:
            undone[node_id] = back
        return edited

    outcome = await deeds.for_each({node.id: node.name for node in nodes}, call)
    if undone:
        app.undo = Undo(what=what, edits=undone)
    if len(nodes) == 1 and outcome.refused:
        return outcome.refused[0][1]
    deeds.tell(app, outcome, f"{what}:")
    return ""


def _title(verb: str, nodes: Sequence[Node]) -> str:
    return f"{verb} of {labels.names([node.name for node in nodes])}"


def tags(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Add tags and take them away."""
    nodes = deeds.nodes_of(app, node_ids)
    said = sorted({tag for node in nodes for tag in node.tags})

    def found(text: str) -> Effects:
        return effects.tags_effects(_now(app, nodes), typed_lines.read_tags(text))

    async def act(text: str) -> str:
        edit = effects.tags_edit(typed_lines.read_tags(text))
        return await perform(app, [each.node for each in found(text).going], "tags", lambda _: edit)

    question = Question(
        title=_title("Tags", nodes),
        yes="change them",
        effects=found,
        act=act,
        asks="lab  -old takes away",
        beside=[node_lines.fact("they have" if len(nodes) > 1 else "it has", ", ".join(said) or "none")],
    )
    app.push_screen(ChangeScreen(question))


def metadata(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Edit the metadata: of one node all that it has, of many only the keys that are typed."""
    nodes = deeds.nodes_of(app, node_ids)
    shown: dict[str, Any] | None = dict(nodes[0].metadata) if len(nodes) == 1 else None

    def edit_of(text: str) -> Edit:
        return effects.metadata_edit(shown, typed_lines.read_metadata(text))

    def found(text: str) -> Effects:
        return effects.metadata_effects(_now(app, nodes), edit_of(text), app.model.groups)

    async def act(text: str) -> str:
        edit = edit_of(text)
        problem = await perform(app, [each.node for each in found(text).going], "metadata", lambda _: edit)
        if problem and shown is not None:
            await _look_again(app, nodes[0], edit, shown)
        return problem

    beside = []
    if len(nodes) == 1 and (group := app.model.group_of(nodes[0])) is not None:
        beside = node_lines.group_metadata(group, nodes[0])
    question = Question(
        title=_title("Metadata", nodes),
        yes="save",
        effects=found,
        act=act,
        text=typed_lines.metadata_text(shown) if shown is not None else "",
        is_long=True,
        beside=[*beside, node_lines.fact("a line", "key=value, the value as text or JSON; -key takes it away")][-5:],
    )
    app.push_screen(ChangeScreen(question))


async def _look_again(app: "PureBootApp", node: Node, edit: Edit, shown: dict[str, Any]) -> None:
    """What was typed stays; what stands in its way has now been told, so that saving again means it."""
    [now] = await app.pureboot.nodes_by_ids({node.id})
    for name in edit.seen:
        key = name.removeprefix(edits.METADATA)
        if key in now.metadata:
            shown[key] = now.metadata[key]
        else:
            shown.pop(key, None)


def group(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Put nodes into a group, or into none."""
    nodes = deeds.nodes_of(app, node_ids)
    named = sorted(app.model.groups.values(), key=lambda each: each.name)
    told = {**{each.id: each.name for each in named}, "": _NONE}
    _choose(app, nodes, "group_id", told, what="group", verb="change the group of", none=_NONE)


def workflow(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Assign a workflow."""
    nodes = deeds.nodes_of(app, node_ids)

    async def ask() -> None:
        try:
            found, _ = await app.pureboot.workflows.find(Page(limit=None, filters={"is_active": ("true",)}))
        except PureBootError as error:
            app.complain(error)
            return
        told = {**{each.id: each.name for each in found}, "": _OWN}
        _choose(app, nodes, "workflow_id", told, what="workflow", verb="change the workflow of", none=_OWN)

    work_on(app, ask, group="services")


def _choose(
    app: "PureBootApp",
    nodes: Sequence[Node],
    name: str,
    told: Mapping[str, str],
    *,
    what: str,
    verb: str,
    none: str,
) -> None:
    """Set a field to one of several values."""
    seen = {node.id: node for node in nodes}

    def found(text: str) -> Effects:
        def words(value: object) -> str:
            return told.get(str(value), "another") if value else none

        return effects.values_effects(_now(app, nodes), name, text or None, verb, words)

    async def act(text: str) -> str:
        edit = Edit(values={name: text or None})
        going = [each.node for each in found(text).going]
        problem = await perform(app, going, what, lambda node: effects.seen_of(seen[node.id], edit))
        seen.update({node.id: node for node in await app.pureboot.nodes_by_ids(set(seen))} if problem else {})
        return problem

    before = {getattr(node, name) or "" for node in nodes}
    question = Question(
        title=_title(what.capitalize(), nodes),
        yes="set it",
        effects=found,
        act=act,
        text=before.pop() if len(before) == 1 else "",
        choices=told,
    )
    app.push_screen(ChangeScreen(question))


def hostname(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Name a node."""
    [node] = deeds.nodes_of(app, node_ids)[:1]
    seen = [node]

    def found(text: str) -> Effects:
        def words(value: object) -> str:
            return str(value or "no name")

        return effects.values_effects(_now(app, [node]), "hostname", text.strip() or None, "rename", words)

    async def act(text: str) -> str:
        edit = effects.seen_of(seen[0], Edit(values={"hostname": text.strip()}))
        problem = await perform(app, [node], "hostname", lambda _: edit)
        if problem:
            seen[:] = await app.pureboot.nodes_by_ids({node.id})
        return problem

    question = Question(
        title=_title("Hostname", [node]),
        yes="rename it",
        effects=found,
        act=act,
        asks="empty: none",
        text=node.hostname or "",
    )
    app.push_screen(ChangeScreen(question))


def lock(app: "PureBootApp", node_ids: Sequence[str], *, is_locked: bool) -> None:
    """Lock nodes, so that nothing is started on them, or unlock them."""
    nodes = deeds.nodes_of(app, node_ids)
    verb = "lock" if is_locked else "unlock"

    def found(_text: str) -> Effects:
        def words(value: object) -> str:
            return "locked" if value else "unlocked"

        return effects.values_effects(_now(app, nodes), "locked", is_locked, verb, words)

    async def act(text: str) -> str:
        edit = Edit(values={"locked": is_locked})
        return await perform(app, [each.node for each in found(text).going], f"{verb}ed", lambda _: edit)

    title = f"{verb.capitalize()} {labels.names([node.name for node in nodes])}"
    app.push_screen(ChangeScreen(Question(title=title, yes=f"{verb} them", effects=found, act=act)))


def retire(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Take nodes out of service for good."""
    nodes = deeds.nodes_of(app, node_ids)

    def found(_text: str) -> Effects:
        return effects.retire_effects(_now(app, nodes), deeds.newest_of(app, nodes))

    async def act(text: str) -> str:
        going = {each.node.id: each.node.name for each in found("").going}
        comment = text.strip() or None
        outcome = await deeds.for_each(
            going, lambda node_id: app.pureboot.nodes.retire(node_id, by=app.user, comment=comment)
        )
        deeds.tell(app, outcome, "retired:")
        return ""

    title = f"Retire {labels.names([node.name for node in nodes])}"
    question = Question(title=title, yes="retire", effects=found, act=act, asks="why (for the state log)")
    app.push_screen(ChangeScreen(question))


def take_back(app: "PureBootApp") -> None:
    """Undo the last edit, where nobody has changed the same since."""
    undo: Undo | None = app.undo
    if undo is None:
        app.complain("there is nothing to take back: nothing was edited in this session, or it was taken back")
        return
    app.undo = None

    async def work(_: object) -> None:
        nodes = await app.pureboot.nodes_by_ids(set(undo.edits))
        problem = await perform(app, nodes, f"{undo.what} as before", lambda node: undo.edits[node.id])
        if problem:
            app.complain(problem)

    app.perform(work)

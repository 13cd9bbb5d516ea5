"""What there is to go to and to do: the actions of the screen in front, the places, and every object by name."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from console import keys
from console.keys import Key
from console.places import PLACES
from console.view import finding
from console.view.finding import Offer
from engine.core.nodes import Node
from engine.core.page import EVERYTHING
from engine.errors import PureBootError

if TYPE_CHECKING:
    from textual.screen import Screen

    from console.app import PureBootApp

CHUNK = 500  # nodes whose offers are made in a millisecond or two
_LEAST = frozenset({"list", "everywhere"})


class Offers:
    """Knows what may be offered; what it has made of the nodes is kept as long as they stay as they are."""

    def __init__(self, app: "PureBootApp") -> None:
        self._app = app
        self._nodes: dict[str, tuple[Node, Offer]] = {}
        self._documents: list[Offer] = []

    async def prepare(self) -> None:
        """Make the offers of nodes that have changed, and read the names that the model does not have."""
        model = self._app.model
        for gone in set(self._nodes) - set(model.nodes):
            del self._nodes[gone]
        changed = [
            node for key, node in model.nodes.items() if key not in self._nodes or self._nodes[key][0] is not node
        ]
        for at in range(0, len(changed), CHUNK):
            self._nodes |= {node.id: (node, finding.node_offer(node)) for node in changed[at : at + CHUNK]}
            await asyncio.sleep(0)
        if self._app.is_open:
            self._documents = await self._read_names()

    async def _read_names(self) -> list[Offer]:
        pureboot = self._app.pureboot
        listed: list[tuple[str, str, Callable[[], Coroutine[Any, Any, tuple[list[Any], int]]]]] = [
            ("workflow", "Workflow", lambda: pureboot.workflows.find(EVERYTHING)),
            ("template", "Template", lambda: pureboot.templates.find(EVERYTHING)),
            ("trigger", "Trigger", lambda: pureboot.triggers.find(EVERYTHING)),
            ("pack", "Pack", lambda: pureboot.packs.find(EVERYTHING)),
        ]
        found: list[Offer] = []
        for kind, word, find in listed:
            if f"{kind}s" not in self._app.MODES:
                continue
            try:
                named, _ = await find()
            except PureBootError:
                continue  # the palette still finds everything else
            found += [finding.offer(f"{kind}:{each.name}", f"{word} {each.name}", each.name, kind) for each in named]
        return found

    def groups(self, screen: "Screen[Any]") -> list[list[Offer]]:
        """Everything, what matters most first."""
        model = self._app.model
        groups = [
            finding.offer(f"group:{each.name}", f"Group {each.name}", each.name, "group")
            for each in model.groups.values()
        ]
        executions = [finding.execution_offer(each, model.node_of(each)) for each in model.executions.values()]
        executions.reverse()
        own = list(self._actions(screen, lambda context: context not in _LEAST))
        least = list(self._actions(screen, lambda context: context in _LEAST))
        nodes = [made for _, made in self._nodes.values()]
        return [[*own, *_places(), *least], nodes, groups, self._documents, executions]

    def _actions(self, screen: "Screen[Any]", wanted: Callable[[str], bool]) -> Iterator[Offer]:
        contexts = (*getattr(screen, "CONTEXTS", ()), "everywhere")
        for context in filter(wanted, contexts):
            for key in map(self._app.keymap.of, keys.KEYS[context]):
                if not key.action.startswith(("app.show(", "app.command_palette", "app.go_to")):
                    yield _action(key)
        if wanted("everywhere"):
            yield finding.offer("app:change_theme", "Change the colours", "change the colours theme light dark")


def _action(key: Key) -> Offer:
    text = f"{key.help[0].upper()}{key.help[1:]}"
    return finding.offer(f"action:{key.id}", f"{text}  ({key.first})", text, key.label)


def _places() -> Iterable[Offer]:
    for place in PLACES:
        name = f"Go to {place.name}"
        yield finding.offer(f"place:{place.mode}", f"{name}  ({place.number or 'g ' + place.letter})", name, place.help)


async def carry_out(app: "PureBootApp", what: str, screen: "Screen[Any]") -> None:
    """Go to what was chosen, or do it on the screen that was in front."""
    kind, _, name = what.partition(":")
    match kind:
        case "action":
            await _perform(name, screen)
        case "app":
            await app.run_action(name)
        case "place":
            await app.action_show(name)
        case "node":
            app.open_node(name)
        case "execution":
            app.open_execution(name)
        case "workflow":
            await app.open_workflow(name)
        case "template":
            app.open_template(name)
        case "group":
            await app.open_listed("nodes", f'group="{name}"')
        case _:
            await app.open_listed(f"{kind}s", f'"{name}"')


async def _perform(name: str, screen: "Screen[Any]") -> None:
    """Do what a key does: on the screen, or on what has the focus there."""
    context, _, action = name.partition(".")
    key = next(each for each in keys.KEYS[context] if each.name == action)
    own = key.action.partition("(")[0]
    focused = screen.focused
    on_focused = focused is not None and not hasattr(screen, f"action_{own}") and hasattr(focused, f"action_{own}")
    await screen.app.run_action(key.action, default_namespace=focused if on_focused and focused else screen)

"""What the command palette offers: the tabs, the actions of the screen in front, and every object by name."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from console import keys
from console.keys import Key
from console.places import PLACES
from console.view import labels
from engine.core.page import EVERYTHING
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp

Offer = tuple[str, Callable[[], object]]

# Of thousands of nodes that fit, nobody reads more.
MOST = 25
# What fits as it stands comes before what fits letter by letter, which scores a few points at most.
AT_BEGIN, NAMED, WITHIN, FUZZY = 1.0, 0.9, 0.8, 1000.0


class Offers(Provider):
    """The actions of the screen in front, the tabs, and objects by name, in this order."""

    @property
    def console(self) -> "PureBootApp":
        """The console."""
        return cast("PureBootApp", self.app)

    async def startup(self) -> None:
        """Read the names of the documents."""
        self._documents: list[tuple[str, str]] = []
        if not self.console.is_open:
            return
        try:
            workflows, _ = await self.console.pureboot.workflows.find(EVERYTHING)
            templates, _ = await self.console.pureboot.templates.find(EVERYTHING)
        except PureBootError:
            return  # the palette still finds everything else
        self._documents = [("Workflow", each.name) for each in workflows]
        self._documents += [("Template", each.name) for each in templates]

    async def discover(self) -> Hits:
        """What can be done here, and the tabs."""
        for label, do in self._deeds():
            yield DiscoveryHit(Content(label), cast("Callable[[], None]", do), text=label)

    async def search(self, query: str) -> Hits:
        """What fits, fuzzily; of objects those whose name has it as it stands, of each kind a few."""
        for label, do in self._deeds():
            if (hit := self._fit(query, label, do)) is not None:
                yield hit
        wanted = query.strip().lower()
        for found in (self._nodes(wanted), self._executions(wanted), self._named(wanted)):
            for _, (label, do) in zip(range(MOST if wanted else 0), found, strict=False):
                yield Hit(NAMED, Content(label), cast("Callable[[], None]", do), text=label)

    def _fit(self, query: str, label: str, do: Callable[[], object]) -> Hit | None:
        """A label that has what was typed in it, or else its letters in their order; these then stand out."""
        at = label.lower().find(query.strip().lower())
        if at >= 0:
            return Hit(AT_BEGIN if at == 0 else WITHIN, Content(label), cast("Callable[[], None]", do), text=label)
        matcher = self.matcher(query)
        score, offsets = matcher.fuzzy_search.match(query, label)
        if score <= 0:
            return None
        content = Content(label)
        for offset in offsets:
            content = content.stylize(matcher.match_style, offset, offset + 1)
        return Hit(score / FUZZY, content, cast("Callable[[], None]", do), text=label)

    def _deeds(self) -> Iterator[Offer]:
        app = self.console
        for context in getattr(self.screen, "CONTEXTS", ())[:1]:
            for key in keys.KEYS[context]:
                yield f"{key.help[0].upper()}{key.help[1:]}  ({key.first})", self._doer(key)
        for place in PLACES:
            yield f"Go to {place.name}  ({place.number})", lambda mode=place.mode: app.action_show(mode)  # type: ignore[misc]
        yield "Go to the dead letters", app.open_letters
        yield "Help: the keys of this screen  (?)", app.action_help
        yield "Change the colours", app.action_change_theme
        yield "Quit PureBoot  (q)", app.action_quit

    def _doer(self, key: Key) -> Callable[[], object]:
        screen = self.screen

        async def do() -> None:
            await screen.run_action(key.action)

        return do

    def _nodes(self, wanted: str) -> Iterator[Offer]:
        app = self.console
        digits = "".join(char for char in wanted if char not in ":-.")
        for node in app.model.nodes.values():
            mac = node.mac_address.replace(":", "")
            if wanted in node.name.lower() or wanted in (node.ip_address or "") or (len(digits) > 2 and digits in mac):
                label = f"Node {labels.safe(node.name)}  {labels.words(node.state)}  {node.mac_address}"
                yield label, lambda each=node.id: app.open_node(each)  # type: ignore[misc]

    def _executions(self, wanted: str) -> Iterator[Offer]:
        app = self.console
        for execution in reversed(app.model.executions.values()):
            node = app.model.node_of(execution)
            name = f"{execution.workflow_name} {node.name if node else ''} {execution.id}".lower()
            if wanted in name:
                where = f" on {labels.safe(node.name)}" if node else ""
                label = f"Execution {execution.workflow_name}{where}  {labels.words(execution.status)}"
                yield label, lambda each=execution.id: app.open_execution(each)  # type: ignore[misc]

    def _named(self, wanted: str) -> Iterator[Offer]:
        app = self.console
        for kind, name in self._documents:
            if wanted in name.lower():
                go: Callable[[str], object] = app.open_workflow if kind == "Workflow" else app.open_template
                yield f"{kind} {name}", lambda go=go, each=name: go(each)  # type: ignore[misc]


PROVIDERS: set[type[Provider] | Callable[[], type[Provider]]] = {Offers}

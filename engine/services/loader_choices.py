"""What whoever answers firmware keeps in memory of the nodes."""

from collections.abc import Iterable

from engine.core.loader_choice import LoaderChoice, loader_choice
from engine.core.nodes import Node
from engine.core.page import EVERYTHING
from engine.services.context import Context
from engine.store import events, groups, nodes
from engine.store.tx import Tx


class LoaderChoices:
    """Which nodes there are, and the loader of each."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def all(self) -> tuple[int, list[LoaderChoice]]:
        """Those of all nodes, and the id of the newest event: both of one moment."""
        return await self._context.database.read(lambda tx: (events.cursor(tx), self._chosen(tx, nodes.everything(tx))))

    async def of(self, node_ids: Iterable[str]) -> list[LoaderChoice]:
        """Those of some nodes; one that is not there is left out."""
        wanted = list(node_ids)
        return await self._context.database.read(lambda tx: self._chosen(tx, nodes.by_ids(tx, wanted)))

    def _chosen(self, tx: Tx, found: Iterable[Node]) -> list[LoaderChoice]:
        by_model = self._context.settings.boot.loaders
        by_id = {group.id: group for group in groups.find(tx, EVERYTHING)[0]}
        return [loader_choice(node, by_id.get(node.group_id or ""), by_model) for node in found]

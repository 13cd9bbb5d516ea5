"""Which loader somebody chose for a node: the key `loader` of its metadata, or else of its group's."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.groups import Group
from engine.core.loaders import SHORT, wanted_loader
from engine.core.nodes import Node

LOADER_KEY = "loader"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderChoice:
    """A node as whoever answers firmware must know it: that it is listed, and its loader if one was chosen."""

    node_id: str
    mac_address: str
    loader: str | None = None


def loader_choice(node: Node, group: Group | None, by_model: Mapping[str, str]) -> LoaderChoice:
    """What was chosen for a node, or for its model by the site; an empty text takes back what its group says."""
    values = (node.metadata.get(LOADER_KEY), group.metadata.get(LOADER_KEY) if group else None)
    chosen = next((value for value in values if value is not None), None)
    loader = chosen.strip() if isinstance(chosen, str) else ""
    found = SHORT.get(loader, loader) or wanted_loader({}, node.model, by_model)
    return LoaderChoice(node_id=node.id, mac_address=node.mac_address, loader=found)

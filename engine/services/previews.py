"""What a template is rendered from where somebody only looks: secrets stand as the mask."""

from engine.core import documents as core
from engine.core.documents import DocumentKind
from engine.core.scopes import Surroundings
from engine.services.context import Context
from engine.services.rendering import Material, gather_version
from engine.store import documents, groups, nodes
from engine.store.tx import Tx


def previewed(
    context: Context, tx: Tx, reference: str, version: core.Reference, node: str | None
) -> tuple[Material, Surroundings]:
    """A version of a template, and what is around it for a node, or for none.

    Raises:
        NotFound: there is no such template, version or node.
        Invalid: it is a file, no text.
    """
    around = surroundings(context, tx, node)
    return gather_version(tx, documents.get(tx, DocumentKind.TEMPLATE, reference), version), around


def surroundings(context: Context, tx: Tx, node: str | None) -> Surroundings:
    """What is around a text for a node, or for none.

    Raises:
        NotFound: there is no such node.
    """
    target = nodes.get(tx, node) if node else None
    group = groups.get(tx, target.group_id) if target and target.group_id else None
    return Surroundings(node=target, group=group, server=context.server[0], secrets=context.vault.masked(tx))

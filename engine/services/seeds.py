"""What a machine that boots is given beside its files: its cloud-init documents, and what is put into its initrd."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core import seeds
from engine.core.boot import BOOT_ACTION, served
from engine.core.executions import Execution
from engine.core.groups import Group
from engine.core.nodes import Node
from engine.core.scopes import Server, metadata
from engine.core.seeds import Seed
from engine.core.tokens import digest
from engine.errors import Invalid, NotFound, Problem
from engine.services.context import Context
from engine.services.resolving import resolved
from engine.services.runs import Run
from engine.store import executions, groups, nodes
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramdisk:
    """What an initrd is made of: files that are served, by name; templates by the paths they get in it; `agent` says
    whether the node agent is one of the things in it, which asks `callback_url`.
    """

    execution_id: str
    callback_url: str
    initrd: tuple[str, ...] = ()
    overlay: Mapping[str, str] = field(default_factory=dict)
    agent: bool = True


class Seeds:
    """What stands behind an execution's capability token, for a machine that boots."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def seed(self, token: str, *, server: Server) -> Seed:
        """What cloud-init is told. A document's template is the one that the boot step names (`metadata`), or else the
        node's or group's metadata (`user_data`, `meta_data`, `vendor_data`, `network_config`).

        Raises:
            NotFound: no running execution has this token.
            Invalid: what names a template is no text.
        """
        return await self._context.database.read(lambda tx: self._seed(tx, token, server))

    async def ramdisk(self, token: str, *, server: Server) -> Ramdisk:
        """What the boot step that the machine is at, or was at last, puts into its initrd.

        Raises:
            NotFound: no running execution has this token.
        """

        def work(tx: Tx) -> Ramdisk:
            execution = _running(tx, token)
            url = f"{server.url}/api/v1/callback/{execution.id}"
            step = self._boot_step(tx, execution, server)
            if not step:
                return Ramdisk(execution_id=execution.id, callback_url=url)
            overlay = step.get("overlay") or {}
            return Ramdisk(
                execution_id=execution.id,
                callback_url=url,
                initrd=served("", step).initrd,
                overlay={str(path): str(name) for path, name in overlay.items()},
                agent=bool(step.get("agent")) or not overlay,
            )

        return await self._context.database.read(work)

    def _seed(self, tx: Tx, token: str, server: Server) -> Seed:
        execution = _running(tx, token)
        node = nodes.get_by_id(tx, execution.node_id) if execution.node_id is not None else None
        group = groups.get(tx, node.group_id) if node is not None and node.group_id is not None else None
        named = self._boot_step(tx, execution, server).get("metadata") or {}
        known = metadata(node, group)
        templates = {name: _template(name, named.get(name), known) for name in seeds.DOCUMENTS}
        chosen = {name: template for name, template in templates.items() if template is not None}
        return _seed(execution, node, group, known, chosen)

    def _boot_step(self, tx: Tx, execution: Execution, server: Server) -> Mapping[str, Any]:
        """The parameters of the newest attempt of a boot step, complete; none if there is no such attempt."""
        attempts = [attempt for attempt in execution.attempts if attempt.action == BOOT_ACTION]
        if not attempts:
            return {}
        run = Run.load(self._context, tx, execution, principal="node")
        return resolved(tx, run, attempts[-1], server)


def _running(tx: Tx, token: str) -> Execution:
    execution = executions.by_token(tx, digest(token))
    if execution is None or execution.ended:
        raise NotFound("no running execution has this token")
    return execution


def _template(name: str, of_step: object, known: Mapping[str, Any]) -> str | None:
    key = name.replace("-", "_")
    found = of_step or known.get(key)
    if not found:
        return None
    if not isinstance(found, str):
        raise Invalid([Problem(path=f"meta.{key}", message="is no text: write the name of a template")])
    return found


def _seed(
    execution: Execution, node: Node | None, group: Group | None, known: Mapping[str, Any], templates: Mapping[str, str]
) -> Seed:
    keys, name = seeds.public_keys(known), group.name if group else None
    if node is None:
        return Seed(execution_id=execution.id, group=name, keys=keys, templates=templates)
    return Seed(
        execution_id=execution.id,
        mac_address=node.mac_address,
        ip_address=node.ip_address,
        hostname=node.hostname,
        model=node.model,
        arch=node.arch,
        group=name,
        keys=keys,
        templates=templates,
    )

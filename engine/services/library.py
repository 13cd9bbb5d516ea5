"""The library as a whole: what can be asked of all documents together, and of everybody who uses them."""

from engine.core import documents as core
from engine.core.documents import Document, DocumentKind
from engine.core.impact import Impact as Impacted
from engine.core.impact import Target
from engine.core.page import EVERYTHING, Page
from engine.core.search import Found
from engine.core.usage import Catalogue, open_uses, users
from engine.core.uses import Use
from engine.core.where_used import (
    MOST,
    ExecutionUse,
    NodeUse,
    OpenUse,
    TriggerUse,
    WhereUsed,
    still_named,
    still_needed,
)
from engine.errors import Conflict, Invalid, Problem
from engine.services import targets
from engine.services.catalogues import Catalogues
from engine.services.context import Context
from engine.services.impacts import Impacts
from engine.services.searching import Searching
from engine.services.targets import Fits
from engine.services.templates import Templates
from engine.services.workflows import Workflows
from engine.store import documents, triggers
from engine.store.tx import Tx


class Library:
    """Every template and workflow: searched, and looked at from those who use them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalogues = Catalogues(context)
        self._searching = Searching(context)
        self._impacts = Impacts(context, self._catalogues)
        self._templates = Templates(context)
        self._workflows = Workflows(context)

    async def search(
        self, kind: DocumentKind, text: str, page: Page = EVERYTHING, *, every_version: bool = False
    ) -> tuple[list[Found], int]:
        """A page of the documents that have a text in their name, description, tags or content; and how many do.

        It is looked for literally, whatever its case is, in the version that a document shows (the current one), or in
        every one: then each version in which it is stands for itself, newest first.

        Raises:
            Invalid: there is nothing to look for, or the page cannot be.
        """
        return await self._searching.search(kind, text, page, every_version=every_version)

    async def where_used(self, kind: DocumentKind, reference: str, version: str | None = None) -> WhereUsed:
        """Who uses a document, or one of its versions: documents, nodes, live executions, triggers.

        Raises:
            NotFound: there is no such document or version.
            Invalid: `version` is none.
        """

        def work(tx: Tx) -> tuple[Document, str | None]:
            document = documents.get(tx, kind, reference)
            if version is None:
                return document, None
            return document, documents.version(tx, document, core.parse_reference(version)).version_string

        document, number = await self._context.database.read(work)
        running = await targets.running(self._context)
        catalogue = await self._catalogues.read(use for each in running for use in each.all_uses)
        fits = _leads_to(catalogue, document, number)
        is_workflow = kind is DocumentKind.WORKFLOW
        mine = [document.id] if is_workflow and number in (None, document.current_version) else []
        nodes = await targets.assigned(self._context, catalogue, fits, also=mine)
        live, more = await targets.live(self._context, running, fits, MOST)
        starting = await self._context.database.read(lambda tx: triggers.find(tx, EVERYTHING)[0])
        booted = {target.workflow.name for target in nodes} | _starting(catalogue, fits)
        booted |= {document.name} if is_workflow else set()
        return WhereUsed(
            kind=kind,
            id=document.id,
            name=document.name,
            version=number,
            documents=users(catalogue, kind, document.name, number),
            nodes=tuple(_node(each) for each in nodes[:MOST]),
            nodes_total=len(nodes),
            executions=tuple(_execution(each) for each in live),
            executions_total=len(live) + more,
            triggers=tuple(
                TriggerUse(trigger_id=each.id, name=each.name, enabled=each.enabled, workflow=each.workflow)
                for each in starting
                if each.workflow in booted
            ),
            open_uses=_open(catalogue, kind),
        )

    async def archive(
        self, kind: DocumentKind, reference: str, *, by: str, force: bool = False
    ) -> tuple[Document, tuple[str, ...]]:
        """End a document's use; its versions stay. Gives what still names it, in sentences.

        Raises:
            NotFound: there is no such document.
            Conflict: `force` is not given, and what is under way needs it: executions that have yet to come to it; of
                a workflow also triggers and workflows that start it, for an archived one cannot be started.
        """
        used = await self.where_used(kind, reference)
        needed, named = still_needed(used), still_named(used)
        if needed and not force:
            raise Conflict(
                f"{kind} {used.name} is needed: {'; '.join(needed)}; archive it by force, or end these first"
            )
        service = self._templates if kind is DocumentKind.TEMPLATE else self._workflows
        await service.archive(used.id, by=by)
        document = await self._context.database.read(lambda tx: documents.get(tx, kind, used.id))
        return document, (*needed, *named)

    async def impact(
        self,
        kind: DocumentKind,
        reference: str,
        *,
        from_: str | None = None,
        to: str | None = None,
        content: str | None = None,
        node: str | None = None,
    ) -> Impacted:
        """What would change if another version of a document, or a text that is not saved, were its current one.

        Without `from_` it is compared with the current version; without `to` and `content` it is the newest that would
        take its place. With a `node` only it is looked at, and its texts are given, secrets masked.

        Raises:
            NotFound: there is no such document, version or node, or the node would get none of it.
            Invalid: a version is none, both `to` and `content` are given, or the content cannot be.
        """
        if to is not None and content is not None:
            raise Invalid([Problem(path="to", message="is given beside a content: write one of them")])
        return await self._impacts.impact(kind, reference, from_=from_, to=to, content=content, node=node)


def _leads_to(catalogue: Catalogue, document: Document, version: str | None) -> Fits:
    """Whether uses lead to a document, in one version or any."""
    known: dict[tuple[Use, ...], bool] = {}

    def fits(uses: tuple[Use, ...]) -> bool:
        if uses not in known:
            known[uses] = any(
                (key.kind, key.name) == (document.kind, document.name) and version in (None, key.version)
                for key in catalogue.reach(uses)
            )
        return known[uses]

    return fits


def _starting(catalogue: Catalogue, fits: Fits) -> set[str]:
    """The workflows that lead there, whether or not a node is assigned to them."""
    keys = (key for key in catalogue.shown() if key.kind is DocumentKind.WORKFLOW)
    return {key.name for key in keys if fits(catalogue.uses.get(key, ()))}


def _node(target: Target) -> NodeUse:
    assert target.node is not None  # noqa: S101 - that is what an assignment is
    return NodeUse(
        node_id=target.node.id,
        node=target.node.name,
        mac_address=target.node.mac_address,
        through=target.through.value,
        workflow=target.workflow.name,
        workflow_version=target.workflow_version,
        steps=target.steps,
    )


def _execution(target: Target) -> ExecutionUse:
    assert target.execution is not None  # noqa: S101
    assert target.stage is not None  # noqa: S101
    return ExecutionUse(
        execution_id=target.execution.id,
        node_id=target.node.id if target.node else None,
        node=target.node.name if target.node else None,
        workflow=target.workflow.name,
        workflow_version=target.workflow_version,
        stage=target.stage,
        steps=target.steps,
    )


def _open(catalogue: Catalogue, kind: DocumentKind) -> tuple[OpenUse, ...]:
    return tuple(
        OpenUse(
            kind=key.kind,
            name=key.name,
            version=key.version,
            step=use.step,
            path=use.path,
            line=use.line,
            text=use.text,
        )
        for key, use in open_uses(catalogue, kind)
    )

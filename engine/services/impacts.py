"""What would change: put together from the store, rendered in a thread."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from engine.core import diff, rendering, served, sources, workflow_diff, workflow_file
from engine.core import documents as core
from engine.core.documents import FILE_TYPES, Document, DocumentKind, Version
from engine.core.findings import Findings, errors
from engine.core.impact import MOST, Impact, Judge, Reached, Target, compared, named, reached, worst_first
from engine.core.scopes import Server
from engine.core.served import Rendering, Side, marked, parts
from engine.core.usage import Catalogue, Key, Volume, number_of, open_uses
from engine.core.uses import Use
from engine.core.workflows import Workflow
from engine.errors import Invalid, NotFound, Problem
from engine.services import targets
from engine.services.catalogues import Catalogues, uses_of
from engine.services.context import Context
from engine.services.rendering import included, lenient, lookup
from engine.services.targets import Running
from engine.services.texts import Subject
from engine.services.told import told_server
from engine.store import documents, nodes
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is compared: two texts of a document; `to` is None for one that is not saved."""

    document: Document
    from_: Version
    to: Version | None
    content: str
    server: Server
    node_id: str | None = None

    @property
    def key(self) -> Key:
        """The version after the change; one that is not saved has the number that it would get."""
        return Key(self.document.kind, self.document.name, self.to.version_string if self.to else self._next)

    @property
    def _next(self) -> str:
        latest = number_of(self.document.latest_version or self.from_.version_string)
        major, minor = core.next_number(latest, core.Bump.MINOR)
        return f"v{major}.{minor}"


class Impacts:
    """Answers what would change."""

    def __init__(self, context: Context, catalogues: Catalogues) -> None:
        self._context = context
        self._catalogues = catalogues

    async def impact(
        self,
        kind: DocumentKind,
        reference: str,
        *,
        from_: str | None,
        to: str | None,
        content: str | None,
        node: str | None,
    ) -> Impact:
        """See `Library.impact`."""
        case = await self._context.database.read(lambda tx: self._case(tx, kind, reference, from_, to, content, node))
        running = await targets.running(self._context)
        found = await asyncio.to_thread(diff.diff, case.from_.content, case.content)
        whole = Impact(
            kind=kind,
            id=case.document.id,
            name=case.document.name,
            from_=case.from_.version_string,
            to=case.to.version_string if case.to else None,
            difference=found,
        )
        catalogue = await self._catalogues.read(use for each in running for use in each.all_uses)
        if kind is DocumentKind.WORKFLOW:
            return await self._of_workflow(whole, case, catalogue, running)
        flaws = await self._flaws(case)
        return await self._of_template(replace(whole, flaws=flaws), case, catalogue, running)

    async def _flaws(self, case: _Case) -> Findings:
        """The errors of the new text, with samples for its variables, that the old one has not."""
        kind, name, tags = case.document.type, case.document.name, case.document.tags
        if case.content == case.from_.content or kind in FILE_TYPES:
            return ()
        both = (case.from_.content, case.content)
        known = await self._context.database.read(lambda tx: [included(text, lenient(lookup(tx))) for text in both])
        before, after = [
            errors(await Subject(type=kind, text=text, name=name, tags=tags, known=its).findings())
            for text, its in zip(both, known, strict=True)
        ]
        old = {each.message for each in before}
        return tuple(each for each in after if each.message not in old)

    def _case(
        self,
        tx: Tx,
        kind: DocumentKind,
        reference: str,
        from_: str | None,
        to: str | None,
        content: str | None,
        node: str | None,
    ) -> _Case:
        document = documents.get(tx, kind, reference)
        if document.latest_version is None:
            raise NotFound(f"{kind} {document.name} has no version yet that could be compared")
        shown = document.current_version or document.latest_version
        left = documents.version(tx, document, core.parse_reference(from_ or shown))
        right = None
        if content is None:
            right = documents.version(tx, document, core.parse_reference(to or document.latest_version))
        else:
            core.check_content(content)
        return _Case(
            document=document,
            from_=left,
            to=right,
            content=right.content if right is not None else content or "",
            server=told_server(self._context, tx),
            node_id=nodes.get(tx, node).id if node is not None else None,
        )

    # Templates

    async def _of_template(
        self, whole: Impact, case: _Case, catalogue: Catalogue, running: Sequence[Running]
    ) -> Impact:
        extra = [use for each in running for use in each.all_uses]
        before, after = await self._sides(case, catalogue, extra)
        judge = Judge(
            before=Side(catalogue=before, texts={}),
            after=Side(catalogue=after, texts={}),
            server=case.server,
            secrets=sorted(await self._context.database.read(self._context.vault.names)),
        )

        def fits(uses: tuple[Use, ...]) -> bool:
            return any(is_touched for _, is_touched in judge.pieces(uses))

        booting = await targets.assigned(self._context, after, fits)
        live, more = await targets.live(self._context, running, fits, MOST)
        wanted = _only(case, [*live, *booting])
        touched = {piece for each in wanted for piece, is_touched in judge.pieces(each.uses) if is_touched}
        keys = {key for piece in touched for side in (before, after) for key in parts(side, piece)}
        texts = await self._catalogues.texts(catalogue, keys - {case.key}) | {case.key: case.content}
        judge.before.texts = judge.after.texts = texts
        listed, rest = await asyncio.to_thread(
            _judged,
            wanted,
            lambda each, keep: judge.judge(each, keep=keep),
            lambda: judge.is_spent,
            case.node_id is not None,
        )
        opened = open_uses(catalogue, DocumentKind.TEMPLATE)
        told = tuple(f"{key.kind} {key.name} {key.version}: {use.text}" for key, use in opened)
        return replace(whole, reached=worst_first(listed), not_rendered=rest + more, open_uses=told)

    async def _sides(self, case: _Case, catalogue: Catalogue, extra: Iterable[Use]) -> tuple[Catalogue, Catalogue]:
        """The catalogue with the one version as the current one, and with the other."""
        volume = catalogue.volumes[case.document.kind, case.document.name]
        old, new = number_of(case.from_.version_string), number_of(case.key.version)
        before = catalogue.without(_current(volume, old))
        changed = catalogue.without(_current(volume, new))
        uses = await asyncio.to_thread(uses_of, case.document.kind, case.content)
        after = replace(changed, uses={**changed.uses, case.key: uses})
        extra = list(extra)
        return await self._catalogues.complete(before, extra), await self._catalogues.complete(after, extra)

    # Workflows

    async def _of_workflow(
        self, whole: Impact, case: _Case, catalogue: Catalogue, running: Sequence[Running]
    ) -> Impact:
        old, new = await asyncio.to_thread(_workflows, case)
        mine = (case.document.kind, case.document.name)

        def fits(uses: tuple[Use, ...]) -> bool:
            return any((key.kind, key.name) == mine for key in catalogue.reach(uses))

        booting = await targets.assigned(self._context, catalogue, fits, also=[case.document.id])
        live, more = await targets.live(self._context, running, fits, MOST)
        texts = workflow_file.export(old), workflow_file.export(new)
        listed, rest = await asyncio.to_thread(
            _judged,
            _only(case, [*live, *booting]),
            lambda each, keep: _judge_workflow(each, case, new, texts, keep=keep),
            lambda: False,
            case.node_id is not None,
        )
        return replace(
            whole,
            changes=workflow_diff.changes(old, new),
            reached=worst_first(listed),
            not_rendered=rest + more,
            pinned=sum(at.workflow_id == case.document.id for each in running for at in each.executions),
        )


def _current(volume: Volume, number: tuple[int, int]) -> Volume:
    """A volume with this version as its current one, and no draft."""
    name = f"v{number[0]}.{number[1]}"
    numbers = tuple(dict.fromkeys((*volume.numbers, number)))
    return replace(volume, current=name, shown=name, numbers=numbers, drafts=volume.drafts - {number})


def _only(case: _Case, listed: Sequence[Target]) -> Sequence[Target]:
    """The targets that are wanted.

    Raises:
        NotFound: one node is, and it is not among them.
    """
    if case.node_id is None:
        return listed
    mine = [each for each in listed if each.node is not None and each.node.id == case.node_id]
    if not mine:
        kind, name = case.document.kind, case.document.name
        raise NotFound(
            f"this node would not get {kind} {name}: no workflow that it is assigned, nor what runs on it, leads there"
        )
    return mine


def _judged(
    wanted: Sequence[Target], judge: Callable[[Target, bool], Reached], is_spent: Callable[[], bool], keep: bool
) -> tuple[list[Reached], int]:
    """What each would get, as many as may be; and how many are left."""
    listed: list[Reached] = []
    for target in wanted[:MOST]:
        if is_spent():
            break
        found = judge(target, keep)
        if keep:
            shown = (replace(each, before=_shown(each.before), after=_shown(each.after)) for each in found.texts)
            found = replace(found, texts=tuple(shown))
        listed.append(found)
    return listed, len(wanted) - len(listed)


def _shown(text: str | None) -> str | None:
    return None if text is None else served.shown(text)


def _workflows(case: _Case) -> tuple[Workflow, Workflow]:
    old = workflow_file.parse(sources.read_one(case.from_.content))
    try:
        new = workflow_file.parse(sources.read_one(case.content))
    except Invalid as error:
        raise Invalid(error.problems) from None
    if new.name != old.name:
        raise Invalid([Problem(path="name", message=f"is {new.name!r}, but it is compared with {old.name}")])
    return old, new


def _judge_workflow(target: Target, case: _Case, new: Workflow, texts: tuple[str, str], *, keep: bool) -> Reached:
    """What the file says for a target: its `${…}` filled in, its expressions as they are."""
    versions = case.from_.version_string, case.key.version
    done = []
    for text, version in zip(texts, versions, strict=True):
        mine = replace(target, workflow=new, workflow_id=case.document.id, workflow_version=version)
        values, _ = named(mine, case.server, marked(()))
        content = rendering.render(text, values).content
        done.append(Rendering(digest=content.encode("utf-8", "surrogatepass"), text=content if keep else None))
    return reached(target, [compared(f"workflow {case.document.name}", *done)])

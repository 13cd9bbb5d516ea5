"""What an editor needs: a text to begin with, what can be named in it, what is wrong with it, and to save it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.actions.registry import Registry
from engine.core import documents as core
from engine.core import sources, workflow_file
from engine.core.documents import Document, DocumentKind, Version
from engine.core.editing import ActionWords, Seen, Vocabulary, words_of
from engine.core.findings import Findings, Severity, errors, in_order, of_problems
from engine.core.rendering import Rendered
from engine.core.sources import Source
from engine.core.workflows import Workflow
from engine.errors import Invalid, Problem
from engine.services import drafts
from engine.services.context import Context
from engine.services.previews import surroundings
from engine.services.rendering import Material, included, lenient, lookup, make, refuse_file
from engine.services.templates import Tell, Templates
from engine.services.texts import Subject
from engine.services.workflows import Workflows
from engine.store import documents
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A document on its way into an editor: `version` is the one whose text it is, None for one that has none yet."""

    document: Document
    version: Version | None
    seen: Seen

    @property
    def text(self) -> str:
        """What to begin with."""
        return self.version.content if self.version is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of a text: the version that has it, and whether that was made now."""

    name: str
    version: str
    is_new: bool


class Edits:
    """Workflows and templates while somebody writes them. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._templates = Templates(context)
        self._workflows = Workflows(context)
        self._actions: dict[str, ActionWords] | None = None

    async def open(self, kind: DocumentKind, reference: str, version: str | None = None) -> Opened:
        """A version of a document: without a number the newest if that is a draft, else the current one.

        Raises:
            NotFound: there is no such document or version.
            Invalid: `version` is none, or it is a file, no text.
        """

        def work(tx: Tx) -> Opened:
            document = documents.get(tx, kind, reference)
            refuse_file(document)
            seen = Seen(current=document.current_version, latest=document.latest_version)
            return Opened(document=document, version=_begun_with(tx, document, version), seen=seen)

        return await self._context.database.read(work)

    async def vocabulary(self) -> Vocabulary:
        """What there is to be named."""
        if self._actions is None:
            self._actions = await asyncio.to_thread(_action_words, self._context.actions)
        actions = self._actions
        return await self._context.database.read(
            lambda tx: Vocabulary(
                actions=actions,
                templates=sorted(documents.names(tx, DocumentKind.TEMPLATE)),
                workflows=sorted(documents.names(tx, DocumentKind.WORKFLOW)),
                secrets=sorted(self._context.vault.names(tx)),
            )
        )

    async def check_workflow(self, text: str, *, name: str | None = None) -> Findings:
        """Everything that is wrong with a workflow's text; `name` is that of the workflow that it is a version of. A
        secret that is not there may still come, so that is a warning.
        """
        templates, secrets = await self._context.database.read(
            lambda tx: (documents.names(tx, DocumentKind.TEMPLATE), self._context.vault.names(tx))
        )
        return await asyncio.to_thread(self._wrong, text, name, templates, secrets)

    def _wrong(self, text: str, name: str | None, templates: set[str], secrets: Collection[str]) -> Findings:
        try:
            source = sources.read_one(core.check_content(text))
        except Invalid as error:
            return of_problems(error.problems, "workflow")
        found = self._workflows.problems_of(source, templates, secrets)
        firm = self._workflows.problems_of(source, templates) if found else []
        doubtful = of_problems([each for each in found if each not in firm], "secrets", Severity.WARNING)
        renamed = _renamed(source, name)
        return in_order([*of_problems([*firm, *renamed], "workflow"), *doubtful])

    async def check_template(self, text: str, type_: str, *, name: str = "", tags: Sequence[str] = ()) -> Findings:
        """Everything that is wrong with a template's text, with samples for its variables.

        Raises:
            Invalid: it is too large, or no text.
        """
        core.check_content(text)
        known = await self._context.database.read(lambda tx: included(text, lenient(lookup(tx))))
        return await Subject(type=type_, text=text, name=name, tags=tags, known=known).findings()

    async def render(self, text: str, *, node: str, name: str | None = None, type_: str = "") -> Rendered:
        """A preview of a text that is not saved, for a node: secrets masked. `name` is the template's, None for a new
        one of a type.

        Raises:
            NotFound: there is no such template or node.
            Invalid: includes run in a circle or too deep, or the text gets too large.
        """
        core.check_content(text)
        now = self._context.now()

        def work(tx: Tx) -> Material:
            if name is not None:
                document = documents.get(tx, DocumentKind.TEMPLATE, name)
            else:
                document = Document(
                    id="", kind=DocumentKind.TEMPLATE, name="(new)", type=type_, created_at=now, updated_at=now
                )
            newest = documents.newest(tx, document.id) if name is not None else None
            number = core.next_number((newest.major, newest.minor) if newest else None, core.Bump.MINOR)
            version = core.make_version(
                document, number, text, version_id="", author="", commit_message="", now=now, draft=True
            )
            return Material(document=document, version=version, included=included(text, lookup(tx)))

        material, around = await self._context.database.read(
            lambda tx: (work(tx), surroundings(self._context, tx, node))
        )
        return await asyncio.to_thread(make, material, around, masked=True)

    async def save_workflow(
        self, text: str, *, by: str, name: str | None, commit_message: str = "", seen: Seen | None = None
    ) -> Saved:
        """Keep a workflow's text as a draft; `name` is that of the workflow it is a version of, None for a new one.

        Raises:
            Invalid: something in it is wrong, or it has another name; all of it is named, and nothing is changed.
            Stale: there is a version by now that its author has not `seen`.
            Conflict: a new one has a name that is taken.
        """
        wrong = errors(await self.check_workflow(text, name=name))
        if wrong:
            raise Invalid(wrong)
        workflow = await asyncio.to_thread(_read, text)

        def work(tx: Tx) -> Saved:
            if name is None:
                drafts.require_free(tx, workflow.name)
            else:
                drafts.refuse_unseen(documents.get(tx, DocumentKind.WORKFLOW, name), seen)
            document, is_new = drafts.take_up(self._context, tx, workflow, text, by=by, message=commit_message)
            return Saved(name=document.name, version=document.latest_version or "", is_new=is_new)

        return await self._context.database.write(work)

    async def save_template(
        self,
        text: str,
        *,
        by: str,
        name: str,
        new_type: str | None = None,
        commit_message: str = "",
        seen: Seen | None = None,
        force: bool = False,
        tell: Tell | None = None,
    ) -> Saved:
        """Keep a template's text as a draft; `new_type` makes a new template of that type.

        Raises:
            Invalid: its check found errors, and `force` is not given; or the name, the type or the text is wrong.
            Stale: there is a version by now that its author has not `seen`.
            Conflict: the current or the newest version has exactly this text; or a new one has a name that is taken.
        """
        if new_type is not None:
            made = await self._templates.create(
                name, text, by=by, type_=new_type, commit_message=commit_message, draft=True, force=force, tell=tell
            )
            return Saved(name=made.name, version=made.latest_version or "", is_new=True)
        version = await self._templates.add_version(
            name, text, by=by, commit_message=commit_message, seen=seen, draft=True, force=force, tell=tell
        )
        return Saved(name=name, version=version.version_string, is_new=True)


def _begun_with(tx: Tx, document: Document, version: str | None) -> Version | None:
    if version is not None:
        return documents.version(tx, document, core.parse_reference(version))
    newest = documents.newest(tx, document.id)
    if newest is None or newest.draft or document.current_version is None:
        return newest
    return documents.version(tx, document, core.LATEST)


def _read(text: str) -> Workflow:
    return workflow_file.parse(sources.read_one(core.check_content(text)))


def _renamed(source: Source, name: str | None) -> list[Problem]:
    """What is wrong with a text that is to be a version of a workflow of this name, beside what every text may be."""
    found = source.tree.get("name") if isinstance(source.tree, dict) else None
    if name is None or found is None or found == name:
        return []
    message = f"this is workflow {name}, and a workflow keeps its name; begin a new one for it"
    return [source.problem(("name",), message)]


def _action_words(actions: Registry) -> dict[str, ActionWords]:
    return {
        name: ActionWords(summary=action.summary, parameters=words_of(action.parameters.model_json_schema()))
        for name, action in actions.items()
    }

"""What can be done with workflows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.core import documents as core
from engine.core import sources, workflow_file
from engine.core.documents import Document, DocumentKind, DocumentStatus, Version
from engine.core.events import Kind
from engine.core.page import EVERYTHING, Page
from engine.core.sources import Source
from engine.core.workflow_check import problems
from engine.core.workflows import PublishedWorkflow, Workflow
from engine.errors import Invalid, Problem
from engine.services import drafts, from_template
from engine.services.context import Context
from engine.store import documents, executions
from engine.store.tx import Tx


class Workflows:
    """Workflows: import, find, validate, publish, archive. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def validate(self, text: str, *, file: str | None = None) -> list[Problem]:
        """Everything that is wrong with a file, each with its place; changes nothing. Also which secrets it names that
        are not there: they may still come, so that alone keeps no workflow from being imported and published.
        """
        try:
            found = sources.read(core.check_content(text), file=file)
            if not found:
                return [Problem(message="holds no workflow", file=file)]
            templates, secrets = await self._context.database.read(
                lambda tx: (documents.names(tx, DocumentKind.TEMPLATE), self._context.vault.names(tx))
            )
            return [problem for source in found for problem in self.problems_of(source, templates, secrets)]
        except Invalid as error:
            return list(error.problems)

    async def import_(
        self, text: str, *, by: str, file: str | None = None, commit_message: str = ""
    ) -> list[tuple[PublishedWorkflow, bool]]:
        """Take up every workflow of a YAML or JSON text, each as a draft; gives each and whether anything changed.

        Raises:
            Invalid: something in the text is wrong; all of it is named, and nothing is changed.
        """
        found = sources.read(core.check_content(text), file=file)
        if not found:
            raise Invalid([Problem(message="holds no workflow", file=file)])
        texts = [text] if len(found) == 1 else [workflow_file.export(workflow_file.parse(source)) for source in found]
        pairs = list(zip(found, texts, strict=True))
        return await self._context.database.write(lambda tx: self._import(tx, pairs, by, commit_message))

    async def make(
        self,
        template: str,
        name: str,
        params: Mapping[str, Any],
        *,
        by: str,
        commit_message: str = "",
        dry_run: bool = False,
    ) -> tuple[str, PublishedWorkflow | None]:
        """Make a draft of a new workflow from a workflow template (`name`, `name:v1.0`); gives its file, and the
        workflow unless `dry_run` says that nothing is to change.

        Raises:
            NotFound: there is no such template or version.
            Invalid: it is no workflow template, a parameter is wrong, or the workflow that it makes is; all of it is
                named, with the line of the template.
            Conflict: there is a workflow of this name.
        """
        made = await from_template.made(self._context, template, name, params, self.validate)

        def work(tx: Tx) -> PublishedWorkflow:
            drafts.require_free(tx, made.name)
            pair = (sources.read_one(made.content), made.content)
            return self._import(tx, [pair], by, commit_message or f"made from {made.template.file}")[0][0]

        return made.content, None if dry_run else await self._context.database.write(work)

    async def template_params(self, template: str) -> Mapping[str, Mapping[str, Any]]:
        """The parameters of a workflow template (`name`, `name:v1.0`): a JSON Schema for each name.

        Raises:
            NotFound: there is no such template or version.
            Invalid: it is no workflow template, or something in it is wrong.
        """
        return (await self._context.database.read(lambda tx: from_template.read(tx, template))).params

    async def create(self, tree: Mapping[str, Any], *, by: str, commit_message: str = "") -> PublishedWorkflow:
        """Make a workflow from its tree.

        Raises:
            Invalid: something in it is wrong; all of it is named.
            Conflict: there is a workflow of this name.
        """
        tree, tags = _without_tags(tree)
        source = Source(tree=dict(tree))
        text = workflow_file.export(workflow_file.parse(source))

        def work(tx: Tx) -> PublishedWorkflow:
            self._refuse(tx, [source])
            name = str(tree["name"])
            drafts.require_free(tx, name)
            made = self._import(tx, [(source, text)], by, commit_message)[0][0]
            return made if tags is None else self._tag(tx, _get(tx, made.id), tags, by)

        return await self._context.database.write(work)

    async def update(
        self, reference: str, tree: Mapping[str, Any], *, by: str, commit_message: str = ""
    ) -> PublishedWorkflow:
        """Make a new draft of a workflow from a whole tree, or from the parts of it that are to change.

        Its `tags` are no part of a version: they change at once, and alone they make no draft.

        Raises:
            NotFound: there is no such workflow.
            Invalid: something in it is wrong, or it changes the name.
        """

        tree, tags = _without_tags(tree)

        def work(tx: Tx) -> PublishedWorkflow:
            document = _get(tx, reference)
            if tags is not None and not tree:
                return self._tag(tx, document, tags, by)
            before = self._context.workflow(documents.version(tx, document, _newest(tx, document)))
            whole = {**workflow_file.as_file(before), **tree}
            if whole["name"] != document.name:
                raise Invalid([Problem(path="name", message="a workflow keeps its name; import it under another")])
            source = Source(tree=whole)
            text = workflow_file.export(workflow_file.parse(source))
            made = self._import(tx, [(source, text)], by, commit_message)[0][0]
            return made if tags is None else self._tag(tx, _get(tx, made.id), tags, by)

        return await self._context.database.write(work)

    async def get(self, reference: str, version: str | None = None) -> PublishedWorkflow:
        """The workflow with this id or name: its active version, or else its newest, or the one asked for.

        Raises:
            NotFound: there is no such workflow or version.
        """
        return await self._context.database.read(lambda tx: self._shown(tx, _get(tx, reference), version))

    async def find(self, page: Page) -> tuple[list[PublishedWorkflow], int]:
        """A page of the workflows, and how many there are. `is_active` among the filters keeps (in)active ones."""

        def work(tx: Tx) -> tuple[list[PublishedWorkflow], int]:
            found, total = documents.find(tx, DocumentKind.WORKFLOW, _by_activity(page))
            return [self._shown(tx, document) for document in found], total

        return await self._context.database.read(work)

    async def versions(self, reference: str, page: Page = EVERYTHING) -> tuple[list[Version], int]:
        """A page of a workflow's versions, newest first.

        Raises:
            NotFound: there is no such workflow.
        """
        return await self._context.database.read(lambda tx: documents.versions(tx, _get(tx, reference).id, page))

    async def version(self, reference: str, version: str = "latest") -> Version:
        """One version of a workflow with its text.

        Raises:
            NotFound: there is no such workflow or version.
        """
        wanted = core.parse_reference(version)
        return await self._context.database.read(lambda tx: documents.version(tx, _get(tx, reference), wanted))

    async def publish(self, reference: str, version: str | None = None, *, by: str) -> PublishedWorkflow:
        """Validate a version (the newest, if none is named) and make it the active one.

        Raises:
            NotFound: there is no such workflow or version.
            Invalid: it is not valid any more, for instance because a template is gone.
        """

        def work(tx: Tx) -> PublishedWorkflow:
            document = _get(tx, reference)
            wanted = core.parse_reference(version) if version else _newest(tx, document)
            chosen = documents.version(tx, document, wanted)
            self._refuse(tx, [sources.read_one(chosen.content, file=f"{document.name} {chosen.version_string}")])
            after = replace(
                document,
                status=DocumentStatus.ACTIVE,
                current_version=chosen.version_string,
                updated_at=self._context.now(),
                **drafts.facts(self._context.workflow(chosen)),
            )
            if after.current_version != document.current_version or after.status is not document.status:
                documents.save(tx, after)
                documents.publish_version(tx, chosen)
                drafts.note(self._context, tx, Kind.WORKFLOW_PUBLISHED, after, by, {"version": chosen.version_string})
            return self._shown(tx, after)

        return await self._context.database.write(work)

    async def set_current(self, reference: str, version: str, *, by: str) -> PublishedWorkflow:
        """Make an older (or newer) version the active one: the same as to publish it.

        Raises:
            NotFound: there is no such workflow or version.
            Invalid: `version` is none, or it is not valid any more.
        """
        return await self.publish(reference, version, by=by)

    async def archive(self, reference: str, *, by: str) -> PublishedWorkflow:
        """End a workflow's use; its versions stay, and what runs of it runs on.

        Raises:
            NotFound: there is no such workflow.
        """

        def work(tx: Tx) -> PublishedWorkflow:
            document = replace(_get(tx, reference), status=DocumentStatus.ARCHIVED, updated_at=self._context.now())
            documents.save(tx, document)
            live = executions.count_live(tx, document.id)
            drafts.note(self._context, tx, Kind.WORKFLOW_ARCHIVED, document, by, {"live_executions": live})
            return self._shown(tx, document)

        return await self._context.database.write(work)

    async def export(self, reference: str, version: str | None = None) -> str:
        """A version as YAML in the contract's form.

        Raises:
            NotFound: there is no such workflow or version.
        """

        def work(tx: Tx) -> str:
            document = _get(tx, reference)
            wanted = core.parse_reference(version) if version else _shown_reference(document)
            return workflow_file.export(self._context.workflow(documents.version(tx, document, wanted)))

        return await self._context.database.read(work)

    def problems_of(self, source: Source, templates: set[str], secrets: Collection[str] | None = None) -> list[Problem]:
        """Everything that is wrong with one workflow beside templates and secrets of these names; asks no store."""
        return problems(
            source,
            actions=self._context.actions,
            has_template=templates.__contains__,
            has_secret=lambda name: secrets is None or name in secrets,
        )

    def _refuse(self, tx: Tx, found: Sequence[Source]) -> None:
        templates = documents.names(tx, DocumentKind.TEMPLATE)
        wrong = [problem for source in found for problem in self.problems_of(source, templates)]
        if wrong:
            raise Invalid(wrong)

    def _import(
        self, tx: Tx, pairs: Sequence[tuple[Source, str]], by: str, message: str
    ) -> list[tuple[PublishedWorkflow, bool]]:
        self._refuse(tx, [source for source, _ in pairs])
        return [self._import_one(tx, workflow_file.parse(source), text, by, message) for source, text in pairs]

    def _import_one(
        self, tx: Tx, workflow: Workflow, text: str, by: str, message: str
    ) -> tuple[PublishedWorkflow, bool]:
        document, is_changed = drafts.take_up(self._context, tx, workflow, text, by=by, message=message)
        return self._shown(tx, document), is_changed

    def _tag(self, tx: Tx, document: Document, tags: tuple[str, ...], by: str) -> PublishedWorkflow:
        after = replace(document, tags=tags, updated_at=self._context.now())
        if after.tags != document.tags:
            documents.save(tx, after)
            changes = {"tags": [document.tags, after.tags]}
            drafts.note(self._context, tx, Kind.WORKFLOW_UPDATED, after, by, {"changes": changes})
        return self._shown(tx, after)

    def _shown(self, tx: Tx, document: Document, version: str | None = None) -> PublishedWorkflow:
        wanted = core.parse_reference(version) if version else _shown_reference(document)
        chosen = documents.version(tx, document, wanted)
        workflow = self._context.workflow(chosen)
        return PublishedWorkflow(
            id=document.id,
            name=document.name,
            description=workflow.description,
            os_family=workflow.os_family,
            architecture=workflow.architecture,
            boot_mode=workflow.boot_mode,
            status=document.status,
            version=chosen.version_string,
            current_version=document.current_version,
            latest_version=document.latest_version,
            tags=document.tags,
            params=workflow.params,
            timeout_seconds=workflow.timeout_seconds,
            state_on_start=workflow.state_on_start,
            steps=workflow.steps,
            content=chosen.content,
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


def _get(tx: Tx, reference: str) -> Document:
    return documents.get(tx, DocumentKind.WORKFLOW, reference)


def _newest(tx: Tx, document: Document) -> core.Reference:
    newest = documents.newest(tx, document.id)
    return core.Reference(major=newest.major, minor=newest.minor) if newest else core.LATEST


def _shown_reference(document: Document) -> core.Reference:
    """The active version, or else the newest."""
    if document.status is DocumentStatus.ACTIVE or document.latest_version is None:
        return core.LATEST
    return core.parse_reference(document.latest_version)


def _without_tags(tree: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
    """A tree without the tags that may stand in it, and these."""
    if "tags" not in tree:
        return tree, None
    tags = tree["tags"]
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise Invalid([Problem(path="tags", message="must be a list of texts")])
    return {key: value for key, value in tree.items() if key != "tags"}, core.check_tags(tags)


def _by_activity(page: Page) -> Page:
    wanted = page.filters.get("is_active")
    if not wanted:
        return page
    active = wanted[0].lower() in ("true", "1", "yes")
    status = (DocumentStatus.ACTIVE,) if active else (DocumentStatus.DRAFT, DocumentStatus.ARCHIVED)
    others = {name: values for name, values in page.filters.items() if name != "is_active"}
    return replace(page, filters={**others, "status": tuple(each.value for each in status)})

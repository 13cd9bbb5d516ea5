"""Dry runs: what a workflow would do for a node, with nothing started and nothing written."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.core import admission, expressions, outcomes, scopes, sources
from engine.core import documents as core
from engine.core.documents import Document, DocumentKind, DocumentStatus, Version
from engine.core.dry_run import BootFile, DryRun, Library, TemplateText
from engine.core.executions import Execution
from engine.core.findings import errors
from engine.core.nodes import Node
from engine.core.outcomes import Outcomes
from engine.core.placeholders import references
from engine.core.plans import Lack, Missing, Plan, PlannedStep, PlannedTemplate
from engine.core.rendering import MASK
from engine.core.scene import ID, Scene
from engine.core.secrets import masked_scope
from engine.core.shelf import Shelf, Wanted, WantedTemplate, WantedWorkflow, inputs
from engine.core.workflows import Workflow
from engine.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from engine.services import limits
from engine.services.context import Context
from engine.services.files import Files
from engine.services.nodes import require_unlocked
from engine.services.told import told_server
from engine.store import documents, executions, groups, nodes, packs
from engine.store.tx import Tx
from engine.validators.checks import Job
from engine.validators.templates import whole_type


class Plans:
    """Dry runs."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self._files = files

    async def plan(
        self,
        workflow: str,
        *,
        node: str | None = None,
        params: Mapping[str, Any] | None = None,
        draft: bool = False,
        outcomes: Outcomes | None = None,
    ) -> Plan:
        """What starting a workflow would do; each step is taken to succeed unless `outcomes` says how it ends.

        What is wrong is not raised but in the plan's `missing`, all of it.

        Raises:
            NotFound: there is no such workflow or node.
            Invalid: `outcomes` names a step that does not exist.
        """

        def work(tx: Tx) -> _Basis:
            return self._basis(tx, workflow, node, params or {}, draft, outcomes or {})

        basis = await self._context.database.read(work)
        shelf, own = Shelf(), basis.scene.workflow_id
        while True:
            dry_run, plan = await asyncio.to_thread(_walk, basis, shelf)
            wanted = shelf.wanted
            if not wanted:
                break
            await self._context.database.read(lambda tx, names=wanted: self._fetch(tx, shelf, names, own))  # type: ignore[misc]
        absent = await self._no_template(
            await asyncio.to_thread(_absent, self._context.settings.files.dir, dry_run.files)
        )
        return await self._with_flaws(dry_run.without(plan, absent))

    async def _with_flaws(self, plan: Plan) -> Plan:
        """The plan with what the checks of its templates' texts find: it would stop the machine that fetches one."""
        setting = self._context.settings.templates.check_on_boot
        if setting == "off":
            return plan
        missing = dict.fromkeys(plan.missing)
        steps = []
        for step in plan.steps:
            templates = [await self._with_problems(step, each) for each in step.templates]
            steps.append(replace(step, templates=tuple(templates)))
            if setting == "error":
                missing |= dict.fromkeys(_lack(step, problem) for each in templates for problem in each.problems)
        return replace(plan, steps=tuple(steps), missing=tuple(missing))

    async def _with_problems(self, step: PlannedStep, template: PlannedTemplate) -> PlannedTemplate:
        if template.version is None or template.unknown or template.problems:
            return template
        interpreter = next((str(each.value) for each in step.parameters if each.path == "interpreter"), "")
        job = Job(
            type_=template.type,
            text=template.content.replace(MASK, "sample"),
            name=template.name,
            interpreter=(interpreter or "/bin/sh") if step.action == "node.script" else "",
        )
        found = errors(await self._context.checks.check(job))
        problems = tuple(
            Problem(
                message=each.message,
                path=each.path,
                line=each.line,
                column=each.column,
                file=f"{template.name} (rendered)",
            )
            for each in found
        )
        return replace(template, problems=problems)

    async def _no_template(self, absent: Mapping[str, str]) -> dict[str, str]:
        """Of the files that are not in the folder, those that are no templates either, or are lost."""
        upstream = self._context.settings.files.upstream
        lacking = {name: await self._files.lack(name) for name in absent if name.lstrip("/") not in upstream}
        return {
            name: str(lack) if isinstance(lack, Unavailable) else absent[name]
            for name, lack in lacking.items()
            if lack is not None
        }

    def _basis(
        self, tx: Tx, reference: str, node: str | None, given: Mapping[str, Any], draft: bool, outcomes_: Outcomes
    ) -> "_Basis":
        document = documents.get(tx, DocumentKind.WORKFLOW, reference)
        version, refusal = _version(tx, document, draft)
        workflow = self._context.workflow(version)
        _refuse_unknown_steps(workflow, outcomes_)
        target = nodes.get(tx, node) if node is not None else None
        group = groups.get(tx, target.group_id) if target is not None and target.group_id is not None else None
        values, wrong = inputs(workflow, given)
        unnamed = target is None and admission.needs_node(workflow, self._context.actions)
        scene = Scene(
            workflow=workflow,
            actions=self._context.actions,
            outcomes=outcomes_,
            node=target,
            group=group,
            params=values,
            unknown_params=tuple(name for name in workflow.params if name not in values),
            unknown_node=unnamed,
            server=told_server(self._context, tx),
            secrets=masked_scope(self._context.vault.names(tx).__contains__),
            workflow_id=document.id,
            workflow_version=version.version_string,
            max_attempts=self._context.settings.install.max_attempts,
            strict=False,
        )
        missing = [
            *([Missing(kind=Lack.WORKFLOW, message=refusal)] if refusal else ()),
            *wrong,
            *(Missing(kind=Lack.NODE, message=text) for text in self._refusals(tx, workflow, target)),
        ]
        key = _key(scene)
        before = Plan(
            workflow=document.name,
            version=version.version_string,
            workflow_status=document.status.value,
            node=target.name if target else None,
            node_id=target.id if target else None,
            node_state=target.state if target else None,
            group=group.name if group else None,
            params=values,
            timeout_seconds=workflow.timeout_seconds,
            max_parallel=workflow.max_parallel,
            concurrency=None if workflow.concurrency is None else {**workflow.concurrency, "key": key},
            waits_for=self._wait(tx, document, version, workflow, target, key),
            missing=tuple(missing),
        )
        return _Basis(scene=scene, before=before, content=version.content)

    def _refusals(self, tx: Tx, workflow: Workflow, node: Node | None) -> Iterator[str]:
        """Why nothing could be started on this node now."""
        if node is not None:
            try:
                require_unlocked(node)
            except Conflict as error:
                yield str(error)
            live = executions.live_on(tx, node.id)
            if live is not None:
                yield f"node {node.name} is busy with {live.workflow_name} (execution {live.id})"
        refusal = admission.refusal(workflow, self._context.actions, node)
        if refusal:
            yield refusal

    def _wait(
        self, tx: Tx, document: Document, version: Version, workflow: Workflow, node: Node | None, key: str | None
    ) -> str | None:
        execution = Execution(
            id=ID,
            workflow_id=document.id,
            workflow_name=document.name,
            workflow_version=version.version_string,
            version_id=version.id,
            node_id=node.id if node else None,
            created_at=self._context.now(),
        )
        found = limits.wait(self._context, tx, execution, workflow, key)
        return found.reason if found else None

    def _fetch(self, tx: Tx, shelf: Shelf, wanted: Sequence[Wanted], workflow_id: str) -> None:
        """Put on the shelf what a walk asked for, and all that these texts include."""
        waiting = list(wanted)
        while waiting:
            name = waiting.pop()
            if isinstance(name, WantedWorkflow):
                shelf.workflows[name.name] = self._child(tx, name.name)
                continue
            found = shelf.templates[name] = _template(tx, name, workflow_id)
            if found is not None:
                included = (WantedTemplate(each.name, each.reference) for each in references(found.content).includes)
                waiting += [each for each in included if each not in shelf.templates]

    def _child(self, tx: Tx, name: str) -> Workflow | str:
        """The active version of a workflow that a step starts, or why there is none."""
        try:
            version, refusal = _version(tx, documents.get(tx, DocumentKind.WORKFLOW, name), draft=False)
        except NotFound as error:
            return str(error)
        return refusal or self._context.workflow(version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What a walk begins with."""

    scene: Scene
    before: Plan
    content: str


def _lack(step: PlannedStep, problem: Problem) -> Missing:
    return Missing(
        kind=Lack.TEMPLATE,
        message=problem.message,
        step_key=step.key,
        path=problem.path,
        file=problem.file,
        line=problem.line,
        column=problem.column,
    )


def _walk(basis: _Basis, shelf: Shelf) -> tuple[DryRun, Plan]:
    """Walk through the workflow with what is on the shelf. It may take a while, so it is no work for the event loop."""
    source = sources.read_one(basis.content, file=f"{basis.before.workflow} {basis.before.version}")
    library = Library(source=source, template=shelf.template, start=shelf.start)
    dry_run = DryRun(replace(basis.scene, include=shelf.include), library)
    return dry_run, dry_run.plan(basis.before)


def _version(tx: Tx, document: Document, draft: bool) -> tuple[Version, str | None]:
    """The version that would run, and why none would: then it is the newest."""
    refusal = None
    if document.status is DocumentStatus.ARCHIVED and not draft:
        refusal = f"workflow {document.name} is archived; import or publish it again to use it"
    elif document.status is not DocumentStatus.ACTIVE and not draft:
        refusal = f"workflow {document.name} is a draft; publish it first, or ask for its draft"
    reference = core.LATEST
    if (refusal or draft) and document.latest_version is not None:
        reference = core.parse_reference(document.latest_version)
    return documents.version(tx, document, reference), refusal


def _refuse_unknown_steps(workflow: Workflow, given: Outcomes) -> None:
    keys = [step.key for step in workflow.steps]
    problems = [
        Problem(path=f"outcomes.{key}", message=outcomes.no_step(key, keys)) for key in given if key not in keys
    ]
    if problems:
        raise Invalid(problems)


def _key(scene: Scene) -> str | None:
    """What the workflow's `concurrency` counts by; as written if it cannot be told."""
    if scene.workflow.concurrency is None:
        return None
    written = str(scene.workflow.concurrency["key"])
    around = scopes.Surroundings(node=scene.node, group=scene.group, workflow=scene.workflow, server=scene.server)
    try:
        return str(expressions.fill(written, {**scopes.names(around), "params": scene.params}, "concurrency.key"))
    except Invalid:
        return written


def _template(tx: Tx, wanted: WantedTemplate, workflow_id: str) -> TemplateText | None:
    try:
        document = packs.template_for(tx, workflow_id, wanted.name)
        found = documents.version(tx, document, core.parse_reference(wanted.reference or ""))
    except (NotFound, Invalid):
        return None
    return TemplateText(
        id=document.id,
        name=document.name,
        type=whole_type(document.type, document.tags),
        version=found.version_string,
        content=found.content,
    )


def _absent(root: Path, files: Sequence[BootFile]) -> dict[str, str]:
    """The boot files that could not be served, and why."""
    found = {}
    for name in {file.name for file in files}:
        reason = _reason(root, name)
        if reason:
            found[name] = reason
    return found


def _reason(root: Path, name: str) -> str | None:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        return f"the file {name} cannot be served: '..' is not allowed in a file name"
    try:
        path = root.joinpath(*parts).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            return None
    except (OSError, ValueError) as error:
        return f"the file {name} cannot be looked at: {error}"
    return f"the file {name} is not in {root} (files.dir)"

"""Whom a use reaches: the nodes that are assigned a workflow with it, and the live executions that have it ahead."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.core.ahead import Stage, ahead
from engine.core.documents import DocumentKind, DocumentStatus, Reference, parse_reference
from engine.core.executions import OPEN, Attempt, Execution
from engine.core.groups import Group
from engine.core.impact import Target, Through
from engine.core.nodes import Node, NodeState
from engine.core.page import EVERYTHING, Page
from engine.core.usage import Catalogue, Key, Volume
from engine.core.uses import Use, of_step, of_workflow
from engine.core.workflows import Workflow
from engine.services.context import Context
from engine.store import documents, executions, groups, library, nodes
from engine.store.library import LiveVersion
from engine.store.tx import Tx

Fits = Callable[[tuple[Use, ...]], bool]
"""Whether some uses lead to what is asked about."""

_PIECE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A version of a workflow of which executions are live, with what it names by step."""

    workflow: Workflow
    uses: Mapping[str | None, tuple[Use, ...]]
    executions: tuple[LiveVersion, ...]

    @property
    def all_uses(self) -> tuple[Use, ...]:
        """Of all steps."""
        return tuple(use for uses in self.uses.values() for use in uses)


async def running(context: Context) -> list[Running]:
    """The versions of workflows of which executions are live."""
    live = await context.database.read(library.live)
    found = []
    for version_id, mine in groupby(sorted(live, key=lambda each: each.version_id), key=lambda each: each.version_id):
        version = await context.database.read(lambda tx, key=version_id: documents.version_by_id(tx, key))  # type: ignore[misc]
        workflow = await asyncio.to_thread(context.workflow, version)
        found.append(Running(workflow=workflow, uses=of_workflow(workflow), executions=tuple(mine)))
    return found


async def assigned(context: Context, catalogue: Catalogue, fits: Fits, *, also: Iterable[str] = ()) -> list[Target]:
    """The nodes that would boot it, by the workflow they or their groups are assigned; retired ones never boot again.

    `also` are the ids of workflows that count whatever their steps are.
    """
    hits = await asyncio.to_thread(_hits, catalogue, fits, frozenset(also))

    def work(tx: Tx) -> tuple[dict[str, Workflow], list[Node], dict[str, Group]]:
        made = {}
        for volume, _, _ in hits:
            document = documents.get(tx, DocumentKind.WORKFLOW, volume.id)
            version = documents.version(tx, document, _shown(volume))
            made[volume.id] = context.workflow(version)
        everyone = {group.id: group for group in groups.find(tx, EVERYTHING)[0]}
        listed = _nodes(tx, [volume.id for volume, _, _ in hits], everyone.values())
        return made, listed, everyone

    workflows, listed, everyone = await context.database.read(work)
    by_id = {volume.id: (volume, steps, uses) for volume, steps, uses in hits}
    found = []
    for node in listed:
        group = everyone.get(node.group_id or "")
        workflow_id = node.workflow_id or (group.workflow_id if group else None) or ""
        if workflow_id in by_id and node.state is not NodeState.RETIRED:
            volume, steps, uses = by_id[workflow_id]
            found.append(
                Target(
                    through=Through.NODE if node.workflow_id else Through.GROUP,
                    workflow=workflows[workflow_id],
                    workflow_id=workflow_id,
                    workflow_version=volume.shown or "",
                    node=node,
                    group=group,
                    steps=steps,
                    uses=uses,
                )
            )
    return sorted(found, key=lambda each: each.order)


def _shown(volume: Volume) -> Reference:
    return parse_reference(volume.shown or "")


def _nodes(tx: Tx, workflow_ids: Sequence[str], everyone: Iterable[Group]) -> list[Node]:
    """The nodes of these workflows, and those of the groups that have one."""
    if not workflow_ids:
        return []
    mine = [group.id for group in everyone if group.workflow_id in workflow_ids]
    found: dict[str, Node] = {}
    for name, values in (("workflow_id", tuple(workflow_ids)), ("group_id", tuple(mine))):
        for at in range(0, len(values), library.PIECE):
            page = Page(limit=None, filters={name: values[at : at + library.PIECE]})
            found |= {node.id: node for node in nodes.find(tx, page)[0]}
    return list(found.values())


def _hits(
    catalogue: Catalogue, fits: Fits, also: frozenset[str]
) -> list[tuple[Volume, tuple[str, ...], tuple[Use, ...]]]:
    """The workflows in use that lead there, each with the steps that do and what these name."""
    found = []
    for volume in catalogue.volumes.values():
        is_mine = volume.id in also
        if volume.kind is not DocumentKind.WORKFLOW or volume.shown is None:
            continue
        if volume.status is not DocumentStatus.ACTIVE and not is_mine:
            continue
        uses = catalogue.uses.get(Key(volume.kind, volume.name, volume.shown), ())
        steps, leading = _leading(_by_step(uses), fits)
        if leading or is_mine:
            found.append((volume, steps, leading))
    return found


def _by_step(uses: Iterable[Use]) -> dict[str | None, tuple[Use, ...]]:
    found: dict[str | None, list[Use]] = {}
    for use in uses:
        found.setdefault(use.step, []).append(use)
    return {step: tuple(listed) for step, listed in found.items()}


def _leading(by_step: Mapping[str | None, tuple[Use, ...]], fits: Fits) -> tuple[tuple[str, ...], tuple[Use, ...]]:
    hit = {step: uses for step, uses in by_step.items() if fits(uses)}
    return tuple(step for step in hit if step), tuple(use for uses in hit.values() for use in uses)


async def live(context: Context, versions: Sequence[Running], fits: Fits, most: int) -> tuple[list[Target], int]:
    """The live executions that have it ahead (at most so many), and how many more might have."""
    wanted = [(each, at) for each in versions if _may(each, fits) for at in each.executions]
    looked = wanted[:most]
    of = {at.execution_id: each for each, at in looked}
    found: list[Target] = []
    for at in range(0, len(looked), _PIECE):
        ids = [live_version.execution_id for _, live_version in looked[at : at + _PIECE]]
        for execution, node, group in await context.database.read(lambda tx, ids=ids: _read(tx, ids)):  # type: ignore[misc]
            target = _target(of[execution.id], execution, node, group, fits)
            if target is not None:
                found.append(target)
    return sorted(found, key=lambda each: each.order), len(wanted) - len(looked)


def _may(each: Running, fits: Fits) -> bool:
    uses = each.all_uses
    return any(use.name is None for use in uses) or fits(uses)


def _read(tx: Tx, ids: Sequence[str]) -> list[tuple[Execution, Node | None, Group | None]]:
    found = executions.by_ids(tx, ids)
    known = {node.id: node for node in nodes.by_ids(tx, {each.node_id for each in found if each.node_id})}
    everyone = {group.id: group for group in groups.find(tx, EVERYTHING)[0]}
    rows = []
    for each in found:
        node = known.get(each.node_id or "")
        rows.append((each, node, everyone.get(node.group_id or "") if node else None))
    return rows


def _target(mine: Running, execution: Execution, node: Node | None, group: Group | None, fits: Fits) -> Target | None:
    stages = ahead(mine.workflow, execution)
    current = {attempt.step_key: attempt for attempt in execution.attempts if attempt.status in OPEN}
    by_step: dict[str | None, tuple[Use, ...]] = {
        key: _uses(mine, key, stage, current.get(key)) for key, stage in stages.items()
    }
    steps, uses = _leading(by_step, fits)
    if not uses:
        return None
    now = [step for step in steps if stages[step] is Stage.NOW]
    return Target(
        through=Through.EXECUTION,
        workflow=mine.workflow,
        workflow_id=execution.workflow_id,
        workflow_version=execution.workflow_version,
        node=node,
        group=group,
        execution=execution,
        attempt=current.get(now[0]) if now else None,
        stage=Stage.NOW if now else Stage.LATER,
        steps=steps,
        uses=uses,
    )


def _uses(mine: Running, key: str, stage: Stage, attempt: Attempt | None) -> tuple[Use, ...]:
    """What a step that is ahead names: one that is at work in the parameters that it has got, one later in the file's.

    What `core.workflow` starts has begun when its step is at work: with the version that was active then.
    """
    if stage is Stage.LATER or attempt is None:
        return mine.uses.get(key, ())
    found = of_step(mine.workflow.by_key[key], attempt.config)
    return tuple(use for use in found if use.kind is DocumentKind.TEMPLATE)

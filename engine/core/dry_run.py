"""From a walk through a workflow to a plan: everything in words and values, and all that is missing, with its place."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core import expressions, filling, firmware, rendering, workflow_file
from engine.core.boot import BOOT_ACTION, BootKind
from engine.core.executions import FAILURES, Attempt, AttemptStatus
from engine.core.judging import Choice
from engine.core.not_run import not_run
from engine.core.outcomes import Ending
from engine.core.placeholders import Parsed
from engine.core.plans import (
    Lack,
    Missing,
    Plan,
    PlannedEdge,
    PlannedMove,
    PlannedStep,
    PlannedTemplate,
)
from engine.core.scene import Scene
from engine.core.simulation import Simulation
from engine.core.sources import Path, Source
from engine.core.trace import Begun, Moved
from engine.errors import Invalid, Problem

DOCUMENT = "document"
"""The type of templates that are Jinja2 first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A version of a template."""

    id: str
    name: str
    type: str
    version: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Where the texts are: the workflow's own, for places; templates by `name[:version]`, None where there is none; and
    what is wrong with starting another workflow with some inputs.
    """

    source: Source
    template: Callable[[str], TemplateText | None]
    start: Callable[[str, Mapping[str, Any], bool], Sequence[str]] = lambda _name, _params, _open: ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFile:
    """A file below `files.dir` that a step's parameter names."""

    name: str
    step_key: str
    path: str


class DryRun:
    """One walk, looked at."""

    def __init__(self, scene: Scene, library: Library) -> None:
        self._scene = scene
        self._library = library
        self._places = workflow_file.places(library.source)
        self._walk = Simulation(scene).run()
        self._missing: dict[Missing, None] = {}
        self._files: dict[BootFile, None] = {}

    def plan(self, before: Plan) -> Plan:
        """Complete a plan that says already what is wrong before the first step."""
        walk = self._walk
        on_start = [_move(moved) for moved in walk.moved if moved.attempt_id is None]
        for moved in on_start:
            if moved.error:
                self._lack(Lack.STATE, moved.error)
        steps = tuple(self._step(begun) for begun in walk.begun)
        return replace(
            before,
            on_start=on_start[0] if on_start else None,
            steps=_numbered(steps, walk.begun),
            not_run=not_run(walk),
            status=walk.execution.status,
            error=walk.execution.error,
            stuck=walk.stuck,
            output=walk.execution.output,
            final_state=walk.node.state if walk.node else None,
            missing=(*before.missing, *self._missing),
        )

    @property
    def files(self) -> tuple[BootFile, ...]:
        """The boot files that are needed, each with the step and the parameter that names it."""
        return tuple(self._files)

    def without(self, plan: Plan, absent: Mapping[str, str]) -> Plan:
        """The plan with those of its boot files as missing that are not there, for the reasons in `absent`."""
        self._missing = dict.fromkeys(plan.missing)
        for file in self._files:
            if file.name in absent:
                problem = Problem(message=absent[file.name], path=file.path)
                self._problem_at(Lack.FILE, file.step_key, ("with", *_unspell(file.path)), problem)
        return replace(
            plan, files=tuple(dict.fromkeys(file.name for file in self._files)), missing=tuple(self._missing)
        )

    def _step(self, begun: Begun) -> PlannedStep:
        step = begun.step
        attempt = self._walk.execution.find(begun.attempt_id)
        for problem in begun.problems:
            self._parameter_problem(step.key, problem, begun)
        moves = tuple(_move(moved) for moved in self._walk.moved if moved.attempt_id == begun.attempt_id)
        for moved in moves:
            if moved.error:
                self._lack(Lack.STATE, moved.error, step.key)
        self._child(begun)
        self._note_files(begun)
        self._note_firmware(begun)
        edges = tuple(
            _edge(choice) for each in self._walk.decided if each.attempt_id == attempt.id for choice in each.choices
        )
        for at, edge in enumerate(edges):
            if edge.error and edge.fits:
                self._problem_at(Lack.CONDITION, step.key, ("edges", at, "if"), Problem(message=edge.error))
        return PlannedStep(
            number=begun.round,
            key=step.key,
            name=step.name,
            action=step.action,
            performer=attempt.performer,
            attempt=attempt.attempt,
            visit=attempt.visit,
            at=begun.at,
            after=begun.awaited,
            beside=(),
            join=step.join,
            undoes=attempt.undoes and self._walk.execution.find(attempt.undoes).step_key,
            depends_on=begun.depends_on,
            timeout_seconds=step.timeout_seconds,
            heartbeat_seconds=step.heartbeat_seconds,
            retry=step.retry,
            on_failure=step.on_failure,
            rollback=step.rollback,
            parameters=begun.filled.parameters,
            templates=self._templates(begun),
            ends=_ends(attempt),
            assumed=step.key in self._scene.outcomes,
            retried=attempt.status in FAILURES and attempt.routes is None,
            error=attempt.error,
            output=attempt.output,
            moves=moves,
            route=step.route,
            edges=edges,
        )

    def _lack(self, kind: Lack, message: str, step_key: str | None = None, path: str = "") -> None:
        self._missing[Missing(kind=kind, message=message, step_key=step_key, path=path)] = None

    def _parameter_problem(self, key: str, problem: Problem, begun: Begun) -> None:
        kind = Lack.ACTION if problem.path == "action" else Lack.PARAMETER
        if problem.file is not None:  # in a template that a parameter includes
            self._add(kind, key, problem)
            return
        path = _unspell(problem.path)
        parameter = next((each for each in begun.filled.parameters if f"with.{each.path}" == problem.path), None)
        if parameter is not None and "\n" in str(parameter.written) and problem.line is not None:
            where = f" (its line {problem.line}" + (f", column {problem.column})" if problem.column else ")")
            problem = replace(problem, message=problem.message + where)
        self._problem_at(kind, key, path, problem)

    def _problem_at(self, kind: Lack, key: str, path: Path, problem: Problem) -> None:
        placed = self._library.source.problem((*self._places.get(key, ("steps",)), *path), problem.message)
        self._add(kind, key, replace(placed, path=problem.path.removeprefix("with.")))

    def _add(self, kind: Lack, key: str, problem: Problem) -> None:
        missing = Missing(
            kind=kind,
            message=problem.message,
            step_key=key,
            path=problem.path.removeprefix("with."),
            file=problem.file,
            line=problem.line,
            column=problem.column,
        )
        self._missing[missing] = None

    def _templates(self, begun: Begun) -> tuple[PlannedTemplate, ...]:
        """The templates that a step names or lets its node fetch, rendered as they would be then."""
        wanted: dict[str, str] = {}
        named = begun.filled.complete.get("template")
        if isinstance(named, str) and "<" not in named:
            wanted[named] = "template"
        for parameter in begun.filled.parameters:
            for text in filling.texts(parameter.value):
                wanted |= {match[1]: parameter.path for match in _RENDERED.finditer(text)}
        return tuple(self._template(reference, path, begun) for reference, path in wanted.items())

    def _template(self, reference: str, path: str, begun: Begun) -> PlannedTemplate:
        found = self._library.template(reference)
        if found is None:
            self._problem_at(
                Lack.TEMPLATE,
                begun.step.key,
                ("with", *_unspell(path)),
                Problem(message=f"there is no template {reference}", path=path),
            )
            return PlannedTemplate(reference=reference, name=reference.partition(":")[0])
        planned = self._rendered(reference, found, begun)
        for problem in planned.problems:
            self._add(Lack.TEMPLATE, begun.step.key, problem)
        return planned

    def _rendered(self, reference: str, found: TemplateText, begun: Begun) -> PlannedTemplate:
        template = {"id": found.id, "name": found.name, "version": found.version}
        text, asked = found.content, self._walk.asked
        planned = PlannedTemplate(reference=reference, name=found.name, type=found.type, version=found.version)
        asked.take()
        try:
            filled: str | Parsed = text
            if found.type == DOCUMENT:
                filled = expressions.document(text, {**begun.names(), "template": template}, found.name)
            scopes = {**begun.variables(), "template": template}
            rendered = rendering.render(
                filled, scopes, include=self._scene.include, name=found.name, type_=found.type, masked=True
            )
        except Invalid as error:
            unknown = asked.take()
            problems = () if unknown else tuple(replace(each, file=each.file or found.name) for each in error.problems)
            return replace(planned, content=text, unknown=unknown, problems=problems)
        # a value that is not known yet stands there as <its name>, of which nothing can be said
        hazards = [each for each in rendered.hazards if f"<{each.name}>" not in rendered.content]
        problems = tuple([each.problem() for each in rendered.unresolved] + [each.problem() for each in hazards])
        return replace(planned, content=rendered.content, unknown=asked.take(), problems=problems)

    def _child(self, begun: Begun) -> None:
        """A workflow that a step starts must be there, and take what it is given."""
        if begun.step.action != "core.workflow":
            return
        name, params = begun.filled.complete.get("workflow"), begun.filled.complete.get("params") or {}
        if not isinstance(name, str) or not isinstance(params, Mapping) or "<" in name:
            return
        for message in self._library.start(name, params, bool(begun.filled.unknown)):
            self._problem_at(
                Lack.WORKFLOW, begun.step.key, ("with", "workflow"), Problem(message=message, path="workflow")
            )

    def _note_firmware(self, begun: Begun) -> None:
        """A machine must be able to boot what it is given; what is not known of it is what the workflow is for."""
        if begun.step.action != BOOT_ACTION:
            return
        node, workflow = self._scene.node, self._scene.workflow
        if node is not None:
            reported = firmware.Machine(boot_mode=node.boot_mode, arch=node.arch)
            wrong = firmware.wrong_workflow(workflow.name, workflow.boot_mode, workflow.architecture, reported)
            if wrong is not None:
                self._lack(Lack.FIRMWARE, wrong, begun.step.key)
                return
        mode, arch = (node.boot_mode, node.arch) if node is not None else (None, None)
        machine = firmware.Machine(boot_mode=mode or workflow.boot_mode, arch=arch or workflow.architecture)
        found = firmware.named(begun.filled.complete)
        if found is None or "<" in found[1]:
            return
        kind, name = found
        if (refusal := firmware.refusal(kind, name, machine)) is not None:
            problem = Problem(message=refusal, path=kind.value)
            self._problem_at(Lack.FIRMWARE, begun.step.key, ("with", kind.value), problem)

    def _note_files(self, begun: Begun) -> None:
        below = f"{self._scene.server.url}/files/"
        for parameter in begun.filled.parameters:
            first = re.split(r"[.\[]", parameter.path, maxsplit=1)[0]
            for text in filling.texts(parameter.value):
                names = [match[1] for match in re.finditer(re.escape(below) + r"([^\s'\"?#]+)", text)]
                if begun.step.action == BOOT_ACTION and first in _BOOT_FILES and "://" not in text:
                    names.append(text)
                for name in names:
                    if name and "<" not in name and not parameter.problems:
                        self._files[BootFile(name=name, step_key=begun.step.key, path=parameter.path)] = None


_BOOT_FILES = frozenset({"initrd", "files", *BootKind})
_RENDERED = re.compile(rf"/render/{re.escape(rendering.MASK)}/([A-Za-z0-9_][A-Za-z0-9._-]*(?::v[0-9.]+)?)")
_PARTS = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def _unspell(path: str) -> Path:
    """The parts of a path as `sources.spell` writes it."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PARTS.finditer(path))


def _move(moved: Moved) -> PlannedMove:
    return PlannedMove(states=moved.states, goal=moved.goal, error=moved.error)


def _edge(choice: Choice) -> PlannedEdge:
    return PlannedEdge(
        to=choice.edge.to,
        when=choice.edge.when,
        if_=choice.edge.if_,
        fits=choice.fits,
        value=choice.holds if choice.edge.if_ is not None else None,
        taken=choice.taken,
        unknown=choice.unknown,
        error=choice.error,
    )


def _ends(attempt: Attempt) -> str:
    """The word for how a try ends, as outcomes are written; the status of one that does not."""
    match attempt.status:
        case AttemptStatus.SUCCEEDED:
            return Ending.SUCCESS.value
        case AttemptStatus.SKIPPED:
            return Ending.SKIP.value
        case AttemptStatus.FAILED | AttemptStatus.TIMED_OUT if attempt.failure is not None:
            return attempt.failure.value
        case _:
            return attempt.status.value


def _numbered(steps: Sequence[PlannedStep], begun: Sequence[Begun]) -> tuple[PlannedStep, ...]:
    """The steps with the numbers of their moments, from 1, and what begins beside them."""
    moments: dict[int, list[str]] = {}
    for each in begun:
        moments.setdefault(each.round, []).append(each.step.key)
    numbers = {moment: number for number, moment in enumerate(moments, 1)}
    return tuple(
        replace(
            step,
            number=numbers[step.number],
            beside=tuple(key for key in moments[step.number] if key != step.key),
        )
        for step in steps
    )

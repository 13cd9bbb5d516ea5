"""What a sync and a check of a pack tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from engine.core.documents import DocumentKind
from engine.core.pack_plan import Action
from engine.core.packs import Pack
from engine.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one document."""

    kind: DocumentKind
    name: str
    path: str
    action: Action
    document_id: str
    version: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedTemplate:
    """A template as a report lists it."""

    ref_name: str
    created: bool
    template_id: str
    version: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedWorkflow:
    """A workflow as a report lists it."""

    ref_name: str
    created: bool
    workflow_id: str
    version: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a sync did. `loaded_count` files are right, `registered_count` documents are now as the pack has them;
    `errors` are what is wrong with single files, which did not stop the others. Archived documents are listed as well.
    """

    HIDDEN: ClassVar = frozenset({"done", "commit_id"})

    pack_ref: str
    loaded_count: int
    registered_count: int
    workflows: tuple[SyncedWorkflow, ...]
    templates: tuple[SyncedTemplate, ...]
    errors: tuple[Problem, ...]
    done: tuple[Done, ...] = ()
    commit_id: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many documents each action met, and how many files are wrong."""
        found = {action.value: sum(each.action is action for each in self.done) for action in Action}
        del found[Action.REFUSED.value]
        return {**found, "errors": len({each.file for each in self.errors})}

    @property
    def is_change(self) -> bool:
        """Whether it changed any document."""
        return any(each.action is not Action.UNCHANGED for each in self.done)


def report(ref: str, done: Sequence[Done], loaded: int, errors: Sequence[Problem], commit_id: str | None) -> Report:
    """The report of what was done."""
    templates = [each for each in done if each.kind is DocumentKind.TEMPLATE]
    workflows = [each for each in done if each.kind is DocumentKind.WORKFLOW]
    return Report(
        pack_ref=ref,
        loaded_count=loaded,
        registered_count=sum(each.action is not Action.ARCHIVED for each in done),
        workflows=tuple(
            SyncedWorkflow(
                ref_name=each.name,
                created=each.action is Action.CREATED,
                workflow_id=each.document_id,
                version=each.version,
                warnings=each.warnings,
            )
            for each in sorted(workflows, key=_by_name)
        ),
        templates=tuple(
            SyncedTemplate(
                ref_name=each.name,
                created=each.action is Action.CREATED,
                template_id=each.document_id,
                version=each.version,
                warnings=each.warnings,
            )
            for each in sorted(templates, key=_by_name)
        ),
        errors=tuple(errors),
        done=tuple(done),
        commit_id=commit_id,
    )


def _by_name(done: Done) -> str:
    return done.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What is wrong with a pack, in messages by the name of the document (or the file, if it has none, or the pack)."""

    pack_ref: str
    validated_count: int
    error_count: int
    errors: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a sync would do with one document: its text before and after, None where there is none."""

    kind: DocumentKind
    name: str
    path: str
    action: Action
    before: str | None = None
    after: str | None = None
    facts: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a sync would do. `pack` is the pack as it would be then."""

    pack: Pack
    before: Pack
    planned: tuple[Planned, ...]
    errors: tuple[Problem, ...]

    @property
    def changes(self) -> tuple[Planned, ...]:
        """What would not stay as it is."""
        return tuple(each for each in self.planned if each.action is not Action.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What goes when a pack is removed: names of documents, of workflows that run now (with how many executions), and
    of packs that need it.
    """

    documents: tuple[str, ...]
    live: Mapping[str, int]
    needed_by: tuple[str, ...]

"""What the screens of templates tell: rows of lists, and lines around a text or a diff. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.columns import Column
from console.view.diff_lines import Mark
from console.view.filtering import Fields
from console.view.labels import EMPTY, Cell, Role, Row, Symbols, ago, cell, clock, safe, who
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from engine.core.documents import Document, DocumentStatus, Version
from engine.core.impact import TextImpact
from engine.core.rendering import Hazard, Rendered, Unresolved
from engine.core.workflows import PublishedWorkflow

TEMPLATE_COLUMNS = (
    Column(key="name", title="TEMPLATE", width=18, flex=2, most=40, keep=100),
    Column(key="type", title="TYPE", width=11, keep=90),
    Column(key="version", title="CURRENT", width=8, keep=95),
    Column(key="versions", title="VERSIONS", width=8, keep=70, right=True),
    Column(key="updated", title="UPDATED", width=7, keep=80, right=True),
    Column(key="description", title="DESCRIPTION", width=14, flex=4, keep=60),
)
TEMPLATE_SORTS = ("name", "type", "updated")
TEMPLATE_FIELDS = ("name", "type", "version", "os", "tag", "status", "description")

VERSION_COLUMNS = (
    Column(key="version", title="VERSION", width=7, keep=100),
    Column(key="current", title="", width=7, keep=90),
    Column(key="when", title="WHEN", width=12, keep=80),
    Column(key="author", title="AUTHOR", width=10, flex=1, most=20, keep=60),
    Column(key="size", title="SIZE", width=8, keep=50, right=True),
    Column(key="message", title="MESSAGE", width=16, flex=6, keep=95),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateView:
    """A template with how many versions it has (None: not counted yet)."""

    template: Document
    versions: int | None = None


def template_row(view: TemplateView, now: datetime) -> Row:
    """A template's row, in the order of `TEMPLATE_COLUMNS`."""
    template = view.template
    archived = template.status is DocumentStatus.ARCHIVED
    moved_back = template.current_version != template.latest_version
    return (
        cell(template.name, Role.MUTED if archived else Role.STRONG),
        cell(template.type, Role.MUTED),
        cell(template.current_version or "none", Role.WARN if moved_back else Role.PLAIN),
        cell("" if view.versions is None else str(view.versions), Role.MUTED),
        cell(ago(template.updated_at, now), Role.MUTED),
        cell(f"archived  {template.description}" if archived else template.description, Role.MUTED),
    )


def template_fields(template: Document) -> Fields:
    """What a template is searched by."""
    return {
        "name": template.name.lower(),
        "type": template.type.lower(),
        "version": template.current_version or "",
        "os": template.os_family.lower(),
        "tag": " ".join(template.tags).lower(),
        "status": template.status.value,
        "description": template.description.lower(),
    }


def template_sort_key(template: Document, sort: str) -> SortKey:
    """What a template is sorted by; those that are archived come last."""
    archived = template.status is DocumentStatus.ARCHIVED
    name = natural(template.name)
    if sort == "updated":
        return archived, -template.updated_at.timestamp(), name
    return (archived, template.type, name) if sort == "type" else (archived, name)


def version_row(version: Version, current: str | None, now: datetime) -> Row:
    """A version's row, in the order of `VERSION_COLUMNS`."""
    is_current = version.version_string == current
    return (
        cell(version.version_string, Role.STRONG if is_current else Role.PLAIN),
        cell("current", Role.GOOD) if is_current else cell("draft", Role.WARN) if version.draft else EMPTY,
        cell(clock(version.created_at, now), Role.MUTED),
        cell(who(version.author), Role.MUTED),
        cell(size(version.size_bytes), Role.MUTED),
        cell(version.commit_message),
    )


def size(size_bytes: int) -> str:
    """A number of bytes for people."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:.1f} KiB"


def title(template: Document | PublishedWorkflow, symbols: Symbols) -> Cell:
    """A template's or workflow's name, and what it is."""
    kind = template.type if isinstance(template, Document) else "workflow"
    facts = [kind, template.os_family, template.description, ", ".join(template.tags)]
    archived = template.status is DocumentStatus.ARCHIVED
    return (
        Piece(" "),
        *cell(template.name, Role.STRONG),
        *((Piece("  archived", Role.WARN),) if archived else ()),
        Piece("   " + f" {symbols.separator} ".join(safe(fact) for fact in facts if fact), Role.MUTED),
    )


def text_heading(version: Version, lines: int, symbols: Symbols) -> Cell:
    """The line above the text of a version."""
    facts = ["1 line" if lines == 1 else f"{lines:,} lines", size(version.size_bytes), version.content_hash[:12]]
    return (
        Piece(f" TEXT  {version.version_string}", "heading"),
        Piece("   " + f" {symbols.separator} ".join(facts), Role.MUTED),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffFacts:
    """What is to be said about a diff. `change` is which change is looked at (0: none)."""

    left: str
    right: str
    added: int
    removed: int
    change: int
    changes: int


def diff_heading(facts: DiffFacts, symbols: Symbols) -> Cell:
    """The line above a diff."""
    if not facts.changes:
        counts: Cell = (Piece("no difference", Role.MUTED),)
    else:
        counts = (
            Piece(f"+{facts.added}", Role.GOOD),
            Piece(f" -{facts.removed}", Role.BAD),
            Piece(f" {symbols.separator} change {facts.change} of {facts.changes}", Role.MUTED),
        )
    return (Piece(f" DIFF  {facts.left} {symbols.arrow} {facts.right}   ", "heading"), *counts)


def no_version_heading() -> Cell:
    """What stands where there is no text."""
    return (Piece(" it has no version yet", Role.MUTED),)


def no_diff_heading(version: str) -> Cell:
    """The line above a text that there is nothing to compare with."""
    return (
        Piece(f" TEXT  {version}   ", "heading"),
        Piece("the first version; nothing to compare it with (space marks another one)", Role.MUTED),
    )


def preview_heading(version: str, node: str, rendered: Rendered, symbols: Symbols) -> Cell:
    """The line above a preview."""
    missing, hazards = len(rendered.unresolved), len(rendered.hazards)
    if not missing and not hazards:
        verdict = Piece("complete", Role.GOOD)
    else:
        told = [f"{missing} left as written"] if missing else []
        told += [f"{hazards} would break it"] if hazards else []
        verdict = Piece(f"{', '.join(told)}: a node would not boot with it", Role.BAD)
    included = f" {symbols.separator} includes {len(rendered.included)}" if rendered.included else ""
    return (
        Piece(f" PREVIEW  {f'{version} ' if version else ''}for {safe(node)}   ", "heading"),
        verdict,
        Piece(included, Role.MUTED),
    )


def no_preview_heading(node: str, why: str) -> Cell:
    """The line above a preview that cannot be made."""
    return (Piece(f" PREVIEW  for {safe(node)}   ", "heading"), Piece(safe(why), Role.BAD))


def sentences(texts: Sequence[str], most: int, symbols: Symbols) -> list[Cell]:
    """Sentences below a heading, as many as there is room for."""
    lines: list[Cell] = [(Piece(f"   {safe(text)}", Role.PLAIN),) for text in texts[:most]]
    rest = len(texts) - most
    return [*lines, (Piece(f"   {symbols.ellipsis} and {rest} more", Role.MUTED),)] if rest > 0 else lines


def together(texts: Sequence[TextImpact]) -> tuple[str, str]:
    """What a node gets before and after, each text under its title if there are several."""
    if len(texts) == 1:
        return texts[0].before or "", texts[0].after or ""
    before = "".join(f"== {each.title}\n{each.before or ''}\n" for each in texts)
    return before, "".join(f"== {each.title}\n{each.after or ''}\n" for each in texts)


def unresolved(rendered: Rendered, most: int, symbols: Symbols) -> list[Cell]:
    """The variables without a value, and the values that would break the text, each with its place."""
    wrong: list[Unresolved | Hazard] = [*rendered.unresolved, *rendered.hazards]
    lines: list[Cell] = [
        (
            Piece(f" {symbols.warning} line {each.line}, column {each.column} of {safe(each.template)}  ", Role.BAD),
            Piece(safe(each.problem().message), Role.PLAIN),
        )
        for each in wrong[:most]
    ]
    rest = len(wrong) - most
    return [*lines, (Piece(f"   {symbols.ellipsis} and {rest} more", Role.MUTED),)] if rest > 0 else lines


def places(content: str, texts: Iterable[str]) -> list[Mark]:
    """Where texts stand in a content, as marks."""
    wanted = sorted(set(texts), key=len, reverse=True)
    found: list[Mark] = []
    for number, line in enumerate(content.split("\n") if wanted else [], 1):
        found += _places_in(line, number, wanted)
    return found


def _places_in(line: str, number: int, wanted: Sequence[str]) -> list[Mark]:
    taken: list[Mark] = []
    for text in wanted:
        at = line.find(text)
        while at >= 0:
            mark = Mark(line=number, column=at + 1, length=len(text))
            if not any(other.column <= mark.column < other.column + other.length for other in taken):
                taken.append(mark)
            at = line.find(text, at + len(text))
    return taken

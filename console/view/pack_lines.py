"""The rows of the packs, and what there is to say of one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, Symbols, ago, cell, safe
from console.view.listing import SortKey, natural
from console.view.node_lines import fact, heading
from console.view.pieces import Piece, cells, fit
from engine.core import diff
from engine.core.pack_reports import Planned, Preview, Report, Validation
from engine.core.packs import Pack, PackDocument

COLUMNS = (
    Column(key="name", title="PACK", width=14, flex=1, most=24, keep=100),
    Column(key="version", title="VERSION", width=9, keep=90),
    Column(key="state", title="STATE", width=10, keep=95),
    Column(key="synced", title="SYNCED", width=6, keep=80, right=True),
    Column(key="source", title="SOURCE", width=16, flex=3, keep=60),
    Column(key="label", title="LABEL", width=14, flex=2, keep=50),
)
FIELDS = ("name", "version", "state", "source", "label", "description")
SORTS = ("name", "synced")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackView:
    """A pack; a folder below `packs.dir` that nobody has added has only its name."""

    ref: str
    pack: Pack | None = None
    documents: Sequence[PackDocument] | None = None


def state(view: PackView) -> tuple[str, Role]:
    """How it stands with a pack."""
    if view.pack is None:
        return "not added", Role.WARN
    if view.pack.last_error:
        return "failed", Role.BAD
    return ("synced", Role.GOOD) if view.pack.synced_at else ("added", Role.MUTED)


def source(pack: Pack) -> str:
    """Where it comes from, at which commit."""
    at = pack.commit_id[:12] if pack.commit_id else ""
    return " ".join(part for part in (pack.source, pack.revision, at) if part)


def row(view: PackView, now: datetime, symbols: Symbols) -> Row:
    """A pack's row, in the order of `COLUMNS`."""
    word, role = state(view)
    mark = symbols.warning if role in (Role.BAD, Role.WARN) else symbols.separator
    pack = view.pack
    return (
        cell(view.ref, Role.STRONG if pack else Role.PLAIN),
        cell(pack.version if pack else ""),
        (Piece(f"{mark} {word}", role),),
        cell(ago(pack.synced_at, now) if pack else "", Role.MUTED),
        cell(source(pack) if pack else "a folder below packs.dir", Role.MUTED),
        cell(pack.label if pack else "", Role.MUTED),
    )


def fields(view: PackView) -> Fields:
    """What a pack is searched by."""
    pack = view.pack
    values = {
        "name": view.ref,
        "version": pack.version if pack else "",
        "state": state(view)[0],
        "source": source(pack) if pack else "",
        "label": pack.label if pack else "",
        "description": pack.description if pack else "",
    }
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(view: PackView, sort: str) -> SortKey:
    """What a pack is sorted by."""
    if sort == "synced":
        at = view.pack.synced_at if view.pack else None
        return -(at.timestamp() if at else 0.0), natural(view.ref)
    return (natural(view.ref),)


def details(view: PackView) -> list[Cell]:
    """What a pack is, and its documents."""
    word, role = state(view)
    head: Cell = (Piece(" "), *cell(view.ref, Role.STRONG), Piece(f"  {word}", role))
    pack = view.pack
    if pack is None:
        return [head, (Piece(" It lies below packs.dir and was never loaded; r loads it.", Role.MUTED),)]
    needs = ", ".join(f"{name} {wanted}".strip() for name, wanted in pack.dependencies.items())
    facts = (
        ("last error", pack.last_error, Role.BAD),
        ("label", pack.label, Role.PLAIN),
        ("about", pack.description, Role.PLAIN),
        ("version", pack.version, Role.PLAIN),
        ("source", pack.source, Role.PLAIN),
        ("revision", pack.revision, Role.PLAIN),
        ("commit", pack.commit_id, Role.PLAIN),
        ("needs", needs, Role.PLAIN),
        ("sums", pack.manifest_sha256, Role.PLAIN),
    )
    lines = [head, *(fact(name, value, role) for name, value, role in facts if value)]
    return lines if view.documents is None else [*lines, (), heading("DOCUMENTS"), *_documents(view.documents)]


def _documents(found: Sequence[PackDocument]) -> list[Cell]:
    if not found:
        return [(Piece("   none", Role.MUTED),)]
    widest = min(34, max(cells(safe(each.name)) for each in found))
    return [
        (
            Piece(f"   {fit(safe(each.name), widest)}  "),
            Piece(f"{each.type or each.kind.value}  ", Role.MUTED),
            Piece(each.current_version or "none", Role.PLAIN),
            Piece("" if each.status == "active" else f"  {each.status}", Role.WARN),
        )
        for each in found
    ]


def report_text(ref: str, report: Report) -> str:
    """What a sync did, in one line."""
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items() if count)
    return f"pack {ref}: {counts or 'it has no documents'}"


def validation_lines(found: Validation) -> list[Cell]:
    """Everything that is wrong with a pack."""
    if not found.error_count:
        return [(Piece(f" {found.validated_count} files, nothing wrong", Role.GOOD),)]
    head = f" {found.error_count} of {found.validated_count} files have something wrong"
    messages = (message for each in found.errors.values() for message in each)
    return [(Piece(head, Role.BAD),), *((Piece(f"   {safe(message)}", Role.PLAIN),) for message in messages)]


def preview_lines(preview: Preview) -> list[Cell]:
    """What an update would change: facts of the pack, then each document's text as a unified diff."""
    before, after = preview.before, preview.pack
    lines: list[Cell] = []
    for name in ("version", "source", "revision", "commit_id"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            lines.append(fact(name.removesuffix("_id"), f"{old or 'none'} -> {new or 'none'}", Role.ACCENT))
    lines += [(Piece(f" {safe(f'{before.ref}/{problem}')}", Role.BAD),) for problem in preview.errors]
    for each in preview.changes:
        lines += _planned(each)
    return lines or [(Piece(" Nothing would change.", Role.MUTED),)]


def _planned(planned: Planned) -> list[Cell]:
    head = f"{planned.kind} {planned.name}: {planned.action} ({planned.path})"
    lines: list[Cell] = [(), (Piece(f" {safe(head)}", Role.STRONG),)]
    lines += [(Piece(f"   {safe(f'{name}: {old} -> {new}')}"),) for name, (old, new) in planned.facts.items()]
    lines += [(Piece(f"   {safe(warning)}", Role.WARN),) for warning in planned.warnings]
    text = diff.unified(diff.diff(planned.before or "", planned.after or ""), "before", "after")
    roles = {"+": Role.GOOD, "-": Role.BAD, "@": Role.ACCENT}
    lines += [(Piece(f"   {safe(line)}", roles.get(line[:1], Role.PLAIN)),) for line in text.splitlines()]
    return lines

"""Packs as `pureboot pack` prints them: what there is on standard output, what is wrong on standard error."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.output import styled
from console.view.labels import Role, ago, safe

if TYPE_CHECKING:
    from engine.core.pack_reports import Planned, Preview, Report, Validation
    from engine.core.packs import Pack, PackDocument


def show_all(found: "Sequence[Pack]", unknown: Sequence[str]) -> None:
    """Print packs, and the names of those in packs.dir that nobody has added."""
    now = output.now()
    output.show_table(
        ("pack", "version", "label", "source", "at", "synced", "last error"),
        (
            (
                each.ref,
                each.version,
                each.label,
                each.source,
                _at(each),
                ago(each.synced_at, now) if each.synced_at else "",
                each.last_error,
            )
            for each in found
        ),
        empty="no packs",
    )
    for name in unknown:
        click.echo(f"pureboot: {name} in packs.dir is not added; pureboot pack add {name}", err=True)


def show(found: "Pack", documents: "Sequence[PackDocument]") -> None:
    """Print a pack and its documents."""
    needs = ", ".join(f"{name} {wanted}".strip() for name, wanted in found.dependencies.items())
    output.show_facts(
        (
            ("pack", f"{found.ref} {found.version}"),
            ("label", found.label),
            ("description", found.description),
            ("source", found.source),
            ("revision", found.revision),
            ("commit", found.commit_id),
            ("needs", needs),
            ("sums", found.manifest_sha256),
            ("last error", found.last_error),
        )
    )
    click.echo()
    output.show_table(
        ("document", "kind", "type", "status", "current", "newest", "file"),
        (
            (each.name, each.kind.value, each.type, each.status, each.current_version, each.latest_version, each.path)
            for each in documents
        ),
        empty="no documents",
    )


def show_report(ref: str, report: "Report", verb: str) -> None:
    """Print what became of a pack's documents, and what is wrong."""
    from engine.core.pack_plan import Action

    for each in report.done:
        if each.action is not Action.UNCHANGED:
            output.say(f"{each.kind} {each.name} {each.version} {each.action}")
        for warning in each.warnings:
            click.echo(f"pureboot: {each.name}: {warning}", err=True)
    for problem in report.errors:
        click.echo(f"pureboot: {ref}/{problem}", err=True)
    at = f" at {report.commit_id[:12]}" if report.commit_id else ""
    output.say(f"pack {ref} {verb}{at}: {', '.join(f'{count} {name}' for name, count in report.counts.items())}")


def show_validation(found: "Validation") -> None:
    """Print everything that is wrong with a pack, and how many files that are."""
    for messages in found.errors.values():
        for message in messages:
            click.echo(f"pureboot: {message}", err=True)
    output.say(f"pack {found.pack_ref}: {found.error_count} of {found.validated_count} files have something wrong")


def show_preview(preview: "Preview") -> None:
    """Print what would change in a pack, each text as a diff."""
    before, after = preview.before, preview.pack
    for name in ("version", "source", "revision", "commit_id"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            output.say(f"{name.removesuffix('_id')}: {old or 'none'} -> {new or 'none'}")
    for each in preview.changes:
        _show_planned(each)
    for problem in preview.errors:
        click.echo(f"pureboot: {before.ref}/{problem}", err=True)
    if not preview.changes:
        output.say("no document changes")


def _show_planned(planned: "Planned") -> None:
    from engine.core.diff import diff, unified

    click.echo(styled(safe(f"{planned.kind} {planned.name}: {planned.action} ({planned.path})"), Role.STRONG))
    for name, (old, new) in planned.facts.items():
        click.echo(safe(f"  {name}: {_plain(old)} -> {_plain(new)}"))
    for warning in planned.warnings:
        click.echo(f"pureboot: {planned.name}: {warning}", err=True)
    before, after = planned.before or "", planned.after or ""
    left = f"a/{planned.path}" if planned.before is not None else "/dev/null"
    right = f"b/{planned.path}" if planned.after is not None else "/dev/null"
    roles = {"+": Role.GOOD, "-": Role.BAD, "@": Role.ACCENT}
    for line in unified(diff(before, after), left, right).splitlines():
        click.echo(styled(safe(line), roles.get(line[:1], Role.PLAIN)))


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _at(found: "Pack") -> str:
    return " ".join(text for text in (found.revision, found.commit_id and found.commit_id[:12]) if text)

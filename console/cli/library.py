"""What `pureboot template` and `pureboot workflow` have in common: search, where-used, impact, diff, tags, archive."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.core.documents import DocumentKind
    from engine.core.search import Found
    from engine.core.uses import Use
    from engine.core.where_used import WhereUsed

_MOST_ROWS = 40


def add_commands(group: click.Group, kind: str, types: Sequence[str] = ()) -> None:
    """Add to a group what can be asked of both kinds of documents; `types` are those that a search may be for."""
    _add_search(group, kind, types)
    _add_where_used(group, kind)
    _add_impact(group, kind)
    _add_archive(group, kind)


def _kind(kind: str) -> "DocumentKind":
    from engine.core.documents import DocumentKind

    return DocumentKind(kind)


def _add_search(group: click.Group, kind: str, types: Sequence[str]) -> None:
    @click.argument("text")
    @click.option(
        "--type", "type_", multiple=True, type=click.Choice(types), hidden=not types, help="Only of this type."
    )
    @click.option("--tag", multiple=True, help="Only with this tag.")
    @click.option("--all-versions", is_flag=True, help="In every version, not in the current ones alone.")
    @click.option("--archived", is_flag=True, help="Also in what is archived.")
    @json_option
    def search(
        ctx: click.Context,
        text: str,
        type_: Sequence[str],
        tag: Sequence[str],
        all_versions: bool,
        archived: bool,
        as_json: bool,
    ) -> None:
        from console.cli import output
        from engine.core.documents import DocumentStatus
        from engine.core.page import Page

        filters = {"type": tuple(type_), "tag": tuple(tag)}
        if archived:
            filters["status"] = tuple(status.value for status in DocumentStatus)
        page = Page(limit=None, filters={name: values for name, values in filters.items() if values})
        found, _ = ask(
            ctx, lambda pureboot: pureboot.library.search(_kind(kind), text, page, every_version=all_versions)
        )
        if as_json:
            output.show_json([each.data() for each in found])
        else:
            _show_found(found)
        if not found:
            ctx.exit(1)

    search.__doc__ = f"Find TEXT in {kind}s: literally, whatever its case is, in names, descriptions, tags and content."
    command(group, "search")(search)


def _show_found(found: "Sequence[Found]") -> None:
    from console.cli.output import styled
    from console.view.labels import Role, safe

    for each in found:
        name = each.document.name if each.version is None else f"{each.document.name} {each.version}"
        for match in each.matches:
            place = f":{match.line}:{match.column}" if match.field == "content" else f" ({match.field})"
            before, hit = match.text[: match.start], match.text[match.start : match.start + match.length]
            rest = match.text[match.start + match.length :]
            click.echo(f"{name}{place}: {safe(before)}{styled(safe(hit), Role.BAD)}{safe(rest)}")
        more = each.count - len(each.matches)
        if more > 0:
            click.echo(f"{name}: and {more} more")
    if not found:
        click.echo("nothing has it", err=True)


def _add_where_used(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @click.option("--version", help="Only this version: v1.0, v1 or latest.")
    @json_option
    def where_used(ctx: click.Context, name: str, version: str | None, as_json: bool) -> None:
        from console.cli import output

        found = ask(ctx, lambda pureboot: pureboot.library.where_used(_kind(kind), name, version))
        if as_json:
            output.show_json(found)
        else:
            _show_used(found)

    where_used.__doc__ = f"Say what uses a {kind}: documents, nodes that would boot it, executions under way, triggers."
    command(group, "where-used")(where_used)


def _show_used(found: "WhereUsed") -> None:
    from console.cli import output

    for line in used_lines(found):
        click.echo(line)
    if not found.is_used:
        output.say(f"nothing uses {found.kind} {found.name}{f' {found.version}' if found.version else ''}")


def used_lines(found: "WhereUsed") -> list[str]:
    """Everything that uses a document, in lines."""
    lines = []
    for each in found.documents:
        way = f"over {', '.join(each.over)}" if each.over else "; ".join(_place(use) for use in each.uses[:3])
        status = "" if each.status == "active" else f" ({each.status})"
        lines.append(f"{each.kind} {each.name} {each.version}{status}: {way}")
    for node in found.nodes[:_MOST_ROWS]:
        group = " by its group" if node.through == "group" else ""
        lines.append(f"node {node.node}: boots {node.workflow} {node.workflow_version}{group}")
    if found.nodes_total > _MOST_ROWS:
        lines.append(f"and {found.nodes_total - _MOST_ROWS} more nodes")
    for execution in found.executions[:_MOST_ROWS]:
        when = "is at" if execution.stage == "now" else "will come to"
        lines.append(
            f"execution {execution.execution_id} of {execution.workflow} {execution.workflow_version} "
            f"on {execution.node or 'no node'}: {when} {', '.join(execution.steps)}"
        )
    if found.executions_total > _MOST_ROWS:
        lines.append(f"and {found.executions_total - _MOST_ROWS} more executions")
    lines += [
        f"trigger {trigger.name}{'' if trigger.enabled else ' (disabled)'}: starts {trigger.workflow}"
        for trigger in found.triggers
    ]
    return lines + [
        f"perhaps {use.kind} {use.name} {use.version}: {use.step or f'line {use.line}'} names {use.text}"
        for use in found.open_uses
    ]


def _place(use: "Use") -> str:
    words = {"include": "includes it", "fetch": "lets its node fetch it", "run": "runs it", "render": "renders it"}
    word = words.get(use.how.value, "starts it")
    version = f" as {use.reference}" if use.reference else ""
    where = f"step {use.step}, {use.path}" if use.step else f"line {use.line}"
    return f"{word}{version} ({where})"


def _add_impact(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @click.option("--from", "from_", metavar="VERSION", help="What it is compared with [default: the current version].")
    @click.option("--to", metavar="VERSION", help="What would take its place [default: the newest].")
    @click.option("--file", type=click.File("rb"), help="A text that is not saved yet (- is standard input).")
    @click.option("--node", metavar="NODE", help="Show what this node would get, before and after, as a diff.")
    @json_option
    def impact(
        ctx: click.Context,
        name: str,
        from_: str | None,
        to: str | None,
        file: BinaryIO | None,
        node: str | None,
        as_json: bool,
    ) -> None:
        from console.cli import diffs, output, texts

        if to is not None and file is not None:
            raise click.UsageError("write --to or --file, not both")
        content = texts.read(file) if file is not None else None
        found = ask(
            ctx,
            lambda pureboot: pureboot.library.impact(_kind(kind), name, from_=from_, to=to, content=content, node=node),
        )
        if as_json:
            output.show_json(diffs.impact_data(found))
        elif node is not None:
            diffs.show_texts(found)
        else:
            diffs.show_impact(found)

    impact.__doc__ = (
        f"Say what would change if another version of a {kind} were in use: what differs, and for which nodes and "
        "executions."
    )
    command(group, "impact")(impact)


def _add_archive(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @click.option("--force", is_flag=True, help="Although what is under way has yet to use it.")
    @json_option
    def archive(ctx: click.Context, name: str, force: bool, as_json: bool) -> None:
        from console.cli import output

        gone, notes = ask(
            ctx, lambda pureboot: pureboot.library.archive(_kind(kind), name, by=principal(), force=force)
        )
        for note in notes:
            click.echo(f"pureboot: {kind} {gone.name}: {note}", err=True)
        output.done(gone, f"{kind} {gone.name} is {gone.status}", as_json=as_json)

    archive.__doc__ = f"End a {kind}'s use; its versions stay."
    command(group, "archive")(archive)

"""The versions of a template or a workflow on the command line: list them, compare two, go back to one, tags."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.diffs import side_by_side_option
from console.cli.options import command, json_option, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.diff import Diff
    from engine.core.documents import Version
    from engine.core.workflow_diff import Change


def add_commands(group: click.Group, kind: str) -> None:
    """Add to a group what can be done with the versions of both kinds of documents."""
    _add_versions(group, kind)
    _add_diff(group, kind)
    if kind == "workflow":  # a template's text is checked then
        _add_set_current(group)
    _add_set(group, kind)


def _service(pureboot: "PureBoot", kind: str) -> Any:
    return pureboot.templates if kind == "template" else pureboot.workflows


def _add_versions(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @json_option
    def versions(ctx: click.Context, name: str, as_json: bool) -> None:
        from console.cli import output
        from console.view.labels import clock, who

        async def read(pureboot: "PureBoot") -> "tuple[list[Version], str | None]":
            service = _service(pureboot, kind)
            found, _ = await service.versions(name)
            return found, (await service.get(name)).current_version

        found, current = ask(ctx, read)
        if as_json:
            output.show_json(found)
            return
        now = output.now()
        output.show_table(
            ("version", "", "when", "by", "bytes", "message"),
            (
                (
                    each.version_string,
                    "current" if each.version_string == current else "draft" if each.draft else "",
                    clock(each.created_at, now),
                    who(each.author),
                    str(each.size_bytes),
                    each.commit_message,
                )
                for each in found
            ),
            empty=f"{kind} {name} has no versions",
        )

    versions.__doc__ = f"List a {kind}'s versions, newest first."
    command(group, "versions")(versions)


def _add_diff(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @click.argument("from_version", metavar="FROM")
    @click.argument("to_version", metavar="[TO]", required=False)
    @side_by_side_option
    @json_option
    def diff(
        ctx: click.Context, name: str, from_version: str, to_version: str | None, side_by_side: bool, as_json: bool
    ) -> None:
        from console.cli import diffs, output
        from engine.core import diff as core
        from engine.core.shape import as_data

        left, right, found, changes = ask(
            ctx, lambda pureboot: _compared(pureboot, kind, name, from_version, to_version)
        )
        if as_json:
            meaning = {"changes": as_data(changes)} if kind == "workflow" else {}
            output.show_json(
                {"from": left.version_string, "to": right.version_string, **meaning, **core.as_data(found)}
            )
            return
        if kind == "workflow":
            diffs.show_changes(changes)
            click.echo()
        names = f"{name} {left.version_string}", f"{name} {right.version_string}"
        diffs.show(found, *names, left.content, side_by_side=side_by_side)

    more = ": first what is other in its meaning, then in its text" if kind == "workflow" else ""
    diff.__doc__ = f"Compare two versions of a {kind}{more}."
    command(group, "diff")(diff)


async def _compared(
    pureboot: "PureBoot", kind: str, name: str, from_: str, to: str | None
) -> "tuple[Version, Version, Diff, Sequence[Change]]":
    from engine.core.diff import diff
    from engine.core.workflow_diff import changes

    service = _service(pureboot, kind)
    left = await service.version(name, from_)
    if to is None:  # a workflow may have no active version yet
        to = "latest" if kind == "template" else (await service.get(name)).latest_version
    right = await service.version(name, to)
    if kind == "template":
        return left, right, diff(left.content, right.content), ()
    before, after = (pureboot.context.workflow(version) for version in (left, right))
    return left, right, diff(left.content, right.content), changes(before, after)


def _add_set_current(group: click.Group) -> None:
    @click.argument("name")
    @click.argument("version")
    @json_option
    def set_current(ctx: click.Context, name: str, version: str, as_json: bool) -> None:
        """Make a version the active one: an older one to go back, or a draft to publish it; no version is deleted."""
        from console.cli import output

        changed = ask(ctx, lambda pureboot: pureboot.workflows.set_current(name, version, by=principal()))
        text = f"the active version of workflow {changed.name} is {changed.current_version}"
        output.done(changed, text, as_json=as_json)

    command(group, "set-current")(set_current)


def _add_set(group: click.Group, kind: str) -> None:
    @click.argument("name")
    @click.option("--description", help="What it is for; of a workflow this makes a new draft, for it is in its file.")
    @click.option("--tag", multiple=True, help="Add a tag; may be given several times.")
    @click.option("--untag", multiple=True, help="Take a tag away.")
    @json_option
    def set_(
        ctx: click.Context,
        name: str,
        description: str | None,
        tag: Sequence[str],
        untag: Sequence[str],
        as_json: bool,
    ) -> None:
        from console.cli import output

        if description is None and not tag and not untag:
            raise click.UsageError("say what to set: --description, --tag or --untag")

        async def change(pureboot: "PureBoot") -> Any:
            service = _service(pureboot, kind)
            before = await service.get(name)
            values: dict[str, Any] = {} if description is None else {"description": description}
            if tag or untag:
                values["tags"] = [each for each in dict.fromkeys((*before.tags, *tag)) if each not in untag]
            return await service.update(name, values, by=principal())

        changed = ask(ctx, change)
        tags = f"; tags: {', '.join(changed.tags)}" if changed.tags else ""
        output.done(changed, f"{kind} {changed.name} is set{tags}", as_json=as_json)

    set_.__doc__ = f"Set a {kind}'s description and tags."
    command(group, "set")(set_)

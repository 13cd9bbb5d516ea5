"""`pureboot template`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import click

from console.cli import template_iso  # noqa: F401 - its commands are among FILES
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask
from console.cli.template_files import FILE_TYPES, FILES

if TYPE_CHECKING:
    from engine.core.diff import Diff

_TYPES = ("kickstart", "preseed", "autoinstall", "cloud-init", "ignition", "unattend", "ipxe", "script", "document")

_bump = click.option(
    "--bump", type=click.Choice(("minor", "major")), default="minor", show_default=True, help="Which number is raised."
)
_message = click.option("-m", "--commit-message", default="", help="What changed and why.")


@click.group()
def template() -> None:
    """Templates: named texts and files with versions."""


@command(template, "list")
@click.option(
    "--type", "type_", multiple=True, type=click.Choice((*_TYPES, *FILE_TYPES)), help="Only templates of this type."
)
@json_option
def list_(ctx: click.Context, type_: Sequence[str], as_json: bool) -> None:
    """List the templates."""
    from console.cli import output
    from console.view.labels import ago
    from engine.core.page import Page

    page = Page(limit=None, sort="name", filters={"type": tuple(type_)} if type_ else {})
    found, _ = ask(ctx, lambda pureboot: pureboot.templates.find(page))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("template", "type", "current", "newest", "changed", "description"),
        (
            (
                each.name,
                each.type,
                each.current_version,
                each.latest_version,
                ago(each.updated_at, now),
                each.description,
            )
            for each in found
        ),
        empty="no templates",
    )


@command(template, "show")
@click.argument("name")
@click.option("--version", default="latest", show_default=True, help="v1.0, v1 (the newest 1.x) or latest.")
@json_option
def show(ctx: click.Context, name: str, version: str, as_json: bool) -> None:
    """Print the text of a template's version; with --json all that is known of the version."""
    from console.cli import output

    found = ask(ctx, lambda pureboot: pureboot.templates.version(name, version))
    if as_json:
        output.show_json(found)
    else:
        click.echo(found.content, nl=not found.content.endswith("\n"))


@command(template, "add")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--type", "type_", type=click.Choice(_TYPES), default="script", show_default=True)
@click.option("--description", default="")
@click.option("--os-family", default="")
@click.option("--tag", multiple=True)
@_message
@json_option
def add(
    ctx: click.Context,
    name: str,
    file: TextIO,
    type_: str,
    description: str,
    os_family: str,
    tag: Sequence[str],
    commit_message: str,
    as_json: bool,
) -> None:
    """Make a template from FILE (- is standard input)."""
    from console.cli import output

    content = _read(file)
    made = ask(
        ctx,
        lambda pureboot: pureboot.templates.create(
            name,
            content,
            by=principal(),
            type_=type_,
            description=description,
            os_family=os_family,
            tags=tag,
            commit_message=commit_message,
        ),
    )
    output.done(made, f"template {made.name} added as {made.current_version}", as_json=as_json)


@command(template, "new-version")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@_bump
@_message
@json_option
def new_version(ctx: click.Context, name: str, file: TextIO, bump: str, commit_message: str, as_json: bool) -> None:
    """Add FILE (- is standard input) as the template's next version."""
    _add_version(ctx, name, _read(file), bump, commit_message, as_json)


@command(template, "edit")
@click.argument("name")
@_bump
@_message
@json_option
def edit(ctx: click.Context, name: str, bump: str, commit_message: str, as_json: bool) -> None:
    """Edit the current version in $EDITOR; what is saved becomes the next version."""
    before = ask(ctx, lambda pureboot: pureboot.templates.version(name))
    after = click.edit(before.content, extension=f".{name}")
    if after is None or after == before.content:
        click.echo("nothing changed", err=True)
        return
    _add_version(ctx, name, after, bump, commit_message, as_json)


def _add_version(ctx: click.Context, name: str, content: str, bump: str, message: str, as_json: bool) -> None:
    from console.cli import output
    from engine.core.documents import Bump

    made = ask(
        ctx,
        lambda pureboot: pureboot.templates.add_version(
            name, content, by=principal(), commit_message=message, bump=Bump(bump)
        ),
    )
    output.done(made, f"template {name} is at {made.version_string}", as_json=as_json)


def _read(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not text in UTF-8") from None


@command(template, "versions")
@click.argument("name")
@json_option
def versions(ctx: click.Context, name: str, as_json: bool) -> None:
    """List a template's versions, newest first."""
    from console.cli import output
    from console.view.labels import clock, who

    found, _ = ask(ctx, lambda pureboot: pureboot.templates.versions(name))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("version", "when", "by", "bytes", "message"),
        (
            (
                each.version_string,
                clock(each.created_at, now),
                who(each.author),
                str(each.size_bytes),
                each.commit_message,
            )
            for each in found
        ),
        empty=f"template {name} has no versions",
    )


@command(template, "diff")
@click.argument("name")
@click.argument("from_version", metavar="FROM")
@click.argument("to_version", metavar="[TO]", default="latest")
@json_option
def diff(ctx: click.Context, name: str, from_version: str, to_version: str, as_json: bool) -> None:
    """Compare two versions of a template."""
    from console.cli import output
    from engine.core import diff as core

    left, right, found = ask(ctx, lambda pureboot: pureboot.templates.diff(name, from_version, to_version))
    if as_json:
        output.show_json(core.as_data(found))
        return
    _print_diff(found, f"{name} {left.version_string}", f"{name} {right.version_string}")


def _print_diff(found: "Diff", left: str, right: str) -> None:
    from console.cli.output import styled
    from console.view.labels import Role
    from engine.core.diff import unified

    roles = {"+": Role.GOOD, "-": Role.BAD, "@": Role.ACCENT}
    for line in unified(found, left, right).splitlines():
        click.echo(styled(line, roles.get(line[:1], Role.PLAIN)))


@command(template, "render")
@click.argument("name")
@click.option("--node", metavar="NODE", help="For this node.")
@click.option("--version", default="latest", show_default=True, help="v1.0, v1 (the newest 1.x) or latest.")
@click.option("-p", "--param", multiple=True, metavar="KEY=VALUE", help="An input of the execution.")
@click.option("--strict", is_flag=True, help="Fail if a variable has no value.")
@json_option
def render(
    ctx: click.Context, name: str, node: str | None, version: str, param: Sequence[str], strict: bool, as_json: bool
) -> None:
    """Print a template as a node would get it; what has no value is named on standard error."""
    from console.cli import output

    params = pairs(param, "parameter") if param else None
    found = ask(ctx, lambda pureboot: pureboot.templates.render(name, node=node, version=version, params=params))
    if as_json:
        output.show_json(found)
    else:
        click.echo(found.content, nl=not found.content.endswith("\n"))
        for each in found.unresolved:
            click.echo(f"pureboot: {each.template}:{each.line}:{each.column}: {each.text}: {each.reason}", err=True)
    if strict and found.unresolved:
        ctx.exit(1)


@command(template, "set-current")
@click.argument("name")
@click.argument("version")
@json_option
def set_current(ctx: click.Context, name: str, version: str, as_json: bool) -> None:
    """Make a version the current one; no version is deleted."""
    from console.cli import output

    changed = ask(ctx, lambda pureboot: pureboot.templates.set_current(name, version, by=principal()))
    output.done(
        changed, f"the current version of template {changed.name} is {changed.current_version}", as_json=as_json
    )


@command(template, "archive")
@click.argument("name")
def archive(ctx: click.Context, name: str) -> None:
    """End a template's use; its versions stay."""
    from console.cli import output

    gone = ask(ctx, lambda pureboot: pureboot.templates.archive(name, by=principal()))
    output.say(f"template {gone.name} is {gone.status}")


for _name, _command in FILES.commands.items():
    template.add_command(_command, _name)

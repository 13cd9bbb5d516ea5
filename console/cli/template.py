"""`pureboot template`."""

from collections.abc import Sequence
from typing import TextIO

import click

from console.cli import diffs, library, versions
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

_TYPES = ("kickstart", "preseed", "autoinstall", "cloud-init", "ignition", "unattend", "ipxe", "script", "document")

_bump = click.option(
    "--bump", type=click.Choice(("minor", "major")), default="minor", show_default=True, help="Which number is raised."
)
_draft = click.option("--draft", is_flag=True, help="Keep it as a draft: set-current puts it into use.")
_message = click.option("-m", "--commit-message", default="", help="What changed and why.")


@click.group()
def template() -> None:
    """Templates: named texts with versions."""


@command(template, "list")
@click.option("--type", "type_", multiple=True, type=click.Choice(_TYPES), help="Only templates of this type.")
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
@_draft
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
    draft: bool,
    commit_message: str,
    as_json: bool,
) -> None:
    """Make a template from FILE (- is standard input)."""
    from console.cli import output

    content = diffs.read(file)
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
            draft=draft,
        ),
    )
    what = f"the draft {made.latest_version}" if draft else made.current_version
    output.done(made, f"template {made.name} added as {what}", as_json=as_json)


@command(template, "new-version")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@_bump
@_draft
@_message
@json_option
def new_version(
    ctx: click.Context, name: str, file: TextIO, bump: str, draft: bool, commit_message: str, as_json: bool
) -> None:
    """Add FILE (- is standard input) as the template's next version."""
    _add_version(ctx, name, diffs.read(file), bump, commit_message, draft, as_json)


@command(template, "edit")
@click.argument("name")
@_bump
@_draft
@_message
@json_option
def edit(ctx: click.Context, name: str, bump: str, draft: bool, commit_message: str, as_json: bool) -> None:
    """Edit the current version in $EDITOR; what is saved becomes the next version."""
    before = ask(ctx, lambda pureboot: pureboot.templates.version(name))
    after = click.edit(before.content, extension=f".{name}")
    if after is None or after == before.content:
        click.echo("nothing changed", err=True)
        return
    _add_version(ctx, name, after, bump, commit_message, draft, as_json)


def _add_version(
    ctx: click.Context, name: str, content: str, bump: str, message: str, draft: bool, as_json: bool
) -> None:
    from console.cli import output
    from engine.core.documents import Bump

    made = ask(
        ctx,
        lambda pureboot: pureboot.templates.add_version(
            name, content, by=principal(), commit_message=message, bump=Bump(bump), draft=draft
        ),
    )
    what = f"has the draft {made.version_string}" if draft else f"is at {made.version_string}"
    output.done(made, f"template {name} {what}", as_json=as_json)


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


library.add_commands(template, "template", _TYPES)
versions.add_commands(template, "template")

"""`pureboot template`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from console.cli import library, template_iso, texts, versions  # noqa: F401 - the commands for ISOs are among FILES
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask
from console.cli.template_files import FILE_TYPES, FILES

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.documents import Version

_TYPES = (
    *("kickstart", "preseed", "autoinstall", "cloud-init", "ignition", "unattend", "ipxe", "script", "document"),
    "workflow",
)

_bump = click.option(
    "--bump", type=click.Choice(("minor", "major")), default="minor", show_default=True, help="Which number is raised."
)
_draft = click.option("--draft", is_flag=True, help="Keep it as a draft: set-current puts it into use.")
_force = click.option("--force", is_flag=True, help="Save it although its check finds errors.")
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
        texts.show(found.content)


@command(template, "add")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@click.option("--type", "type_", type=click.Choice(_TYPES), default="script", show_default=True)
@click.option("--description", default="")
@click.option("--os-family", default="")
@click.option("--tag", multiple=True)
@_draft
@_message
@_force
@json_option
def add(
    ctx: click.Context,
    name: str,
    file: BinaryIO,
    type_: str,
    description: str,
    os_family: str,
    tag: Sequence[str],
    draft: bool,
    commit_message: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make a template from FILE (- is standard input)."""
    from console.cli import output
    from console.cli.findings import save, warn

    content = texts.read(file)
    made = save(
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
            force=force,
            tell=warn,
        ),
    )
    what = f"the draft {made.latest_version}" if draft else made.current_version
    output.done(made, f"template {made.name} added as {what}", as_json=as_json)


@command(template, "new-version")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@_bump
@_draft
@_message
@_force
@json_option
def new_version(
    ctx: click.Context,
    name: str,
    file: BinaryIO,
    bump: str,
    draft: bool,
    commit_message: str,
    force: bool,
    as_json: bool,
) -> None:
    """Add FILE (- is standard input) as the template's next version."""
    _add_version(ctx, name, texts.read(file), bump, commit_message, as_json, draft=draft, force=force)


@command(template, "edit")
@click.argument("name")
@_bump
@_draft
@_message
@_force
@json_option
def edit(
    ctx: click.Context, name: str, bump: str, draft: bool, commit_message: str, force: bool, as_json: bool
) -> None:
    """Edit the current version in $EDITOR (of a template that has none yet, the newest draft); what is saved becomes
    the next version.
    """

    async def read(pureboot: "PureBoot") -> "tuple[str | None, Version]":
        found = await pureboot.templates.get(name)
        shown = found.current_version or found.latest_version or "latest"
        return found.current_version, await pureboot.templates.version(name, shown)

    based_on, before = ask(ctx, read)
    after = texts.edit(before.content, f".{name}")
    if after is None or after == before.content:
        click.echo("nothing changed", err=True)
        return
    with texts.written(after.encode(), f".{name}"):
        _add_version(ctx, name, after, bump, commit_message, as_json, draft=draft, force=force, based_on=based_on)


def _add_version(
    ctx: click.Context,
    name: str,
    content: str,
    bump: str,
    message: str,
    as_json: bool,
    *,
    draft: bool,
    force: bool,
    based_on: str | None = None,
) -> None:
    from console.cli import output
    from console.cli.findings import save, warn
    from engine.core.documents import Bump

    made = save(
        ctx,
        lambda pureboot: pureboot.templates.add_version(
            name,
            content,
            by=principal(),
            commit_message=message,
            bump=Bump(bump),
            based_on=based_on,
            draft=draft,
            force=force,
            tell=warn,
        ),
    )
    what = f"has the draft {made.version_string}" if draft else f"is at {made.version_string}"
    output.done(made, f"template {name} {what}", as_json=as_json)


@command(template, "render")
@click.argument("name")
@click.option("--node", metavar="NODE", help="For this node.")
@click.option("--version", default="latest", show_default=True, help="v1.0, v1 (the newest 1.x) or latest.")
@click.option("-p", "--param", multiple=True, metavar="KEY=VALUE", help="An input of the execution.")
@click.option(
    "--strict",
    is_flag=True,
    help="Fail where a node that boots would: on no value, or one that breaks the text.",
)
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
        texts.show(found.content)
        for problem in found.problems:
            click.echo(f"pureboot: {problem}", err=True)
    if strict and found.problems:
        ctx.exit(1)


@command(template, "validate")
@click.argument("name_or_file", metavar="NAME|FILE")
@click.option(
    "--type", "type_", type=click.Choice((*_TYPES, "yaml", "json")), help="What a FILE is; guessed if not said."
)
@click.option("--node", metavar="NODE", help="As this node would get it; without, with samples for the variables.")
@click.option("--version", default="latest", show_default=True, help="v1.0, v1 (the newest 1.x) or latest.")
@click.option("-p", "--param", multiple=True, metavar="KEY=VALUE", help="An input of the execution, with --node.")
@json_option
def validate(
    ctx: click.Context,
    name_or_file: str,
    type_: str | None,
    node: str | None,
    version: str,
    param: Sequence[str],
    as_json: bool,
) -> None:
    """Check a template, or a FILE (with a / in it, - is standard input, or any that is there) before it is one.

    Exit code 1 if there are errors; warnings change nothing.
    """
    from console.cli import findings

    params = pairs(param, "parameter") if param else None
    found = findings.check(ctx, name_or_file, type_=type_, node=node, version=version, params=params)
    findings.show(found, name_or_file, as_json=as_json)
    if any(each.is_error for each in found):
        ctx.exit(1)


@command(template, "set-current")
@click.argument("name")
@click.argument("version")
@_force
@json_option
def set_current(ctx: click.Context, name: str, version: str, force: bool, as_json: bool) -> None:
    """Make a version the current one: an older one to go back, or a draft to publish it; no version is deleted."""
    from console.cli import output
    from console.cli.findings import save, warn

    changed = save(
        ctx, lambda pureboot: pureboot.templates.set_current(name, version, by=principal(), force=force, tell=warn)
    )
    output.done(
        changed, f"the current version of template {changed.name} is {changed.current_version}", as_json=as_json
    )


library.add_commands(template, "template", _TYPES)
versions.add_commands(template, "template")
for _name, _command in FILES.commands.items():
    template.add_command(_command, _name)

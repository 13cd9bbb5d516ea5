"""`pureboot workflow new`: a draft workflow from a workflow template."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli import texts
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask
from console.cli.workflow import typed, workflow

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.workflows import PublishedWorkflow


@command(workflow, "new", with_set=False)
@click.argument("name")
@click.option("--from", "template", required=True, metavar="TEMPLATE", help="A template of type workflow.")
@click.option("--set", "values", multiple=True, metavar="KEY=VALUE", help="A parameter of the template.")
@click.option("--dry-run", is_flag=True, help="Print the workflow's file, and change nothing.")
@click.option("-m", "--commit-message", default="", help="What it is for.")
@json_option
def new(
    ctx: click.Context,
    name: str,
    template: str,
    values: Sequence[str],
    dry_run: bool,
    commit_message: str,
    as_json: bool,
) -> None:
    """Make a draft of a workflow NAME from a template and its parameters."""
    from console.cli import output

    given = pairs(values, "parameter")

    async def make(pureboot: "PureBoot") -> "tuple[str, PublishedWorkflow | None]":
        schemas = await pureboot.workflows.template_params(template)
        params = {key: typed(schemas.get(key, {}), text) for key, text in given.items()}
        return await pureboot.workflows.make(
            template, name, params, by=principal(), commit_message=commit_message, dry_run=dry_run
        )

    content, made = ask(ctx, make)
    if made is None:
        if as_json:
            output.show_json({"name": name, "content": content})
        else:
            texts.show(content)
        return
    output.done(made, f"workflow {made.name} is made as {made.version} ({made.status}); publish it", as_json=as_json)

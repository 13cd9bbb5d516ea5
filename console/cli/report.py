"""`pureboot execution report`: what happened, in one file for a ticket."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli import found, texts
from console.cli.execution import execution
from console.cli.options import command
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.accounts import Account

_FORMATS = ("text", "html", "svg")


@command(execution, "report")
@click.argument("id_", metavar="ID")
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), help="Which; by the file's name if not said, else text."
)
@click.option("-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="Save it to this file.")
def report(ctx: click.Context, id_: str, format_: str | None, file: Path | None) -> None:
    """Report what happened in an execution: timeline, attempts, errors with the ends of their logs, events.

    As text, as an HTML page that needs nothing else, or its timeline as an SVG picture. The values of secrets are
    masked.
    """
    from console.view.reports import FORMATS, format_of

    async def find(pureboot: "PureBoot") -> "Account":
        return await pureboot.accounts.of((await found.execution(pureboot, id_)).id)

    account = ask(ctx, find)
    chosen = format_ or (format_of(file.name) if file is not None else None) or "text"
    text = FORMATS[chosen](account)
    if file is None:
        texts.show(text)
        return
    try:
        file.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
    click.echo(f"the report ({chosen}) is in {file}")

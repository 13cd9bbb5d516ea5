"""`pureboot execution artifacts`: what executions made."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli import found, texts
from console.cli.execution import execution
from console.cli.options import command, json_option
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.artifacts import Artifact


@command(execution, "artifacts")
@click.argument("id_", metavar="ID")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-o", "--output", "file", type=click.Path(path_type=Path), help="Save the text to this file.")
@json_option
def artifacts(ctx: click.Context, id_: str, name: str | None, file: Path | None, as_json: bool) -> None:
    """List what an execution made; with NAME print that text, or save it."""
    if name is None and file is not None:
        raise click.UsageError("--output needs the NAME of an artifact")
    if name is None:
        _list(ctx, id_, as_json)
        return
    made = _get(ctx, id_, name)
    from console.cli import output
    from engine.core.shape import as_data

    if file is not None:
        _save(file, made.content)
        output.done(made, f"{made.name} ({made.size} bytes) saved to {file}", as_json=as_json)
    elif as_json:
        output.show_json({**as_data(made), "content": made.content})
    else:
        texts.show(made.content)


def _get(ctx: click.Context, id_: str, name: str) -> "Artifact":
    async def get(pureboot: "PureBoot") -> "Artifact":
        return await pureboot.artifacts.get((await found.execution(pureboot, id_)).id, name)

    return ask(ctx, get)


def _list(ctx: click.Context, id_: str, as_json: bool) -> None:
    from console.cli import output
    from console.view.labels import clock

    async def find(pureboot: "PureBoot") -> "list[Artifact]":
        return await pureboot.artifacts.find((await found.execution(pureboot, id_)).id)

    listed = ask(ctx, find)
    if as_json:
        output.show_json(listed)
        return
    now = output.now()
    output.show_table(
        ("artifact", "bytes", "template", "step", "made", "sha256"),
        (
            (
                each.name,
                str(each.size),
                f"{each.template} {each.version}",
                each.step_key,
                clock(each.created_at, now),
                each.sha256[:12],
            )
            for each in listed
        ),
        empty="no artifacts",
    )


def _save(file: Path, content: str) -> None:
    try:
        file.write_bytes(content.encode())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None

"""Texts that commands read and print: byte for byte what is in the file, the store and the terminal's pipe."""

import sys
from typing import BinaryIO

import click


def read(file: BinaryIO) -> str:
    """The text of a file, as it is.

    Raises:
        click.ClickException: it is no UTF-8 or too large; with the place.
    """
    from engine.core.documents import MAX_CONTENT
    from engine.core.texts import decode
    from engine.errors import Invalid

    name = getattr(file, "name", "standard input")
    try:
        return decode(file.read(MAX_CONTENT + 1), file="standard input" if name in ("<stdin>", "-") else str(name))
    except Invalid as error:
        raise click.ClickException(str(error)) from None


def edit(text: str, extension: str) -> str | None:
    """Let a person edit a text in $EDITOR; None if it was not saved. The editor gets and gives back its very bytes.

    Raises:
        click.ClickException: what was saved is no UTF-8 or too large; with the place.
    """
    from engine.core.texts import decode
    from engine.errors import Invalid

    after = click.edit(text.encode(), extension=extension)
    try:
        return None if after is None else decode(bytes(after), file="what was saved")
    except Invalid as error:
        raise click.ClickException(str(error)) from None


def show(text: str) -> None:
    """Print a text: to a terminal without what would command it, ended by a line break; anywhere else byte for byte."""
    if not sys.stdout.isatty():
        click.echo(text.encode("utf-8", "replace"), nl=False)
        return
    from console.view.pieces import printable

    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    click.echo("\n".join(printable(line) for line in lines))

"""Texts that commands read and print: byte for byte what is in the file, the store and the terminal's pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click


def read(file: BinaryIO) -> str:
    """The text of a file, as it is.

    Raises:
        Invalid: it is no UTF-8 or too large; with the place.
    """
    from engine.core.documents import MAX_CONTENT
    from engine.core.texts import decode

    name = getattr(file, "name", "standard input")
    return decode(file.read(MAX_CONTENT + 1), file="standard input" if name in ("<stdin>", "-") else str(name))


def edit(text: str, extension: str) -> str | None:
    """Let a person edit a text in $EDITOR; None if it was not saved. The editor gets and gives back its very bytes.

    Raises:
        click.ClickException: the editor cannot be run.
        Invalid: what was saved is no UTF-8 or too large; with the place. It is kept in a file.
    """
    from engine.core.texts import decode

    after = click.edit(text.encode(), extension=extension)
    if after is None:
        return None
    with written(bytes(after), extension):
        return decode(bytes(after), file="what was saved")


@contextmanager
def written(text: bytes, extension: str) -> Iterator[None]:
    """Keep what a person wrote in a file, and say in which, should it be refused: nobody's work is thrown away."""
    import tempfile

    try:
        yield
    except BaseException:  # whoever presses Ctrl-C while it is saved has written it all the same
        with tempfile.NamedTemporaryFile(prefix="pureboot-", suffix=extension, delete=False) as file:
            file.write(text)
        click.echo(f"pureboot: it is not saved; what you wrote is kept in {file.name}", err=True)
        raise


def show(text: str) -> None:
    """Print a text: to a terminal without what would command it, ended by a line break; anywhere else byte for byte."""
    if not sys.stdout.isatty():
        click.echo(text.encode("utf-8", "replace"), nl=False)
        return
    from console.view.pieces import printable

    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    click.echo("\n".join(printable(line) for line in lines))

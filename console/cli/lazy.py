"""Groups of commands that are imported when they are called, and the place where errors become exit codes."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from engine.errors import Conflict, Invalid, NotFound, PureBootError

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT = range(5)
"""The exit codes of every command."""


class Lazy(NamedTuple):
    """A command that is not imported yet: `module:attribute`, and its line in the help."""

    place: str
    help: str


class Refusal(click.ClickException):
    """A `PureBootError` on its way out: plain lines on standard error, and the exit code of its kind."""

    def __init__(self, error: PureBootError) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The exit code of the error's kind."""
        return exit_code(self.error)

    def show(self, file: Any = None) -> None:
        """Print what is wrong, one line for each problem."""
        for line in lines(self.error):
            click.echo(f"pureboot: {line}", err=True)


def exit_code(error: PureBootError) -> int:
    """The exit code for an error."""
    if isinstance(error, NotFound):
        return NOT_FOUND
    return CONFLICT if isinstance(error, Conflict) else FAILED


def lines(error: PureBootError) -> list[str]:
    """What is wrong, in lines for a terminal; of a file each problem as `file:line:column: path: message`."""
    texts = [str(problem) for problem in error.problems] if isinstance(error, Invalid) else [error.message]
    return [" ".join(text.split()) for text in texts]


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called. Help needs only their lines."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they were given."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now."""
        found = self._lazy.get(cmd_name)
        if found is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = found.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        if not self._lazy:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and let errors out in the way of a command line."""
        try:
            return super().invoke(ctx)
        except PureBootError as error:
            raise Refusal(error) from error

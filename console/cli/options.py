"""What every command is given: the settings' flags, who runs it, and `--json`."""

import getpass
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import PureBootError

if TYPE_CHECKING:
    from engine.settings import Reading, Settings

F = TypeVar("F", bound=Callable[..., Any])

# Settings that have a flag of their own; every other can be given with --set.
FLAGS = {
    "database.url": ("URL", "The store: sqlite:///path or postgresql+asyncpg://user@host/name."),
    "http.host": ("ADDRESS", "Where nodes and administrators reach the HTTP server."),
    "http.port": ("PORT", "Its port."),
    "tftp.host": ("ADDRESS", "Where firmware reaches the TFTP server."),
    "tftp.port": ("PORT", "Its port (69, or 6969 where 69 is not allowed)."),
    "server.url": ("URL", "What nodes are told to be the address of this server."),
    "files.dir": ("FOLDER", "Where kernels, initrds and images are."),
    "auth.mode": (None, "Whether the admin API asks for a token."),
    "log.level": (None, "How much is logged."),
    "log.format": (None, "How log lines are written."),
}
CHOICES = {
    "auth.mode": ("strict", "loose"),
    "log.level": ("debug", "info", "warning", "error"),
    "log.format": ("console", "json"),
}


@dataclass
class Given:
    """What the command line says of the settings."""

    config: Path | None = None
    flags: dict[str, Any] = field(default_factory=dict)


def _given(ctx: click.Context) -> Given:
    return ctx.find_root().ensure_object(Given)


def _note_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _given(ctx).config = Path(value)


def _note_set(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> None:
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise click.BadParameter(f"{text!r} is not of the form section.key=value", ctx, param)
        _given(ctx).flags[key] = value


def _note_ascii(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        _given(ctx).flags["console.ascii"] = "on"


def _note_flag(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def note(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            _given(ctx).flags[key] = value

    return note


def settings_options(*, shown: bool = False, with_set: bool = True) -> Callable[[F], F]:
    """Add the settings' flags to a command; they may stand before or behind a command's name. Without `with_set` its
    `--set` is its own, and that of the settings stands before its name.
    """

    def add(command: F) -> F:
        for key, (metavar, help_) in reversed(FLAGS.items()):
            name = "--" + key.replace(".", "-").replace("_", "-")
            flag = click.option(
                name,
                type=click.Choice(CHOICES[key]) if key in CHOICES else None,
                metavar=metavar,
                help=help_,
                hidden=not shown,
                expose_value=False,
                callback=_note_flag(key),
            )
            command = flag(command)
        setting = click.option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            multiple=True,
            help="Any setting; may be given several times.",
            hidden=not shown,
            expose_value=False,
            callback=_note_set,
        )
        config = click.option(
            "--config",
            metavar="FILE",
            help="Settings file [default: $PUREBOOT_CONFIG, ./pureboot.yaml, the XDG config folder].",
            type=click.Path(exists=True, dir_okay=False),
            hidden=not shown,
            expose_value=False,
            callback=_note_config,
        )
        return config(setting(command) if with_set else command)

    return add


def command(
    group: click.Group, name: str, *, with_set: bool = True, **more: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command of a group; it is passed the context and takes the settings' flags (with or without
    `--set`).
    """

    def make(function: Callable[..., Any]) -> click.Command:
        return group.command(name, **more)(settings_options(with_set=with_set)(click.pass_context(function)))

    return make


ascii_option = click.option(
    "--ascii",
    is_flag=True,
    help="Draw the console with ASCII alone, whatever the terminal can show.",
    expose_value=False,
    callback=_note_ascii,
)


def _checked_name(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and (not value.isprintable() or not 0 < len(value.strip()) <= 64):
        raise click.BadParameter("a name is a word of at most 64 characters, on one line", ctx, param)
    return value and value.strip()


name_option = click.option(
    "--name",
    metavar="NAME",
    callback=_checked_name,
    help="Your name, which stands at what you do [default: who called sudo, or the user].",
)
read_only_option = click.option("--read-only", is_flag=True, help="Show everything, change nothing.")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class BadSettings(click.UsageError):
    """Settings that cannot be: the caller's doing, so exit code 2."""

    def show(self, file: Any = None) -> None:
        """Print each problem on a line."""
        for line in self.message.splitlines():
            click.echo(f"pureboot: {line}", err=True)


def load_settings(ctx: click.Context) -> "Settings":
    """The settings: flags over environment over file over defaults.

    Raises:
        BadSettings: something in them is wrong; all of it is named.
    """
    return read_settings(ctx).settings


def read_settings(ctx: click.Context) -> "Reading":
    """The settings, and where each was written.

    Raises:
        BadSettings: something in them is wrong; all of it is named.
    """
    from console.cli.lazy import lines
    from engine.settings import read

    given = _given(ctx)
    try:
        reading = read(config=given.config, flags=given.flags)
        if reading.settings.console.keys:  # the table of keys is loaded only for who changes it
            check_keys(reading)
    except PureBootError as error:
        raise BadSettings("\n".join(lines(error))) from None
    return reading


def check_keys(reading: "Reading") -> None:
    """Refuse keys that cannot be: unknown ones, and such as would mean two things at once.

    Raises:
        Invalid: some are; all of them are named, with where they were written.
    """
    from console.keys import KEYS
    from console.keys.remap import read
    from engine.errors import Invalid, Problem
    from engine.settings_sources import origin_of

    _, wrong = read(reading.settings.console.keys, KEYS)
    problems = []
    for each in wrong:
        path = ("console", "keys", *each.path)
        origin = origin_of(path, reading.origins)
        where = (origin.place, origin.line) if origin is not None else (None, None)
        problems.append(Problem(path=".".join(path), message=each.message, file=where[0], line=where[1]))
    if problems:
        raise Invalid(problems)


def principal(name: str | None = None) -> str:
    """Who runs the command: who they say they are, or else who called `sudo`, or else the user."""
    try:
        return f"user:{name or os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (OSError, KeyError):  # a user id without a name, as in a container
        return "user:unknown"


def pairs(values: Sequence[str], what: str) -> dict[str, str]:
    """Read `key=value` words.

    Raises:
        click.UsageError: one of them is not of this form.
    """
    read = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{text!r} is no {what}; write key=value")
        read[key] = value
    return read

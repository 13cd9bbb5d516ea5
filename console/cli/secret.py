"""`pureboot secret`."""

import sys

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask


@click.group()
def secret() -> None:
    """Secrets: values that templates and parameters name, as ${secret.NAME} or {{ secret.NAME }}.

    They are kept encrypted, are shown nowhere, and are masked in previews, logs and events.
    """


@command(secret, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the secrets, without their values."""
    from console.cli import output
    from console.view.labels import clock
    from engine.core.page import EVERYTHING

    found, _ = ask(ctx, lambda pureboot: pureboot.secrets.find(EVERYTHING))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("secret", "made", "changed", "by"),
        ((each.name, clock(each.created_at, now), clock(each.updated_at, now), each.updated_by) for each in found),
        empty="no secrets; set one: pureboot secret set NAME",
    )


@command(secret, "set")
@click.argument("name")
@click.option(
    "--value-file",
    metavar="FILE",
    type=click.Path(allow_dash=True, dir_okay=False),
    help="Read the value from a file, or with - from standard input; without, it is asked for.",
)
@click.option("--exact", is_flag=True, help="Keep the line break at the end of the file.")
@json_option
def set_(ctx: click.Context, name: str, value_file: str | None, exact: bool, as_json: bool) -> None:
    """Give a secret a value, whether it is there already or not.

    The value is never an argument: other users of this machine can see those, and the shell keeps them. One line break
    at the end of a file is not part of it.
    """
    from console.cli import output
    from engine.core.secrets import parse_secret_name

    parse_secret_name(name)  # before somebody types a value
    value = _asked(name) if value_file is None else _read(value_file, exact=exact)
    kept = ask(ctx, lambda pureboot: pureboot.secrets.set(name, value, by=principal()))
    if kept.warning:
        click.echo(f"pureboot: {kept.warning}", err=True)
    told = f"secret {name} set" if kept.is_new else f"secret {name} has another value"
    output.done(kept.secret, told, as_json=as_json)


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the value in; give --value-file FILE or --value-file -")
    value: str = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
    return value


def _read(path: str, *, exact: bool) -> str:
    """The value in a file.

    Raises:
        Invalid: it is too large, or no text in UTF-8.
        Unavailable: it cannot be read.
    """
    from engine.core.secrets import MAX_VALUE
    from engine.errors import Invalid, Unavailable

    where = "standard input" if path == "-" else path
    try:
        with click.open_file(path, "rb") as file:
            content: bytes = file.read(MAX_VALUE + 3)
    except OSError as error:
        raise Unavailable(f"{where} cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8") if len(content) <= MAX_VALUE + 2 else content.decode("utf-8", "replace")
    except UnicodeDecodeError:
        raise Invalid(f"{where} is not text in UTF-8; encode what is not text, as with `base64`") from None
    return text if exact else text.removesuffix("\n").removesuffix("\r")


@command(secret, "delete")
@click.argument("name")
def delete(ctx: click.Context, name: str) -> None:
    """Forget a secret. What names it is not rendered any more."""
    from console.cli import output

    ask(ctx, lambda pureboot: pureboot.secrets.delete(name, by=principal()))
    output.say(f"secret {name} deleted")


@command(secret, "rotate")
@json_option
def rotate(ctx: click.Context, as_json: bool) -> None:
    """Encrypt everything anew with a new key, and drop the old one.

    Backups made before need the old key: keep a copy of it with them. Where PUREBOOT_SECRET_KEY holds the key, first
    write NEW,OLD into it on every host and restart them; take OLD away afterwards, once what was started before it has
    ended.
    """
    from console.cli import output

    rotated = ask(ctx, lambda pureboot: pureboot.secrets.rotate(by=principal()))
    counts = ", ".join(f"{name}: {getattr(rotated, name)}" for name in ("secrets", "webhooks", "agents"))
    counts += f", old keys dropped: {rotated.dropped}"
    output.done(rotated, f"sealed anew with the key {rotated.key_id}; {counts}", as_json=as_json)

"""`pureboot token`."""

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask

_ROLES = ("viewer", "technician", "admin", "agent")


@click.group()
def token() -> None:
    """Tokens for the admin API."""


@command(token, "create")
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="admin", show_default=True)
@click.option("--expires-in", metavar="DURATION", help="Such as 12h or 30d; without, it does not expire.")
@json_option
def create(ctx: click.Context, name: str, role: str, expires_in: str | None, as_json: bool) -> None:
    """Make a token. It is shown now and never again."""
    from console.cli import output
    from engine.core.shape import as_data
    from engine.durations import parse_duration

    try:
        seconds = None if expires_in is None else parse_duration(expires_in)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    issued = ask(ctx, lambda pureboot: pureboot.access.create(name, role, by=principal(), expires_in=seconds))
    if as_json:
        output.show_json(as_data(issued.token) | {"token": issued.secret})
    else:
        click.echo(f"token {name} ({role}) made; it is shown only now:", err=True)
        click.echo(issued.secret)


@command(token, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the tokens, without what they are."""
    from console.cli import output
    from console.view.labels import clock
    from engine.core.page import EVERYTHING

    found, _ = ask(ctx, lambda pureboot: pureboot.access.find(EVERYTHING))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("token", "role", "made", "expires", "last used"),
        (
            (
                each.name,
                each.role.value,
                clock(each.created_at, now),
                clock(each.expires_at, now) or "never",
                clock(each.last_used_at, now) or "never",
            )
            for each in found
        ),
        empty="no tokens",
    )


@command(token, "revoke")
@click.argument("name")
def revoke(ctx: click.Context, name: str) -> None:
    """End a token's use."""
    from console.cli import output

    ask(ctx, lambda pureboot: pureboot.access.revoke(name, by=principal()))
    output.say(f"token {name} revoked")

"""`pureboot agent`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.core.agents import Agent

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--description", help="What it is for."),
    click.option("--auth-type", type=click.Choice(("none", "bearer", "basic", "hmac")), help="How it knows PureBoot."),
    click.option(
        "--auth", multiple=True, metavar="NAME=VALUE", help="token=, username= and password=, or secret=; - reads it."
    ),
    click.option("--timeout-ms", type=int, help="How long a call may take, in milliseconds."),
    click.option("--retry", multiple=True, metavar="NAME=VALUE", help="max_attempts=, delay=, backoff=."),
)


def _options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group()
def agent() -> None:
    """Remote agents: programs that perform steps over HTTP."""


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """What the service takes, of the options that were given."""
    read = {name: value for name, value in given.items() if value not in (None, ())}
    if "auth" in read:
        auth = pairs(read.pop("auth"), "part of auth_config")
        read["auth_config"] = {k: sys.stdin.readline().strip() if v == "-" else str(v) for k, v in auth.items()}
    if "retry" in read:
        retry = pairs(read.pop("retry"), "part of retry_config")
        read["retry_config"] = {k: int(v) if str(v).isdecimal() else v for k, v in retry.items()}
    return read


@command(agent, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the agents, with what the last look at each found."""
    from console.cli import output
    from console.view.labels import ago
    from engine.core.page import EVERYTHING

    found, _ = ask(ctx, lambda pureboot: pureboot.agents.find(EVERYTHING))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("agent", "url", "auth", "status", "looked at", "last error"),
        (
            (each.name, each.url, each.auth_type, _status(each), ago(each.last_health_at, now), each.last_error)
            for each in found
        ),
        empty="no agents",
    )


def _status(found: "Agent") -> Any:
    from console.view.labels import Role, cell

    roles = {"healthy": Role.GOOD, "unhealthy": Role.BAD}
    return cell(found.status.value, roles.get(found.status.value, Role.MUTED))


@command(agent, "show")
@click.argument("name")
@json_option
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show an agent."""
    from console.cli import output
    from console.view.labels import clock

    found = ask(ctx, lambda pureboot: pureboot.agents.get(name))
    if as_json:
        output.show_json(found)
        return
    retry = found.retry_config
    output.show_facts(
        (
            ("agent", found.name),
            ("id", found.id),
            ("url", found.url),
            ("description", found.description),
            ("auth", found.auth_type.value),
            ("timeout", f"{found.timeout_ms} ms"),
            ("retries", f"{retry.max_attempts} attempts, {retry.delay:g}s between them, {retry.backoff}"),
            ("status", found.status.value),
            ("looked at", clock(found.last_health_at, output.now()) or "never"),
            ("last error", found.last_error),
        )
    )


@command(agent, "add")
@click.argument("name")
@click.argument("url")
@_options
@json_option
def add(ctx: click.Context, name: str, url: str, as_json: bool, **given: Any) -> None:
    """Register an agent at URL; a step names it: `agent.call` with `agent: NAME`."""
    from console.cli import output

    wanted = {"name": name, "url": url, **_values(given)}
    made = ask(ctx, lambda pureboot: pureboot.agents.create(wanted, by=principal()))
    output.done(made, f"agent {made.name} was registered ({made.id})", as_json=as_json)


@command(agent, "set")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@click.option("--url", help="Another address.")
@_options
@json_option
def set_(ctx: click.Context, name: str, new_name: str | None, url: str | None, as_json: bool, **given: Any) -> None:
    """Set fields of an agent."""
    from console.cli import output

    own = {key: value for key, value in (("name", new_name), ("url", url)) if value is not None}
    values = {**own, **_values(given)}
    if not values:
        raise click.UsageError("say what to set")
    changed = ask(ctx, lambda pureboot: pureboot.agents.update(name, values, by=principal()))
    output.done(changed, f"agent {changed.name} changed", as_json=as_json)


@command(agent, "check")
@click.argument("name", required=False)
@json_option
def check(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Ask an agent, or all, how they are; exit code 1 if one is not well."""
    from console.cli import output

    found = ask(ctx, lambda pureboot: pureboot.agents.check(name)) if name else None
    listed = [found] if found is not None else ask(ctx, lambda pureboot: pureboot.agents.check_all())
    if as_json:
        output.show_json(found if found is not None else listed)
    else:
        output.show_table(
            ("agent", "status", "took", "error"),
            (
                (
                    each.agent,
                    each.status.value,
                    "" if each.seconds is None else f"{each.seconds * 1000:.0f} ms",
                    each.error,
                )
                for each in listed
            ),
            empty="no agents",
        )
    if any(each.error for each in listed):
        ctx.exit(1)


@command(agent, "delete")
@click.argument("name")
@json_option
def delete(ctx: click.Context, name: str, as_json: bool) -> None:
    """Forget an agent."""
    from console.cli import output

    gone = ask(ctx, lambda pureboot: pureboot.agents.delete(name, by=principal()))
    output.done(gone, f"agent {gone.name} deleted", as_json=as_json)

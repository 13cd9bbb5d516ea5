"""`pureboot trigger`."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.options import command, json_option, load_settings, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from datetime import datetime

    from engine.core.triggers import Trigger
    from engine.services.firing import Firing

F = TypeVar("F", bound=Callable[..., Any])

_TYPES = ("manual", "webhook", "schedule", "event")
_CONFIG = {"cron": "schedule", "timezone": "schedule", "missed": "schedule", "event": "event", "filters": "event"}
_CONFIG |= {"path": "webhook", "secret": "webhook"}

_OPTIONS = (
    click.option("--description", help="What it is for."),
    click.option("--node", help="The node to start on; may be an expression, as {{ event.node_id }}."),
    click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="An input; may hold expressions."),
    click.option("--condition", help="An expression that must hold, as trigger.body.branch == 'main'."),
    click.option("--cron", help="Schedule: minute hour day-of-month month day-of-week, as '30 4 * * 1'."),
    click.option("--timezone", help="Schedule: where that is the time, as Europe/Berlin [default: UTC]."),
    click.option(
        "--missed",
        type=click.Choice(("skip", "once", "all")),
        help="Schedule: what becomes of times at which no engine ran [default: once].",
    ),
    click.option("--event", multiple=True, metavar="KIND", help="Event: on which, as node.discovered."),
    click.option("--filter", "filters", multiple=True, metavar="FIELD=VALUE", help="Event: as state=installed."),
    click.option("--path", help="Webhook: its path below /hooks/ [default: one that nobody guesses]."),
    click.option("--secret", help="Webhook: what its bodies are signed with; - reads it from standard input."),
)


def _options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group()
def trigger() -> None:
    """Triggers: what starts workflows by itself."""


@command(trigger, "list")
@click.option("--type", "types", multiple=True, type=click.Choice(_TYPES), help="Only those of this type.")
@json_option
def list_(ctx: click.Context, types: Sequence[str], as_json: bool) -> None:
    """List the triggers."""
    from console.cli import output
    from console.view.labels import Role, cell, clock
    from engine.core.page import Page

    page = Page(limit=None, filters={"type": tuple(types)} if types else {})
    found, _ = ask(ctx, lambda pureboot: pureboot.triggers.find(page))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("trigger", "type", "workflow", "on", "enabled", "next", "last fired", "fired", "last error"),
        (
            (
                each.name,
                each.type.value,
                each.workflow,
                _when(each),
                "yes" if each.enabled else cell("no", Role.MUTED),
                clock(each.next_at, now),
                clock(each.last_fired_at, now) or "never",
                str(each.fired),
                cell(each.last_error, Role.BAD),
            )
            for each in found
        ),
        empty="no triggers",
    )


def _when(trigger: "Trigger") -> str:
    """What a trigger waits for, in a few words; never a path, which may be all the proof there is."""
    from engine.core.schedule import Schedule
    from engine.core.trigger_config import Listening

    if isinstance(trigger.config, Schedule):
        return f"{trigger.config.cron} {trigger.config.timezone}"
    if isinstance(trigger.config, Listening):
        wanted = (f"{name}={value}" for name, value in trigger.config.filters.items())
        return " ".join((", ".join(trigger.config.events), *wanted))
    return ""


@command(trigger, "show")
@click.argument("name")
@json_option
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show a trigger: what it waits for, its next five times, what it started last."""
    from console.cli import output
    from console.view.labels import clock
    from engine.core.shape import as_data

    found = ask(ctx, lambda pureboot: pureboot.triggers.get(name))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    config = {key: value for key, value in as_data(found.config).items() if value}
    output.show_facts(
        (
            ("trigger", found.name),
            ("id", found.id),
            ("description", found.description),
            ("type", found.type.value),
            ("starts", found.workflow + (f" on {found.node}" if found.node else "")),
            ("inputs", " ".join(f"{key}={value}" for key, value in found.params.items())),
            *((key, value if isinstance(value, str) else json.dumps(value)) for key, value in config.items()),
            ("condition", found.condition),
            ("url", _url(ctx, found)),
            ("enabled", "yes" if found.enabled else "no"),
            ("last fired", f"{clock(found.last_fired_at, now)} ({found.fired} in all)" if found.fired else "never"),
            ("last started", found.last_execution_id),
            ("last error", found.last_error),
        )
    )
    if found.next:
        zone = config.get("timezone", "UTC")
        click.echo()
        output.show_table(("next (UTC)", zone), (_time(each, zone) for each in found.next), empty="never")


def _time(moment: "datetime", zone: str) -> tuple[str, str]:
    from zoneinfo import ZoneInfo

    return f"{moment:%a %Y-%m-%d %H:%M}", f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


def _url(ctx: click.Context, trigger: "Trigger") -> str | None:
    return f"{load_settings(ctx).server.url}{trigger.url}" if trigger.url else None


@command(trigger, "add")
@click.argument("name")
@click.option("--workflow", required=True, help="What it starts.")
@click.option("--type", "type_", type=click.Choice(_TYPES), help="What makes it fire [default: what the options say].")
@_options
@click.option("--disabled", is_flag=True, help="Let it not fire before it is enabled.")
@json_option
def add(
    ctx: click.Context, name: str, workflow: str, type_: str | None, disabled: bool, as_json: bool, **given: Any
) -> None:
    """Make a trigger.

    By hand, unless options say otherwise: --cron makes a schedule, --event waits for events, --type webhook (or --path,
    --secret) for a POST.
    """
    from console.cli import output

    values = _values(given)
    wanted = {"name": name, "workflow": workflow, "type": type_ or _type_of(values), "enabled": not disabled, **values}
    made = ask(ctx, lambda pureboot: pureboot.triggers.create(wanted, by=principal()))
    more = f"; send POST requests to {_url(ctx, made)}" if made.url else ""
    output.done(made, f"trigger {made.name} added ({made.id}){more}", as_json=as_json)


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """What a service takes, of the options that were given.

    Raises:
        click.UsageError: an input or a filter is not of the form NAME=VALUE.
    """
    read = {name: value for name, value in given.items() if value not in (None, ())}
    if "params" in read:
        read["params"] = pairs(read["params"], "input")
    if "filters" in read:
        read["filters"] = pairs(read["filters"], "filter")
    if "event" in read:
        read["event"] = read["event"][0] if len(read["event"]) == 1 else list(read["event"])
    if read.get("secret") == "-":
        read["secret"] = sys.stdin.readline().strip()
    config = {name: read.pop(name) for name in _CONFIG if name in read}
    return read | ({"config": config} if config else {})


def _type_of(values: dict[str, Any]) -> str:
    return next((_CONFIG[name] for name in values.get("config", ())), "manual")


@command(trigger, "set")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@click.option("--workflow", help="What it starts.")
@_options
@json_option
def set_(
    ctx: click.Context, name: str, new_name: str | None, workflow: str | None, as_json: bool, **given: Any
) -> None:
    """Set fields of a trigger; an empty value empties one, and --param sets all inputs."""
    from console.cli import output

    values = {
        **({"name": new_name} if new_name is not None else {}),
        **({"workflow": workflow} if workflow is not None else {}),
        **_values(given),
    }
    if not values:
        raise click.UsageError("say what to set")
    changed = ask(ctx, lambda pureboot: pureboot.triggers.update(name, values, by=principal()))
    output.done(changed, f"trigger {changed.name} changed", as_json=as_json)


@command(trigger, "enable")
@click.argument("name")
@json_option
def enable(ctx: click.Context, name: str, as_json: bool) -> None:
    """Let a trigger fire from now on."""
    _set_enabled(ctx, name, True, as_json)


@command(trigger, "disable")
@click.argument("name")
@json_option
def disable(ctx: click.Context, name: str, as_json: bool) -> None:
    """Let a trigger not fire; what comes meanwhile is not made up for."""
    _set_enabled(ctx, name, False, as_json)


def _set_enabled(ctx: click.Context, name: str, enabled: bool, as_json: bool) -> None:
    from console.cli import output

    values = {"enabled": enabled}
    changed = ask(ctx, lambda pureboot: pureboot.triggers.update(name, values, by=principal()))
    output.done(changed, f"trigger {changed.name} {'enabled' if enabled else 'disabled'}", as_json=as_json)


@command(trigger, "delete")
@click.argument("name")
@json_option
def delete(ctx: click.Context, name: str, as_json: bool) -> None:
    """Forget a trigger; what it started goes on."""
    from console.cli import output

    gone = ask(ctx, lambda pureboot: pureboot.triggers.delete(name, by=principal()))
    output.done(gone, f"trigger {gone.name} deleted", as_json=as_json)


@command(trigger, "fire")
@click.argument("name")
@click.option("--body", metavar="JSON", help="What a webhook would have been sent.")
@click.option("--request-id", metavar="ID", help="The same id starts nothing a second time.")
@json_option
def fire(ctx: click.Context, name: str, body: str | None, request_id: str | None, as_json: bool) -> None:
    """Fire a trigger now."""
    from console.cli import output

    try:
        value = None if body is None else json.loads(body)
    except ValueError as error:
        raise click.UsageError(f"--body is not JSON: {error}") from None
    done: Firing = ask(ctx, lambda pureboot: pureboot.triggers.fire(name, by=principal(), body=value, key=request_id))
    if done.error is not None:
        raise done.error
    execution = done.execution
    if execution is None:
        text = f"the condition of trigger {done.trigger.name} does not hold: nothing is started"
        output.done({"execution_id": None}, text, as_json=as_json)
        return
    output.done(execution, f"execution {execution.id} of {execution.workflow_name} started", as_json=as_json)

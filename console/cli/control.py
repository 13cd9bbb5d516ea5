"""What an operator does with an execution: pause, resume, retry, skip, approve, reject, cancel."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli import found
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution

DEEDS = click.Group()
"""The commands, for the group of executions to take up."""

_id = click.argument("id_", metavar="ID")


def _do(ctx: click.Context, id_: str, deed: "Callable[[PureBoot, str], Awaitable[Execution]]") -> "Execution":
    async def work(pureboot: "PureBoot") -> "Execution":
        meant = await found.execution(pureboot, id_)
        return await deed(pureboot, meant.id)

    return ask(ctx, work)


@command(DEEDS, "cancel")
@_id
@click.option("--reason", help="Why; it is kept with the execution.")
@json_option
def cancel(ctx: click.Context, id_: str, reason: str | None, as_json: bool) -> None:
    """Stop an execution at once."""
    from console.cli import output

    ended = _do(ctx, id_, lambda pureboot, each: pureboot.executions.cancel(each, by=principal(), reason=reason))
    output.done(ended, f"execution {ended.id} is {ended.status}", as_json=as_json)


@command(DEEDS, "pause")
@_id
@click.option("--reason", help="Why; it is kept in the event log.")
@json_option
def pause(ctx: click.Context, id_: str, reason: str | None, as_json: bool) -> None:
    """Begin nothing new of an execution; what runs goes on to its end."""
    from console.cli import output

    paused = _do(ctx, id_, lambda pureboot, each: pureboot.control.pause(each, by=principal(), reason=reason))
    output.done(paused, f"execution {paused.id} is {paused.status}", as_json=as_json)


@command(DEEDS, "resume")
@_id
@json_option
def resume(ctx: click.Context, id_: str, as_json: bool) -> None:
    """Let a paused execution go on."""
    from console.cli import output

    resumed = _do(ctx, id_, lambda pureboot, each: pureboot.control.resume(each, by=principal()))
    output.done(resumed, f"execution {resumed.id} goes on ({resumed.status})", as_json=as_json)


@command(DEEDS, "retry")
@_id
@click.option("--step", metavar="STEP", help="Run this step again, and what follows it; without, what failed.")
@json_option
def retry(ctx: click.Context, id_: str, step: str | None, as_json: bool) -> None:
    """Go on from what failed, with what succeeded kept."""
    from console.cli import output

    again = _do(ctx, id_, lambda pureboot, each: pureboot.control.retry(each, by=principal(), step=step))
    output.done(again, f"execution {again.id} goes on ({again.status})", as_json=as_json)


@command(DEEDS, "skip")
@_id
@click.argument("step")
@click.option("--reason", required=True, help="Why; it is kept with the execution.")
@click.option("--output", "given", multiple=True, metavar="KEY=VALUE", help="What the step gives to those after it.")
@json_option
def skip(ctx: click.Context, id_: str, step: str, reason: str, given: Sequence[str], as_json: bool) -> None:
    """Take a step as done: the workflow goes on as if it had succeeded."""
    from console.cli import output

    values = {key: _value(text) for key, text in pairs(given, "output").items()}
    skipped = _do(
        ctx,
        id_,
        lambda pureboot, each: pureboot.control.skip(each, step, by=principal(), reason=reason, output=values),
    )
    output.done(skipped, f"step {step} of execution {skipped.id} is skipped", as_json=as_json)


def _value(text: str) -> Any:
    """A value as YAML reads it, where JSON can carry it; else the text."""
    import json

    import yaml

    try:
        value = yaml.safe_load(text)
        json.dumps(value, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError):
        return text
    return value


def _decide(ctx: click.Context, id_: str, step: str | None, comment: str | None, *, approved: bool) -> "Execution":
    return _do(
        ctx,
        id_,
        lambda pureboot, each: pureboot.control.approve(
            each, by=principal(), step=step, approved=approved, comment=comment
        ),
    )


_step = click.option("--step", metavar="STEP", help="Which step, where several wait.")
_comment = click.option("--comment", help="What is to be said of it; the steps after it can read it.")


@command(DEEDS, "approve")
@_id
@_step
@_comment
@json_option
def approve(ctx: click.Context, id_: str, step: str | None, comment: str | None, as_json: bool) -> None:
    """Approve what waits for a person."""
    from console.cli import output

    decided = _decide(ctx, id_, step, comment, approved=True)
    output.done(decided, f"approved; execution {decided.id} is {decided.status}", as_json=as_json)


@command(DEEDS, "reject")
@_id
@_step
@_comment
@json_option
def reject(ctx: click.Context, id_: str, step: str | None, comment: str | None, as_json: bool) -> None:
    """Reject what waits for a person: the step fails."""
    from console.cli import output

    decided = _decide(ctx, id_, step, comment, approved=False)
    output.done(decided, f"rejected; execution {decided.id} is {decided.status}", as_json=as_json)

"""`pureboot execution dead-letters`, `replay` and `discard`: what cannot go on without a person."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.execution import execution
from console.cli.options import command, json_option, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.dead_letters import DeadLetter
    from engine.services.dead_letters import Replayed


@command(execution, "dead-letters")
@click.option("--resolved", is_flag=True, help="Those that were dealt with, instead of those that wait.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many.")
@json_option
def dead_letters(ctx: click.Context, resolved: bool, limit: int, as_json: bool) -> None:
    """List what cannot go on without a person, newest first."""
    from console.cli import output
    from console.view.labels import clock, who
    from engine.core.page import Page

    page = Page(limit=limit, filters={"resolved": ("true" if resolved else "false",)})
    found, _ = ask(ctx, lambda pureboot: pureboot.dead_letters.find(page))
    if as_json:
        output.show_json(found)
        return
    now = output.now()
    output.show_table(
        ("id", "since", "what", "step", "became", "reason"),
        (
            (
                each.id[:8],
                clock(each.created_at, now),
                _what(each),
                each.step_key,
                f"{each.resolution} by {who(each.resolved_by or '')}" if each.resolution else "",
                " ".join(each.reason.split()),
            )
            for each in found
        ),
        empty="no dead letters",
    )


def _what(letter: "DeadLetter") -> str:
    named = f"{letter.payload.get('workflow', '')} ".lstrip()
    return f"{named}{(letter.execution_id or letter.trigger_id or '')[:8]}"


@command(execution, "replay")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "all_", is_flag=True, help="Everything that waits, oldest first.")
@json_option
def replay(ctx: click.Context, ids: Sequence[str], all_: bool, as_json: bool) -> None:
    """Try again what stands in dead letters; ID is a letter's or its execution's, and may be cut short.

    Exit code 1 if one of them cannot go on.
    """
    from console.cli import output

    if bool(ids) == all_:
        raise click.UsageError("give either IDs or --all")

    async def try_again(pureboot: "PureBoot") -> "list[Replayed]":
        if all_:
            return await pureboot.dead_letters.replay_many(by=principal(), filters={})
        named = [await _named(pureboot, reference) for reference in ids]
        return await pureboot.dead_letters.replay_many(named, by=principal())

    done = ask(ctx, try_again)
    if as_json:
        output.show_json(done)
    for each in () if as_json else done:
        output.say(f"{each.id[:8]}  {each.error or f'execution {each.execution_id} goes on'}")
    if not done and not as_json:
        click.echo("no dead letters", err=True)
    if any(each.error for each in done):
        ctx.exit(1)


@command(execution, "discard")
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why nothing is to be done; it is kept with the letter.")
@json_option
def discard(ctx: click.Context, id_: str, reason: str, as_json: bool) -> None:
    """Resolve a dead letter without trying again."""
    from console.cli import output

    async def resolve(pureboot: "PureBoot") -> "DeadLetter":
        letter_id = await _named(pureboot, id_)
        return await pureboot.dead_letters.discard(letter_id, by=principal(), reason=reason)

    letter = ask(ctx, resolve)
    output.done(letter, f"dead letter {letter.id} is discarded", as_json=as_json)


async def _named(pureboot: "PureBoot", reference: str) -> str:
    """The id of the open letter that is meant; what fits none stays as it is, to be told so."""
    from engine.core.page import EVERYTHING
    from engine.errors import Conflict

    found, _ = await pureboot.dead_letters.find(EVERYTHING)
    wanted = reference.lower()
    fitting = [each for each in found if each.id.startswith(wanted) or (each.execution_id or "").startswith(wanted)]
    if len(fitting) > 1:
        raise Conflict(f"{len(fitting)} dead letters fit {reference}; write more of the id")
    return fitting[0].id if fitting else reference

"""`pureboot workflow plan`."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import command, json_option, pairs
from console.cli.session import ask
from console.cli.workflow import typed as typed
from console.cli.workflow import workflow

if TYPE_CHECKING:
    from console.view.labels import Cell
    from engine.app import PureBoot
    from engine.core.outcomes import Outcome
    from engine.core.plans import Plan

_ENDINGS = "success, failed, timeout, lost, approved, rejected or skip"


@command(workflow, "plan")
@click.argument("name")
@click.option("--node", metavar="NODE", help="For this node.")
@click.option("-p", "--param", multiple=True, metavar="KEY=VALUE", help="An input of the workflow.")
@click.option("--draft", is_flag=True, help="Look at the newest version although it is not published.")
@click.option(
    "--assume",
    multiple=True,
    metavar="STEP=ENDING[:N]",
    help=f"How a step ends: {_ENDINGS}; with :N only its first N tries do, then it succeeds.",
)
@click.option(
    "--output", multiple=True, metavar="STEP.KEY=VALUE", help="What a step gives, so that conditions can be told."
)
@click.option("--full", is_flag=True, help="Show scripts and rendered templates in full.")
@json_option
def plan(
    ctx: click.Context,
    name: str,
    node: str | None,
    param: Sequence[str],
    draft: bool,
    assume: Sequence[str],
    output: Sequence[str],
    full: bool,
    as_json: bool,
) -> None:
    """Show what a workflow would do, for one node: nothing is started.

    Shown are the steps in their order with everything filled in, the value of every condition, the moves of the node,
    the rendered templates, and all that is missing; secrets are masked. Each step is taken to succeed unless --assume
    says otherwise. Exit code 1 if something is missing.
    """
    from console.cli import output as out
    from console.view.plan_lines import lines

    outcomes = _outcomes(assume, output)
    given = pairs(param, "parameter")

    async def look(pureboot: "PureBoot") -> "Plan":
        found = await pureboot.workflows.get(name)
        if draft:
            found = await pureboot.workflows.get(name, found.latest_version)
        params = {key: typed(found.params.get(key, {}), text) for key, text in given.items()}
        return await pureboot.plans.plan(name, node=node, params=params, draft=draft, outcomes=outcomes)

    planned = ask(ctx, look)
    if as_json:
        out.show_json(planned)
    else:
        show(lines(planned, width(), full=full))
    if planned.missing:
        ctx.exit(1)


def width() -> int:
    """How wide lines may be: as the terminal; where there is none, nothing is wrapped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 100_000


def show(rows: "Iterable[Cell]") -> None:
    """Print lines of pieces."""
    from console.cli import output as out
    from console.view.labels import Role

    for row in rows:
        click.echo("".join(out.styled(piece.text, Role(piece.look or Role.PLAIN)) for piece in row))


def _outcomes(assume: Sequence[str], output: Sequence[str]) -> "dict[str, tuple[Outcome, ...]]":
    from dataclasses import replace

    from engine.core.outcomes import Outcome

    found = {step: _ending(text) for step, text in pairs(assume, "assumption").items()}
    for step, values in _outputs(output).items():
        known = found.get(step, (Outcome(),))
        if not any(each.succeeds for each in known):
            raise click.UsageError(f"--output {step}: it is assumed not to succeed, so it gives nothing")
        found[step] = tuple(replace(each, output=values) if each.succeeds else each for each in known)
    return found


def _ending(text: str) -> "tuple[Outcome, ...]":
    from engine.core.outcomes import Ending, Outcome

    word, colon, times = text.partition(":")
    if word not in set(Ending) or (colon and not (times.isascii() and times.isdecimal() and 0 < int(times) <= 1000)):
        raise click.UsageError(f"{text!r} is no ending; write {_ENDINGS}, or failed:2 for the first two tries")
    once = Outcome(ending=Ending(word))
    return (*(once,) * int(times), Outcome()) if colon else (once,)


def _outputs(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path, text in pairs(words, "output").items():
        step, *keys = path.split(".")
        if not all((step, *keys)) or not keys:
            raise click.UsageError(f"{path!r} names no output; write step.key=value")
        inner = found.setdefault(step, {})
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise click.UsageError(f"{path!r}: {key} has a value already")
        inner[keys[-1]] = typed({}, text)
    return found

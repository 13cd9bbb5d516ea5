"""`pureboot workflow`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from console.cli import library, texts, versions
from console.cli.options import command, json_option, pairs, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution
    from engine.core.workflows import PublishedWorkflow
    from engine.errors import Problem
    from engine.services.control import Started

_FILES = click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
_message = click.option("-m", "--commit-message", default="", help="What changed and why.")


@click.group()
def workflow() -> None:
    """Workflows: named procedures with versions."""


@command(workflow, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the workflows."""
    from console.cli import output
    from engine.core.page import EVERYTHING

    found, _ = ask(ctx, lambda pureboot: pureboot.workflows.find(EVERYTHING))
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ("workflow", "status", "active", "newest", "steps", "for", "description"),
        (
            (
                each.name,
                each.status.value,
                each.current_version,
                each.latest_version,
                str(len(each.steps)),
                f"{each.os_family} {each.architecture} {each.boot_mode}",
                each.description,
            )
            for each in found
        ),
        empty="no workflows",
    )


@command(workflow, "show")
@click.argument("name")
@click.option("--version", help="v1.0, v1 (the newest 1.x) or latest.")
@json_option
def show(ctx: click.Context, name: str, version: str | None, as_json: bool) -> None:
    """Show a workflow's inputs and steps."""
    from console.cli import output
    from console.view.labels import duration

    found = ask(ctx, lambda pureboot: pureboot.workflows.get(name, version))
    if as_json:
        output.show_json(found)
        return
    output.show_facts(
        (
            ("workflow", f"{found.name} {found.version} ({found.status})"),
            ("description", found.description),
            ("for", f"{found.os_family} {found.architecture} {found.boot_mode}"),
            *((f"input {key}", _input(schema)) for key, schema in found.params.items()),
        )
    )
    click.echo()
    output.show_table(
        ("step", "action", "name", "timeout", "attempts", "node becomes"),
        (
            (
                step.key,
                step.action,
                step.name,
                duration(step.timeout_seconds) if step.timeout_seconds else "",
                str(step.retry.max_attempts),
                step.next_state.value if step.next_state else "",
            )
            for step in found.steps
        ),
        empty="no steps",
    )


def _input(schema: Any) -> str:
    default = f", {schema['default']} if not given" if "default" in schema else ", required"
    return f"{schema.get('type', 'any')}{default}"


@command(workflow, "validate")
@_FILES
@json_option
def validate(ctx: click.Context, files: Sequence[BinaryIO], as_json: bool) -> None:
    """Say everything that is wrong with workflow files; changes nothing."""
    from console.cli import output
    from engine.errors import Invalid

    async def check(pureboot: "PureBoot") -> "list[Problem]":
        problems: list[Problem] = []
        for file in files:
            try:
                problems += await pureboot.workflows.validate(texts.read(file), file=file.name)
            except Invalid as error:
                problems += error.problems
        return problems

    problems = ask(ctx, check)
    if as_json:
        output.show_json(problems)
    else:
        for problem in problems:
            click.echo(f"pureboot: {problem}", err=True)
    if problems:
        ctx.exit(1)
    if not as_json:
        output.say(f"{', '.join(file.name for file in files)}: valid")


@command(workflow, "import")
@_FILES
@click.option("--publish", is_flag=True, help="Make each the active version at once.")
@_message
@json_option
def import_(ctx: click.Context, files: Sequence[BinaryIO], publish: bool, commit_message: str, as_json: bool) -> None:
    """Take up workflow files, each as a draft; one that is refused stops no other."""
    from console.cli import output
    from console.cli.lazy import FAILED, exit_code, lines
    from engine.errors import PureBootError

    taken: list[PublishedWorkflow] = []
    codes: set[int] = set()

    def say(each: "PublishedWorkflow", is_new: bool) -> None:
        taken.append(each)
        if not as_json:
            what = "imported as" if is_new else "unchanged, still"
            output.say(f"workflow {each.name} {what} {each.latest_version} ({each.status})")

    async def take(pureboot: "PureBoot") -> None:
        for file in files:
            try:
                await _import_one(pureboot, file, commit_message, publish=publish, say=say)
            except PureBootError as error:
                codes.add(exit_code(error))
                for line in lines(error):
                    click.echo(f"pureboot: {line}", err=True)

    ask(ctx, take)
    if as_json:
        output.show_json(taken)
    if codes:
        ctx.exit(codes.pop() if len(codes) == 1 else FAILED)


async def _import_one(
    pureboot: "PureBoot",
    file: BinaryIO,
    commit_message: str,
    *,
    publish: bool,
    say: "Callable[[PublishedWorkflow, bool], None]",
) -> None:
    """Import a file, and say of each workflow in it what became of it."""
    text, by = texts.read(file), principal()
    for each, is_new in await pureboot.workflows.import_(text, by=by, file=file.name, commit_message=commit_message):
        shown = each
        try:
            if publish:
                shown = await pureboot.workflows.publish(each.name, by=by)
        finally:  # one that cannot be published is imported all the same
            say(shown, is_new)


@command(workflow, "publish")
@click.argument("name")
@click.option("--version", help="Which one; without, the newest.")
@json_option
def publish(ctx: click.Context, name: str, version: str | None, as_json: bool) -> None:
    """Validate a version and make it the active one."""
    from console.cli import output

    found = ask(ctx, lambda pureboot: pureboot.workflows.publish(name, version, by=principal()))
    output.done(found, f"workflow {found.name} {found.current_version} is {found.status}", as_json=as_json)


@command(workflow, "export")
@click.argument("name")
@click.option("--version", help="v1.0, v1 (the newest 1.x) or latest.")
def export(ctx: click.Context, name: str, version: str | None) -> None:
    """Print a workflow as YAML."""
    click.echo(ask(ctx, lambda pureboot: pureboot.workflows.export(name, version)), nl=False)


@command(workflow, "run")
@click.argument("name")
@click.option("--node", multiple=True, metavar="NODE", help="On this node; may be given several times.")
@click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    help="On every node that fits (state=installed, tag=r4, group=...), after a question; may be given several times.",
)
@click.option("--yes", is_flag=True, help="With --where: start without the question.")
@click.option("-p", "--param", multiple=True, metavar="KEY=VALUE", help="An input of the workflow.")
@click.option("--request-id", help="The same id gives the same execution, never a second one.")
@click.option("--draft", is_flag=True, help="Run the newest version although it is not published.")
@click.option("--watch", is_flag=True, help="Stay until it has ended; exit code 1 if it does not succeed.")
@json_option
def run(
    ctx: click.Context,
    name: str,
    node: Sequence[str],
    where: Sequence[str],
    yes: bool,
    param: Sequence[str],
    request_id: str | None,
    draft: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Start a workflow, usually on a node."""
    from console.cli import output
    from console.cli.watch import watch as watch_them

    if request_id and len(node) > 1:
        raise click.UsageError("--request-id is one execution's; name one --node")
    if node and where:
        raise click.UsageError("write --node or --where, not both")
    given = pairs(param, "parameter")
    if where:
        _run_where(ctx, name, where, given, yes=yes, request_id=request_id, draft=draft, watch=watch, as_json=as_json)
        return

    async def start(pureboot: "PureBoot") -> "list[Execution]":
        params = await _params(pureboot, name, given, draft=draft)
        cursor = await pureboot.feed.cursor()
        begun = []
        for each in node or (None,):
            execution = await pureboot.executions.start(
                name, by=principal(), node=each, params=params, request_id=request_id, draft=draft
            )
            begun.append(execution)
            if not as_json:  # at once: one that is refused after it does not undo it
                output.say(f"execution {execution.id} of {execution.workflow_name} {execution.workflow_version}")
        return await watch_them(pureboot, begun, cursor, quiet=as_json) if watch else begun

    try:
        ended = ask(ctx, start)
    except KeyboardInterrupt:
        click.echo("pureboot: no longer watching; the execution runs on", err=True)
        ctx.exit(130)
    if as_json:
        output.show_json(ended[0] if len(ended) == 1 else ended)
    if watch and any(execution.status.value != "succeeded" for execution in ended):
        ctx.exit(1)


async def _params(pureboot: "PureBoot", name: str, given: Mapping[str, str], *, draft: bool) -> dict[str, Any]:
    found = await pureboot.workflows.get(name)
    if draft:
        found = await pureboot.workflows.get(name, found.latest_version)
    return {key: typed(found.params.get(key, {}), text) for key, text in given.items()}


def _run_where(
    ctx: click.Context,
    name: str,
    where: Sequence[str],
    given: Mapping[str, str],
    *,
    yes: bool,
    request_id: str | None,
    draft: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Start it on every node that fits; exit code 1 if one of them refused, or does not succeed while it is watched."""
    from console.cli import bulk, output
    from console.cli.watch import watch as watch_them

    wanted = bulk.filters(where)
    params = ask(ctx, lambda pureboot: _params(pureboot, name, given, draft=draft))
    nodes = bulk.meant(ctx, wanted)
    if not bulk.agreed(name, nodes, yes=yes):
        click.echo("pureboot: nothing was started", err=True)
        ctx.exit(1)

    async def start(pureboot: "PureBoot") -> "tuple[list[Execution], list[Started]]":
        cursor = await pureboot.feed.cursor()
        told = await bulk.start(pureboot, name, nodes, params, request_id=request_id, draft=draft, as_json=as_json)
        begun = await pureboot.executions_by_ids({each.execution_id for each in told if each.execution_id})
        return await watch_them(pureboot, begun, cursor, quiet=as_json) if watch and begun else begun, told

    try:
        begun, told = ask(ctx, start)
    except KeyboardInterrupt:
        click.echo("pureboot: no longer watching; what was started runs on", err=True)
        ctx.exit(130)
    if as_json:
        output.show_json(told)
    failed = watch and any(execution.status.value != "succeeded" for execution in begun)
    if failed or len(begun) < len(told):
        ctx.exit(1)


def typed(schema: Any, text: str) -> Any:
    """A parameter as its schema has it: text stays text, everything else is read as YAML reads it."""
    import yaml

    if schema.get("type") == "string":
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


from console.cli import make as _make  # noqa: E402, F401 - its commands are of this group
from console.cli import plan as _plan  # noqa: E402, F401
from console.cli import rehearse as _rehearse  # noqa: E402, F401

library.add_commands(workflow, "workflow")
versions.add_commands(workflow, "workflow")

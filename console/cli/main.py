"""The command `pureboot`: its commands and their lines in the help. Nothing heavy is imported here."""

import click

from console.cli.lazy import Lazy, LazyGroup
from console.cli.options import ascii_option, name_option, read_only_option, settings_options

COMMANDS = {
    "console": Lazy("console.cli.console:console", "Open the console, also on a PureBoot far away (--url)."),
    "serve": Lazy("console.cli.serve:serve", "Run PureBoot without a screen."),
    "demo": Lazy("console.cli.demo:demo", "Open the console on a simulated rack, on a throw-away store."),
    "doctor": Lazy("console.cli.doctor:doctor", "Check that everything is ready, with a fix for what is not."),
    "node": Lazy("console.cli.node:node", "Nodes: list, show, explain, add, set, state, history, tag, retire."),
    "group": Lazy("console.cli.group:group", "Groups: list, show, add, set, delete."),
    "template": Lazy("console.cli.template:template", "Templates and their versions: edit, compare, render."),
    "workflow": Lazy("console.cli.workflow:workflow", "Workflows: validate, import, publish, run."),
    "pack": Lazy("console.cli.pack:pack", "Packs of workflows and templates: add, sync, update, export."),
    "execution": Lazy(
        "console.cli.execution:execution",
        "Executions: list, show, logs, tree, pause, resume, retry, skip, approve, cancel.",
    ),
    "agent": Lazy("console.cli.agent:agent", "Remote agents: add, check, set, delete."),
    "trigger": Lazy("console.cli.trigger:trigger", "Triggers: schedules, webhooks, events; fire by hand."),
    "secret": Lazy("console.cli.secret:secret", "Secrets that templates name: list, set, delete, rotate."),
    "token": Lazy("console.cli.token:token", "Tokens for the admin API: create, list, revoke."),
    "events": Lazy("console.cli.events:events", "The event log, also live."),
    "db": Lazy("console.cli.db:db", "The store: upgrade, check, prune, copy."),
    "sim": Lazy("console.cli.sim:sim", "Simulated machines that boot from a running server."),
}


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"pureboot {version('pureboot')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@ascii_option
@name_option
@read_only_option
@settings_options(shown=True)
@click.pass_context
def cli(ctx: click.Context, name: str | None, read_only: bool) -> None:
    """PureBoot takes racks of bare-metal machines from cold to running.

    Without a command it opens the console: the first one on a store also runs the engine and the boot servers, every
    further one is one more live screen of it.
    """
    if ctx.invoked_subcommand is None:
        from console.cli.open import open_console

        open_console(ctx, name=name, read_only=read_only)

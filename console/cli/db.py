"""`pureboot db`."""

import click

from console.cli.options import command, json_option, load_settings


@click.group()
def db() -> None:
    """The store itself."""


@command(db, "upgrade")
def upgrade(ctx: click.Context) -> None:
    """Bring the store to the tables of this version; every other command does so too when it opens the store."""
    import asyncio

    from console.cli import output
    from engine.store.database import open_database
    from engine.store.migrate import HEAD, migrate

    settings = load_settings(ctx)

    async def run() -> bool:
        database = await open_database(settings.database.url)
        try:
            return await migrate(database)
        finally:
            await database.close()

    changed = asyncio.run(run())
    output.say(f"the store was upgraded to revision {HEAD}" if changed else f"the store is at revision {HEAD} already")


@command(db, "check")
@json_option
def check(ctx: click.Context, as_json: bool) -> None:
    """Check that the store is whole; changes nothing."""
    import asyncio

    from bootsrv.doctor import Verdict, check_integrity
    from console.cli.doctor import show_findings

    findings = asyncio.run(check_integrity(load_settings(ctx)))
    show_findings(findings, as_json=as_json)
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        ctx.exit(1)

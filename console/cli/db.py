"""`pureboot db`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import Given, command, json_option, load_settings, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.store.copy import Copied


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


@command(db, "backup")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
def backup(ctx: click.Context, file: Path | None, as_json: bool) -> None:
    """Copy the store, all of one moment, to FILE or into the folder FILE [default: here, under a name with the time].

    PureBoot may run on meanwhile. The copy is looked through before it gets its name. The keys beside the store, and
    what is under files.dir, are not in it.
    """
    from console.cli import output
    from engine.app import key_path, secret_key_path

    settings = load_settings(ctx)
    made = ask(ctx, lambda pureboot: pureboot.backups.make((file or Path()).expanduser(), by=principal()))
    if as_json:
        output.show_json(made)
        return
    output.say(f"backed up to {made.path}: {made.size:,} bytes, sha256 {made.sha256}")
    keys = [str(path) for path in (key_path(settings), secret_key_path(settings)) if path.exists()]
    if keys:
        output.say(f"keep apart from it: {', '.join(keys)}")


@command(db, "restore")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def restore(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Make the store (database.url), which must not be there yet, of a backup; what is damaged is refused."""
    from console.cli import output
    from engine.errors import Invalid
    from engine.store.backup import restore as restored
    from engine.store.fresh import sqlite_path

    target = sqlite_path(load_settings(ctx).database.url)
    if target is None:
        raise Invalid("restore it to a file first (--database-url sqlite:///path), then: pureboot db copy --to URL")
    made = restored(file.expanduser(), target)
    if as_json:
        output.show_json(made)
        return
    output.say(f"{made.path} is the store of {file} now, up to event {made.last_event}")
    output.say(f"put its keys beside it: {target}.key, and {target}.secret.key if it has secrets")


def _set(ctx: click.Context, key: str, value: Any) -> None:
    """Give a setting for this command, as a flag would."""
    if value is not None:
        ctx.find_root().ensure_object(Given).flags[key] = value


@command(db, "prune")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--executions", metavar="AGE", help="Ended executions older than this go, such as 30d.")
@click.option("--keep", metavar="N", help="Of the ended executions the newest N stay, no more.")
@click.option("--logs", metavar="AGE", help="Logs of executions that ended before this go.")
@click.option("--events", metavar="AGE", help="Events older than this go, but for audit rows, which stay for good.")
@json_option
def prune(
    ctx: click.Context,
    dry_run: bool,
    executions: str | None,
    keep: str | None,
    logs: str | None,
    events: str | None,
    as_json: bool,
) -> None:
    """Forget what is older or more than the settings `retention.*` say, or these options.

    What lives stays, with everything above and below it, and what a person is still to look at.
    """
    from console.cli import output

    for name, value in (("executions", executions), ("keep", keep), ("logs", logs), ("events", events)):
        _set(ctx, f"retention.{name}", value)
    pruned = ask(ctx, lambda pureboot: pureboot.retention.prune(dry_run=dry_run, by=principal()))
    if as_json:
        output.show_json(pruned)
        return
    output.show_table(
        ("what", "would go" if dry_run else "went"),
        ((_NAMES[name], str(count)) for name, count in pruned.counts.items()),
        empty="",
    )
    rules = load_settings(ctx).retention
    if all(rule is None for rule in (rules.executions, rules.keep, rules.logs, rules.events)):
        click.echo("nothing may go: set retention.*, or give --executions, --keep, --logs or --events", err=True)


_NAMES = {"executions": "executions", "attempts": "attempts", "logs": "pieces of log", "events": "events"}


@command(db, "copy")
@click.option("--to", required=True, metavar="URL", help="sqlite:///path or postgresql+asyncpg://user@host/name.")
@json_option
def copy(ctx: click.Context, to: str, as_json: bool) -> None:
    """Copy the store to another database, from SQLite to PostgreSQL or back; the store itself stays as it is.

    PureBoot must not run on the store meanwhile, and the target must be empty. Afterwards set database.url to it.
    """
    import asyncio

    from console.cli import output
    from engine.app import key_path, secret_key_path
    from engine.store.copy import copy as copy_store
    from engine.store.fresh import shown

    source = load_settings(ctx)
    _set(ctx, "database.url", to)
    target = load_settings(ctx)
    key = _Key(key_path(source), key_path(target))
    secret_key = _Key(secret_key_path(source), secret_key_path(target))
    try:
        key.copy()
        secret_key.copy()
        copied = asyncio.run(copy_store(source.database.url, target.database.url))
    except BaseException:
        key.undo()
        secret_key.undo()
        raise
    if as_json:
        told = {"to": shown(target.database.url), "tables": copied, "key": key.told, "secret_key": secret_key.told}
        output.show_json(told)
        return
    _show_copied(copied)
    output.say(f"copied and compared; set database.url to {shown(target.database.url)}")
    output.say(key.message)
    if secret_key.source.exists():
        output.say(secret_key.message)


def _show_copied(copied: "Sequence[Copied]") -> None:
    from console.cli import output

    output.show_table(
        ("table", "rows", "checksum"),
        ((each.table, str(each.rows), each.checksum[:16]) for each in copied),
        empty="",
    )


class _Key:
    """The store's key on its way to where that of the target belongs; `message` says what came of it."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source = source
        self.target = target
        self.message = ""
        self._made = False

    @property
    def told(self) -> dict[str, str]:
        """It as JSON."""
        return {"from": str(self.source), "to": str(self.target), "message": self.message}

    def copy(self) -> None:
        """Copy it if that is possible here.

        Raises:
            Conflict: another store's key is in its place.
        """
        import os

        from engine.errors import NotFound, Unavailable
        from engine.keys import VARIABLE
        from engine.store.fresh import copy_key

        if VARIABLE in os.environ:
            self.message = f"the key is in {VARIABLE}: give it to every PureBoot on the new store too"
            return
        try:
            self._made = copy_key(self.source, self.target)
            self.message = f"the key {self.source} is in {self.target} {'now' if self._made else 'already'}"
        except NotFound as error:
            self.message = f"{error}: the new store makes a key of its own"
        except Unavailable as error:
            by_hand = f"install -m 600 {self.source} {self.target}"
            self.message = f"{error}; do so yourself before you start: {by_hand}"

    def undo(self) -> None:
        """Take it away again if it was put there now."""
        if self._made:
            self.target.unlink(missing_ok=True)

"""`pureboot console`: the console by name, here or on a PureBoot far away."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.open import open_console, require_terminal, run_app
from console.cli.options import load_settings, name_option, read_only_option, settings_options

if TYPE_CHECKING:
    from console.app import PureBootApp
    from console.remote.pureboot import RemotePureBoot

TOKEN_VARIABLE = "PUREBOOT_TOKEN"  # noqa: S105 - where the token is looked for, not what it is


@click.command()
@click.option("--url", metavar="URL", help="A PureBoot far away, such as https://pureboot.example.net:8443.")
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"A file with the token [default: ${TOKEN_VARIABLE}, or it is asked for].",
)
@click.option(
    "--ca-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The certificates to trust, in PEM, in the place of this machine's own.",
)
@name_option
@read_only_option
@settings_options()
@click.pass_context
def console(
    ctx: click.Context,
    url: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    name: str | None,
    read_only: bool,
) -> None:
    """Open the console: on the store of the settings, or with --url on a PureBoot far away.

    There a token says who you are and what you may do; one of the role viewer makes the console read-only. `pureboot
    token create NAME` makes one on the other side.
    """
    if url is None:
        for flag, given in (("--token-file", token_file), ("--ca-file", ca_file)):
            if given is not None:
                raise click.UsageError(f"{flag} goes with --url")
        open_console(ctx, name=name, read_only=read_only)
        return
    if name is not None:
        raise click.UsageError("--name is for a store of this machine; far away the token says who you are")
    _open_remote(ctx, url, token_file=token_file, ca_file=ca_file, read_only=read_only)


def _open_remote(
    ctx: click.Context, url: str, *, token_file: Path | None, ca_file: Path | None, read_only: bool
) -> None:
    from console.cli.open import start_logging
    from console.remote.link import checked_url, token_of, trusting
    from engine.settings import default_data_dir

    url = checked_url(url)
    trusting(ca_file)
    given = token_of(token_file, os.environ.get(TOKEN_VARIABLE))
    require_terminal("pureboot events --follow")
    if given is None:
        given = token_of(
            None, click.prompt(f"token for {url}", hide_input=True, default="", show_default=False, err=True)
        )
    log = default_data_dir() / "console.log"
    start_logging(log, load_settings(ctx))
    attached: list[RemotePureBoot] = []

    @asynccontextmanager
    async def open_() -> "AsyncIterator[RemotePureBoot]":
        from console.remote.pureboot import RemotePureBoot

        async with RemotePureBoot(url, given, ca_file=ca_file) as pureboot:
            attached.append(pureboot)
            yield pureboot

    def attach(app: "PureBootApp") -> None:
        [pureboot] = attached
        welcome = pureboot.welcome
        app.become(user=welcome.principal, read_only=pureboot.is_read_only, remote=pureboot.link.place)

    run_app(ctx, open_, log=log, title="PureBoot", notices=lambda: _warnings(url), read_only=read_only, attached=attach)


def _warnings(url: str) -> list[str]:
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    if url.startswith("https:") or host in ("localhost", "::1") or host.startswith("127."):
        return []
    return ["whoever is on the way can read the token and what you do: use https://, or a tunnel (ssh -L)"]

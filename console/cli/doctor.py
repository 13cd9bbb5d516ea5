"""`pureboot doctor`."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from console.cli.options import json_option, load_settings, settings_options

if TYPE_CHECKING:
    from bootsrv.doctor import Finding

LEAST_COLUMNS, LEAST_LINES = 80, 24


@click.command()
@json_option
@settings_options(shown=True)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check that everything is ready, line by line, with a fix for what is not; changes nothing.

    Exit code 1 if something has to be fixed.
    """
    import asyncio

    from bootsrv.doctor import Verdict, examine

    settings = load_settings(ctx)
    findings = [*asyncio.run(examine(settings)), check_terminal()]
    show_findings(findings, as_json=as_json)
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        ctx.exit(1)


def check_terminal() -> "Finding":
    """Look at the terminal the console would be drawn in."""
    size = shutil.get_terminal_size((0, 0)) if sys.stdout.isatty() else None
    encoding = sys.stdout.encoding or "ascii"
    return judge_terminal(tuple(size) if size else None, encoding, os.environ)


def judge_terminal(size: Sequence[int] | None, encoding: str, environ: Mapping[str, str]) -> "Finding":
    """What was found out about the terminal; `size` is columns and lines, None where there is no terminal."""
    from bootsrv.doctor.finding import ok, warning

    if size is None:
        return ok("terminal", "none here; `pureboot serve` needs none")
    columns, lines = size
    if 0 < columns < LEAST_COLUMNS or 0 < lines < LEAST_LINES:
        text = f"{columns}x{lines} is too small for the console"
        return warning("terminal", text, f"make it at least {LEAST_COLUMNS}x{LEAST_LINES}")
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return warning("terminal", f"its encoding is {encoding}, so symbols are ASCII", "set LANG=C.UTF-8")
    colours = "no colours (NO_COLOR)" if environ.get("NO_COLOR") else _colours(environ)
    return ok("terminal", f"{columns}x{lines}, UTF-8, {colours}")


def _colours(environ: Mapping[str, str]) -> str:
    if environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "all colours"
    return "256 colours" if "256color" in environ.get("TERM", "") else "16 colours"


def show_findings(findings: "Sequence[Finding]", *, as_json: bool) -> None:
    """Print a line for each finding, and below it what to do."""
    from bootsrv.doctor import Verdict
    from console.cli import output
    from console.view.labels import ASCII, Role

    if as_json:
        output.show_json(list(findings))
        return
    plain = output.symbols() is ASCII
    marks = {
        Verdict.OK: ("+" if plain else "✓", Role.GOOD),
        Verdict.WARNING: ("!", Role.WARN),
        Verdict.PROBLEM: ("X" if plain else "✗", Role.BAD),
    }
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark, role = marks[finding.verdict]
        click.echo(f"{output.styled(mark, role)} {finding.name:<{width}}  {finding.message}")
        if finding.fix:
            click.echo(f"  {'':<{width}}  {output.styled(finding.fix, Role.MUTED)}")

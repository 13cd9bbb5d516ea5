"""What `pureboot node explain` prints."""

from typing import TYPE_CHECKING

import click

from console.cli import output
from console.view import trace_lines

if TYPE_CHECKING:
    from engine.services.traces import Explained


def show(found: "Explained", whole: bool) -> None:
    """Print the verdict and the newest lines of the trace, or all of them."""
    now, verdict = output.now(), found.verdict
    output.show_facts(
        (
            ("machine", found.node.name if found.node else found.machine),
            ("verdict", trace_lines.verdict_cell(verdict)),
            ("cause", f"{verdict.cause} ({verdict.level})"),
        )
    )
    lines = found.contacts if whole else found.contacts[-trace_lines.SHORT :]
    if not lines:
        return
    click.echo()
    if len(lines) < len(found.contacts):
        click.echo(f"the newest {len(lines)} of {len(found.contacts)} lines (--trace shows all):")
    output.show_table(
        ("time", "door", "what", "times", "sent", "came to"),
        (trace_lines.row(line, now) for line in lines),
        empty="nothing was heard of it",
    )

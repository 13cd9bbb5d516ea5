"""What commands print on standard output: aligned tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from console.view.labels import Cell, Role, Symbols, cell, safe, symbols_for
from console.view.pieces import Piece
from engine.core.shape import as_data

if TYPE_CHECKING:
    from rich.text import Text

_STYLES: Mapping[str, str] = {
    Role.PLAIN: "",
    Role.STRONG: "bold",
    Role.MUTED: "dim",
    Role.ACCENT: "cyan",
    Role.GOOD: "green",
    Role.BUSY: "blue",
    Role.WARN: "yellow",
    Role.BAD: "red",
}
_WIDE = 100_000  # where nobody looks at a terminal, nothing is cut


def symbols() -> Symbols:
    """The symbols that standard output can show."""
    return symbols_for(encoding=getattr(sys.stdout, "encoding", None) or "utf-8")


def now() -> datetime:
    """The time that "3m ago" counts from."""
    return datetime.now(UTC)


def show_json(value: Any) -> None:
    """Print a value of the contract's shapes, or a list of them."""
    click.echo(json.dumps(as_data(value), indent=2, ensure_ascii=False))


def done(value: Any, text: str, *, as_json: bool) -> None:
    """Say what a command did: the value it made or changed as JSON, or a sentence about it."""
    if as_json:
        show_json(value)
    else:
        say(text)


def show_line(value: Any) -> None:
    """Print a value as JSON on one line, at once: for what is followed."""
    click.echo(json.dumps(as_data(value), ensure_ascii=False))
    sys.stdout.flush()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Cell | str | None]], *, empty: str) -> None:
    """Print rows under column names; `empty` is said where there are none."""
    from rich.console import Console
    from rich.table import Table

    listed = [[entry if isinstance(entry, tuple) else cell(entry) for entry in row] for row in rows]
    if not listed:
        click.echo(empty, err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name.upper(), no_wrap=True, overflow="ellipsis")
    for row in listed:
        table.add_row(*(_text(entry) for entry in row))
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    with console.capture() as printed:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def show_facts(facts: Iterable[tuple[str, Cell | str | None]]) -> None:
    """Print names and values below each other, without those that have none."""
    from rich.console import Console

    known = [(name, value if isinstance(value, tuple) else cell(value)) for name, value in facts if value]
    width = max((len(name) for name, _ in known), default=0)
    width_of_output = None if sys.stdout.isatty() else _WIDE
    console = Console(file=sys.stdout, highlight=False, width=width_of_output)
    for name, value in known:
        console.print(_text((Piece(f"{name:<{width}}  ", Role.MUTED), *value)), soft_wrap=True)


def _text(value: Cell) -> "Text":
    from rich.text import Text

    return Text.assemble(*((piece.text, _STYLES.get(piece.look, "")) for piece in value))


def say(text: str) -> None:
    """Print one line that tells what was done."""
    click.echo(safe(text))


def styled(text: str, role: Role) -> str:
    """A piece of a line that is printed as it comes."""
    colours: dict[Role, dict[str, Any]] = {
        Role.MUTED: {"dim": True},
        Role.STRONG: {"bold": True},
        Role.PLAIN: {},
    }
    return click.style(text, **colours.get(role, {"fg": _STYLES[role]}))

"""The report of one execution as plain text: to be pasted anywhere. Pure."""

from collections.abc import Iterator, Sequence

from console.view.execution_lines import wrapped
from console.view.labels import UNICODE, Symbols
from console.view.pieces import cells
from console.view.report_parts import (
    ATTEMPTS,
    CHILDREN,
    CONTACTS,
    EVENTS,
    Closer,
    Rows,
    made,
    report,
    summary,
)
from console.view.timeline import draw
from engine.core.accounts import Account

WIDTH = 100
MOST_ROWS = 200
_NAME = 17
_MOST_COLUMN = 44


def report_text(account: Account, symbols: Symbols = UNICODE) -> str:
    """The whole report, with a line feed at its end."""
    return "\n".join(line.rstrip() for line in _lines(account, symbols)) + "\n"


def _lines(account: Account, symbols: Symbols) -> Iterator[str]:
    told = report(account)
    yield told.title
    yield "=" * cells(told.title)
    yield from _facts(summary(told))
    yield from _section("Timeline (times from the start on)", _timeline(account, symbols))
    yield from _section("Attempts", _table(ATTEMPTS, told.attempts))
    for closer in told.closer:
        yield from _section(closer.title, _closer(closer))
    yield from _section("Conditions", told.conditions)
    yield from _section("Executions that it started", _table(CHILDREN, told.children))
    yield from _section("Events", _table(EVENTS, told.events))
    yield from _section("Boot trace", _table(CONTACTS, told.contacts))
    yield from _section("Left out", told.left_out)
    yield ""
    yield made(account)


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield from ("", title, "-" * cells(title), *listed)


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in facts:
        for at, line in enumerate(wrapped(value, WIDTH - _NAME)):
            yield f"{name if at == 0 else '':<{_NAME}}{line}"


def _timeline(account: Account, symbols: Symbols) -> list[str]:
    lines = draw(account.workflow, account.execution, account.made_at, WIDTH, symbols)
    hidden = len(lines) - 1 - MOST_ROWS
    return lines if hidden <= 0 else [*lines[: MOST_ROWS + 1], f"... and {hidden} rows more"]


def _closer(closer: Closer) -> Iterator[str]:
    if closer.error:
        yield from _facts((("error", closer.error),))
    if closer.advice:
        yield from _facts((("what to do", closer.advice),))
    yield from _facts(closer.facts)
    for way in closer.ways:
        yield f"{'leads':<{_NAME}}{way}"
    if closer.parameters:
        yield "parameters:"
        yield from (f"  {line}" for line in closer.parameters.split("\n"))
    if closer.log:
        yield "the end of its log:" if closer.log_cut else "its log:"
        yield from (f"  | {line}" for line in closer.log.split("\n"))


def _table(titles: Sequence[str], rows: Rows) -> Iterator[str]:
    if not rows:
        return
    columns = list(zip(titles, *rows, strict=True))
    widths = [min(_MOST_COLUMN, max(map(cells, column))) for column in columns]
    for row in (titles, *rows):
        parts = [text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(parts)

"""The report of one execution as one HTML page: no script, nothing from elsewhere, every text escaped. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from console.view.report_parts import (
    ATTEMPTS,
    CHILDREN,
    CONTACTS,
    EVENTS,
    Closer,
    Report,
    Rows,
    made,
    report,
    summary,
)
from console.view.report_svg import timeline_svg
from engine.core.accounts import Account

# Whatever got into the page by a mistake here, a browser neither runs nor fetches it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", sans-serif; color: #20262e; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th { text-align: left; color: #5c6672; font-weight: 600; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e4e7ea; vertical-align: top; }
td { overflow-wrap: anywhere; }
td:nth-child(1) { white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: #5c6672; } dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { background: #f4f5f6; padding: .75rem; overflow-x: auto; font-size: .8125rem; white-space: pre-wrap; }
.failed, .timed { color: #b3261e; font-weight: 600; } .succeeded { color: #2f7d4f; font-weight: 600; }
.todo { background: #fff6e0; padding: .5rem .75rem; } .scroll { overflow-x: auto; } footer, .muted { color: #5c6672; }
svg { max-width: 100%; height: auto; }
"""


def report_html(account: Account) -> str:
    """The whole page."""
    told = report(account)
    return "\n".join(_page(told, account)) + "\n"


def _page(told: Report, account: Account) -> Iterator[str]:
    execution = account.execution
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(told.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{escape(told.title)}</h1>"
    named = f"{execution.workflow_name} {execution.workflow_version}"
    yield f'<p>{escape(named)}: <span class="{escape(told.status.split()[0])}">{escape(told.status)}</span></p>'
    yield _facts(summary(told))
    yield f'<h2>Timeline</h2>\n<div class="scroll">{timeline_svg(account)}</div>'
    yield from _table("Attempts", ATTEMPTS, told.attempts, status=2)
    for closer in told.closer:
        yield from _closer(closer)
    yield from _list("Conditions", told.conditions)
    yield from _table("Executions that it started", CHILDREN, told.children, status=2)
    yield from _folded("Events", EVENTS, told.events)
    yield from _folded("Boot trace", CONTACTS, told.contacts)
    yield from _list("Left out", told.left_out)
    yield f"<footer><p>{escape(made(account))}</p></footer>\n</body>\n</html>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in facts)
    return f"<dl>\n{listed}</dl>"


def _table(title: str, titles: Sequence[str], rows: Rows, status: int | None = None) -> Iterator[str]:
    if rows:
        yield f'<h2>{escape(title)}</h2>\n<div class="scroll">{_rows(titles, rows, status)}</div>'


def _folded(title: str, titles: Sequence[str], rows: Rows) -> Iterator[str]:
    if rows:
        lines = f"<summary>{len(rows)} lines</summary>{_rows(titles, rows)}"
        yield f"<h2>{escape(title)}</h2>\n<details open>{lines}</details>"


def _rows(titles: Sequence[str], rows: Rows, status: int | None = None) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "\n".join(f"<tr>{''.join(_cell(text, at == status) for at, text in enumerate(row))}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _cell(text: str, is_status: bool) -> str:
    kind = f' class="{escape(text.split()[0])}"' if is_status and text else ""
    return f"<td{kind}>{escape(text)}</td>"


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"<h2>{escape(title)}</h2>\n<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _closer(closer: Closer) -> Iterator[str]:
    yield f"<h2>{escape(closer.title)}</h2>"
    if closer.error:
        yield f'<p class="failed">{escape(closer.error)}</p>'
    if closer.advice:
        yield f'<p class="todo">What to do: {escape(closer.advice)}.</p>'
    yield _facts((*closer.facts, *(("leads", way) for way in closer.ways)))
    if closer.parameters:
        yield f"<p>Parameters</p>\n<pre>{escape(closer.parameters)}</pre>"
    if closer.log:
        yield f"<p>{'The end of its log' if closer.log_cut else 'Its log'}</p>\n<pre>{escape(closer.log)}</pre>"

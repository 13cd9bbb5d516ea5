"""The timeline of one execution as an SVG picture, for a ticket or a page. Pure.

A bar is told by its pattern and by the word behind it as well as by its colour. The picture needs no font, script or
file of anybody else, and every text in it is escaped.
"""

from collections.abc import Iterator
from datetime import datetime
from html import escape

from console.view.labels import UNICODE, Role, duration, words
from console.view.report_parts import report, time
from console.view.timeline import entries
from console.view.timeline_axis import Axis, axis
from console.view.timeline_rows import Entry, is_untaken
from engine.core.accounts import Account
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Performer

WIDTH = 1100
MOST_ROWS = 300
_ROW, _TOP, _LABEL, _RIGHT = 24, 64, 300, 190
_BAR = 14
_MOST_NAME = 40

_COLOURS = {
    Role.GOOD: "#2f7d4f",
    Role.BUSY: "#1c6ea4",
    Role.WARN: "#a86a00",
    Role.BAD: "#b3261e",
    Role.MUTED: "#7a828c",
}

_STYLE = """
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #20262e; }
.muted { fill: #5c6672; } .title { font-size: 16px; font-weight: bold; }
.tick { stroke: #d5d9de; stroke-width: 1; }
"""


def report_svg(account: Account) -> str:
    """The picture, a document of its own."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + timeline_svg(account)


def timeline_svg(account: Account) -> str:
    """The picture as it may stand in a page."""
    told, execution = report(account), account.execution
    rows = entries(account.workflow, execution)
    shown = rows[:MOST_ROWS]
    height = _TOP + _ROW * len(shown) + (40 if len(rows) > len(shown) else 20)
    scale = axis(execution, account.made_at, WIDTH - _LABEL - _RIGHT)
    ran = f"{execution.workflow_name}@{execution.workflow_version}, {told.status}, {execution.id}"
    start = time(execution.started_at or execution.created_at)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(told.title)}: {escape(ran)}">',
        f"<style>{_STYLE}</style>",
        f"<defs>{''.join(_patterns())}</defs>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, told.title, "title"),
        _text(16, 44, f"{ran}; from {start}", "muted"),
        *_ticks(scale, height - 12),
        *(part for at, row in enumerate(shown) for part in _row(row, at, scale, account.made_at)),
    ]
    if len(rows) > len(shown):
        parts.append(_text(16, height - 12, f"and {len(rows) - len(shown)} rows more", "muted"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _patterns() -> Iterator[str]:
    """What bars are filled with where that is not all of one colour: crosses, lines down, slanted lines, arrows."""
    for role, colour in _COLOURS.items():
        ground = f'<rect width="8" height="8" fill="{colour}" fill-opacity="0.22"/>'
        for name, path in (
            ("failed", "M0 0L8 8M8 0L0 8"),
            ("waits", "M4 0V8"),
            ("runs", "M0 8L8 0"),
            ("undone", "M6 0L2 4L6 8"),
        ):
            yield (
                f'<pattern id="{name}-{role}" width="8" height="8" patternUnits="userSpaceOnUse">{ground}'
                f'<path d="{path}" stroke="{colour}" stroke-width="1.6" fill="none"/></pattern>'
            )


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{marked}>{escape(text)}</text>'


def _ticks(scale: Axis, bottom: int) -> Iterator[str]:
    spaced = Axis(start=scale.start, seconds=scale.seconds, cells=max(1, scale.cells // 10))
    for at, label in spaced.ticks():
        x = _LABEL + at * 10
        yield f'<line class="tick" x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}"/>'
        yield _text(x + 3, _TOP - 4, label, "muted")


def _row(entry: Entry, at: int, scale: Axis, now: datetime) -> Iterator[str]:
    y = _TOP + at * _ROW
    name = entry.name if len(entry.name) <= _MOST_NAME else entry.name[: _MOST_NAME - 1] + "…"
    yield _text(16, y + 16, f"{entry.symbol(UNICODE)} {name}{entry.number}", "muted" if entry.is_dim else "")
    for attempt in () if entry.is_dim else entry.attempts:
        yield from _bars(attempt, entry, y, scale, now)
    yield _text(WIDTH - _RIGHT + 12, y + 16, _words(entry, now), "muted" if entry.is_dim else "")


def _words(entry: Entry, now: datetime) -> str:
    attempt = entry.attempt
    if attempt is None:
        return "not run"
    if entry.folded:
        return f"{attempt.visit} visits"
    status = "not taken" if is_untaken(attempt) else words(attempt.status)
    if attempt.started_at is None:
        return status
    return f"{status} {duration(((attempt.completed_at or now) - attempt.started_at).total_seconds())}"


def _bars(attempt: Attempt, entry: Entry, y: int, scale: Axis, now: datetime) -> Iterator[str]:
    role = entry.role_of(attempt)
    begun = attempt.started_at or attempt.completed_at
    waited = begun or attempt.due_at or now
    if attempt.created_at < waited:
        yield _bar(attempt.created_at, waited, f"url(#waits-{Role.MUTED})", y, scale, "waits")
    if begun is not None:
        end = attempt.completed_at or now
        said = f"{words(attempt.status)}, {time(begun)} to {time(attempt.completed_at) or 'now'}"
        yield _bar(begun, end, _fill(attempt, role), y, scale, said)


def _fill(attempt: Attempt, role: Role) -> str:
    known = role if role in _COLOURS else Role.MUTED
    if attempt.status in FAILURES:
        return f"url(#failed-{known})"
    if attempt.performer in (Performer.PERSON, Performer.TIMER) or is_untaken(attempt):
        return f"url(#waits-{known})"
    if attempt.status is AttemptStatus.RUNNING:
        return f"url(#runs-{known})"
    return f"url(#undone-{known})" if attempt.undoes is not None else _COLOURS[known]


def _bar(begin: datetime, end: datetime, fill: str, y: int, scale: Axis, said: str) -> str:
    first, last = scale.place(begin), scale.place(end)
    return (
        f'<rect x="{_LABEL + first:.1f}" y="{y + 4}" width="{max(2.0, last - first):.1f}" height="{_BAR}" rx="2" '
        f'fill="{fill}"><title>{escape(said)}</title></rect>'
    )

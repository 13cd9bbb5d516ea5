"""Differences on a terminal: a patch with its changed words marked, side by side, and whom a change reaches."""

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.view.labels import Role

if TYPE_CHECKING:
    from console.view.diff_lines import DiffLine, Panel
    from engine.core.diff import Diff
    from engine.core.impact import Impact, Reached
    from engine.core.workflow_diff import Change

_WIDTH = 160  # where nobody looks at a terminal
_MOST_ROWS = 60

side_by_side_option = click.option(
    "--side-by-side", "-y", is_flag=True, help="The two versions beside each other, as wide as the terminal."
)


def show(found: "Diff", left: str, right: str, text: str, *, side_by_side: bool = False) -> None:
    """Print a diff of two names; `text` is the left text. On a terminal the words that changed are marked."""
    if side_by_side:
        for line in _beside(found, text):
            click.echo(line)
        return
    for line in _patch(found, left, right):
        click.echo(line)


def _patch(found: "Diff", left: str, right: str) -> Iterator[str]:
    """The lines of a unified diff, which without its colours is one that `patch` reads."""
    from console.cli.output import styled
    from engine.core.diff import unified

    roles = {"+": Role.GOOD, "-": Role.BAD, "@": Role.ACCENT}
    marked = _marked_lines(found)
    for line in unified(found, left, right).splitlines():
        is_head = line.startswith(("---", "+++")) and not marked.get(line)
        pieces = None if is_head else next(iter(marked.get(line, [])), None)
        if pieces is None:
            yield styled(line, roles.get(line[:1], Role.PLAIN))
        else:
            colour = "green" if line[:1] == "+" else "red"
            words = (click.style(text, fg=colour, reverse=changed) for text, changed in pieces)
            yield click.style(line[:1], fg=colour) + "".join(words)


def _marked_lines(found: "Diff") -> dict[str, list[list[tuple[str, bool]]]]:
    """The replaced lines as a patch writes them, with their words."""
    lines: dict[str, list[list[tuple[str, bool]]]] = {}
    for row in (row for hunk in found.hunks for row in hunk.rows if row.op == "replace"):
        for sign, line in (("-", row.left), ("+", row.right)):
            if line is not None:
                lines.setdefault(sign + line.text, []).append([(span.text, span.changed) for span in line.spans])
    return lines


def _beside(found: "Diff", text: str) -> Iterator[str]:
    from console.view import diff_lines

    columns = shutil.get_terminal_size((_WIDTH, 24)).columns
    width = max(30, (columns - 3) // 2)
    for line in diff_lines.side_by_side(found, text):
        yield _row(line, width)


def _row(line: "DiffLine", width: int) -> str:
    if line.folded:
        return click.style(f"  ... {line.folded} equal {'line' if line.folded == 1 else 'lines'}", dim=True)
    left, right = (*line.panels, None, None)[:2]
    return f"{_panel(left, width, is_left=True)} | {_panel(right, width, is_left=False)}".rstrip()


def _panel(panel: "Panel | None", width: int, *, is_left: bool) -> str:
    from console.view.pieces import cells, visible

    if panel is None:
        return " " * width
    number = panel.left if is_left else panel.right
    room = width - 7
    shown = visible(panel.pieces, 0, room, "…")
    looks: dict[str, dict[str, Any]] = {
        "removed": {"fg": "red"},
        "added": {"fg": "green"},
        "removed-word": {"fg": "red", "reverse": True},
        "added-word": {"fg": "green", "reverse": True},
    }
    words = "".join(click.style(piece.text, **looks.get(piece.look, {})) for piece in shown)
    padding = " " * max(0, room - sum(cells(piece.text) for piece in shown))
    return f"{number or '':>4} {panel.sign} {words}{padding}"


def show_changes(changes: "Sequence[Change]") -> None:
    """Print what two versions of a workflow mean differently."""
    from console.cli import output

    for change in changes:
        output.say(change.text)
    if not changes:
        output.say("they mean the same")


# What would change


def impact_data(found: "Impact") -> dict[str, Any]:
    """The answer as JSON, as the API gives it."""
    from engine.core import diff
    from engine.core.shape import as_data

    rows = []
    for each in found.reached:
        texts = [
            as_data(one) | ({"before": one.before, "after": one.after} if one.before or one.after else {})
            for one in each.texts
        ]
        rows.append({**as_data(each), "texts": texts})
    return {**as_data(found), "reached": rows, "diff": diff.as_data(found.difference)}


def show_impact(found: "Impact") -> None:
    """Print what differs, and whom it reaches: those that break first."""
    from console.cli import output
    from console.view.impact_lines import impact_row, summary

    names = f"{found.name} {found.from_}", f"{found.name} {found.to or 'as proposed'}"
    show_changes(found.changes) if found.changes else None
    for line in _patch(found.difference, *names):
        click.echo(line)
    if found.difference.identical:
        output.say(f"{names[0]} and {names[1]} are the same text")
    click.echo()
    shown = found.reached[:_MOST_ROWS]
    if shown:
        heads = ("verdict", "node", "workflow", "why", "problems")
        output.show_table(heads, (impact_row(each) for each in shown), empty="")
    if len(found.reached) > len(shown):
        click.echo(f"and {len(found.reached) - len(shown)} more (--json lists all)")
    for line in summary(found):
        output.say(line)


def show_texts(found: "Impact") -> None:
    """Print what a node would get other than now."""
    from console.cli import output
    from engine.core.diff import diff

    for each in found.reached:
        for one in each.texts:
            for problem in one.problems:
                click.echo(f"pureboot: {one.title}: {problem}", err=True)
            between = diff(one.before or "", one.after or "")
            if between.identical:
                output.say(f"{one.title} for {_whom(each)} stays the same")
            names = (f"{one.title} for {_whom(each)} {word}" for word in ("now", "then"))
            for line in _patch(between, *names):
                click.echo(line)
        if not each.texts:
            output.say(f"{_whom(each)} gets nothing that is other than now")


def _whom(each: "Reached") -> str:
    execution = f" (execution {each.execution_id})" if each.execution_id else ""
    return f"{each.node or 'no node'}{execution}"

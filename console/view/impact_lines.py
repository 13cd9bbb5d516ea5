"""What is told of whom a change reaches: rows and sentences, for the screen and the command line. Pure."""

from collections.abc import Mapping

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, Symbols, cell, safe
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from engine.core.ahead import Stage
from engine.core.impact import Impact, Reached, Through, Verdict

IMPACT_COLUMNS = (
    Column(key="verdict", title="GETS", width=9, keep=100),
    Column(key="node", title="NODE", width=14, flex=2, most=28, keep=95),
    Column(key="workflow", title="WORKFLOW", width=16, flex=2, most=32, keep=70),
    Column(key="why", title="WHY", width=22, flex=2, most=40, keep=80),
    Column(key="problems", title="PROBLEMS", width=12, flex=5, keep=60),
)
IMPACT_FIELDS = ("gets", "node", "workflow", "problem", "step")
IMPACT_SORTS = ("verdict", "node")

_MOST_FLAWS = 3
_WORDS: Mapping[Verdict, tuple[str, Role]] = {
    Verdict.BREAKS: ("breaks", Role.BAD),
    Verdict.MENDS: ("mended", Role.GOOD),
    Verdict.CHANGED: ("changed", Role.WARN),
    Verdict.SAME: ("the same", Role.MUTED),
}


def why(each: Reached) -> str:
    """Why a node or execution is reached."""
    steps = ", ".join(each.steps)
    if each.stage is Stage.NOW:
        return f"under way, at {steps}"
    if each.stage is Stage.LATER:
        return f"under way, comes to {steps}"
    return "boots it by its group" if each.through is Through.GROUP else "boots it"


def impact_row(each: Reached) -> Row:
    """A row, in the order of `IMPACT_COLUMNS`."""
    word, role = _WORDS[each.verdict]
    return (
        cell(word, role),
        cell(each.node or "no node", Role.STRONG if each.verdict is not Verdict.SAME else Role.PLAIN),
        cell(f"{each.workflow} {each.workflow_version}", Role.MUTED),
        cell(why(each), Role.ACCENT if each.execution_id else Role.MUTED),
        cell("; ".join(each.problems), Role.BAD),
    )


def impact_fields(each: Reached) -> Fields:
    """What a row is searched by."""
    return {
        "gets": _WORDS[each.verdict][0],
        "node": (each.node or "").lower(),
        "workflow": each.workflow.lower(),
        "problem": "\n".join(each.problems).lower(),
        "step": "\n".join(each.steps).lower(),
    }


def impact_sort_key(each: Reached, sort: str) -> SortKey:
    """What a row is sorted by."""
    worst = tuple(Verdict).index(each.verdict)
    name = natural(each.node or "")
    return (name, worst) if sort == "node" else (worst, each.execution_id is None, name)


def summary(found: Impact) -> list[str]:
    """Whom a change reaches, in sentences."""
    if not found.reached:
        lines = ["no node and no execution gets another text by it"]
    else:
        lines = [_counted("node", found.counts["nodes"])] if any(found.counts["nodes"].values()) else []
        if any(found.counts["executions"].values()):
            lines.append(_counted("execution under way", found.counts["executions"]))
    if found.pinned:
        keeps = "execution under way keeps" if found.pinned == 1 else "executions under way keep"
        lines.append(f"{found.pinned} {keeps} the version begun with")
    if found.not_rendered:
        lines.append(f"{found.not_rendered} more are reached that nothing was rendered for")
    if found.open_uses:
        lines.append(f"perhaps also who runs: {'; '.join(found.open_uses[:3])} (the name is made by an expression)")
    return [f"the new text is wrong: {each}" for each in found.flaws[:_MOST_FLAWS]] + lines


def _counted(noun: str, counts: Mapping[str, int]) -> str:
    words = {
        "breaks": "would break",
        "mends": "would be mended",
        "changed": "would get another text",
        "same": "would get the same",
    }
    plural = noun.replace("execution", "executions") if " " in noun else f"{noun}s"
    parts = [f"{counts[key]} {noun if counts[key] == 1 else plural} {words[key]}" for key in words if counts[key]]
    return ", ".join(parts)


def question(found: Impact) -> list[str]:
    """What is to be known before a version is made the current one."""
    lines = summary(found)
    first = next((each for each in found.reached if each.verdict is Verdict.BREAKS), None)
    if first is not None and first.problems:
        lines.insert(0, f"{first.node}: {first.problems[0]}")
    return [safe(line) for line in lines]


def title(found: Impact, symbols: Symbols) -> Cell:
    """The line above whom a change reaches."""
    to = found.to or "what is proposed"
    return (
        Piece(" "),
        *cell(found.name, Role.STRONG),
        Piece(f"   {found.from_} {symbols.arrow} {to}   ", "heading"),
        Piece(f"+{found.added}", Role.GOOD),
        Piece(f" -{found.removed}", Role.BAD),
    )


def counts(found: Impact) -> list[Cell]:
    """The sentences below it."""
    broken = found.counts["nodes"]["breaks"] + found.counts["executions"]["breaks"]
    bad = min(len(found.flaws), _MOST_FLAWS) + (1 if broken else 0)
    return [(Piece(f" {safe(line)}", Role.BAD if at < bad else Role.PLAIN),) for at, line in enumerate(summary(found))]

"""Who uses a document: rows of documents, nodes, executions and triggers. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, cell
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from engine.core.ahead import Stage
from engine.core.where_used import WhereUsed

USED_COLUMNS = (
    Column(key="what", title="WHAT", width=9, keep=100),
    Column(key="name", title="NAME", width=18, flex=2, most=40, keep=95),
    Column(key="version", title="VERSION", width=8, keep=60),
    Column(key="how", title="HOW", width=24, flex=4, keep=80),
)
USED_FIELDS = ("what", "name", "how")
USED_SORTS = ("what", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One that uses it; `id` is what it is opened by."""

    what: str
    name: str
    id: str
    version: str = ""
    how: str = ""
    is_live: bool = False


def used(found: WhereUsed) -> Mapping[str, Used]:
    """Everybody, by a key."""
    return {f"{at}": each for at, each in enumerate(_all(found))}


def _all(found: WhereUsed) -> Iterator[Used]:
    for document in found.documents:
        places = [" ".join(part for part in (use.step, use.path) if part) for use in document.uses[:3]]
        way = f"over {', '.join(document.over)}" if document.over else "; ".join(places)
        status = "" if document.status == "active" else f"{document.status}  "
        yield Used(
            what=document.kind, name=document.name, id=document.name, version=document.version, how=f"{status}{way}"
        )
    for node in found.nodes:
        group = " by its group" if node.through == "group" else ""
        how = f"boots {node.workflow} {node.workflow_version}{group}"
        yield Used(what="node", name=node.node, id=node.node_id, how=how)
    for live in found.executions:
        when = "is at" if live.stage is Stage.NOW else "will come to"
        name, how = f"{live.workflow} on {live.node or 'no node'}", f"{when} {', '.join(live.steps)}"
        yield Used(
            what="execution", name=name, id=live.execution_id, version=live.workflow_version, how=how, is_live=True
        )
    for trigger in found.triggers:
        how = f"starts {trigger.workflow}{'' if trigger.enabled else ' (disabled)'}"
        yield Used(what="trigger", name=trigger.name, id=trigger.trigger_id, how=how)


def used_row(each: Used) -> Row:
    """A row, in the order of `USED_COLUMNS`."""
    return (
        cell(each.what, Role.MUTED),
        cell(each.name, Role.STRONG),
        cell(each.version, Role.MUTED),
        cell(each.how, Role.ACCENT if each.is_live else Role.MUTED),
    )


def used_fields(each: Used) -> Fields:
    """What a row is searched by."""
    return {"what": each.what, "name": each.name.lower(), "how": each.how.lower()}


def used_sort_key(each: Used, sort: str) -> SortKey:
    """What a row is sorted by."""
    name = natural(each.name)
    return (name, each.what) if sort == "name" else (each.what, name)


def used_heading(found: WhereUsed) -> list[Cell]:
    """The lines above them."""
    counts = {
        "document": len(found.documents),
        "node": found.nodes_total,
        "execution under way": found.executions_total,
        "trigger": len(found.triggers),
    }
    told = [_counted(count, noun) for noun, count in counts.items() if count]
    lines: list[Cell] = [
        (Piece(" "), *cell(found.name, Role.STRONG), Piece(f"   used by {', '.join(told) or 'nobody'}", Role.MUTED))
    ]
    if found.open_uses:
        places = ", ".join(dict.fromkeys(each.name for each in found.open_uses[:4]))
        lines.append((Piece(" perhaps also by ", Role.WARN), *cell(f"{places}, where an expression makes the name")))
    return lines


def _counted(count: int, noun: str) -> str:
    first, _, rest = noun.partition(" ")
    return f"{count} {first}{'' if count == 1 else 's'}{f' {rest}' if rest else ''}"

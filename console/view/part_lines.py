"""Whatever a machine reported of itself, as rows that can be folded. Pure."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.view.columns import Column
from console.view.labels import Role, Row, Symbols, cell, safe
from console.view.pieces import Piece

COLUMNS = (
    Column(key="name", title="WHAT", width=24, flex=1, most=44, keep=100),
    Column(key="value", title="VALUE", width=20, flex=3, keep=99),
)
MOST = 5_000
_NAMING = ("name", "id", "device", "model", "slot", "mac", "mac_address", "serial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One row: where it is (`disks/0/size`), how deep, its name and value, and whether there is more below it."""

    path: str
    depth: int
    name: str
    value: Any
    is_open: bool = False

    @property
    def has_parts(self) -> bool:
        """Whether it can be unfolded."""
        return isinstance(self.value, Mapping | list) and bool(self.value)


def parts(values: Mapping[str, Any], opened: Collection[str]) -> list[Part]:
    """The rows, from the top; what is below a part is there if its path is `opened`. Of very many the first."""
    found: list[Part] = []
    for part in _below(values, "", 0, opened):
        found.append(part)
        if len(found) >= MOST:
            break
    return found


def _below(values: Any, path: str, depth: int, opened: Collection[str]) -> Iterator[Part]:
    for name, value in values.items() if isinstance(values, Mapping) else enumerate(values):
        here = f"{path}/{name}" if path else str(name)
        part = Part(path=here, depth=depth, name=str(name), value=value, is_open=here in opened)
        yield part
        if part.is_open and part.has_parts:
            yield from _below(value, here, depth + 1, opened)


def all_paths(values: Any, path: str = "") -> Iterator[str]:
    """The paths of all that can be unfolded."""
    for name, value in values.items() if isinstance(values, Mapping) else enumerate(values):
        if isinstance(value, Mapping | list) and value:
            here = f"{path}/{name}" if path else str(name)
            yield here
            yield from all_paths(value, here)


def part_row(part: Part, symbols: Symbols) -> Row:
    """The row of a part: indented, with a mark where there is more, and what is in it while it is folded."""
    mark = (symbols.down if part.is_open else symbols.running) if part.has_parts else " "
    name = (Piece(f"{'  ' * part.depth}{mark} ", Role.ACCENT), Piece(safe(part.name), Role.STRONG))
    if not part.has_parts:
        return (name, cell(_text(part.value)))
    return (name, () if part.is_open else cell(_summary(part.value), Role.MUTED))


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _summary(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """What a folded part has in it."""
    if isinstance(value, Mapping):
        named = next((str(value[key]) for key in _NAMING if value.get(key)), "")
        return named or f"{len(value)} value{'' if len(value) == 1 else 's'}"
    plain = [_text(each) for each in value if not isinstance(each, Mapping | list)]
    if len(plain) == len(value):
        return ", ".join(plain)
    names = [_summary(each) for each in value if isinstance(each, Mapping)]
    return f"{len(value)}: {', '.join(names)}"

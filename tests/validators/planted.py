"""The catch table: mistakes planted into texts that have none, and what the checks make of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.core.findings import Finding
from engine.validators.templates import validate_text

DATA = Path(__file__).parents[1] / "data" / "planted"
_TYPES = {
    "ks": "kickstart",
    "ign": "ignition",
    "preseed": "preseed",
    "ipxe": "ipxe",
    "document": "document",
    "yaml": "yaml",
    "json": "json",
    "script": "script",
    "workflow": "workflow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A mistake: the text with it, the line it is in, and what is expected of the check."""

    type: str
    name: str
    file: str
    text: str
    line: int | None
    says: str | None
    warns: bool
    missed: str | None

    def found_in(self, findings: tuple[Finding, ...]) -> bool:
        """Whether a finding tells of it, at its place."""
        return any(
            re.search(self.says or ".", each.message) is not None
            and each.is_error is not self.warns
            and (self.line is None or each.line == self.line)
            for each in findings
        )


def type_of(file: str) -> str:
    """The type of a text of `right/`, which its name says."""
    parts = file.split(".")
    middle = next((part for part in parts[1:] if part in ("autoinstall", "cloud-init", "unattend", "script")), None)
    return middle or _TYPES[parts[-1]]


@cache
def right() -> tuple[str, ...]:
    """The names of the texts without a mistake."""
    return tuple(sorted(each.name for each in (DATA / "right").iterdir()))


def text_of(file: str) -> str:
    """A text without a mistake."""
    return (DATA / "right" / file).read_bytes().decode()


def planted() -> Iterator[Planted]:
    """Every mistake of the table."""
    tree: dict[str, list[dict[str, Any]]] = yaml.safe_load((DATA / "planted.yaml").read_text(encoding="utf-8"))
    for type_, cases in tree.items():
        for case in cases:
            before, change = text_of(case["in"]), case["to"].replace("LONG", "x" * 2100)
            assert before.count(case["from"]) >= 1, (case["name"], "is not in", case["in"])
            start = before.index(case["from"])
            offset = case.get("line", 0)
            yield Planted(
                type=type_,
                name=case["name"],
                file=case["in"],
                text=before.replace(case["from"], change, 1),
                line=None if offset == "any" else before.count("\n", 0, start) + 1 + offset,
                says=case.get("says"),
                warns=bool(case.get("warns")),
                missed=case.get("missed"),
            )


def check(type_: str, text: str, file: str) -> tuple[Finding, ...]:
    """What the checks say of a text."""
    return validate_text(type_, text, name=file)

"""The rows of the secrets, of which nobody is shown more than the name, and who uses one. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Role, Row, ago, cell, clock, safe, who
from console.view.listing import SortKey, natural
from console.view.node_lines import fact, heading
from console.view.pieces import Piece
from engine.core.search import Found
from engine.core.secrets import Secret

COLUMNS = (
    Column(key="name", title="SECRET", width=20, flex=3, most=60, keep=100),
    Column(key="updated", title="SET", width=6, keep=90, right=True),
    Column(key="by", title="BY", width=14, flex=1, most=30, keep=80),
    Column(key="used", title="NAMED IN", width=14, flex=2, keep=70),
)
FIELDS = ("name", "by", "used")
SORTS = ("name", "updated")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretView:
    """A secret, and the documents whose current texts name it; None before they were looked through."""

    secret: Secret
    used: Sequence[str] | None = None


def row(view: SecretView, now: datetime) -> Row:
    """A secret's row, in the order of `COLUMNS`."""
    used = view.used
    named = cell("nothing", Role.WARN) if used is not None and not used else cell(", ".join(used or ()), Role.MUTED)
    return (
        cell(view.secret.name, Role.STRONG),
        cell(ago(view.secret.updated_at, now), Role.MUTED),
        cell(who(view.secret.updated_by), Role.MUTED),
        named,
    )


def fields(view: SecretView) -> Fields:
    """What a secret is searched by."""
    values = {"name": view.secret.name, "by": view.secret.updated_by, "used": " ".join(view.used or ())}
    return {name: value.lower() for name, value in values.items() if value}


def sort_key(view: SecretView, sort: str) -> SortKey:
    """What a secret is sorted by."""
    if sort == "updated":
        return -view.secret.updated_at.timestamp(), natural(view.secret.name)
    return (natural(view.secret.name),)


def details(view: SecretView, now: datetime) -> list[Cell]:
    """Who set a secret, how it is named, and which documents name it."""
    secret = view.secret
    lines: list[Cell] = [
        (Piece(" "), *cell(secret.name, Role.STRONG), Piece("  ********", Role.MUTED)),
        fact("set", f"{clock(secret.updated_at, now)} by {who(secret.updated_by)}"),
        fact("since", clock(secret.created_at, now)),
        fact("write", f"${{secret.{secret.name}}}"),
        (),
        heading("NAMED IN"),
    ]
    if view.used is None:
        return [*lines, (Piece("   looking", Role.MUTED),)]
    return [*lines, *((Piece(f"   {safe(each)}"),) for each in view.used or ("nothing that is in use",))]


def is_named(found: Found, name: str) -> bool:
    """Whether a document in which a secret's name was found names the secret: `secret.NAME` or `secret['NAME']`."""
    wanted = re.escape(name)
    pattern = re.compile(rf"secret\.{wanted}(?![A-Za-z0-9_-]|\.[A-Za-z0-9_-])|secret\[['\"]{wanted}['\"]\]")
    return any(pattern.search(each.text) for each in found.matches if each.field == "content")

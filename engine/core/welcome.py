"""What a console far away is told when it attaches: where it is, and who it is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.scopes import Server
from engine.core.tokens import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """`principal` and `role` are those of whoever asks. `settings` are the effective ones, without passwords;
    `trouble` says why the store cannot be written now; `replacements` counts as `PureBoot.replacements` does, and
    `store` tells one store from another that was put in its place.
    """

    version: str
    now: datetime
    principal: str
    role: Role
    store: str
    server: Server
    is_host: bool
    replacements: int = 0
    trouble: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

"""Links: what actions made in other systems, so that nobody makes it twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_WORD, MAX_KEY = 64, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One thing in another system.

    `system`, `kind` and `key` are our name for it (`netbox`, `device`, a node's MAC), `external_id` is its name there;
    `data` is what its maker wants to be remembered. The attempt is the one that made it; its execution may have been
    forgotten since.
    """

    id: str
    system: str
    kind: str
    key: str
    external_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    node_id: str | None = None
    execution_id: str | None = None
    attempt_id: str | None = None
    created_at: datetime

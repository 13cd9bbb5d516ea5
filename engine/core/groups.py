"""What a group is: a named set of nodes with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of nodes. `metadata` is under each node's own; `workflow_id` is what `run` proposes for its nodes."""

    id: str
    name: str
    description: str = ""
    workflow_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime

"""Which machines hang, by their boot traces: looked at every few seconds by the screens that show it."""

import contextlib
from typing import TYPE_CHECKING

from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp

LOOK_SECONDS = 5


async def look(app: "PureBootApp") -> set[str]:
    """Bring up to date what the model knows of it; gives the nodes of which something else is known now."""
    model = app.model
    with contextlib.suppress(PureBootError):
        found = await app.pureboot.traces.hanging(model.silent(app.now()))
        stuck = {node_id: verdict.brief for node_id, verdict in found.items()}
        changed = {key for key in {*stuck, *model.stuck} if stuck.get(key) != model.stuck.get(key)}
        if changed:
            model.stuck = stuck
        return changed
    return set()

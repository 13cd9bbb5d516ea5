"""PureBoot's engine: nodes, workflows, executions and the event log, knowing neither console nor boot server.

Four names are public; they are found on first use, so that importing a pure part of the core loads no database.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.events import Event
    from engine.errors import PureBootError
    from engine.settings import Settings

__all__ = ["Event", "PureBoot", "PureBootError", "Settings"]

_HOMES = {
    "Event": "engine.core.events",
    "PureBoot": "engine.app",
    "PureBootError": "engine.errors",
    "Settings": "engine.settings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

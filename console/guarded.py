"""Looking without touching: a PureBoot of which nothing can be asked that would change something.

The one place that keeps a read-only console from changing anything, whatever key or screen asks for it: only what the
table of the seam says is reading goes through. What is not in that table is taken for a change.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from engine.errors import Forbidden
from engine.seam.table import ITSELF, PERMISSIONS, changes

if TYPE_CHECKING:
    from console.pureboot import PureBoot

_SERVICES = frozenset(service for service, _ in PERMISSIONS) - {ITSELF}

READ_ONLY = "this console is read-only: it shows everything and changes nothing"

CHANGING = frozenset(
    {
        "approve",
        "cancel",
        "change",
        "create",
        "delete",
        "discard",
        "edit",
        "move",
        "new",
        "pause",
        "publish",
        "replay",
        "retry",
        "retry_step",
        "run",
        "skip",
        "use",
    }
)
"""The actions of keys that are there to change something: not offered where nothing can be changed."""


def is_refused(action: str) -> bool:
    """Whether an action of a key (`app.run('x')`) is one that a read-only console has not."""
    return action.partition("(")[0].rpartition(".")[2] in CHANGING


def guarded(pureboot: "PureBoot") -> "PureBoot":
    """The same, but for what would change something."""
    return cast("PureBoot", _Guarded(pureboot))


class _Guarded:
    def __init__(self, pureboot: "PureBoot") -> None:
        self._pureboot = pureboot

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._pureboot, name)
        return _GuardedService(name, found) if name in _SERVICES else found


class _GuardedService:
    def __init__(self, service: str, inner: Any) -> None:
        self._service = service
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found: Callable[..., Any] = getattr(self._inner, name)
        if changes(self._service, name) and (inspect.iscoroutinefunction(found) or not inspect.isroutine(found)):
            return _refuse
        return found


async def _refuse(*_args: object, **_given: object) -> NoReturn:
    raise Forbidden(READ_ONLY)

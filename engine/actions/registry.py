"""Actions: what a step runs, found in one registry.

An action is a name, who performs it, the model of its parameters and, where this engine performs it, a coroutine. The
packages of others add theirs through the entry point group `pureboot.actions`, each naming an `Action`.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.clock import Clock
from engine.core.artifacts import Artifact
from engine.core.executions import Performer
from engine.core.links import Link
from engine.core.nodes import NodeState
from engine.core.redaction import REACH
from engine.core.sources import spell
from engine.errors import Conflict, Invalid, Problem
from engine.outbound import Guard

ENTRY_POINTS = "pureboot.actions"


_SHOWN = 300  # characters of a quote
_QUOTED = 2 * REACH


class Parameters(BaseModel):
    """The base of the models of what stands under a step's `with`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ActionFailed(Exception):
    """Raised by an action to let its attempt fail; the text is the attempt's error.

    `quote` is what another system said, to be shown behind it. It is cut short only after secrets were taken out of it:
    of one that the cut went through, the beginning would be shown.
    """

    def __init__(self, message: str, *, quote: str = "") -> None:
        super().__init__(message)
        self.quote = quote[:_QUOTED]

    def told(self, clean: Callable[[str], str]) -> str:
        """The error on one line; `clean` takes secrets out of a text."""
        quote = " ".join(clean(self.quote).split())
        if not quote:
            return str(self)
        return f"{self}: {quote if len(quote) <= _SHOWN else f'{quote[:_SHOWN]}…'}"


async def _keep_no_link(system: str, kind: str, key: str, external_id: str, data: Mapping[str, Any]) -> Link:
    raise ActionFailed(f"{kind} {key} was made in {system} as {external_id}, but no link can be recorded here")


async def _know_no_link(system: str, kind: str, key: str) -> Link | None:
    return None


async def _no_agents(name: str) -> Any:
    raise ActionFailed(f"agent {name} cannot be called here")


async def _render_nothing(template: str, name: str) -> Artifact:
    raise ActionFailed(f"{template} cannot be rendered to {name} here: nothing is kept of this call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an action gets: its parameters, complete and checked, and the attempt they belong to.

    At `deadline_at` the attempt is stopped. `link` records what was made in another system (system, kind, key, its id
    there, data); `linked` asks whether that was done before, by whichever execution.
    `render` makes a template (`name`, `name:v1.0`) into an artifact of a name, `agent` gives how a remote agent of a
    name is reached, and `guard` says which addresses may be asked.
    """

    parameters: Any
    execution_id: str
    step_key: str
    attempt: int
    idempotency_key: str
    started_at: datetime
    clock: Clock
    log: Callable[[str], Awaitable[None]]
    step_id: str = ""
    deadline_at: datetime | None = None
    link: Callable[[str, str, str, str, Mapping[str, Any]], Awaitable[Link]] = _keep_no_link
    linked: Callable[[str, str, str], Awaitable[Link | None]] = _know_no_link
    render: Callable[[str, str], Awaitable[Artifact]] = _render_nothing
    agent: Callable[[str], Awaitable[Any]] = _no_agents
    guard: Guard = field(default_factory=Guard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an action gives back when it succeeds; `next_state` moves the node. With `handed_to` (`agent:NAME`) it has
    not ended yet: that one goes on with it and reports its end to the callback API.
    """

    output: Mapping[str, Any] = field(default_factory=dict)
    message: str | None = None
    next_state: NodeState | None = None
    handed_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action. `run` is there exactly for those that an engine performs; those that only wait have in `wait` for how
    many seconds, and in `waited` what they give when the time is over. With `dead_letter` a failure for good is listed
    for a person to look at.
    """

    name: str
    summary: str
    performer: Performer
    parameters: type[Parameters]
    run: Callable[[Call], Awaitable[Outcome]] | None = None
    wait: Callable[[Any], float] | None = None
    waited: Callable[[Any], Outcome] = lambda _: Outcome()
    dead_letter: bool = False

    def problems(self, with_: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
        """What is wrong with parameters as a file has them; one with an expression is judged when that is filled."""
        try:
            self.parameters.model_validate(dict(with_))
        except ValidationError as error:
            return [
                (detail["loc"], _plain(detail))
                for detail in error.errors()
                if detail["type"] in ("missing", "extra_forbidden") or not _is_open(detail["input"])
            ]
        return []

    def complete(self, config: Mapping[str, Any]) -> Any:
        """The parameters of an attempt, checked.

        Raises:
            Invalid: they do not fit; every one is named.
        """
        try:
            return self.parameters.model_validate(dict(config))
        except ValidationError as error:
            wrong = [(spell(("with", *detail["loc"])), _plain(detail)) for detail in error.errors()]
            raise Invalid([Problem(path=path, message=message) for path, message in wrong]) from None


_OPEN = re.compile(r"\{\{|\{%|\$\{")


def _is_open(value: Any) -> bool:
    return isinstance(value, str) and _OPEN.search(value) is not None


_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a parameter of this action",
    "string_type": "must be text",
}


def _plain(detail: Any) -> str:
    return _PLAIN.get(detail["type"]) or str(detail["msg"]).removeprefix("Value error, ")


class Registry(Mapping[str, Action]):
    """All actions by name."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._actions: dict[str, Action] = {}
        for action in actions:
            self.add(action)

    def add(self, action: Action) -> None:
        """Make an action known.

        Raises:
            Conflict: there is one of this name.
        """
        if action.name in self._actions:
            raise Conflict(f"there are two actions named {action.name}")
        self._actions[action.name] = action

    def add_installed(self) -> None:
        """Make the actions of installed packages known."""
        for point in entry_points(group=ENTRY_POINTS):
            self.add(point.load())

    def __getitem__(self, name: str) -> Action:
        return self._actions[name]

    def __iter__(self) -> Any:
        return iter(self._actions)

    def __len__(self) -> int:
        return len(self._actions)

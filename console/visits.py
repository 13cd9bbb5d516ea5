"""Where one has been in the console, as a browser knows it: back, forward, and what each screen showed. Pure.

A screen is remembered by how it was made, not as it is: one that was left is made anew when somebody goes back to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 50


@dataclass(frozen=True, slots=True)
class Made:
    """How a screen was made: its class, and what that was given."""

    kind: type[Any]
    given: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()

    def again(self) -> Any:
        """Another one like it."""
        return self.kind(*self.given, **dict(self.named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A tab and the screens on it, the first of the tab first; `memory` is what the one in front showed."""

    mode: str
    screens: tuple[Made, ...]
    memory: Mapping[str, Any] = field(default_factory=dict, compare=False)


class Visits:
    """The last visits, and which of them is in front."""

    def __init__(self, most: int = MOST) -> None:
        self._visits: list[Visit] = []
        self._at = -1
        self._most = most

    @property
    def here(self) -> Visit | None:
        """The visit in front."""
        return self._visits[self._at] if self._visits else None

    def note(self, visit: Visit) -> None:
        """Something else is in front; what lay ahead is forgotten. The same once more is no other visit."""
        if visit == self.here:
            return
        self._visits = [*self._visits[: self._at + 1], visit][-self._most :]
        self._at = len(self._visits) - 1

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Keep what the screen in front shows, which is about to be left."""
        here = self.here
        if here is not None:
            self._visits[self._at] = Visit(mode=here.mode, screens=here.screens, memory=memory)

    def go(self, by: int) -> Visit | None:
        """Go back (-1) or forward (1); None where there is nothing."""
        at = self._at + by
        if not 0 <= at < len(self._visits):
            return None
        self._at = at
        return self._visits[at]

"""An app that opens where it was left, and tells of what failed to who looks elsewhere."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from console.alarms import failed
from console.going import GoingApp
from console.paint import DARK, SIXTEEN
from console.places import PLACES
from console.preferences import Preferences, has_few_colours
from console.session import MOST_RECENT
from engine.core.events import Kind

if TYPE_CHECKING:
    from console.model import Changes
    from console.screens.base import PureBootScreen


class KeepingApp(GoingApp):
    """An app with preferences, and with a memory beyond its own life where they want one."""

    def __init__(self, preferences: Preferences, *, theme: str | None = None) -> None:
        session = preferences.session
        if session is not None and session.mode in self.MODES:
            self.DEFAULT_MODE = session.mode  # type: ignore[misc] # Textual reads it once, for its first screen
        few = has_few_colours()
        remembered = session.theme if session is not None and not few else None
        chosen = theme or preferences.theme or remembered
        sixteen = few if chosen is None else chosen == SIXTEEN
        super().__init__(ansi_color=True if sixteen else None)
        self.preferences = preferences
        self.keymap = preferences.keymap
        self.recent: list[str] = list(session.recent) if session is not None else []
        self._offer_our_themes()
        self.theme = chosen if chosen in self.available_themes else SIXTEEN if sixteen else DARK
        self._theme_at_first = self.theme
        self._lists: dict[str, Mapping[str, Any]] = dict(session.lists) if session is not None else {}
        self.set_keymap(dict(self.keymap.keys))

    def _offer_our_themes(self) -> None:
        """Offer ours, and no others."""
        raise NotImplementedError

    # Where it was left

    def used(self, what: str) -> None:
        """Note that somebody went to something: the palette offers it first."""
        self.recent = [what, *(each for each in self.recent if each != what)][:MOST_RECENT]

    def recalled_for(self, screen: "PureBootScreen") -> Mapping[str, Any] | None:
        """What the first screen of a tab showed when the console was left."""
        session = self.preferences.session
        mode = _place_of(screen)
        return session.lists.pop(mode, None) if session is not None and mode else None

    def went_to(self, screen: "PureBootScreen") -> None:
        """Note what the screen before showed."""
        if self._front is not None and self._front is not screen:
            self._keep(self._front)
        super().went_to(screen)

    def _keep(self, screen: "PureBootScreen") -> None:
        mode = _place_of(screen)
        if mode:
            with contextlib.suppress(Exception):
                self._lists[mode] = screen.memory()

    def keep_session(self) -> None:
        """Write down where it was left."""
        session = self.preferences.session
        if session is None:
            return
        if self._front is not None:
            self._keep(self._front)
        session.mode, session.lists, session.recent = (
            self.current_mode,
            {mode: dict(each) for mode, each in self._lists.items()},
            self.recent,
        )
        if self.theme != self._theme_at_first:
            session.theme = self.theme
        session.save()

    # What failed

    def sound_alarms(self, changes: "Changes") -> None:
        """Ring and notify, if that is wanted, of executions that have failed just now."""
        alarms = self.preferences.alarms
        finished = {event.execution_id for event in changes.events if event.kind is Kind.EXECUTION_FINISHED}
        if not alarms.any or not finished:
            return
        found = [each for key, each in self.model.executions.items() if key in finished]
        text = failed((each, node.name if (node := self.model.node_of(each)) else "") for each in found)
        if text and self._driver is not None:
            self._driver.write(alarms.sequence(f"PureBoot: {text}"))


def _place_of(screen: "PureBootScreen") -> str | None:
    """The mode whose first screen this is, if it is one."""
    name = f"{type(screen).__module__}:{type(screen).__name__}"
    return next((place.mode for place in PLACES if place.screen == name), None)

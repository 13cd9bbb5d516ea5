"""Two keys that lead somewhere: `g`, then the letter of a place; and back and forward through what was visited.

While the second key is awaited its letters stand at the bottom. Whatever else is pressed drops the first: a letter that
leads nowhere goes with it, since it was meant for it; any other key does what it always does.
"""

import contextlib
from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from console.places import PLACES
from console.typeahead import TypeAheadApp
from console.view.hints import TOP
from console.visits import Made, Visit, Visits
from console.widgets.hint import Hint

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from console.screens.base import PureBootScreen

PATIENCE_SECONDS = 5.0


class JumpingApp(TypeAheadApp):
    """An app whose keys may have a prefix, and which knows where one has been."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._hint: Hint | None = None
        self._hint_ends: Timer | None = None
        self._visits = Visits()
        self._front: PureBootScreen | None = None
        self._is_travelling = False

    async def action_show(self, mode: str) -> None:
        """Go to a tab."""
        raise NotImplementedError

    def complain(self, error: Exception | str) -> None:
        """Say what went wrong."""
        raise NotImplementedError

    # A letter after g

    def action_go_to(self) -> None:
        """Wait for the letter of a place, and show which there are."""
        self._drop_hint()
        self._hint = Hint(jumps=not isinstance(self.screen, ModalScreen))
        self.screen.mount(self._hint)
        self._hint_ends = self.set_timer(PATIENCE_SECONDS, self._drop_hint)

    def _drop_hint(self) -> None:
        hint, self._hint = self._hint, None
        if self._hint_ends is not None:
            self._hint_ends.stop()
        if hint is not None and hint.is_attached:
            hint.remove()

    async def deliver(self, event: events.Key | events.Paste) -> None:
        """Take a letter after `g` where it leads."""
        if self._hint is None:
            await super().deliver(event)
            return
        is_letter = isinstance(event, events.Key) and (event.is_printable or event.key == "escape")
        if is_letter and isinstance(event, events.Key):
            await self.follow_letter(event.key)
        else:
            self._drop_hint()
            await super().deliver(event)

    async def follow_letter(self, letter: str) -> None:
        """Go where a letter leads, if it leads anywhere from here."""
        self._drop_hint()
        place = next((place for place in PLACES if place.letter == letter), None)
        if letter == TOP:
            await self._go_to_top()
        elif place is not None and not isinstance(self.screen, ModalScreen):
            await self.action_show(place.mode)

    async def _go_to_top(self) -> None:
        """The first row of what has the focus, or of what is around it."""
        node: DOMNode | None = self.focused or self.screen
        while node is not None and not hasattr(node, "action_top"):
            node = node.parent
        if node is not None:
            await self.run_action("top", default_namespace=node)

    # Back and forward

    def went_to(self, screen: "PureBootScreen") -> None:
        """Note that a screen is in front now, and what the one before it showed."""
        before, self._front = self._front, screen
        if self._is_travelling:
            return
        if before is not None and before is not screen:
            self._visits.remember(_shown_on(before))
        self._visits.note(Visit(mode=self.current_mode, screens=_made(self.screen_stack)))

    async def action_go_back(self) -> None:
        """Show what was shown before."""
        await self._visit(-1)

    async def action_go_forward(self) -> None:
        """Show what was left by going back."""
        await self._visit(1)

    async def _visit(self, by: int) -> None:
        """Go back (-1) or forward (1) through what was visited."""
        if isinstance(self.screen, ModalScreen) or self._is_travelling:
            return
        if self._front is not None:
            self._visits.remember(_shown_on(self._front))
        visit = self._visits.go(by)
        if visit is None:
            self.complain("there is no screen to go back to" if by < 0 else "there is no screen to go forward to")
            return
        self._is_travelling = True
        try:
            await self._travel(visit)
        finally:
            self._is_travelling = False

    async def _travel(self, visit: Visit) -> None:
        """Bring a tab and its screens to the front as they were: those that are still there stay."""
        if visit.mode != self.current_mode:
            await self.switch_mode(visit.mode)
        while not _begins(visit.screens, _made(self.screen_stack)):
            await self.pop_screen()
        for made in visit.screens[len(self.screen_stack) :]:
            await self.push_screen(made.again())
        front: Any = self.screen
        front.recall(visit.memory)


def _made(stack: list[Screen[Any]]) -> tuple[Made, ...]:
    return tuple(screen.made for screen in stack if hasattr(screen, "made"))


def _begins(whole: tuple[Made, ...], part: tuple[Made, ...]) -> bool:
    return whole[: len(part)] == part


def _shown_on(screen: "PureBootScreen") -> dict[str, Any]:
    """What a screen shows, which may be gone already."""
    with contextlib.suppress(Exception):
        return screen.memory()
    return {}

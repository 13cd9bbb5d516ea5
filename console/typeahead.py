"""Keys, one at a time.

Textual hands a key to whatever has the focus when it arrives. Over a slow link keys arrive in bursts: of `/r4` the `r`
would come to the list before the `/` has moved the focus, and ask to run a workflow. So here a key waits until all that
the one before it set off has happened: a focus that moved, a dialog that opened.
"""

from collections import deque
from collections.abc import Iterable

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

# What follows from a key goes from queue to queue: enter in a filter is a message of the field, then one of the bar
# around it, then a call that moves the focus. Each round goes behind one of these.
_ROUNDS = 5
_PATIENCE_SECONDS = 1.0  # a widget that does not answer for so long holds nobody's keys
_PAUSE_SECONDS = 0.01  # between two looks for a screen; a timer, since it ends with the app
_NEXT = 0  # the number of a key that is about to be taken; those that are count from 1
_MOST = 256  # a key that is held down while nothing moves is not remembered for minutes


class Settled(Message):
    """Goes the way a key goes, behind it, from the focus up to the app."""

    def __init__(self, key: int, rounds: int) -> None:
        super().__init__()
        self.key = key
        self.rounds = rounds


class TypeAheadApp(App[None]):
    """An app that takes the next key when the one before is through."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way: int | None = None
        self._taken = 0
        self._watch: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Take a key, or keep it for later; everything else takes its usual way."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        else:
            for each in _apart(event):
                await self._take_or_keep(each)

    async def _take_or_keep(self, event: events.Key | events.Paste) -> None:
        if self._under_way is None:
            await self._take(event)
        elif len(self._waiting) < _MOST:
            self._waiting.append(event)

    @property
    def _is_between_tabs(self) -> bool:
        """Whether the new tab is not there yet, and so no screen to give a key to."""
        return not self.screen_stack

    async def _take(self, event: events.Key | events.Paste) -> None:
        if self._is_between_tabs:
            self._under_way = _NEXT
            self.set_timer(_PAUSE_SECONDS, lambda: self._take(event))
            return
        self._taken += 1
        self._under_way = taken = self._taken
        self._watch = self.set_timer(_PATIENCE_SECONDS, lambda: self._release(taken))
        await self.deliver(event)
        self._follow(taken, _ROUNDS)

    async def deliver(self, event: events.Key | events.Paste) -> None:
        """Hand a key to whatever has the focus."""
        await super().on_event(event)

    def _follow(self, key: int, rounds: int) -> None:
        if self._is_between_tabs:
            self.set_timer(_PAUSE_SECONDS, lambda: self._follow(key, rounds))
            return
        target = self.focused or self.screen
        if not target.post_message(Settled(key, rounds)):
            self._release(key)

    def on_settled(self, message: Settled) -> None:
        """A round is over."""
        if message.key == self._under_way:
            if message.rounds > 1:
                self._follow(message.key, message.rounds - 1)
            else:
                self._release(message.key)

    def _release(self, key: int) -> None:
        if key != self._under_way:
            return
        if self._watch is not None:
            self._watch.stop()
        self._under_way = _NEXT if self._waiting else None
        if self._waiting:
            self.call_next(self._take, self._waiting.popleft())


def _apart(event: events.Key | events.Paste) -> Iterable[events.Key | events.Paste]:
    """Escape and a letter that arrive together look like Alt and that letter, which no key here is."""
    if isinstance(event, events.Key) and event.key.startswith("alt+") and (event.character or "").isalpha():
        return (events.Key("escape", "\x1b"), events.Key(str(event.character), event.character))
    return (event,)

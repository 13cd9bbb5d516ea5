"""The part of an execution's time that its timeline shows: nearer, farther, earlier, later. Pure.

Times are seconds from the execution's start. Without a window the whole of it is shown. A window that shows the present
goes along with it, by half its length at a time, so that bars grow in place between two such moves.
"""

import math
from dataclasses import dataclass, replace

NEAREST = 1.0
"""The shortest time, in seconds, that fills the axis."""

ZOOM = 2.0
STEP = 0.25  # of the window, that one key moves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`seconds` seconds from `begin` on; one that `follows` goes along with the present."""

    begin: float
    seconds: float
    follows: bool = False

    @property
    def end(self) -> float:
        """Where it ends."""
        return self.begin + self.seconds

    def at(self, now: float, *, running: bool) -> "Window":
        """Where it stands at a time."""
        if not (self.follows and running) or now <= self.end:
            return self
        half = self.seconds / 2
        return replace(self, begin=self.begin + math.ceil((now - self.end) / half) * half)


def zoomed(window: Window | None, whole: float, factor: float, focus: float) -> Window | None:
    """Nearer by a factor (farther, if it is below 1); `focus` stays where it is. None is the whole."""
    before = window or Window(begin=0.0, seconds=whole)
    seconds = max(NEAREST, before.seconds / factor)
    if seconds >= whole:
        return None
    focus = min(max(focus, before.begin), before.end)
    part = (focus - before.begin) / before.seconds
    return _within(Window(begin=focus - part * seconds, seconds=seconds), whole)


def moved(window: Window | None, whole: float, part: float) -> Window | None:
    """Later by a part of its length, earlier if that is negative; the whole has nowhere to go."""
    return window and _within(replace(window, begin=window.begin + part * window.seconds), whole)


def revealed(window: Window | None, whole: float, begin: float, end: float) -> Window | None:
    """Moved as little as shows a bar: all of it if there is room, else its beginning."""
    if window is None or (begin < window.end and end > window.begin):
        return window
    at = begin if begin < window.begin or end - begin > window.seconds else end - window.seconds
    return _within(replace(window, begin=at), whole)


def following(window: Window | None, now: float, *, running: bool) -> Window | None:
    """The same, told whether it shows the present, and so goes along with it."""
    return window and replace(window, follows=running and window.begin <= now <= window.end)


def _within(window: Window, whole: float) -> Window:
    return replace(window, begin=min(max(window.begin, 0.0), max(0.0, whole - window.seconds)))

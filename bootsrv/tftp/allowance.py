"""So many a second, and some at once: what the TFTP server grants to peers and to all; pure, time is told to it."""

from collections import OrderedDict


class Allowance:
    """A bucket that fills at `per_second` and holds `at_once`; full at first. Seconds of any one steady clock."""

    __slots__ = ("_at", "_at_once", "_left", "_per_second")

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second, self._at_once = per_second, at_once
        self._left, self._at = at_once, float("-inf")

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        self._fill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def borrow(self, now: float, amount: float) -> float:
        """Take it in any case; gives the seconds after which it is paid for (0: now)."""
        self._fill(now)
        self._left -= amount
        return max(0.0, -self._left / self._per_second)

    def _fill(self, now: float) -> None:
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_second)
        self._at = now


class Allowances:
    """An allowance for each of many, at most `remembered` of them: who has not asked for longest is forgotten first."""

    def __init__(self, per_second: float, at_once: float, *, remembered: int = 4096) -> None:
        self._per_second, self._at_once, self._remembered = per_second, at_once, remembered
        self._of: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, whom: str) -> Allowance:
        """Theirs; the same each time."""
        found = self._of.get(whom)
        if found is None:
            found = self._of[whom] = Allowance(self._per_second, self._at_once)
            if len(self._of) > self._remembered:
                self._of.popitem(last=False)
        else:
            self._of.move_to_end(whom)
        return found

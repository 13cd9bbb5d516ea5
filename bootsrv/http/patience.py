"""How often a machine that cannot be answered now is asked to wait before it is sent on to its disk."""

from collections import OrderedDict

TRIES = 6
SECONDS = 10
_REMEMBERED = 4096


class Patience:
    """Counts, machine by machine, the answers that could not be given since the last one that could."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, int] = OrderedDict()

    def wait(self, machine: str) -> int | None:
        """Seconds after which the machine may ask again; None when it has waited often enough."""
        tries = self._tries.pop(machine, 0) + 1
        if tries > TRIES:
            return None
        self._tries[machine] = tries
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        return SECONDS

    def answered(self, machine: str) -> None:
        """It was answered: the next trouble starts a new count."""
        self._tries.pop(machine, None)

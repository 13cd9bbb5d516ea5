"""Values that are not known yet, for a look ahead: what a step will have given, an input that nobody has given.

In a text such a value stands as its own name, `<steps.probe.output.disk>`, so that a reader sees where it will be.
Whatever would have to decide by it (a comparison, a loop, a number made of it) raises `NotKnown` instead, for any
answer would be a guess. What was asked for is noted, because expressions turn all that is raised within them into one
kind of error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn


class NotKnown(Exception):
    """A value would have to be known for this."""


class Asked:
    """The names that were asked for and are not known, each once and in the order of asking."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def note(self, name: str) -> None:
        """Note a name; a part of what was asked for takes its place."""
        parent = name.rpartition(".")[0]
        self._names.pop(parent, None)
        self._names[name] = None

    def take(self) -> tuple[str, ...]:
        """The names since the last time."""
        taken = tuple(self._names)
        self._names.clear()
        return taken


class Unknown:
    """A value of which only the name is known."""

    __slots__ = ("_asked", "_name")

    def __init__(self, name: str, asked: Asked) -> None:
        self._name = name
        self._asked = asked
        asked.note(name)

    def __str__(self) -> str:
        return text_of(self._name)

    def __getitem__(self, key: object) -> "Unknown":
        return Unknown(f"{self._name}.{key}", self._asked)

    def __hash__(self) -> int:
        return self._refuse()

    def _refuse(self, *_: object) -> NoReturn:
        raise NotKnown(self._name)

    __bool__ = __len__ = __iter__ = __contains__ = __int__ = __float__ = __index__ = __call__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __pos__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _refuse

    def __eq__(self, other: object) -> bool:
        self._refuse()

    def __ne__(self, other: object) -> bool:
        self._refuse()


class PartlyKnown(Mapping[str, Any]):
    """A mapping of which some values are known. `hidden` says of which other keys there may be a value."""

    __slots__ = ("_asked", "_hidden", "_known", "_name")

    def __init__(
        self, name: str, known: Mapping[str, Any], asked: Asked, hidden: Callable[[str], bool] = lambda _: True
    ) -> None:
        self._name = name
        self._known = known
        self._asked = asked
        self._hidden = hidden

    def __getitem__(self, key: str) -> Any:
        if key in self._known:
            return self._known[key]
        if self._hidden(key):
            return Unknown(f"{self._name}.{key}", self._asked)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        if key in self._known:
            return True
        return bool(self._hidden(str(key))) and bool(self[str(key)])

    def __iter__(self) -> Iterator[str]:
        self._whole()
        return iter(self._known)

    def __len__(self) -> int:
        self._whole()
        return len(self._known)

    def _whole(self) -> None:
        """Nobody can count or list what may still come."""
        self._asked.note(self._name)
        raise NotKnown(self._name)


class Named(Mapping[str, Any]):
    """The values of a namespace of `${…}` of which some are not known: such a one is its own name, `<node.mac>`."""

    __slots__ = ("_asked", "_hidden", "_known", "_namespace")

    def __init__(
        self,
        namespace: str,
        asked: Asked,
        known: Mapping[str, Any] | None = None,
        hidden: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._namespace = namespace
        self._asked = asked
        self._known = known or {}
        self._hidden = hidden

    def __getitem__(self, key: str) -> Any:
        if key not in self._known and self._hidden(key):
            return str(Unknown(f"{self._namespace}.{key}", self._asked))
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Masked(str):
    """A value that is known and not shown: it stands as the mask in texts, and whatever would have to decide by it
    raises `NotKnown`.
    """

    __slots__ = ("_asked", "_name")

    _asked: Asked
    _name: str

    def __new__(cls, mask: str, name: str, asked: Asked) -> "Masked":
        """Make one that stands as `mask` and is called `name`."""
        made = super().__new__(cls, mask)
        made._asked, made._name = asked, name
        return made

    def _refuse(self, *_: object) -> NoReturn:
        self._asked.note(self._name)
        raise NotKnown(self._name)

    def __hash__(self) -> int:
        return self._refuse()

    def __eq__(self, other: object) -> bool:
        self._refuse()

    def __ne__(self, other: object) -> bool:
        self._refuse()

    __bool__ = __len__ = __iter__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


def text_of(name: str) -> str:
    """How a value that is not known stands in a text."""
    return f"<{name}>"


def needed(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What would have to be known for values with these names: the keys of steps, and the names of all else."""
    steps = [name.split(".")[1] for name in names if name.startswith("steps.")]
    return tuple(dict.fromkeys(steps)), tuple(name for name in names if not name.startswith("steps."))

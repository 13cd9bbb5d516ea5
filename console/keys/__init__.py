"""Every key of the console, in one table: the bindings, the footer and the help are all made from it.

A key means the same on every screen. Nothing that stops or changes a machine happens on one key alone: such a key opens
a dialog, and the key that confirms there is another one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding

from console.keys import about, editing, executions, library, log, machines, overview, things
from console.keys.everywhere import EVERYWHERE
from console.keys.key import Key
from console.keys.remap import Keymap
from console.keys.shared import LIST, MARKS

__all__ = ["KEYS", "Key", "Keymap", "bindings", "clashes", "footer"]

# The keys of each context. `everywhere` is added to every screen, `list` to every table.
_TABLE: Mapping[str, tuple[Key, ...]] = {
    "everywhere": EVERYWHERE,
    "list": LIST,
    "marks": MARKS,
    **machines.KEYS,
    **executions.KEYS,
    **library.KEYS,
    **editing.KEYS,
    **log.KEYS,
    **overview.KEYS,
    **things.KEYS,
    **about.KEYS,
}
KEYS = {context: tuple(replace(key, context=context) for key in listed) for context, listed in _TABLE.items()}


def bindings(*contexts: str) -> list[Binding]:
    """The bindings of contexts, for a screen's or widget's BINDINGS."""
    return [
        Binding(
            key.keys, key.action, key.label, show=key.footer, key_display=key.first, priority=key.priority, id=key.id
        )
        for context in contexts
        for key in KEYS[context]
        if key.keys
    ]


def footer(*contexts: str) -> list[Key]:
    """The keys to show below a screen: those that matter of its own contexts, then help."""
    return [key for context in (*contexts, "everywhere") for key in KEYS[context] if key.footer]


def clashes(contexts: Iterable[str]) -> list[str]:
    """The keys that mean two things in contexts that are active at once; `enter` of a list is its screen's own."""
    seen: dict[str, str] = {}
    twice: list[str] = []
    for context in contexts:
        for key in KEYS[context]:
            for each in filter(None, key.keys.split(",")):
                if seen.get(each, key.action) != key.action:
                    twice.append(each)
                seen[each] = key.action
    return twice

"""Other keys for actions, as `console.keys` of the settings gives them: checked, and laid over the table. Pure."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from console.keys.key import Key
from console.keys.names import key_named

Table = Mapping[str, Sequence[Key]]
Given = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What cannot be: at a path below `console.keys`."""

    path: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Keymap:
    """The keys of actions by id (`nodes.cancel`), where they are others than those of the table."""

    keys: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: Key) -> Key:
        """An entry of the table as it is now."""
        given = self.keys.get(key.id)
        return key if given is None else replace(key, keys=given, shown="")


def read(given: Given, table: Table) -> tuple[Keymap, list[Wrong]]:
    """The keymap that settings ask for, and everything that is wrong with it."""
    wrong: list[Wrong] = []
    keys: dict[str, str] = {}
    for context, actions in given.items():
        if context not in table:
            near = _near(context, table)
            wrong.append(Wrong((context,), f"there is no context of this name{near}; there are {', '.join(table)}"))
            continue
        names = {key.name: key for key in table[context]}
        for action, written in actions.items():
            if action not in names:
                near = _near(action, names)
                text = f"there is no action of this name{near}; {context} has {', '.join(names)}"
                wrong.append(Wrong((context, action), text))
                continue
            try:
                listed = ",".join(key_named(each) for each in written.split(","))
            except ValueError as error:
                wrong.append(Wrong((context, action), str(error)))
            else:
                keys |= dict.fromkeys(_of_action(names[action], table), listed)
    keymap = Keymap(keys)
    return keymap, [*wrong, *_conflicts(keymap, table)]


def _of_action(key: Key, table: Table) -> list[str]:
    """The ids of an entry: what is everywhere is so in lists as well, which have it for dialogs."""
    if key.context != "everywhere":
        return [key.id]
    return [each.id for listed in table.values() for each in listed if each.action == key.action]


def _near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]}?)" if found else ""


def _conflicts(keymap: Keymap, table: Table) -> Iterator[Wrong]:
    """Keys that mean two things at once, and did not before."""
    seen: set[frozenset[str]] = set()
    for contexts in together(table):
        before = _meanings(table, contexts, Keymap())
        for name, entries in _meanings(table, contexts, keymap).items():
            actions = {entry.action for entry in entries}
            changed = [entry for entry in entries if entry.id in keymap.keys]
            usual = {entry.action for entry in before.get(name, ())}
            ids = frozenset(entry.id for entry in entries)
            if len(actions) < 2 or not changed or actions <= usual or ids in seen:
                continue
            seen.add(ids)
            mine = changed[-1]
            others = ", ".join(sorted({each.id for each in entries if each.action != mine.action}))
            text = f"{replace(mine, keys=name, shown='').display} is the key of {others} as well, at the same time"
            yield Wrong((mine.context, mine.name), text)


def _meanings(table: Table, contexts: Iterable[str], keymap: Keymap) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for context in contexts:
        for key in table[context]:
            for name in filter(None, keymap.of(key).keys.split(",")):
                found.setdefault(name, []).append(key)
    return found


def together(table: Table) -> Iterator[tuple[str, ...]]:
    """The contexts that are active at once: a screen's own, those of lists, and what is everywhere. Marks go with
    every screen that has no other use for their keys.
    """
    for context in table:
        if context in ("everywhere", "list", "marks"):
            continue
        own = {key for entry in table[context] for key in entry.keys.split(",")}
        marks = {key for entry in table["marks"] for key in entry.keys.split(",")}
        yield (context, "list", "everywhere", *(() if own & marks else ("marks",)))

"""What the palette offers, and which of it fits what was typed, best first. Pure, and quick enough for every key.

What fits as it stands comes before what fits letter by letter, a name before what else is known of a thing; and of
what fits, that which was used last comes first.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from console.view import labels
from engine.core.executions import Execution
from engine.core.nodes import Node

MOST = 60
"""So many are shown; nobody reads more."""
_ENOUGH = 20  # of those that fit as they stand: then nobody looks for what fits letter by letter
_SHORTEST_MAC = 4
_SIGNS = str.maketrans("", "", ":-.")


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to go to or to do. `id` names it (`node:…`, `action:nodes.run`); `name` is what it is called, in small
    letters, and `words` whatever else it is known by.
    """

    id: str
    label: str
    name: str
    words: str = ""


def offer(id_: str, label: str, name: str, words: str = "") -> Offer:
    """An offer, its words made ready to be searched."""
    return Offer(id_, label, name.lower(), words.lower())


def node_offer(node: Node) -> Offer:
    """A node: by name, MAC address in any form, IP address, serial number, UUID and tags."""
    mac = node.mac_address
    known = (mac, mac.translate(_SIGNS), node.ip_address, node.serial_number, node.system_uuid, "node", *node.tags)
    label = f"Node {labels.safe(node.name)}  {labels.words(node.state)}  {mac}"
    return offer(f"node:{node.id}", label, node.name, "\n".join(word for word in known if word))


def execution_offer(execution: Execution, node: Node | None) -> Offer:
    """An execution: by workflow, node and id."""
    where = f" on {labels.safe(node.name)}" if node else ""
    label = f"Execution {execution.workflow_name}{where}  {labels.words(execution.status)}"
    name = f"{execution.workflow_name} {node.name if node else ''}"
    return offer(f"execution:{execution.id}", label, name, f"{execution.id}\nexecution {execution.status}")


def find(offers: Iterable[Sequence[Offer]], typed: str, recent: Sequence[str] = (), most: int = MOST) -> list[Offer]:
    """The offers that fit, best first. `offers` are in groups, which matter less one after the other; of nothing typed,
    those that were used last and then the first group.
    """
    groups = list(offers)
    words = typed.lower().split()
    if not words:
        return _untyped(groups, recent)[:most]
    last = {each: place for place, each in enumerate(recent)}
    fits = _fit(words)
    whole = " ".join(words)
    found = [
        ((last.get(each.id, len(last)), _rank(each.name, whole), number, len(each.name), each.name), each)
        for number, group in enumerate(groups)
        for each in group
        if fits(each)
    ]
    found.sort(key=lambda pair: pair[0])
    chosen = [each for _, each in found[:most]]
    if len(chosen) < _ENOUGH:
        chosen += _by_letters(groups, whole, {each.id for each in chosen})[: most - len(chosen)]
    return chosen


def _untyped(groups: Sequence[Sequence[Offer]], recent: Sequence[str]) -> list[Offer]:
    wanted = dict.fromkeys(recent)
    known = {each.id: each for group in groups for each in group if each.id in wanted}
    used = [known[each] for each in recent if each in known]
    return [*used, *(each for each in (groups[0] if groups else ()) if each.id not in wanted)]


def _fit(words: Sequence[str]) -> Callable[[Offer], bool]:
    """Whether every word is in a name or what else a thing is known by; a MAC address may be written in any form."""
    forms = [(word, digits) for word in words if (digits := word.translate(_SIGNS)) is not None]
    if len(forms) == 1 and (forms[0][0] == forms[0][1] or len(forms[0][1]) < _SHORTEST_MAC):
        (word, _), *_ = forms
        return lambda each: word in each.name or word in each.words

    def fits(each: Offer) -> bool:
        return all(
            word in each.name or word in each.words or (len(digits) >= _SHORTEST_MAC and digits in each.words)
            for word, digits in forms
        )

    return fits


def _rank(name: str, whole: str) -> int:
    at = name.find(whole)
    if at < 0:
        return 4
    if at == 0:
        return 0 if len(name) == len(whole) else 1
    return 2 if not name[at - 1].isalnum() else 3


def _by_letters(groups: Sequence[Sequence[Offer]], whole: str, known: set[str]) -> list[Offer]:
    """What has the letters in their order: the shorter the stretch they are found in, the better."""
    pattern = re.compile(".*?".join(re.escape(char) for char in whole if char != " "))
    found = []
    for number, group in enumerate(groups):
        for each in group:
            match = pattern.search(each.name)
            if match is not None and each.id not in known:
                found.append(((match.end() - match.start(), match.start(), number), each))
    found.sort(key=lambda pair: pair[0])
    return [each for _, each in found]

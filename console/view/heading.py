"""The two lines at the top of every screen, as pieces. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.places import PLACES, Place
from console.view.labels import NODE_ROLES, Role, Symbols, duration, safe, words
from console.view.pieces import Piece, cells, fit
from console.view.who_lines import others
from engine.core.nodes import NodeState

# Counts stand in the order in which they matter.
ORDER = (
    NodeState.INSTALL_FAILED,
    NodeState.INSTALLING,
    NodeState.DISCOVERED,
    NodeState.PENDING,
    NodeState.REPROVISION,
    NodeState.MIGRATING,
    NodeState.DEPROVISIONING,
    NodeState.INSTALLED,
    NodeState.ACTIVE,
    NodeState.RETIRED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the heading tells. `asking` is how many executions wait for a person; `cut_seconds` for how long the store
    could not be read, None while it can; `trouble` why it cannot be written, None while it can. `remote` is where the
    PureBoot is, if it is not here; `others` how many others have a console open.
    """

    title: str = "PureBoot"
    mode: str = "nodes"
    states: Mapping[NodeState, int] = field(default_factory=dict)
    running: int = 0
    asking: int = 0
    server_url: str = ""
    store: str = ""
    is_open: bool = False
    is_host: bool = True
    cut_seconds: float | None = None
    trouble: str | None = None
    remote: str = ""
    read_only: bool = False
    others: int = 0


Line = tuple[Piece, ...]


Tab = tuple[str, str, str]


def _tabs(facts: Facts, width: int, places: Sequence[Place]) -> list[Tab]:
    """Mode, number and name of each tab: the one in front with its name, of the others as many names as there is room
    for. A place without a number has a tab only while it is in front.
    """
    shown = [place for place in places if place.number or place.mode == facts.mode]
    room = width - 2 - cells(facts.title) - sum(2 + len(place.number) for place in shown)
    named: set[str] = set()
    for place in sorted(shown, key=lambda place: place.mode != facts.mode):
        size = len(place.name) + bool(place.number)
        if size <= room or place.mode == facts.mode:
            named.add(place.mode)
            room -= size
    return [(place.mode, place.number, place.name if place.mode in named else "") for place in shown]


def tab_places(facts: Facts, width: int, places: Sequence[Place] = PLACES) -> dict[str, tuple[int, int]]:
    """The first cell of each tab in the first line, and the one after its last."""
    at = 1 + cells(facts.title) + 2
    found: dict[str, tuple[int, int]] = {}
    for mode, number, name in _tabs(facts, width, places):
        after = at + len(f"{number} {name}".strip())
        found[mode] = (at, after)
        at = after + 2
    return found


def first_line(facts: Facts, width: int, places: Sequence[Place] = PLACES) -> Line:
    """Name, tabs, and where machines find us."""
    left = [Piece(f" {facts.title}", Role.STRONG)]
    for mode, number, name in _tabs(facts, width, places):
        here = mode == facts.mode
        left.append(Piece(f"  {number}", Role.ACCENT if here else Role.MUTED))
        if name:
            left += [Piece(" " if number else ""), Piece(name, "current-tab" if here else Role.MUTED)]
    return _ends(left, [_address(facts)] if facts.server_url else [], width)


def _address(facts: Facts) -> Line:
    return (Piece(facts.server_url, Role.MUTED),)


def second_line(facts: Facts, width: int, symbols: Symbols) -> Line:
    """How many nodes are in which state, what runs, and how we stand to the store."""
    running = (
        Piece(f"{symbols.running} {facts.running} running", Role.BUSY)
        if facts.running
        else Piece("nothing runs", Role.MUTED)
    )
    asking = _asking(facts, symbols)
    about = [*asking, *_company(facts), (running,)] if facts.is_open else []
    right = [*about, *_link(facts, symbols)]
    if facts.server_url and facts.server_url not in "".join(piece.text for piece in first_line(facts, width)):
        right.insert(len(about) if facts.is_host else len(right), _address(facts))
    room = width - sum(cells(piece.text) + 3 for part in right for piece in part) - 2
    return _ends([Piece(" "), *_counts(facts, room, symbols)], right, width)


def _asking(facts: Facts, symbols: Symbols) -> list[Line]:
    if not facts.asking:
        return []
    verb = "needs" if facts.asking == 1 else "need"
    return [(Piece(f"{symbols.person} {facts.asking} {verb} you", Role.WARN),)]


def trouble_line(trouble: str, width: int, symbols: Symbols) -> Line:
    """Why the store cannot be written, in place of what matters less meanwhile."""
    why = safe(trouble).removeprefix("the store ")
    text = fit(f" {symbols.warning} STORE: {why}", width, symbols.ellipsis)
    return (Piece(text, Role.BAD),)


def cut_line(facts: Facts, width: int, symbols: Symbols) -> Line:
    """For how long nothing was heard, in place of everything that is as old."""
    who = safe(facts.remote) if facts.remote else "store"
    since = duration(facts.cut_seconds or 0)
    text = f" {symbols.warning} {who} unreachable for {since}: what you see is as old"
    return (Piece(fit(text, width, symbols.ellipsis), Role.BAD),)


def _company(facts: Facts) -> list[Line]:
    """That nothing can be changed here, and how many others look."""
    found: list[Line] = [(Piece("read-only", Role.WARN),)] if facts.read_only else []
    if facts.others:
        found.append((Piece(others(facts.others), Role.MUTED),))
    return found


def _counts(facts: Facts, room: int, symbols: Symbols) -> list[Piece]:
    """The nodes by state; with words where there is room for them."""
    counted = [(state, facts.states[state]) for state in ORDER if facts.states.get(state)]
    if not counted:
        return [Piece("no nodes yet", Role.MUTED)] if facts.is_open else []
    for shape in ("{symbol} {count} {word}", "{symbol} {count}"):
        texts = [shape.format(symbol=symbols.node[state], count=count, word=words(state)) for state, count in counted]
        if sum(cells(text) + 3 for text in texts) <= room:
            break
    pieces: list[Piece] = []
    for (state, _), text in zip(counted, texts, strict=True):
        pieces += [Piece(text, NODE_ROLES[state]), Piece("   ")]
    return pieces[:-1]


def _link(facts: Facts, symbols: Symbols) -> list[Line]:
    if facts.cut_seconds is not None:
        return [(Piece(f"{symbols.warning} store unreachable for {duration(facts.cut_seconds)}", Role.BAD),)]
    if not facts.is_open:
        return [(Piece("opening the store", Role.WARN),)]
    if facts.remote:
        return [(Piece(f"at {safe(facts.remote)}", Role.MUTED),)]
    store = (Piece(facts.store, Role.MUTED),)
    if facts.read_only and not facts.is_host:
        return [store]
    if facts.is_host:
        return [store, (Piece("host", Role.MUTED),)]
    return [(Piece("guest: another PureBoot serves", Role.WARN),), store]


def _ends(left: Sequence[Piece], right: Sequence[Line], width: int) -> Line:
    """Something at the left and, as far as there is room for it, something at the right end; the first ones first."""
    used = sum(cells(piece.text) for piece in left)
    shown: list[Piece] = []
    room = width - used - 2
    for part in right:
        size = sum(cells(piece.text) for piece in part) + (3 if shown else 0)
        if size <= room:
            shown += [Piece("   "), *part] if shown else part
            room -= size
    blank = width - used - sum(cells(piece.text) for piece in shown) - 1
    if blank < 0:
        return (Piece(fit("".join(piece.text for piece in left), width), Role.PLAIN),)
    return (*left, Piece(" " * blank), *shown, Piece(" "))


def store_name(url: str) -> str:
    """What a store is called in the heading: an SQLite file's name, or server and name of a PostgreSQL database."""
    if url.startswith("sqlite:///"):
        return url.rsplit("/", 1)[-1]
    return url.rsplit("@", 1)[-1].partition("?")[0]

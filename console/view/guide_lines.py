"""The first steps with a new store, and which of them are done. Pure."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from console.view.labels import Cell, Role, Symbols
from console.view.pieces import Piece
from engine.core.executions import AttemptStatus
from engine.core.nodes import NodeState

_INDENT = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far somebody is. `heard` is whether a machine has been heard at the boot doors; `drafts` are workflows that
    are not published yet; `proxy` whether PureBoot answers beside the site's DHCP server.
    """

    files: bool = False
    files_dir: str = ""
    workflows: int = 0
    drafts: int = 0
    proxy: bool = False
    heard: bool = False
    nodes: int = 0
    installed: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, and how it is done."""

    title: str
    done: bool
    how: tuple[str, ...]


def steps(now: Standing) -> list[Step]:
    """The steps in the order in which they are best done."""
    publish = ("pureboot workflow publish NAME",) if now.drafts and not now.workflows else ()
    return [
        Step(
            title="A boot file: a kernel and an initrd",
            done=now.files,
            how=(f"Copy them to {now.files_dir}/NAME/", "or, with versions: pureboot template add-file --help"),
        ),
        Step(
            title="A workflow that uses it",
            done=now.workflows > 0,
            how=publish
            or ("pureboot workflow import FILE --publish", "or a pack of them: pureboot pack add FOLDER|URL"),
        ),
        Step(title="DHCP that sends machines here", done=now.proxy or now.heard, how=_dhcp(now.url)),
        Step(
            title="The first machine",
            done=now.nodes > 0,
            how=(
                "Let one boot from the network: it appears by itself.",
                "None at hand? pureboot demo simulates a rack.",
            ),
        ),
        Step(
            title="Its first install",
            done=now.installed,
            how=("Among the nodes (1) put the cursor on it, and press r.",),
        ),
    ]


def _dhcp(url: str) -> tuple[str, ...]:
    """What to tell the DHCP server, or who else may answer in its place."""
    host = urlsplit(url).hostname or "ADDRESS"
    script = f"{url or 'http://ADDRESS:8080'}/boot.ipxe"
    return (
        "Leave your DHCP server as it is, and set dhcp.mode: proxy",
        f"or let it name {host} as next-server, with undionly.kpxe for BIOS, ipxe.efi for UEFI, and {script} for iPXE",
    )


def lines(listed: Sequence[Step], symbols: Symbols, width: int) -> list[Cell]:
    """Each step with a sign and a word; below one that is not done how it is done, the next one brightest."""
    room = max(20, width - _INDENT - 2)
    told: list[Cell] = []
    following = next((step for step in listed if not step.done), None)
    for number, step in enumerate(listed, 1):
        is_next = step is following
        sign = symbols.attempt[AttemptStatus.SUCCEEDED] if step.done else symbols.node[NodeState.DISCOVERED]
        role = Role.GOOD if step.done else Role.WARN if is_next else Role.MUTED
        word = "done" if step.done else "next" if is_next else "to do"
        title = Piece(f"{number}. {step.title}", Role.MUTED if step.done else Role.STRONG if is_next else Role.PLAIN)
        told.append((Piece(f" {sign} {word:<6} ", role), title))
        if not step.done:
            look = Role.PLAIN if is_next else Role.MUTED
            how = [part for line in step.how for part in textwrap.wrap(line, room, break_on_hyphens=False)]
            told += [(Piece(" " * _INDENT), Piece(line, look)) for line in how]
    return told


def closing(listed: Sequence[Step]) -> Cell:
    """How many are done, and what is left to say."""
    done = sum(step.done for step in listed)
    if done == len(listed):
        return (Piece(" All is done. Enter goes on to the nodes; g f leads here again.", Role.GOOD),)
    return (Piece(f" {done} of {len(listed)} done; each is checked off by itself. g f leads here again.", Role.MUTED),)


def title(name: str) -> list[Cell]:
    """What this is."""
    return [(), (Piece(f" {name}: from here to the first installed machine", Role.STRONG),)]

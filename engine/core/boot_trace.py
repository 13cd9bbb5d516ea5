"""A machine's boot trace: each contact of it with a door, one line, newest last, and never more than `MOST` lines.

A contact is what one request came to: a file that was sent, a script that was told, a report that was refused. What is
repeated (heartbeats, polls, ranges of one file) is folded into one line with a count. Nothing here asks a clock or
a store: the doors make contacts, the service keeps them, `explain` reads them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import Any

from engine.core.changing import changed

MOST = 200
"""Lines that are kept of a machine."""

LONGEST = 300
"""Characters of a text in a line."""

_FOLD_BACK = 6  # a line is folded into one of so many before it: polls and heartbeats take turns
_FOLD_GAP = timedelta(minutes=10)
_KEY, _VALUE = 32, 100  # characters of a fact
_MOST_FACTS = 12


class ContactKind(StrEnum):
    """The door that was knocked at."""

    DHCP = "dhcp"
    TFTP = "tftp"
    HTTP = "http"
    CALLBACK = "callback"


class Outcome(StrEnum):
    """What a contact came to.

    `probed`: only the size of a file was wanted. `ignored`: no answer was given, on purpose. `refused`: it was answered
    with a no. `failed`: it was begun and broken off.
    """

    OK = "ok"
    PROBED = "probed"
    IGNORED = "ignored"
    REFUSED = "refused"
    FAILED = "failed"


class Stage(IntEnum):
    """How far into its boot a machine is that makes such a contact."""

    DHCP = 1
    LOADER = 2
    SCRIPT = 3
    FILES = 4
    INSTALLER = 5
    AGENT = 6


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One line of a boot trace.

    `what` names a file, a path without its token or a DHCP message; `message` is what the machine was told, or why not.
    `bytes` of `size` were sent, in `seconds`. `facts` are what the client said of itself (`platform`, `arch`, `agent`,
    `address`…) and what it was told (`told`: `serve`, `local`, `wait`, `load` or `ask`). A line with a `count` above 1
    stands for so many contacts, from `at` to `until`.
    """

    at: datetime
    kind: ContactKind
    what: str
    outcome: Outcome
    message: str = ""
    status: int | None = None
    bytes: int | None = None
    size: int | None = None
    seconds: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    until: datetime | None = None

    @property
    def last_at(self) -> datetime:
        """When it was seen last."""
        return self.until or self.at

    @property
    def told(self) -> str:
        """What a machine that asked for its script was told: `serve`, `local`, `wait`, `load`, `ask`; else empty."""
        return self.facts.get("told", "")

    @property
    def name(self) -> str:
        """The bare name of the file."""
        return self.what.replace("\\", "/").rpartition("/")[2]

    @property
    def is_good(self) -> bool:
        """Whether it came to what it was meant for."""
        return self.outcome is Outcome.OK

    @property
    def stage(self) -> Stage:
        """How far the machine was."""
        match self.kind:
            case ContactKind.DHCP:
                return Stage.DHCP
            case ContactKind.TFTP:
                return _stage_of_file(self.what)
            case ContactKind.CALLBACK:
                return Stage.AGENT
        return _stage_of_path(self)


_LOADERS = (".efi", ".kpxe", ".pxe", ".0", ".c32", ".kkpxe", ".n12", ".lkrn", ".com")
_FILES = ("vmlinuz", "linux", "initrd", "bzimage", "initramfs", ".img", ".gz", ".iso", ".wim", ".squashfs")


def is_config(name: str) -> bool:
    """Whether a file's name is that of what a loader reads next: `grub.cfg`, `pxelinux.cfg/…`, a script of iPXE."""
    plain = name.lower()
    return "pxelinux.cfg" in plain or "grub.cfg" in plain or plain.endswith(".ipxe")


def _stage_of_file(name: str) -> Stage:
    plain = name.lower()
    if is_config(plain):
        return Stage.SCRIPT
    if not plain.endswith(_LOADERS) and any(part in plain.rpartition("/")[2] for part in _FILES):
        return Stage.FILES
    return Stage.LOADER


def _stage_of_path(contact: Contact) -> Stage:
    path = contact.what.partition("?")[0]
    if path in ("/boot.ipxe", "/boot/localboot.efi"):
        return Stage.SCRIPT
    if path.startswith("/boot/"):
        return Stage.LOADER
    if path.startswith(("/files/", "/initrd/")):
        firmware = contact.facts.get("agent", "").startswith("UefiHttpBoot")
        return Stage.LOADER if firmware and path.lower().endswith(".efi") else Stage.FILES
    return Stage.INSTALLER


def tidy(contact: Contact) -> Contact:
    """A contact fit to be kept and shown: printable texts of bounded length, whatever a machine sent."""
    facts = contact.facts
    if not (len(facts) <= _MOST_FACTS and all(map(_is_plain, facts.keys(), facts.values()))):
        facts = {plain(key, _KEY): plain(value, _VALUE) for key, value in list(facts.items())[:_MOST_FACTS] if value}
    elif max(len(contact.what), len(contact.message)) <= LONGEST and (contact.what + contact.message).isprintable():
        return contact
    return changed(contact, what=plain(contact.what, LONGEST), message=plain(contact.message, LONGEST), facts=facts)


def _is_plain(key: str, value: str) -> bool:
    return 0 < len(value) <= _VALUE and len(key) <= _KEY and value.isprintable() and key.isprintable()


def plain(text: str, longest: int) -> str:
    """A text on one line, without what would take over a terminal, and no longer than so many characters."""
    cleaned = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"


def fold(lines: Sequence[Contact], new: Iterable[Contact]) -> tuple[list[Contact], int]:
    """Add contacts to the newest lines of a trace, in the order in which they were made.

    Gives the lines, and the place of the first of them that is other than it was (`len(lines)` if none before is).
    """
    folded = list(lines)
    first = len(folded)
    for contact in sorted(new, key=lambda each: each.at):
        at = _like(folded, contact)
        if at is None:
            folded.append(contact)
        else:
            folded[at] = _together(folded[at], contact)
            first = min(first, at)
    return folded, first


def _like(lines: Sequence[Contact], contact: Contact) -> int | None:
    """The place of the line that a contact is one more of."""
    key = _key(contact)
    for at in range(len(lines) - 1, max(-1, len(lines) - 1 - _FOLD_BACK), -1):
        line = lines[at]
        if _key(line) == key and contact.at - line.last_at <= _FOLD_GAP:
            return at
        if line.stage is not contact.stage:
            return None
    return None


def _key(contact: Contact) -> tuple[Any, ...]:
    return (*_SAME(contact), contact.told)


_SAME = attrgetter("kind", "what", "outcome", "message", "status")


def _together(line: Contact, more: Contact) -> Contact:
    return changed(
        line,
        count=line.count + more.count,
        until=max(line.last_at, more.last_at),
        bytes=_sum(line.bytes, more.bytes),
        size=more.size if more.size is not None else line.size,
        seconds=_sum(line.seconds, more.seconds),
        facts={**line.facts, **more.facts},
    )


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other


def lives(contacts: Sequence[Contact]) -> list[list[Contact]]:
    """A trace cut into the lives of its machine: each begins with what only a machine does that was started anew.

    That is DHCP or a loader after anything later, or a script that was asked for after files of one were; a script that
    is asked for again because the machine was told to stays in its life.
    """
    found: list[list[Contact]] = []
    furthest = Stage.AGENT
    for contact in contacts:
        if not found or _begins_anew(contact, furthest):
            found.append([])
            furthest = contact.stage
        found[-1].append(contact)
        furthest = max(furthest, contact.stage)
    return found


def _begins_anew(contact: Contact, furthest: Stage) -> bool:
    if contact.stage <= Stage.LOADER:
        return furthest >= Stage.SCRIPT
    is_first_question = contact.stage is Stage.SCRIPT and "again" not in contact.facts and contact.name == "boot.ipxe"
    return is_first_question and furthest >= Stage.FILES


def times(contacts: Iterable[Contact]) -> int:
    """How many contacts lines stand for."""
    return sum(contact.count for contact in contacts)

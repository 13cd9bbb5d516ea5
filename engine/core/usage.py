"""Where documents are used: who names whom, at once or over others, version by version.

A catalogue holds what the documents of a library are (volumes) and what their versions name (uses). A reference is
resolved as rendering does: `v2` never means a 3.x, and no draft. Of each document the version counts that it shows now,
and any older one that is still named by its number. What a catalogue lacks it tells (`missing`), to be added.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from engine.core.documents import DocumentKind, DocumentStatus, parse_reference, resolve
from engine.core.uses import How, Use
from engine.errors import Invalid, NotFound

Number = tuple[int, int]


class Key(NamedTuple):
    """A version of a document, by name."""

    kind: DocumentKind
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A document without its texts. `shown` is its current version, or the newest where none is."""

    id: str
    kind: DocumentKind
    name: str
    type: str
    status: DocumentStatus
    current: str | None
    shown: str | None
    numbers: tuple[Number, ...]
    drafts: frozenset[Number] = frozenset()

    def find(self, reference: str | None) -> str | None:
        """The version that a reference means, None if there is none."""
        try:
            wanted = parse_reference(reference or "")
            current = parse_reference(self.current) if self.current else None
            at = None if current is None else (current.major or 0, current.minor or 0)
            major, minor = resolve(wanted, self.numbers, at, self.drafts)
        except (Invalid, NotFound):
            return None
        return f"v{major}.{minor}"


def number_of(version: str) -> Number:
    """The number of a whole version string."""
    major, _, minor = version.removeprefix("v").partition(".")
    return int(major), int(minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The volumes by kind and name, and the uses of versions as far as they are known."""

    volumes: Mapping[tuple[DocumentKind, str], Volume]
    uses: Mapping[Key, tuple[Use, ...]] = field(default_factory=dict)

    def target(self, use: Use) -> Key | None:
        """The version that a use means, None if there is none or an expression makes its name."""
        volume = self.volumes.get((use.kind, use.name)) if use.name is not None else None
        # a workflow is always started in its active version
        reference = use.reference if use.kind is DocumentKind.TEMPLATE else None
        version = volume.find(reference) if volume is not None else None
        return None if volume is None or version is None else Key(use.kind, volume.name, version)

    def shown(self) -> Iterator[Key]:
        """The version that each document shows."""
        for volume in self.volumes.values():
            if volume.shown is not None:
                yield Key(volume.kind, volume.name, volume.shown)

    def missing(self, also: Iterable[Use] = ()) -> list[Key]:
        """The versions that are shown or named (also by uses from outside) and whose own uses are not known."""
        wanted = dict.fromkeys(self.shown())
        for uses in (*self.uses.values(), also):
            wanted |= dict.fromkeys(key for use in uses if (key := self.target(use)) is not None)
        return [key for key in wanted if key not in self.uses]

    def reach(self, starts: Iterable[Use]) -> dict[Key, Use]:
        """Every version that is reached from some uses, each with the use that led there first."""
        met: dict[Key, Use] = {}
        waiting = list(starts)
        for use in waiting:
            key = self.target(use)
            if key is not None and key not in met:
                met[key] = use
                waiting.extend(self.uses.get(key, ()))
        return met

    def without(self, volume: Volume) -> "Catalogue":
        """The same with another volume in the place of one."""
        return replace(self, volumes={**self.volumes, (volume.kind, volume.name): volume})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A document that uses another. `over` names what stands between, nearest to the user first; empty: it is direct.

    `uses` are the places in the user that lead there.
    """

    SHOWN: ClassVar = ("direct",)

    kind: DocumentKind
    id: str
    name: str
    type: str
    status: DocumentStatus
    version: str
    uses: tuple[Use, ...]
    over: tuple[str, ...] = ()

    @property
    def direct(self) -> bool:
        """Whether it names the document itself."""
        return not self.over


def users(catalogue: Catalogue, kind: DocumentKind, name: str, version: str | None = None) -> tuple[User, ...]:
    """Who uses a document, or one version of it: first those in use, then direct ones, then by name."""
    back: dict[Key, list[tuple[Key, Use]]] = {}
    for key, uses in catalogue.uses.items():
        for use in uses:
            target = catalogue.target(use)
            if target is not None:
                back.setdefault(target, []).append((key, use))
    starts = [key for key in back if (key.kind, key.name) == (kind, name) and version in (None, key.version)]
    over: dict[Key, tuple[str, ...]] = dict.fromkeys(starts, ())
    ways: dict[Key, list[Use]] = {}
    waiting = list(starts)
    for at in waiting:
        for key, use in back.get(at, ()):
            between = () if at in starts else (at.name, *over[at])
            if key not in over:
                over[key] = between
                waiting.append(key)
            if over[key] == between and key not in starts:
                ways.setdefault(key, []).append(use)
    shown = set(catalogue.shown())
    found = [_user(catalogue, key, tuple(ways[key]), over[key]) for key in ways if key in shown]
    return tuple(sorted(found, key=_order))


def _user(catalogue: Catalogue, key: Key, uses: tuple[Use, ...], over: tuple[str, ...]) -> User:
    volume = catalogue.volumes[key.kind, key.name]
    return User(
        kind=key.kind,
        id=volume.id,
        name=volume.name,
        type=volume.type,
        status=volume.status,
        version=key.version,
        uses=uses,
        over=over,
    )


def _order(user: User) -> tuple[Any, ...]:
    statuses = (DocumentStatus.ACTIVE, DocumentStatus.DRAFT, DocumentStatus.ARCHIVED)
    return statuses.index(user.status), len(user.over), user.kind, user.name


def open_uses(catalogue: Catalogue, kind: DocumentKind) -> tuple[tuple[Key, Use], ...]:
    """The places in documents in use that name one of a kind by an expression: which, only a run can tell."""
    found = []
    for key in catalogue.shown():
        volume = catalogue.volumes[key.kind, key.name]
        if volume.status is DocumentStatus.ACTIVE:
            found += [(key, use) for use in catalogue.uses.get(key, ()) if use.name is None and use.kind is kind]
    return tuple(found)


SERVED = frozenset({How.FETCH, How.RUN, How.RENDER})
"""The uses by which a template's text leaves as a whole; an include only becomes part of another."""

"""ISO 9660 (ECMA-119), with the names of Joliet or of Rock Ridge where an image has them."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.blobs.iso import rockridge
from engine.blobs.iso.image import SECTOR, BadImage, Image
from engine.blobs.iso.tree import Builder, Entry, EntryKind, Extent, Tree, check_depth

_FIRST_DESCRIPTOR = 16
_MOST_DESCRIPTORS = 64
_FOLDER, _ASSOCIATED, _MORE = 0x02, 0x04, 0x80
_JOLIET = (b"%/@", b"%/C", b"%/E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A directory record (ECMA-119, 9.1): one extent of a file or folder, and what Rock Ridge keeps beside it."""

    offset: int
    length: int
    flags: int
    name: bytes
    system_use: bytes

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder's."""
        return bool(self.flags & _FOLDER)

    @property
    def is_itself(self) -> bool:
        """Whether it stands for the folder it is in, or for that one's own."""
        return self.name in (b"\x00", b"\x01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One of the trees an image has: its root, the size of its blocks, and whether its names are Joliet's."""

    root: Record
    block: int
    is_joliet: bool = False


def volumes(image: Image) -> list[Volume]:
    """The trees of an image, that of ISO 9660 itself first; none if it is no such image."""
    found = []
    for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _MOST_DESCRIPTORS):
        if (number + 1) * SECTOR > image.size:
            break
        sector = image.sector(number, "a volume descriptor")
        if sector[1:6] != b"CD001" or sector[0] == 255:
            break
        if sector[0] == 1 or (sector[0] == 2 and sector[88:91] in _JOLIET):
            found.append(_volume(sector))
    return sorted(found, key=lambda volume: volume.is_joliet)


def _volume(sector: bytes) -> Volume:
    block = int.from_bytes(sector[128:130], "little")
    if block not in (512, 1024, 2048):
        raise BadImage(f"the image says that its blocks have {block} bytes, which none have")
    root = _record(sector[156:190], block)
    return Volume(root=root, block=block, is_joliet=sector[0] == 2)


def _record(data: bytes, block: int) -> Record:
    if len(data) < 34 or 33 + data[32] > len(data):
        raise BadImage("a record of a folder of the image is shorter than it says")
    if data[26] or data[27]:
        raise BadImage("the image has interleaved files, which nobody reads any more")
    end = 33 + data[32]
    return Record(
        offset=(int.from_bytes(data[2:6], "little") + data[1]) * block,
        length=int.from_bytes(data[10:14], "little"),
        flags=data[25],
        name=data[33:end],
        system_use=data[end + (end & 1) :],
    )


def _records(image: Image, folder: Record, block: int, path: str) -> Iterator[Record]:
    """The records of a folder. None crosses the end of a sector; what is left of one is zero."""
    data = image.read(folder.offset, folder.length, f"the folder /{path}")
    at = 0
    while at < len(data):
        length = data[at]
        if length == 0:
            at = (at // SECTOR + 1) * SECTOR
            continue
        yield _record(data[at : at + length], block)
        at += length


def read(image: Image, volume: Volume) -> Tree:
    """The tree of a volume.

    Raises:
        BadImage: it is damaged, or made to mislead.
    """
    walk = _Walk(image, volume)
    walk.folder("", volume.root, ())
    naming = "Joliet" if volume.is_joliet else "Rock Ridge" if walk.skip is not None else "ISO 9660"
    return walk.builder.tree(naming, exact=walk.skip is not None)


class _Walk:
    def __init__(self, image: Image, volume: Volume) -> None:
        self.builder = Builder()
        self._image = image
        self._volume = volume
        self.skip: int | None = None
        if not volume.is_joliet:
            first = next(_records(image, volume.root, volume.block, ""), None)
            self.skip = None if first is None else rockridge.skip(first.system_use)

    def folder(self, path: str, record: Record, above: tuple[int, ...]) -> None:
        """Take all that is in a folder, and below it. `above` are the places of those it is in."""
        check_depth(path)
        if record.offset in above:
            raise BadImage(f"the folder /{path} of the image is within itself")
        extents: list[Extent] = []
        inside: list[tuple[str, Record]] = []
        for each in _records(self._image, record, self._volume.block, path):
            if each.is_itself or each.flags & _ASSOCIATED:
                continue
            if not each.is_folder:
                extents.append((each.offset, each.length))
                if each.flags & _MORE:
                    continue
            self._take(path, each, tuple(extents), inside)
            extents.clear()
        for inner, its in inside:
            self.folder(inner, its, (*above, record.offset))

    def _take(self, folder: str, record: Record, extents: tuple[Extent, ...], inside: list[tuple[str, Record]]) -> None:
        facts = rockridge.Facts()
        if self.skip is not None:
            facts = rockridge.read(self._image, record.system_use[self.skip :], self._volume.block)
        if facts.is_moved or facts.is_special:
            return
        path = self.builder.path(folder, facts.name or self._name(record))
        if facts.child is not None:  # a folder nested so deep that it was moved
            record = self._moved(facts.child)
        if record.is_folder:
            if self.builder.add(Entry(path=path, kind=EntryKind.FOLDER)):
                inside.append((path, record))
        elif facts.target:
            self.builder.add(Entry(path=path, kind=EntryKind.LINK, target=facts.target))
        else:
            self._take_file(path, extents)

    def _take_file(self, path: str, extents: tuple[Extent, ...]) -> None:
        kept = tuple((offset, length) for offset, length in extents if length)
        for offset, length in kept:
            self._image.check(offset, length, f"the file /{path}")
        size = sum(length for _, length in kept)
        self.builder.add(Entry(path=path, kind=EntryKind.FILE, size=size, extents=kept))

    def _moved(self, block: int) -> Record:
        """The record of a folder that was moved: the one in itself that stands for it."""
        at = block * self._volume.block
        data = self._image.read(at, 34, "a folder that was moved")
        return _record(data, self._volume.block)

    def _name(self, record: Record) -> str:
        if self._volume.is_joliet:
            return _without_version(record.name.decode("utf-16-be", "replace"))
        return _without_version(record.name.decode("ascii", "replace")).removesuffix(".").lower()


def _without_version(name: str) -> str:
    stem, semicolon, number = name.rpartition(";")
    return stem if semicolon and number.isdecimal() else name

"""UDF (ECMA-167) as the images of Windows have it; none that has a metadata partition (revision 2.50)."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.blobs.iso.image import LONGEST_READ, SECTOR, BadImage, Image
from engine.blobs.iso.tree import Builder, Entry, EntryKind, Extent, Tree, check_depth

_ANCHOR_SECTOR = 256
_MOST_DESCRIPTORS = 64
_MOST_EXTENTS = 4096
_ANCHOR, _PARTITION, _LOGICAL, _TERMINATOR, _FILE_SET, _NAME, _FILE, _LARGE_FILE = 2, 5, 6, 8, 256, 257, 261, 266
_HIDDEN_PARENT, _DELETED = 0x08, 0x04
_FOLDER_TYPE, _FILE_TYPE, _LINK_TYPE = 4, 5, 12


def is_udf(image: Image) -> bool:
    """Whether an image says that it has UDF, among its volume descriptors."""
    for number in range(16, 16 + _MOST_DESCRIPTORS):
        if (number + 1) * SECTOR > image.size:
            return False
        kind = image.sector(number, "a volume descriptor")[1:6]
        if kind in (b"NSR02", b"NSR03"):
            return True
        if kind not in (b"CD001", b"BEA01", b"BOOT2", b"CDW02"):
            return False
    return False


def read(image: Image) -> Tree:
    """The tree of an image.

    Raises:
        BadImage: it is damaged, made to mislead, or of a kind that is not read here.
    """
    volume = _volume(image)
    walk = _Walk(image, volume)
    root = volume.icb(image, volume.root)
    walk.folder("", root, (volume.root,))
    return walk.builder.tree("UDF", exact=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A file entry: what it is, and where its bytes are; `embedded` if they are in it."""

    type: int
    size: int
    extents: tuple[Extent, ...]
    embedded: Extent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Volume:
    """Where the partition starts and how large it is, in sectors; `root` is the block of the root's entry."""

    start: int
    length: int
    root: int

    def offset(self, block: int) -> int:
        """Where a block of the partition is, in bytes."""
        if block >= self.length:
            raise BadImage(f"block {block} of the image is beyond the end of its partition")
        return (self.start + block) * SECTOR

    def icb(self, image: Image, block: int) -> _Node:
        """The file entry in a block."""
        base = self.offset(block)
        data = image.read(base, SECTOR, "a file entry")
        kind = _tag(data)
        if kind not in (_FILE, _LARGE_FILE):
            raise BadImage(f"block {block} of the image holds no file entry")
        head = 176 if kind == _FILE else 216
        extra, length = (_number(data, head - 8, 4), _number(data, head - 4, 4))
        size = _number(data, 56, 8)
        begin = head + extra
        if begin + length > SECTOR:
            raise BadImage("a file entry of the image is longer than its block")
        form = _number(data, 34, 2) & 7
        if form == 3:
            return _Node(type=data[27], size=size, extents=(), embedded=(base + begin, min(size, length)))
        if form not in (0, 1):
            raise BadImage("the image has a kind of extents that nobody uses")
        extents = tuple(self._extents(image, data[begin : begin + length], 8 if form == 0 else 16))
        return _Node(type=data[27], size=size, extents=_cut(extents, size))

    def _extents(self, image: Image, data: bytes, width: int) -> Iterator[Extent]:
        """The extents of allocation descriptors, which may go on in another block (type 3)."""
        seen = 0
        while data:
            following = b""
            for at in range(0, len(data) - width + 1, width):
                raw, block = _number(data, at, 4), _number(data, at + 4, 4)
                kind, length = raw >> 30, raw & 0x3FFFFFFF
                if not length:
                    return
                seen += 1
                if seen > _MOST_EXTENTS:
                    raise BadImage("a file of the image has extents without end")
                if kind == 3:
                    more = image.read(self.offset(block), SECTOR, "more extents")
                    following = more[24 : 24 + min(_number(more, 20, 4), SECTOR - 24)]
                    break
                if kind != 0:
                    raise BadImage("a file of the image was never written whole")
                yield self.offset(block), length
            data = following


def _cut(extents: tuple[Extent, ...], size: int) -> tuple[Extent, ...]:
    """The extents up to the size of the file."""
    kept = []
    for offset, length in extents:
        if size <= 0:
            break
        kept.append((offset, min(length, size)))
        size -= length
    if size > 0:
        raise BadImage("a file of the image is longer than what is kept of it")
    return tuple(kept)


def _volume(image: Image) -> _Volume:
    anchor = image.sector(_ANCHOR_SECTOR, "the anchor")
    if _tag(anchor) != _ANCHOR:
        raise BadImage("the image says that it is UDF, but has no anchor")
    start = length = root = -1
    first = _number(anchor, 20, 4)
    for number in range(first, first + min(_number(anchor, 16, 4) // SECTOR, _MOST_DESCRIPTORS)):
        sector = image.sector(number, "a volume descriptor")
        match _tag(sector):
            case value if value == _PARTITION:
                start, length = _number(sector, 188, 4), _number(sector, 192, 4)
            case value if value == _LOGICAL:
                root = _file_set(sector)
            case value if value == _TERMINATOR:
                break
    if start < 0 or root < 0:
        raise BadImage("the image says that it is UDF, but has no partition")
    volume = _Volume(start=start, length=length, root=0)
    files = image.read(volume.offset(root), SECTOR, "the file set")
    if _tag(files) != _FILE_SET:
        raise BadImage("the image says that it is UDF, but has no file set")
    return _Volume(start=start, length=length, root=_number(files, 404, 4))


def _file_set(sector: bytes) -> int:
    """The block of the file set, from the logical volume's descriptor."""
    if _number(sector, 212, 4) != SECTOR:
        raise BadImage("the image has UDF with blocks that are not 2048 bytes")
    if _number(sector, 268, 4) != 1 or sector[440] != 1:
        raise BadImage("the image has UDF with partitions that are not plain ones")
    return _number(sector, 252, 4)


class _Walk:
    def __init__(self, image: Image, volume: _Volume) -> None:
        self.builder = Builder()
        self._image = image
        self._volume = volume

    def folder(self, path: str, node: _Node, above: tuple[int, ...]) -> None:
        """Take all that is in a folder, and below it. `above` are the blocks of those it is in, and its own."""
        check_depth(path)
        inside = []
        for name, block in self._names(path, node):
            inner = self._volume.icb(self._image, block)
            its = self.builder.path(path, name)
            if inner.type == _FOLDER_TYPE:
                if block in above:
                    raise BadImage(f"the folder /{its} of the image is within itself")
                if self.builder.add(Entry(path=its, kind=EntryKind.FOLDER)):
                    inside.append((its, inner, block))
            elif inner.type == _FILE_TYPE:
                self._take_file(its, inner)
        for its, inner, block in inside:
            self.folder(its, inner, (*above, block))

    def _take_file(self, path: str, node: _Node) -> None:
        extents = (node.embedded,) if node.embedded is not None and node.embedded[1] else node.extents
        for offset, length in extents:
            self._image.check(offset, length, f"the file /{path}")
        self.builder.add(Entry(path=path, kind=EntryKind.FILE, size=sum(size for _, size in extents), extents=extents))

    def _names(self, path: str, node: _Node) -> Iterator[tuple[str, int]]:
        """The names in a folder, each with the block of its entry (file identifier descriptors)."""
        data = self._bytes(path, node)
        at = 0
        while at + 38 <= len(data):
            if _tag(data[at:]) != _NAME:
                raise BadImage(f"the folder /{path} of the image holds what is no name")
            flags, length, extra = data[at + 18], data[at + 19], _number(data, at + 36, 2)
            begin = at + 38 + extra
            if not flags & (_HIDDEN_PARENT | _DELETED):
                yield _text(data[begin : begin + length]), _number(data, at + 24, 4)
            at += (38 + extra + length + 3) & ~3

    def _bytes(self, path: str, node: _Node) -> bytes:
        what = f"the folder /{path}"
        if node.size > LONGEST_READ:
            raise BadImage(f"{what} is larger than the folders of an image can be")
        if node.embedded is not None:
            return self._image.read(*node.embedded, what)
        return b"".join(self._image.read(offset, length, what) for offset, length in node.extents)


def _text(data: bytes) -> str:
    """A name (OSTA compressed Unicode): the first byte says how many bits a character has."""
    if data[:1] == b"\x10":
        return data[1:].decode("utf-16-be", "replace")
    return data[1:].decode("latin-1")


def _tag(data: bytes) -> int:
    """The kind of a descriptor; -1 if its checksum is wrong."""
    if len(data) < 16 or (sum(data[:4]) + sum(data[5:16])) & 0xFF != data[4]:
        return -1
    return _number(data, 0, 2)


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")

"""Which of an image's trees is the one that its maker meant."""

from engine.blobs.iso import ecma119, udf
from engine.blobs.iso.image import BadImage, Image
from engine.blobs.iso.tree import EntryKind, Tree


def read_tree(image: Image) -> Tree:
    """The tree of an image: with the names of Rock Ridge, else of UDF, else of Joliet, else of ISO 9660 itself.

    The image of a Windows says in its ISO 9660 tree only that it is to be read as UDF. It looks at the disk: for a
    thread.

    Raises:
        BadImage: it is no image of this kind, is cut off or damaged, or tries to mislead.
    """
    volumes = ecma119.volumes(image)
    has_udf = udf.is_udf(image)
    if not volumes and not has_udf:
        raise BadImage("it is no ISO image: it has no volume descriptor of ISO 9660 or UDF")
    plain = ecma119.read(image, volumes[0]) if volumes else None
    if plain is not None and plain.naming == "Rock Ridge" and _files(plain):
        return plain
    if has_udf and (found := _read_udf(image, plain)) is not None:
        return found
    joliet = next((volume for volume in volumes if volume.is_joliet), None)
    if joliet is not None:
        return ecma119.read(image, joliet)
    assert plain is not None  # noqa: S101 - without volumes there is UDF, or it was refused
    return plain


def _read_udf(image: Image, otherwise: Tree | None) -> Tree | None:
    try:
        return udf.read(image)
    except BadImage:
        if otherwise is None or not _files(otherwise):
            raise
        return None


def _files(tree: Tree) -> int:
    return sum(entry.kind is EntryKind.FILE for entry in tree.entries.values())

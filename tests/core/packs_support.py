"""Packs in a few words: files of one, read, and what is wrong with them."""

from engine.core import pack_files
from engine.core.pack_files import Reading
from engine.core.packs import PackFiles
from tests.packs.repositories import MANIFEST


def files(**texts: str) -> PackFiles:
    """Files of a pack; `templates__motd` is `templates/motd`, `_dot_` a dot."""
    named = {name.replace("__", "/").replace("_dot_", "."): text.encode() for name, text in texts.items()}
    return PackFiles(files={"pack.yaml": MANIFEST.encode(), **named})


def read(**texts: str) -> Reading:
    return pack_files.read(files(**texts), ref="my_pack")


def told(reading: Reading) -> dict[str, list[str]]:
    return {path: [str(each) for each in found] for path, found in reading.problems.items()}

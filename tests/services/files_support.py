"""Small words for stories about file templates."""

import hashlib
import os
from pathlib import Path

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.page import EVERYTHING
from engine.services.shelving import NewFile, Shelved

ADA = "user:ada"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(folder: Path, content: bytes, name: str = "linux") -> Path:
    path = folder / "given" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


async def add(
    pureboot: PureBoot, folder: Path, content: bytes, name: str = "kernel", type_: str | None = "kernel", **more: object
) -> Shelved:
    """Add a template of a file."""
    path = put(folder, content, str(more.pop("filename", "linux")))
    new = NewFile(name=name, filename=path.name, type=type_, **more)  # type: ignore[arg-type]
    return await pureboot.files.add(path, new, by=ADA)


async def told(pureboot: PureBoot, *kinds: Kind) -> list[Event]:
    """The events of some kinds, oldest first."""
    found, _ = await pureboot.events(EVERYTHING)
    return [event for event in reversed(found) if event.kind in kinds]


def blobs_on_disk(pureboot: PureBoot) -> set[str]:
    return set(pureboot.files.depot.blobs())


def aged(pureboot: PureBoot, seconds: float = 200_000.0) -> None:
    """Let all files of the depot be so old."""
    for path in pureboot.files.depot.root.rglob("*"):
        if path.is_file():
            at = path.stat().st_mtime - seconds
            os.utime(path, (at, at))


def rot(pureboot: PureBoot, sha256: str) -> None:
    """Change a byte of a blob, as a disk does."""
    path = pureboot.files.depot.path(sha256)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

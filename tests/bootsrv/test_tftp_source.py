"""Folders as the source of TFTP files: which file it is, how often it is read, how much is held."""

import asyncio
import os
import weakref
from pathlib import Path

import pytest

from bootsrv.loaders import Loaders
from bootsrv.tftp.files import TftpFiles
from bootsrv.tftp.source import MIB, FolderSource
from engine.app import PureBoot
from engine.errors import Forbidden, NotFound, Unavailable
from tests.services.files_support import add, digest, rot


def put(path: Path, content: bytes) -> None:
    """As a careful person does: a new file in one step."""
    spare = path.with_name("spare")
    spare.write_bytes(content)
    spare.rename(path)


async def test_the_first_folder_that_has_the_file_wins(tmp_path: Path) -> None:
    own, loaders = tmp_path / "own", tmp_path / "loaders"
    own.mkdir()
    loaders.mkdir()
    put(loaders / "ipxe.efi", b"packaged")
    put(loaders / "snponly.efi", b"other")
    put(own / "ipxe.efi", b"own build")
    source = FolderSource([tmp_path / "not-there", own, loaders])
    assert (await source("ipxe.efi"))[:] == b"own build"
    assert (await source(r"\snponly.efi"))[:] == b"other"
    (own / "snponly.efi").mkdir()  # what is no file hides nothing
    assert (await source("snponly.efi"))[:] == b"other"


@pytest.mark.parametrize(
    ("name", "kind"), [("missing", NotFound), ("", NotFound), ("../x", Forbidden), ("out", Forbidden)]
)
async def test_names_are_refused_as_in_every_other_place(tmp_path: Path, name: str, kind: type[Exception]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    put(tmp_path / "x", b"secret")
    (root / "out").symlink_to("../x")
    with pytest.raises(kind):
        await FolderSource([root, tmp_path])(name)


async def test_a_source_of_no_folder_has_nothing() -> None:
    with pytest.raises(NotFound):
        await FolderSource([])("x")


async def test_one_copy_serves_all_who_ask(tmp_path: Path) -> None:
    put(tmp_path / "x", b"x" * 1000)
    put(tmp_path / "empty", b"")
    source = FolderSource([tmp_path])
    for name in ("x", "empty"):
        contents = await asyncio.gather(*(source(name) for _ in range(50)))
        assert len({id(content) for content in contents}) == 1
    assert source.bytes_in_memory == 1000


async def test_a_changed_file_is_read_anew_and_who_reads_the_old_one_keeps_it(tmp_path: Path) -> None:
    put(tmp_path / "x", b"old")
    source = FolderSource([tmp_path])
    old = await source("x")
    put(tmp_path / "x", b"new")
    assert (await source("x"))[:] == b"new"
    assert old[:] == b"old"
    status = (tmp_path / "x").stat()
    (tmp_path / "x").write_bytes(b"NEW")  # in place, of the same size
    os.utime(tmp_path / "x", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert (await source("x"))[:] == b"NEW"


async def test_memory_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    for name in "abcd":
        put(tmp_path / name, name.encode() * 100)
    source = FolderSource([tmp_path], memory_bytes=300)
    held = {name: weakref.ref(await source(name)) for name in "abc"}
    assert source.bytes_in_memory == 300
    await source("a")  # now the newest
    await source("d")
    assert source.bytes_in_memory == 300
    assert [name for name in "abc" if held[name]() is not None] == ["a", "c"]
    assert (await source("b"))[:] == b"b" * 100


async def test_what_is_being_sent_counts_and_is_never_taken_away(tmp_path: Path) -> None:
    for name in "abcd":
        put(tmp_path / name, name.encode() * 100)
    source = FolderSource([tmp_path], memory_bytes=300)
    being_sent = [await source(name) for name in "abc"]
    with pytest.raises(Unavailable):
        await source("d")
    assert [content[:1] for content in being_sent] == [b"a", b"b", b"c"]
    assert (await source("a")) is being_sent[0]
    being_sent.pop()
    assert (await source("d"))[:] == b"d" * 100


async def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "image.iso").open("wb") as file:
        file.truncate(2**40)
    put(tmp_path / "most", bytes(2 * MIB))
    source = FolderSource([tmp_path], max_file_bytes=2 * MIB)
    with pytest.raises(Forbidden, match=r"image.iso is larger than TFTP serves here \(2 MiB\); fetch it over HTTP"):
        await source("image.iso")
    assert len(await source("most")) == 2 * MIB


@pytest.mark.parametrize("change", ["grows", "shrinks", "is replaced"])
async def test_a_file_that_changes_while_it_is_read_is_not_served(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played, by changing the file in the moment before it is opened."""
    put(tmp_path / "x", b"x" * 1000)
    real_open = os.open

    def change_then_open(*arguments: object, **options: object) -> int:
        monkeypatch.undo()
        match change:
            case "grows":
                with (tmp_path / "x").open("ab") as file:
                    file.write(b"more")
            case "shrinks":
                os.truncate(tmp_path / "x", 10)
            case _:
                put(tmp_path / "x", b"y" * 1000)
        return real_open(*arguments, **options)  # type: ignore[arg-type]

    source = FolderSource([tmp_path])
    monkeypatch.setattr(os, "open", change_then_open)
    with pytest.raises(Unavailable, match="x changed while it was read"):
        await source("x")
    assert len(await source("x")) == (tmp_path / "x").stat().st_size


async def test_file_templates_are_served_where_the_root_is_their_folder(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, b"a kernel")
    root = pureboot.settings.files.dir
    loaders = Loaders(None, tmp_path / "nowhere", packaged=())
    served = TftpFiles(loaders, root, pureboot.files)
    assert (await served("kernel/v1.0/linux"))[:] == b"a kernel"
    assert (await served(r"\kernel\linux"))[:] == b"a kernel"
    with pytest.raises(NotFound):
        await served("kernel/nothing")
    with pytest.raises(NotFound):
        await served(f".blobs/sha256/{digest(b'a kernel')[:2]}/{digest(b'a kernel')[2:]}")
    with pytest.raises(NotFound):
        await TftpFiles(loaders, root)("kernel/v1.0/linux")
    rot(pureboot, digest(b"a kernel"))
    await pureboot.blob_care.verify()
    with pytest.raises(Unavailable, match="damaged"):
        await served("kernel/v1.0/linux")

"""File templates: taken in whole or not at all, kept once, found by their names; on both databases."""

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.blobs import BlobState, file_version
from engine.core.diff import diff
from engine.core.documents import Bump
from engine.core.events import Kind
from engine.errors import Conflict, Invalid, NotFound, Unavailable
from engine.services.shelving import NewFile, SameFile
from engine.store import blobs, documents
from engine.store.tx import Tx
from tests import images
from tests.conftest import Opener
from tests.services.files_support import ADA, add, blobs_on_disk, digest, rot, told

LINUX, NEWER = b"a kernel" * 50_000, b"a newer kernel" * 50_000


@pytest.fixture
async def pureboot(store_url: str, opener: Opener) -> AsyncIterator[PureBoot]:
    async with opener(store_url, host=False) as opened:
        yield opened


async def test_a_file_becomes_a_version(pureboot: PureBoot, tmp_path: Path) -> None:
    made = await add(pureboot, tmp_path, LINUX, description="to boot", tags=("a",), commit_message="first")
    version = await pureboot.templates.version("kernel")
    assert version == made.version
    assert (version.version_string, version.blob, version.content_hash) == ("v1.0", digest(LINUX), digest(LINUX))
    assert (version.size_bytes, version.filename, version.author) == (len(LINUX), "linux", ADA)
    assert version.content == f"file: linux\nsize: {len(LINUX)}\nsha256: {digest(LINUX)}\n"
    template = await pureboot.templates.get("kernel")
    assert (template.type, template.current_version, template.tags) == ("kernel", "v1.0", ("a",))
    path = pureboot.files.depot.path(digest(LINUX))
    assert path.read_bytes() == LINUX
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list((pureboot.files.depot.root / "tmp").iterdir()) == []
    [_, written] = await told(pureboot, Kind.TEMPLATE_CREATED, Kind.TEMPLATE_VERSION_CREATED)
    assert (written.data["version"], written.data["sha256"], written.principal) == ("v1.0", digest(LINUX), ADA)


async def test_versions_go_on_and_back(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX)
    assert (await add(pureboot, tmp_path, NEWER, type_=None)).version.version_string == "v1.1"
    assert (await add(pureboot, tmp_path, b"x", bump=Bump.MAJOR)).version.version_string == "v2.0"
    assert (await pureboot.files.locate("kernel")).blob.sha256 == digest(b"x")
    await pureboot.templates.set_current("kernel", "v1", by=ADA)
    assert (await pureboot.files.locate("kernel")).blob.sha256 == digest(NEWER)
    assert (await pureboot.files.locate("kernel/v1.0/linux")).blob.sha256 == digest(LINUX)
    texts = [(await pureboot.templates.version("kernel", version)).content for version in ("v1.0", "v1.1")]
    assert not diff(*texts).identical
    assert [(each.version, each.is_current) for each in await pureboot.files.listed("kernel")] == [
        ("v2.0", False),
        ("v1.1", True),
        ("v1.0", False),
    ]


async def test_the_same_file_is_refused_by_name(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX)
    with pytest.raises(SameFile, match=r"exactly this file already, in v1\.0"):
        await add(pureboot, tmp_path, LINUX)
    assert len(await pureboot.files.listed()) == 1


async def test_the_same_bytes_are_kept_once(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX, "one")
    await add(pureboot, tmp_path, LINUX, "other", "file", filename="vmlinuz")
    assert blobs_on_disk(pureboot) == {digest(LINUX)}
    assert (await pureboot.files.locate("other/vmlinuz")).blob == (await pureboot.files.locate("one/linux")).blob


async def test_a_large_size_is_a_number_of_64_bits(pureboot: PureBoot, tmp_path: Path) -> None:
    made = await add(pureboot, tmp_path, LINUX)
    now, size = pureboot.context.now(), 5 * 2**40

    def work(tx: Tx) -> None:
        blob, _ = blobs.keep(tx, digest(b"large"), size, now)
        version = file_version(
            made.template, (1, 1), blob, "large", version_id=new_id(), author=ADA, commit_message="", now=now
        )
        documents.add_version(tx, version)

    await pureboot.context.database.write(work)
    assert (await pureboot.templates.version("kernel", "v1.1")).size_bytes == size
    assert (await pureboot.files.listed("kernel"))[0].size == size


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"name": "No Name"}, Invalid, "no name"),
        ({"type_": "script"}, Invalid, "no type of file"),
        ({"sha256": "ab"}, Invalid, "no SHA-256"),
        ({"sha256": "0" * 64}, Invalid, "changed or broken on the way"),
        ({"type_": None}, NotFound, "no template kernel"),
        ({"name": "text"}, Conflict, "is a text"),
        ({"name": "image"}, Conflict, "of type image, not kernel"),
    ],
)
async def test_what_is_wrong_changes_nothing(
    pureboot: PureBoot, tmp_path: Path, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    await pureboot.templates.create("text", "a text", by=ADA)
    await add(pureboot, tmp_path, b"other", "image", "image")
    with pytest.raises(error, match=said):
        await add(pureboot, tmp_path, LINUX, **{"name": "kernel", **changes})  # type: ignore[arg-type]
    assert blobs_on_disk(pureboot) == {digest(b"other")}
    assert list((pureboot.files.depot.root / "tmp").iterdir()) == []
    assert len(await pureboot.files.listed()) == 1


async def test_a_file_that_is_not_there_is_told_so(pureboot: PureBoot, tmp_path: Path) -> None:
    new = NewFile(name="kernel", filename="x", type="kernel")
    with pytest.raises(NotFound, match="no file"):
        await pureboot.files.add(tmp_path / "nothing", new, by=ADA)
    with pytest.raises(NotFound, match="no file"):
        await pureboot.files.add(tmp_path, new, by=ADA)


async def test_limits_are_kept(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opener(sqlite_url, host=False, files__max_bytes="1k") as pureboot:
        with pytest.raises(Conflict, match=r"1\.0 kB \(files\.max_bytes\)"):
            await add(pureboot, tmp_path, bytes(1025))
        await add(pureboot, tmp_path, bytes(1024))
    async with opener(sqlite_url, host=False, files__min_free="1000T") as pureboot:
        with pytest.raises(Unavailable, match=r"no room for 7 bytes.*files\.min_free.*template gc"):
            await add(pureboot, tmp_path, b"another", "another")
        assert blobs_on_disk(pureboot) == {digest(bytes(1024))}


async def test_text_and_file_are_never_mixed_up(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX)
    with pytest.raises(Invalid, match="is a file"):
        await pureboot.templates.add_version("kernel", "a text", by=ADA)
    with pytest.raises(Invalid, match="is a file"):
        await pureboot.templates.create("other", "a text", type_="iso", by=ADA)
    with pytest.raises(Invalid, match="is a file"):
        await pureboot.templates.render("kernel")
    await pureboot.templates.create("text", "${include:kernel}", by=ADA)
    with pytest.raises(Invalid, match="is a file"):
        await pureboot.templates.render("text")
    with pytest.raises(Invalid, match="it has versions"):
        await pureboot.templates.update("kernel", {"type": "script"}, by=ADA)
    assert (await pureboot.templates.update("kernel", {"type": "file"}, by=ADA)).type == "file"
    with pytest.raises(NotFound, match="is a text"):
        await pureboot.files.locate("text")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nothing", "no template nothing"),
        ("kernel/vmlinuz", "is called linux"),
        ("kernel/v7.0/linux", r"no version v7\.0"),
        ("kernel/tree/x", "has no tree"),
        ("../kernel", "no file"),
    ],
)
async def test_what_is_not_there_is_said(pureboot: PureBoot, tmp_path: Path, path: str, said: str) -> None:
    await add(pureboot, tmp_path, LINUX)
    with pytest.raises(NotFound, match=said):
        await pureboot.files.locate(path)


@pytest.mark.parametrize("harm", ["missing", "damaged"])
async def test_a_lost_blob_is_never_served_and_told_of_once(pureboot: PureBoot, tmp_path: Path, harm: str) -> None:
    await add(pureboot, tmp_path, LINUX)
    path = pureboot.files.depot.path(digest(LINUX))
    path.unlink()
    if harm == "damaged":
        path.write_bytes(LINUX[:-1])
    located = await pureboot.files.locate("kernel")
    with pytest.raises(Unavailable, match=harm):
        await pureboot.files.open(located)
    for _ in range(2):
        with pytest.raises(Unavailable, match=f"kernel v1.0 is {harm}: add the same file again"):
            await pureboot.files.locate("kernel")
    [event] = await told(pureboot, Kind.BLOB_DAMAGED)
    assert (event.data["state"], event.data["of"]) == (harm, ["kernel v1.0"])


async def test_adding_the_file_again_repairs_it(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX)
    rot(pureboot, digest(LINUX))
    assert (await pureboot.blob_care.verify("kernel")).damaged == (digest(LINUX),)
    again = await add(pureboot, tmp_path, LINUX)
    assert (again.repaired, again.version.version_string) == (True, "v1.0")
    (await pureboot.files.open(await pureboot.files.locate("kernel"))).close()
    assert pureboot.files.depot.path(digest(LINUX)).read_bytes() == LINUX
    assert len(await told(pureboot, Kind.BLOB_REPAIRED)) == 1


async def test_a_kernel_is_taken_out_of_an_iso(pureboot: PureBoot, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    image = images.xorriso(images.folder(tmp_path / "x"), tmp_path / "u.iso", "-J", "-R")
    await pureboot.files.add(image, NewFile(name="ubuntu", filename="u.iso", type="iso"), by=ADA)
    pair = await pureboot.files.boot_pair("ubuntu")
    new = NewFile(name="ubuntu-kernel", filename="vmlinuz", type="kernel")
    made = await pureboot.files.extract("ubuntu", pair.kernel, new, by=ADA)
    assert made.version.blob == digest(images.CONTENT["casper/vmlinuz"])
    inner = await pureboot.files.locate("ubuntu/tree/kernel")
    assert (inner.filename, inner.size) == ("vmlinuz", len(images.CONTENT["casper/vmlinuz"]))
    with await pureboot.files.open(inner) as file:
        [(offset, length)] = inner.extents
        assert os.pread(file.fileno(), length, offset) == images.CONTENT["casper/vmlinuz"]
    with pytest.raises(NotFound, match="folder"):
        await pureboot.files.locate("ubuntu/tree/casper")
    with pytest.raises(NotFound, match="leads out"):
        await pureboot.files.locate("ubuntu/tree/up/out")


async def test_states_are_told_in_listings(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, LINUX)
    pureboot.files.depot.path(digest(LINUX)).unlink()
    await pureboot.blob_care.verify()
    [listed] = await pureboot.files.listed()
    assert listed.state is BlobState.MISSING

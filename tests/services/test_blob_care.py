"""Verification and garbage collection: what is lost is told of, what is needed never goes; on both databases."""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.app import PureBoot
from engine.core.blobs import NewUpload
from engine.core.events import Kind
from engine.errors import Conflict, Unavailable
from tests.clock import ManualClock
from tests.conftest import Opener, settings_for
from tests.services.files_support import ADA, add, aged, blobs_on_disk, digest, rot, told

ONE, TWO, THREE = b"one" * 1000, b"two" * 1000, b"three" * 1000


@pytest.fixture
async def pureboot(store_url: str, opener: Opener, clock: ManualClock) -> AsyncIterator[PureBoot]:
    async with opener(store_url, host=False, clock=clock) as opened:
        yield opened


async def three(pureboot: PureBoot, folder: Path) -> None:
    for name, content in (("one", ONE), ("two", TWO), ("three", THREE)):
        await add(pureboot, folder, content, name)


async def test_what_is_lost_is_found_and_told_once(pureboot: PureBoot, tmp_path: Path) -> None:
    await three(pureboot, tmp_path)
    assert (await pureboot.blob_care.verify()).seen == 3
    rot(pureboot, digest(ONE))
    pureboot.files.depot.path(digest(TWO)).unlink()
    for _ in range(2):
        checked = await pureboot.blob_care.verify(by=ADA)
        assert (checked.damaged, checked.missing, checked.repaired) == ((digest(ONE),), (digest(TWO),), ())
    events = await told(pureboot, Kind.BLOB_DAMAGED)
    assert {(event.data["state"], event.data["of"][0], event.principal) for event in events} == {
        ("damaged", "one v1.0", ADA),
        ("missing", "two v1.0", ADA),
    }
    assert (await pureboot.blob_care.verify("three")).seen == 1
    pureboot.files.depot.path(digest(TWO)).write_bytes(TWO)  # somebody put it back
    assert (await pureboot.blob_care.verify("two")).repaired == (digest(TWO),)
    assert (await told(pureboot, Kind.BLOB_REPAIRED))[0].data["of"] == ["two v1.0"]


async def test_a_disk_that_is_not_mounted_has_lost_nothing(pureboot: PureBoot, tmp_path: Path) -> None:
    await three(pureboot, tmp_path)
    root = pureboot.files.depot.root
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(Unavailable, match="is it mounted"):
        await pureboot.blob_care.verify()
    with pytest.raises(Unavailable):
        await pureboot.files.open(await pureboot.files.locate("one"))
    assert await told(pureboot, Kind.BLOB_DAMAGED) == []
    root.with_name("elsewhere").rename(root)
    (await pureboot.files.open(await pureboot.files.locate("one"))).close()


async def test_each_is_verified_once_an_interval(pureboot: PureBoot, tmp_path: Path, clock: ManualClock) -> None:
    await three(pureboot, tmp_path)
    assert (await pureboot.blob_care.verify_due()).seen == 0
    rot(pureboot, digest(ONE))
    clock.advance(31 * 86400)
    checked = await pureboot.blob_care.verify_due()
    assert (checked.seen, checked.damaged) == (3, (digest(ONE),))
    # what is damaged stays due: it is looked at once a round, never round and round
    assert (await pureboot.blob_care.verify_due()).seen == 1


async def test_verification_keeps_to_its_pace(pureboot: PureBoot, tmp_path: Path) -> None:
    await add(pureboot, tmp_path, os.urandom(400_000), "one")
    begun = asyncio.get_running_loop().time()
    await pureboot.blob_care.verify(rate=1_000_000)
    assert asyncio.get_running_loop().time() - begun >= 0.35


async def orphan(pureboot: PureBoot, content: bytes) -> str:
    """A blob no version points at, as an import leaves that was killed after it was published."""
    incoming = pureboot.files.depot.incoming("orphan", len(content))
    incoming.write(content)
    incoming.complete()
    pureboot.files.depot.publish(incoming, digest(content))
    incoming.close()
    return digest(content)


async def test_only_what_nobody_needs_goes(pureboot: PureBoot, tmp_path: Path) -> None:
    await three(pureboot, tmp_path)
    lost = await orphan(pureboot, b"nobody's")
    (pureboot.files.depot.root / "tmp" / "killed.part").write_bytes(b"half")
    (pureboot.files.depot.root / "uploads" / "ended.part").write_bytes(b"part")
    assert (await pureboot.blob_care.collect()).bytes_freed == 0  # all of it is young
    aged(pureboot)
    found = await pureboot.blob_care.collect(dry_run=True)
    assert (found.blobs, found.uploads, found.leftovers, found.bytes_freed) == ((lost,), 1, 1, 16)
    assert lost in blobs_on_disk(pureboot)
    assert (await pureboot.blob_care.collect(by=ADA)).blobs == (lost,)
    assert blobs_on_disk(pureboot) == {digest(ONE), digest(TWO), digest(THREE)}
    assert (await pureboot.blob_care.collect()).bytes_freed == 0
    [event] = await told(pureboot, Kind.BLOB_COLLECTED)
    assert (event.data["count"], event.data["sha256"], event.principal) == (1, [lost], ADA)
    assert (await pureboot.blob_care.verify()).missing == ()


async def test_an_open_upload_and_a_running_import_stay(pureboot: PureBoot, tmp_path: Path) -> None:
    await pureboot.templates.create("kernel", type_="kernel", by=ADA)
    upload = await pureboot.uploads.begin("kernel", NewUpload(size=3, sha256=digest(b"abc"), filename="x"), by=ADA)
    incoming = pureboot.files.depot.incoming("running", None)
    incoming.write(b"half")
    aged(pureboot)
    assert (await pureboot.blob_care.collect(grace=0)).bytes_freed == 0
    assert pureboot.files.depot.part(upload.id).exists()
    assert incoming.path.exists()
    incoming.discard()


async def test_another_stores_blobs_are_not_taken_for_rubbish(pureboot: PureBoot, tmp_path: Path) -> None:
    await three(pureboot, tmp_path)
    (pureboot.files.depot.root / "owners" / "0123456789abcdef").touch()
    with pytest.raises(Conflict, match=r"another store \(0123456789abcdef\).*files\.dir of its own"):
        await pureboot.blob_care.collect()


async def test_uploads_end_when_nobody_goes_on(pureboot: PureBoot, clock: ManualClock) -> None:
    await pureboot.templates.create("kernel", type_="kernel", by=ADA)
    upload = await pureboot.uploads.begin("kernel", NewUpload(size=3, sha256=digest(b"abc"), filename="x"), by=ADA)
    assert await pureboot.blob_care.expire() == 0
    clock.advance(2 * 86400)
    assert await pureboot.blob_care.expire() == 1
    assert not pureboot.files.depot.part(upload.id).exists()
    assert await pureboot.uploads.find("kernel") == []


async def test_an_import_never_loses_its_blob_to_a_collection(pureboot: PureBoot, tmp_path: Path) -> None:
    """Both as fast as they can, with no grace at all: whatever is known in the end is there."""
    done = asyncio.Event()

    async def collecting() -> int:
        count = 0
        while not done.is_set():
            await pureboot.blob_care.collect(grace=-10)
            count += 1
        return count

    async def importing(number: int) -> None:
        for turn in range(6):
            content = f"{turn % 2}".encode() * 5000
            await add(pureboot, tmp_path, content, f"t{number}-{turn}", filename=f"f{number}")

    collector = asyncio.create_task(collecting())
    await asyncio.gather(*(importing(number) for number in range(4)))
    done.set()
    assert await collector >= 1
    assert (await pureboot.blob_care.verify()).missing == ()
    assert blobs_on_disk(pureboot) == {digest(b"0" * 5000), digest(b"1" * 5000)}


@settings(max_examples=25, deadline=None, database=None)
@given(steps=st.lists(st.sampled_from(["add", "orphan", "age", "collect", "rollback", "archive"]), max_size=14))
def test_whatever_happens_no_version_loses_its_file(empty_sqlite: Path, steps: list[str]) -> None:
    asyncio.run(_story(empty_sqlite, steps))


async def _story(empty: Path, steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(empty, folder / "x.db")
        chance = random.Random(len(steps))
        async with PureBoot(settings_for(f"sqlite:///{folder / 'x.db'}", folder), host=False) as pureboot:
            for number, step in enumerate(steps):
                await _step(pureboot, folder, step, number, chance)
            await pureboot.blob_care.collect(grace=-10)
            referenced = {each.sha256 for each in await pureboot.files.listed()}
            assert blobs_on_disk(pureboot) == referenced
            assert (await pureboot.blob_care.verify()).missing == ()


async def _step(pureboot: PureBoot, folder: Path, step: str, number: int, chance: random.Random) -> None:
    known = await pureboot.files.listed()
    match step:
        case "add":
            await add(pureboot, folder, f"{number}".encode(), f"t{chance.randrange(3)}")
        case "orphan":
            await orphan(pureboot, f"orphan {chance.randrange(3)}".encode())
        case "age":
            aged(pureboot)
        case "collect":
            await pureboot.blob_care.collect()
        case "rollback" if known:
            each = chance.choice(known)
            await pureboot.templates.set_current(each.template, each.version, by=ADA)
        case "archive" if known:
            await pureboot.templates.archive(chance.choice(known).template, by=ADA)

"""Killed in the middle: nothing half counts, and going on works. Real processes, really killed."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.blobs import NewUpload
from tests.conftest import Opener
from tests.services.files_support import ADA, aged, blobs_on_disk, digest

_IMPORT = """
import asyncio, sys
from pathlib import Path
from engine.app import PureBoot
from engine.services.shelving import NewFile
from tests.store_settings import settings_for

async def main():
    async with PureBoot(settings_for(sys.argv[1], Path(sys.argv[2])), host=False) as pureboot:
        print("open", flush=True)
        for number in range(1000):
            path = Path(sys.argv[2]) / f"given-{number % 3}"
            new = NewFile(name=f"t{number}", filename=path.name, type="file")
            await pureboot.files.add(path, new, by="user:victim")
            print("added", number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("seconds", [0.0, 0.013, 0.05, 0.09, 0.17])
async def test_what_was_acknowledged_is_whole_and_the_rest_is_nothing(
    sqlite_url: str, tmp_path: Path, opener: Opener, seconds: float
) -> None:
    for number in range(3):
        (tmp_path / f"given-{number}").write_bytes(os.urandom(300_000))
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _IMPORT, sqlite_url, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"open\n"
    await asyncio.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        victim.send_signal(signal.SIGKILL)
    said, _ = await victim.communicate()
    async with opener(sqlite_url, host=False) as pureboot:
        listed = await pureboot.files.listed()
        assert len(listed) >= said.count(b"added")
        checked = await pureboot.blob_care.verify() if listed else None
        assert checked is None or (checked.damaged, checked.missing) == ((), ())
        for name in blobs_on_disk(pureboot):
            assert digest(pureboot.files.depot.path(name).read_bytes()) == name
        aged(pureboot)
        await pureboot.blob_care.collect()
        assert blobs_on_disk(pureboot) == {each.sha256 for each in listed}
        assert not any((pureboot.files.depot.root / "tmp").glob("*"))


async def test_an_upload_goes_on_after_the_server_was_killed(sqlite_url: str, tmp_path: Path, opener: Opener) -> None:
    """The first server's memory of it is gone: what had arrived is read again for the checksum."""
    content = os.urandom(3_000_000)
    async with opener(sqlite_url, host=False) as first:
        await first.templates.create("image", type_="image", by=ADA)
        new = NewUpload(size=len(content), sha256=digest(content), filename="x.img")
        upload = await first.uploads.begin("image", new, by=ADA)
        await piece(first, upload.id, 0, content[:1_000_001])
    async with opener(sqlite_url, host=False) as second:
        assert (await second.uploads.get("image", upload.id)).offset == 1_000_001
        await piece(second, upload.id, 1_000_001, content[1_000_001:2_000_000])
        second.files.depot.part(upload.id).chmod(0o444)  # as if killed when it was complete, before it was a blob
        async with second.uploads.going_on("image", upload.id, 2_000_000) as going:
            await going.write(content[2_000_000:])
            assert going.is_whole
            made = await second.uploads.finish(going, by=ADA)
        assert made.version.blob == digest(content)
        assert second.files.depot.path(digest(content)).read_bytes() == content


async def piece(pureboot: PureBoot, upload_id: str, offset: int, content: bytes) -> None:
    async with pureboot.uploads.going_on("image", upload_id, offset) as going:
        await going.write(content)

"""An upload is announced whole or not at all; on both databases."""

from pathlib import Path

import pytest

from engine.core.blobs import NewUpload
from engine.errors import Conflict, PureBootError
from tests.conftest import Opener
from tests.services.files_support import ADA, digest

NEW = NewUpload(size=3, sha256=digest(b"abc"), filename="x")


def parts(folder: Path) -> list[Path]:
    return list((folder / "files" / ".blobs" / "uploads").iterdir())


async def test_one_for_which_there_is_no_file_takes_no_place(store_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opener(store_url, files__max_uploads=1) as pureboot:
        await pureboot.templates.create("kernel", by=ADA, type_="kernel")
        await pureboot.uploads.abandon("kernel", (await pureboot.uploads.begin("kernel", NEW, by=ADA)).id)
        place = tmp_path / "files" / ".blobs" / "uploads"
        place.rmdir()
        place.symlink_to("/proc")  # where nobody can make a file
        with pytest.raises(PureBootError):
            await pureboot.uploads.begin("kernel", NEW, by=ADA)
        place.unlink()
        assert await pureboot.uploads.find("kernel") == []
        assert (await pureboot.uploads.begin("kernel", NEW, by=ADA)).offset == 0


async def test_one_that_is_refused_leaves_no_file(store_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opener(store_url, files__max_uploads=1) as pureboot:
        await pureboot.templates.create("kernel", by=ADA, type_="kernel")
        await pureboot.templates.create("text", "a\n", by=ADA)
        await pureboot.uploads.begin("kernel", NEW, by=ADA)
        with pytest.raises(Conflict, match="as many as there may be"):
            await pureboot.uploads.begin("kernel", NEW, by=ADA)
        with pytest.raises(PureBootError):
            await pureboot.uploads.begin("nowhere", NEW, by=ADA)
        assert len(parts(tmp_path)) == 1

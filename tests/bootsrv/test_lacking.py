"""Looking for a boot step's files."""

import asyncio
from pathlib import Path

import pytest

from bootsrv.lacking import Looks

LINUX, INITRD = ("kernel", "debian/linux"), ("initrd", "debian/initrd.gz")


def _under_way() -> int:
    return sum(task.get_name() == "files-look" for task in asyncio.all_tasks())


async def test_who_asks_for_the_same_at_once_shares_a_look(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "linux").write_bytes(b"x")
    looks = Looks()
    asked = [asyncio.create_task(looks.not_found(tmp_path, (LINUX, INITRD))) for _ in range(20)]
    other = asyncio.create_task(looks.not_found(tmp_path, (LINUX,)))
    await asyncio.sleep(0)
    assert _under_way() == 2
    asked[0].cancel()  # it was the first, and the others go on without it
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    for found in await asyncio.gather(*asked[1:]):
        assert [(what, name) for what, name, _ in found] == [INITRD]
    assert await other == []


async def test_who_asks_later_looks_anew(tmp_path: Path) -> None:
    looks = Looks()
    assert len(await looks.not_found(tmp_path, (("kernel", "linux"),))) == 1
    (tmp_path / "linux").write_bytes(b"x")
    assert await looks.not_found(tmp_path, (("kernel", "linux"),)) == []

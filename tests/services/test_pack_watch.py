"""Packs that are watched: what changes on the disk is synced by itself; on both databases."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.events import Event, Kind
from tests.conftest import Opener
from tests.packs.repositories import HELLO, MANIFEST, SMALL, commit, lay
from tests.story import ADA, event


def synced(name: str, **counts: int) -> Callable[[Event], bool]:
    return lambda each: (
        each.kind is Kind.PACK_SYNCED
        and each.data["name"] == name
        and all(each.data[key] == count for key, count in counts.items())
    )


@pytest.mark.parametrize("watch", ["on", "poll"])
async def test_a_change_is_synced(store_url: str, opener: Opener, tmp_path: Path, watch: str) -> None:
    place = lay(tmp_path / "packs" / "my_pack")
    async with opener(store_url, packs__watch=watch) as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        cursor = await pureboot.feed.cursor()
        await asyncio.sleep(1.5)  # the watch begins about now; a change before it is found by a look as well
        lay(place, {"templates/motd": "second\n", "templates/new": "x", "README.md": "no part of it"})
        told = await event(pureboot, synced("my_pack", created=1, changed=1), cursor)
        assert told.principal == "system"
        assert (await pureboot.templates.version("my_pack.motd")).content == "second\n"
        (place / "templates" / "new").unlink()
        await event(pureboot, synced("my_pack", archived=1), told.id)


async def test_what_changed_while_nobody_watched_is_synced_at_the_start(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    place = lay(tmp_path / "elsewhere" / "mine")
    async with opener(store_url, packs__watch="off") as pureboot:
        await pureboot.packs.add(str(place), by=ADA, local=True)
        cursor = await pureboot.feed.cursor()
    lay(place, {"templates/motd": "second\n"})
    async with opener(store_url) as pureboot:
        await event(pureboot, synced("my_pack", changed=1), cursor)


async def test_a_bad_file_is_told_once_and_the_rest_goes_on(
    sqlite_url: str, opener: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    place = lay(tmp_path / "packs" / "my_pack")
    async with opener(sqlite_url) as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        cursor = await pureboot.feed.cursor()
        lay(place, {"workflows/hello.yaml": "steps: [", "templates/motd": "second\n"})
        told = await event(pureboot, synced("my_pack", changed=1, errors=1), cursor)
        assert "workflows/hello.yaml" in told.data["error"]
        (place / "pack.yaml").write_text("ref: [")
        failed = await event(pureboot, lambda each: each.kind is Kind.PACK_FAILED, told.id)
        assert "is not YAML" in failed.data["error"]
        lay(place, {"pack.yaml": MANIFEST, "workflows/hello.yaml": HELLO})
        mended = await event(pureboot, synced("my_pack", errors=0), failed.id)
        assert mended.data["error"] is None
    assert "pack my_pack cannot be synced" in caplog.text


async def test_a_folder_that_is_put_in_the_place_of_another_is_watched(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    place = lay(tmp_path / "packs" / "my_pack")
    async with opener(sqlite_url) as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        await asyncio.sleep(1.5)
        cursor = await pureboot.feed.cursor()
        lay(tmp_path / "next", {**SMALL, "templates/motd": "second\n"})
        place.rename(tmp_path / "old")
        (tmp_path / "next").rename(place)
        told = await event(pureboot, synced("my_pack", changed=1), cursor)
        lay(place, {"templates/motd": "third\n"})
        await event(pureboot, synced("my_pack", changed=1), told.id)


async def test_a_system_that_cannot_tell_is_looked_at_again_and_again(
    sqlite_url: str, opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import watchfiles

    real = watchfiles.awatch

    def full(*paths: Path, **more: object) -> object:
        if not more["force_polling"]:
            raise OSError("OS file watch limit reached")
        return real(*paths, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles, "awatch", full)
    place = lay(tmp_path / "packs" / "my_pack")
    async with opener(sqlite_url) as pureboot:
        await pureboot.packs.add("my_pack", by=ADA)
        cursor = await pureboot.feed.cursor()
        await asyncio.sleep(2.5)
        lay(place, {"templates/motd": "second\n"})
        await event(pureboot, synced("my_pack", changed=1), cursor)
    assert caplog.text.count("packs are looked at again and again") == 1


async def test_a_repository_is_not_watched(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    origin, place = tmp_path / "origin", lay(tmp_path / "packs" / "mine", {**SMALL, "pack.yaml": "ref: mine\n"})
    commit(origin)
    async with opener(sqlite_url) as pureboot:
        await pureboot.packs.add(str(origin), revision="main", by=ADA, local=True)
        await pureboot.packs.add("mine", by=ADA)
        cursor = await pureboot.feed.cursor()
        commit(origin, {"templates/motd": "second\n"})
        lay(place, {"templates/motd": "second\n"})
        await event(pureboot, synced("mine", changed=1), cursor)
        assert (await pureboot.templates.version("my_pack.motd")).content == "welcome\n"

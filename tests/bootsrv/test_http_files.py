"""/files: what is below the folder and nothing else, in ranges and conditionally."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.app import PureBoot
from tests.bootsrv.http_support import Client, serving

CONTENT = bytes(range(256)) * 40


@pytest.fixture
async def folder(pureboot: PureBoot) -> Path:
    below = pureboot.settings.files.dir
    (below / "debian" / "a b").mkdir(parents=True)
    (below / "debian" / "linux").write_bytes(CONTENT)
    (below / "debian" / "linux.gz").write_bytes(b"another file, which is not to be sent in its place")
    (below / "debian" / "a b" / "ü.txt").write_text("umlaut")
    (below / "empty").write_bytes(b"")
    (below / "inside").symlink_to("debian/linux")
    (below.parent / "secret").write_text("secret")
    (below / "outside").symlink_to("../secret")
    (below / "outside.gz").symlink_to("../secret")
    (below / "folder-outside").symlink_to("..")
    os.mkfifo(below / "fifo")
    return below


@pytest.fixture
async def client(pureboot: PureBoot, folder: Path) -> AsyncIterator[Client]:
    async with serving(pureboot) as opened:
        yield opened


@pytest.mark.parametrize("path", ["debian/linux", "inside", "debian//linux", "./debian/linux", "debian%5Clinux"])
async def test_a_file_is_sent_whole(client: Client, path: str) -> None:
    answer = await client.get(f"/files/{path}")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in answer.headers


async def test_no_other_file_is_sent_in_its_place(client: Client) -> None:
    answer = await client.get("/files/debian/linux", headers={"Accept-Encoding": "gzip, br"})
    assert answer.body == CONTENT


async def test_names_are_decoded_once(client: Client) -> None:
    assert (await client.get("/files/debian/a%20b/%C3%BC.txt")).text == "umlaut"
    (await client.get("/files/debian/a%2520b/%C3%BC.txt")).problem(404)


async def test_an_empty_file_is_a_file(client: Client) -> None:
    answer = await client.get("/files/empty")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "shown"),
    [
        ("bytes=0-9", 206, CONTENT[:10], "bytes 0-9/10240"),
        ("bytes=10230-", 206, CONTENT[10230:], "bytes 10230-10239/10240"),
        ("bytes=-5", 206, CONTENT[-5:], "bytes 10235-10239/10240"),
        ("bytes=10000-99999", 206, CONTENT[10000:], "bytes 10000-10239/10240"),
        ("bytes=10240-", 416, None, "bytes */10240"),
    ],
)
async def test_a_part_can_be_asked_for(client: Client, wanted: str, status: int, body: bytes, shown: str) -> None:
    answer = await client.get("/files/debian/linux", headers={"Range": wanted})
    assert answer.status == status
    assert answer.headers["Content-Range"] == shown
    assert body is None or answer.body == body


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "items=0-1", "bytes=abc", "bytes=-", "bytes"])
async def test_what_is_no_single_range_of_bytes_is_ignored(client: Client, wanted: str) -> None:
    answer = await client.get("/files/debian/linux", headers={"Range": wanted})
    assert (answer.status, answer.body, "Content-Range" in answer.headers) == (200, CONTENT, False)


async def test_a_part_is_sent_only_of_the_file_that_was_begun(client: Client, folder: Path) -> None:
    first = await client.get("/files/debian/linux")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]

    async def asked(condition: str) -> tuple[int, bytes]:
        answer = await client.get("/files/debian/linux", headers={"Range": "bytes=5-9", "If-Range": condition})
        return answer.status, answer.body

    part, whole = (206, CONTENT[5:10]), (200, CONTENT)
    assert await asked(tag) == part
    assert await asked(date) == part
    assert await asked('"another"') == whole
    assert await asked(f"W/{tag}") == whole
    assert await asked("Mon, 01 Jan 2001 00:00:00 GMT") == whole
    os.utime(folder / "debian" / "linux", (1, 1))
    assert await asked(tag) == whole


async def test_what_is_known_already_is_not_sent_again(client: Client, folder: Path) -> None:
    first = await client.get("/files/debian/linux")
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for condition in ({"If-None-Match": tag}, {"If-None-Match": f'"x", {tag}'}, {"If-Modified-Since": date}):
        again = await client.get("/files/debian/linux", headers=condition)
        assert (again.status, again.body) == (304, b"")
    assert (await client.get("/files/debian/linux", headers={"If-Match": '"x"'})).status == 412
    os.utime(folder / "debian" / "linux", (1, 1))
    changed = await client.get("/files/debian/linux", headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["ETag"] != tag) == (200, True)


async def test_head_tells_the_length(client: Client) -> None:
    answer = await client.ask("HEAD", "/files/debian/linux")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "debian/../../secret",
        "debian/..%5c..%5csecret",
        "..%5csecret",
        "debian/%2e%2e/%2e%2e/secret",
        "/../secret",
        "//../../secret",
        "..;/secret",
        "%2e%2e;/secret",
        "%252e%252e/secret",
        "%c0%ae%c0%ae/secret",
        "%ef%bc%8e%ef%bc%8e/secret",
        "..%00/secret",
        "debian/linux%00.txt",
        "outside",
        "folder-outside/secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "C:%5cboot.ini",
        "file:///etc/passwd",
        "~/secret",
        "proc/self/environ",
        "a" * 3000,
        "%1b%5b2J",
        "%ff",
    ],
)
async def test_there_is_no_way_out(client: Client, path: str) -> None:
    answer = await client.get(f"/files/{path}")
    assert answer.status in (403, 404)
    assert "secret" not in answer.problem(answer.status)["errors"]
    assert answer.body != b"secret"
    assert str(client.site.pureboot.settings.files.dir) not in answer.text


@pytest.mark.parametrize("path", ["", "debian", "debian/", "fifo", "debian/linux/x"])
async def test_what_is_no_file_is_not_there(client: Client, path: str) -> None:
    (await client.get(f"/files/{path}")).problem(404)


async def test_descriptors_are_given_back(client: Client) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    await client.get("/files/debian/linux")
    before = descriptors()
    for _ in range(30):
        await client.get("/files/debian/linux")
        await client.get("/files/debian/linux", headers={"Range": "bytes=99999-"})
        await client.get("/files/debian/linux", headers={"If-None-Match": "*"})
        await client.get("/files/nothing")
        await client.ask("HEAD", "/files/debian/linux")
    assert descriptors() <= before + 2

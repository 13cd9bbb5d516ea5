"""File templates over HTTP: served like files, in ranges and conditionally; uploaded in pieces. curl judges."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.services.shelving import NewFile
from tests import images
from tests.bootsrv.http_support import MAC, Answer, Client, node, serving
from tests.bootsrv.http_support import started as start
from tests.conftest import Opener
from tests.programs import program
from tests.services.files_support import ADA, add, blobs_on_disk, digest, rot, told

LINUX = bytes(range(256)) * 4000
NEWER = LINUX[::-1]


@pytest.fixture
async def library(pureboot: PureBoot, tmp_path: Path) -> PureBoot:
    (tmp_path / "x").mkdir()
    image = images.xorriso(images.folder(tmp_path / "x"), tmp_path / "u.iso", "-J", "-R")
    await pureboot.files.add(image, NewFile(name="ubuntu", filename="u.iso", type="iso"), by=ADA)
    await add(pureboot, tmp_path, LINUX)
    await add(pureboot, tmp_path, NEWER, filename="vmlinuz")
    return pureboot


@pytest.fixture
async def client(library: PureBoot) -> AsyncIterator[Client]:
    async with serving(library) as opened:
        yield opened


async def curl(*words: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        program("curl"), "-sS", "--fail", "--max-time", "30", *words, stdout=-1, stderr=-1
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return out


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("kernel", NEWER),
        ("kernel/vmlinuz", NEWER),
        ("/kernel//vmlinuz", NEWER),
        ("kernel/latest/vmlinuz", NEWER),
        ("kernel/v1", NEWER),
        ("kernel/v1.0", LINUX),
        ("kernel/v1.0/linux", LINUX),
        ("ubuntu/tree/casper/vmlinuz", images.CONTENT["casper/vmlinuz"]),
        ("ubuntu/v1.0/tree/casper/initrd", images.CONTENT["casper/initrd"]),
        ("ubuntu/tree/kernel", images.CONTENT["casper/vmlinuz"]),
        ("ubuntu/tree/empty", b""),
        ("ubuntu/tree/.disk/info", b"a test"),
        ("ubuntu/tree/pool/main/a/Long%20file%20name,%20with%20spaces%20and%20%C3%BCmlauts.deb", b"deb"),
    ],
)
async def test_a_file_is_sent_whole(client: Client, path: str, content: bytes) -> None:
    answer = await client.get(f"/files/{path}")
    assert (answer.status, answer.body) == (200, content)
    assert (answer.headers["Accept-Ranges"], answer.headers["Content-Length"]) == ("bytes", str(len(content)))
    head = await client.ask("HEAD", f"/files/{path}")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    assert head.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        "kernel/linux",
        "kernel/v9.0",
        "kernel/v1.0/vmlinuz",
        "kernel/tree/x",
        "kernel/a/b/c",
        "ubuntu/tree",
        "ubuntu/tree/casper",
        "ubuntu/tree/up/out",
        "ubuntu/tree/circle",
        "ubuntu/tree/nothing",
        "ubuntu/tree/../../secret",
        "ubuntu/tree/%2e%2e/x",
        "ubuntu/tree/a%00b",
        "nothing",
    ],
)
async def test_what_is_not_there_is_not_sent(client: Client, path: str) -> None:
    answer = await client.get(f"/files/{path}")
    assert answer.status in (403, 404)
    assert answer.problem(answer.status)["detail"]
    assert str(client.site.pureboot.settings.files.dir) not in answer.text


async def test_blobs_have_no_name_of_their_own(client: Client) -> None:
    name = digest(LINUX)
    (await client.get(f"/files/.blobs/sha256/{name[:2]}/{name[2:]}")).problem(404)
    (await client.get(f"/files/x/../.blobs/sha256/{name[:2]}/{name[2:]}")).problem(403)
    (await client.get(f"/files/%2eblobs%5csha256/{name[:2]}/{name[2:]}")).problem(404)


@pytest.mark.parametrize("path", ["kernel/v1.0/linux", "ubuntu/tree/casper/vmlinuz"])
@pytest.mark.parametrize("part", ["0-0", "5-9", "1000-", "-7", "0-99999999", "100-100"])
async def test_curl_gets_the_part_it_asks_for(client: Client, path: str, part: str) -> None:
    whole = await curl(f"{client.url}/files/{path}")
    begin, _, end = part.partition("-")
    expected = whole[-int(end) :] if not begin else whole[int(begin) : int(end) + 1 if end else None]
    assert await curl("-r", part, f"{client.url}/files/{path}") == expected


async def test_ranges_that_count_and_those_that_do_not(client: Client) -> None:
    size = len(LINUX)
    for wanted, status, shown in (
        ("bytes=0-9", 206, f"bytes 0-9/{size}"),
        (f"bytes={size}-", 416, f"bytes */{size}"),
        ("bytes=-0", 416, f"bytes */{size}"),
        ("bytes=5-2", 200, None),
        ("bytes=0-1,4-5", 200, None),
        ("bytes=-", 200, None),
        ("items=0-1", 200, None),
    ):
        answer = await client.get("/files/kernel/v1.0", headers={"Range": wanted})
        assert (answer.status, answer.headers.get("Content-Range")) == (status, shown), wanted


async def test_the_tag_is_the_checksum_and_is_kept_to(client: Client) -> None:
    path = "/files/kernel/v1.0"
    first = await client.get(path)
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    assert tag == f'"{digest(LINUX)}"'
    for condition in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": date}):
        assert (await client.get(path, headers=condition)).status == 304
    for condition, status in (
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": tag}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"Range": "bytes=0-4", "If-Range": tag}, 206),
        ({"Range": "bytes=0-4", "If-Range": date}, 206),
        ({"Range": "bytes=0-4", "If-Range": f"W/{tag}"}, 200),
        ({"Range": "bytes=0-4", "If-Range": '"x"'}, 200),
    ):
        assert (await client.get(path, headers=condition)).status == status, condition


async def test_curl_goes_on_with_what_it_has(client: Client, tmp_path: Path) -> None:
    target = tmp_path / "part"
    target.write_bytes(LINUX[:1234])
    await curl("-C", "-", "-o", str(target), f"{client.url}/files/kernel/v1.0/linux")
    assert target.read_bytes() == LINUX


async def test_a_file_in_the_folder_comes_before_a_template(client: Client) -> None:
    folder = client.site.pureboot.settings.files.dir
    (folder / "kernel").mkdir()
    (folder / "kernel" / "vmlinuz").write_text("of the folder")
    assert (await client.get("/files/kernel/vmlinuz")).text == "of the folder"
    assert (await client.get("/files/kernel/v1.0/linux")).body == LINUX


async def test_a_damaged_file_is_not_served(client: Client, library: PureBoot) -> None:
    rot(library, digest(NEWER))
    await library.blob_care.verify()
    answer = await client.get("/files/kernel")
    assert "kernel v1.1 is damaged: add the same file again" in answer.problem(503)["detail"]
    assert "Retry-After" in answer.headers
    [blob] = (await client.get("/api/v1/blobs?state=damaged")).data
    assert blob["sha256"] == digest(NEWER)
    states = [each["state"] for each in (await client.get("/api/v1/templates/kernel/files")).data]
    assert states == ["damaged", "ok"]
    assert len(await told(library, Kind.BLOB_DAMAGED)) == 1


async def test_descriptors_are_given_back(client: Client) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    await client.get("/files/kernel")
    await client.get("/files/ubuntu/tree/kernel")
    before = descriptors()
    for _ in range(20):
        await client.get("/files/kernel", headers={"Range": "bytes=99999999-"})
        await client.get("/files/kernel", headers={"If-None-Match": "*"})
        await client.ask("HEAD", "/files/kernel")
        await client.get("/files/ubuntu/tree/empty")
    assert descriptors() <= before + 2


async def test_a_boot_step_may_name_templates(client: Client, library: PureBoot) -> None:
    await node(library)
    text = """\
name: netboot
boot_mode: any
steps:
  - key: boot
    action: node.boot
    with: {kernel: kernel, initrd: ubuntu/tree/casper/initrd}
"""
    await start(library, text)
    script = (await client.get(f"/boot.ipxe?mac={MAC}")).text
    assert "/files/kernel " in script
    assert "/files/ubuntu/tree/casper/initrd" in script
    plan = (await client.post("/api/v1/workflows/netboot/plan", {"node": MAC})).data
    assert "files.dir" not in str(plan)


async def test_a_boot_step_with_a_lost_file_fails_and_says_why(client: Client, library: PureBoot) -> None:
    await node(library)
    rot(library, digest(NEWER))
    await library.blob_care.verify()
    await start(
        library, "name: lost\nboot_mode: any\nsteps:\n  - {key: boot, action: node.boot, with: {kernel: kernel}}\n"
    )
    script = (await client.get(f"/boot.ipxe?mac={MAC}")).text
    assert "v1.1 is damaged" in script.replace("\necho PureBoot:", "")


async def announced(client: Client, content: bytes, **changes: object) -> str:
    body = {"size": len(content), "sha256": digest(content), "filename": "linux", **changes}
    answer = await client.post("/api/v1/templates/kernel/uploads", body)
    assert answer.status == 201, answer.text
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Complete"]) == ("0", "?0")
    return answer.headers["Location"]


async def send(client: Client, place: str, offset: int, content: bytes) -> Answer:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/partial-upload"}
    return await client.patch(place, data=content, headers=headers)


async def test_curl_uploads_a_file_and_goes_on(client: Client, tmp_path: Path) -> None:
    content = os.urandom(700_000)
    place = client.url + await announced(client, content, commit_message="newest", bump="major")
    for begin, end in ((0, 300_000), (300_000, 700_000)):
        (tmp_path / "part").write_bytes(content[begin:end])
        assert f"upload-offset: {begin}" in (await curl("-I", place)).decode().lower()
        out = await curl("-X", "PATCH", "-H", f"Upload-Offset: {begin}", "-T", str(tmp_path / "part"), place)
    assert b'"version_string":"v2.0"' in out
    assert (await client.get("/files/kernel/linux")).body == content
    version = (await client.get("/api/v1/templates/kernel/versions/latest")).data
    assert (version["commit_message"], version["blob"]) == ("newest", digest(content))
    (await client.get(place.removeprefix(client.url))).problem(404)


async def test_a_connection_that_breaks_keeps_what_arrived(client: Client) -> None:
    content = os.urandom(500_000)
    place = await announced(client, content)
    host, port = client.listener.address
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"PATCH {place} HTTP/1.1\r\nHost: x\r\nUpload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    )
    writer.write(content[:200_000])
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    offset = 0
    async with asyncio.timeout(20):
        while offset == 0:
            offset = (await client.get(place)).data["offset"]
            await asyncio.sleep(0.02)
    assert 0 < offset <= 200_000
    assert reader is not None
    answer = await send(client, place, offset, content[offset:])
    assert answer.status == 201
    assert (await client.get("/files/kernel")).body == content


async def test_where_an_upload_stands_is_kept_to(client: Client) -> None:
    place = await announced(client, LINUX[:100])
    assert (await send(client, place, 0, LINUX[:40])).status == 204
    wrong = (await send(client, place, 10, b"x")).problem(409)
    assert (wrong["expected-offset"], wrong["provided-offset"]) == (40, 10)
    assert wrong["type"].endswith("mismatching-upload-offset")
    (await client.patch(place, data=b"x")).problem(422)
    (await client.patch(place, data=b"x", headers={"Upload-Offset": "-1"})).problem(422)
    (await send(client, place, 40, LINUX[:61])).problem(413)
    assert (await client.get(place)).data["offset"] == 40
    assert (await client.delete(place)).status == 200
    (await client.get(place)).problem(404)


async def test_more_than_was_announced_is_not_kept(client: Client, library: PureBoot) -> None:
    """In chunks, so that nobody can know before how much it will be."""
    place = await announced(client, LINUX[:100])

    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(100_000)

    answer = await client.patch(place, data=without_end(), headers={"Upload-Offset": "0"})
    answer.problem(413)
    assert library.files.depot.part(place.rpartition("/")[2]).stat().st_size <= 100


async def test_what_arrives_broken_is_no_version(client: Client, library: PureBoot) -> None:
    before = blobs_on_disk(library)
    place = await announced(client, LINUX[:100])
    wrong = await send(client, place, 0, bytes(100))
    assert "changed or broken on the way" in wrong.wrong()["sha256"]
    (await client.get(place)).problem(404)
    assert blobs_on_disk(library) == before
    assert not any((library.files.depot.root / "uploads").iterdir())


async def test_uploads_have_limits(sqlite_url: str, opener: Opener) -> None:
    async with (
        opener(sqlite_url, files__max_bytes="1k", files__max_uploads="2") as pureboot,
        serving(pureboot) as client,
    ):
        await pureboot.templates.create("kernel", type_="kernel", by=ADA)
        await pureboot.templates.create("text", "x", by=ADA)
        place = "/api/v1/templates/kernel/uploads"
        body = {"size": 1025, "sha256": digest(b""), "filename": "x"}
        (await client.post(place, body)).problem(413)
        (await client.post(place, {**body, "size": -1})).problem(422)
        (await client.post(place, {**body, "size": 1, "filename": "../x"})).problem(422)
        (await client.post(place, {**body, "size": 1, "sha256": "x"})).problem(422)
        (await client.post("/api/v1/templates/text/uploads", {**body, "size": 1})).problem(409)
        (await client.post("/api/v1/templates/no/uploads", {**body, "size": 1})).problem(404)
        for _ in range(2):
            await announced(client, b"x")
        assert "max_uploads" in (await client.post(place, {**body, "size": 1})).problem(409)["detail"]
        assert (await client.get(place)).json["total"] == 2


async def test_disk_space_is_promised_once(sqlite_url: str, opener: Opener) -> None:
    free = os.statvfs("/tmp")
    most = free.f_bavail * free.f_frsize
    async with (
        opener(sqlite_url, files__max_bytes=str(most * 2), files__min_free="0") as pureboot,
        serving(pureboot) as client,
    ):
        await pureboot.templates.create("kernel", type_="kernel", by=ADA)
        body = {"size": most * 2 // 3, "sha256": hashlib.sha256(b"").hexdigest(), "filename": "x"}
        assert (await client.post("/api/v1/templates/kernel/uploads", body)).status == 201
        assert (
            "for other uploads" in (await client.post("/api/v1/templates/kernel/uploads", body)).problem(503)["detail"]
        )


@pytest.mark.parametrize("role", ["viewer", "technician"])
async def test_uploads_are_for_administrators(sqlite_url: str, opener: Opener, role: str) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot, serving(pureboot) as client:
        await pureboot.templates.create("kernel", type_="kernel", by=ADA)
        made = await pureboot.access.create("t", role, by=ADA)
        token = made[1] if isinstance(made, tuple) else made.token
        body = {"size": 1, "sha256": digest(b"x"), "filename": "x"}
        (await client.post("/api/v1/templates/kernel/uploads", body)).problem(401)
        (await client.with_token(token).post("/api/v1/templates/kernel/uploads", body)).problem(403)


async def test_two_do_not_write_one_upload(client: Client, library: PureBoot) -> None:
    place = await announced(client, LINUX[:100])
    async with library.uploads.going_on("kernel", place.rpartition("/")[2], 0):
        answer = await send(client, place, 0, LINUX[:100])
        assert "by another request" in answer.problem(409)["detail"]

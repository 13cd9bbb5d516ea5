"""Real TFTP clients: tftpy, Debian's tftp-hpa and curl, over IPv4 and IPv6, one alone and a rack at once."""

import asyncio
import logging
from pathlib import Path

import pytest
import tftpy

from bootsrv.tftp.server import FolderSource
from bootsrv.tftp.transfer import Timing
from tests.bootsrv.tftp_peers import download, lossy, peer, run, serving
from tests.programs import program

SIZES = {"empty": 0, "short": 511, "block": 512, "longer": 513, "loader.efi": 1_044_480, "odd": 100_001}
LOADER = "loader.efi"


def content(name: str) -> bytes:
    return (name.encode() * (SIZES[name] // len(name) + 1))[: SIZES[name]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in SIZES:
        (folder / name).write_bytes(content(name))
    return folder


@pytest.fixture(autouse=True)
def quiet_tftpy(caplog: pytest.LogCaptureFixture) -> None:
    """It logs each packet."""
    caplog.set_level(logging.CRITICAL, "tftpy")


async def fetch_by_tftpy(port: int, name: str, into: Path, options: dict[str, int], *, seconds: int = 5) -> bytes:
    def fetch() -> None:
        client = tftpy.TftpClient("127.0.0.1", port, options)
        client.download(name, str(into / "got"), timeout=seconds, retries=10)

    await asyncio.to_thread(fetch)
    return (into / "got").read_bytes()


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("options", [{}, {"blksize": 1428, "tsize": 0}, {"blksize": 8192}])
async def test_tftpy_reads_files_of_every_length(
    files: Path, tmp_path: Path, name: str, options: dict[str, int]
) -> None:
    async with serving(files) as served:
        assert await fetch_by_tftpy(served.port, name, tmp_path, options) == content(name)
        report = await served.report()
    assert (report.outcome, report.name, report.size, report.sent) == ("done", name, SIZES[name], SIZES[name])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_tftp_hpa_reads_files(files: Path, tmp_path: Path, host: str) -> None:
    tftp = program("tftp")
    async with serving(files, host=host) as served:
        for name in SIZES:
            code, printed = await run(
                tftp, "-m", "binary", host, str(served.port), "-c", "get", name, "got", folder=tmp_path
            )
            assert (code, printed) == (0, "")
            assert (tmp_path / "got").read_bytes() == content(name)
            assert (await served.report()).outcome == "done"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("-m", "binary", "-c", "get", "missing"), "Error code 1: there is no file missing"),
        (("-m", "binary", "-c", "get", "../secret"), "Error code 2: ../secret: '..' is not allowed in a file name"),
        (("-m", "binary", "-c", "get", "link"), "Error code 2: link: a link leads out of the folder that is served"),
        (("-m", "binary", "-c", "put", "own"), "Error code 2: this server takes no files"),
    ],
)
async def test_tftp_hpa_is_told_what_is_wrong(files: Path, tmp_path: Path, command: tuple[str, ...], said: str) -> None:
    tftp = program("tftp")
    (tmp_path / "own").write_bytes(b"mine")
    (tmp_path / "secret").write_bytes(b"secret")
    (files / "link").symlink_to(tmp_path / "secret")
    async with serving(files) as served:
        mode, rest = command[:2], command[2:]
        _, printed = await run(tftp, *mode, "127.0.0.1", str(served.port), *rest, folder=tmp_path)
        report = await served.report()
    assert printed.strip() == said
    assert report.outcome == "refused"
    assert not (files / "own").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("option", [[], ["--tftp-no-options"], ["--tftp-blksize", "1468"], ["--tftp-blksize", "65464"]])
async def test_curl_reads_files(files: Path, tmp_path: Path, host: str, option: list[str]) -> None:
    curl = program("curl")
    async with serving(files, host=host.strip("[]")) as served:
        for name in SIZES:
            if not SIZES[name] and "--tftp-no-options" not in option:
                continue  # it asks for the size, and takes a true answer of 0 for an error
            url = f"tftp://{host}:{served.port}/{name}"
            code, printed = await run(curl, "-sS", *option, "-o", "got", url, folder=tmp_path)
            assert (code, printed) == (0, "")
            assert (tmp_path / "got").read_bytes() == content(name)


async def test_curl_knows_the_errors(files: Path, tmp_path: Path) -> None:
    curl = program("curl")
    async with serving(files) as served:
        url = f"tftp://127.0.0.1:{served.port}/"
        missing, _ = await run(curl, "-sS", "--path-as-is", f"{url}missing", folder=tmp_path)
        forbidden, _ = await run(curl, "-sS", "--path-as-is", f"{url}../../etc/passwd", folder=tmp_path)
    assert (missing, forbidden) == (68, 69)  # CURLE_TFTP_NOTFOUND, CURLE_TFTP_PERM


async def test_on_all_addresses_both_families_are_served(files: Path, tmp_path: Path) -> None:
    curl = program("curl")
    async with serving(files, host="::") as served:
        for host, shown_as in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")):
            code, _ = await run(curl, "-sS", "-o", "got", f"tftp://{host}:{served.port}/{LOADER}", folder=tmp_path)
            assert code == 0
            assert (tmp_path / "got").read_bytes() == content(LOADER)
            assert (await served.report()).peer == shown_as


async def test_a_rack_asks_at_once(files: Path) -> None:
    """128 transfers of 32 addresses; the file is in memory once."""
    source = FolderSource([files])
    async with serving(source) as served:

        async def boot(index: int) -> bytes:
            with peer(f"127.0.1.{index % 32 + 1}") as machine:
                return await download(machine, served.address, "odd", blksize="1428", tsize="0")

        got = await asyncio.gather(*(boot(index) for index in range(128)))
        reports = [await served.report() for _ in got]
        assert source.bytes_in_memory == SIZES["odd"]
        assert served.server.transfers == ()
    assert set(got) == {content("odd")}
    assert {(report.outcome, report.sent) for report in reports} == {("done", SIZES["odd"])}


FAST = Timing(first=0.05, least=0.01, most=0.1)


async def test_tftpy_reads_through_a_network_that_loses(files: Path, tmp_path: Path) -> None:
    async with serving(files, timing=FAST) as served, lossy(served.address) as (proxy, address):
        got = await fetch_by_tftpy(address[1], "odd", tmp_path, {"blksize": 1428, "tsize": 0}, seconds=1)
    assert got == content("odd")
    assert proxy.lost > 20


async def test_tftp_hpa_reads_through_a_network_that_loses(files: Path, tmp_path: Path) -> None:
    tftp = program("tftp")
    async with serving(files, timing=FAST) as served, lossy(served.address) as (proxy, address):
        command = (tftp, "-m", "binary", "127.0.0.1", str(address[1]), "-c", "get", "longer", "got")
        code, printed = await run(*command, folder=tmp_path)
        assert (code, printed) == (0, "")
        code, printed = await run(*command[:-2], "odd", "got2", folder=tmp_path)
        assert (code, printed) == (0, "")
    assert (tmp_path / "got").read_bytes() == content("longer")
    assert (tmp_path / "got2").read_bytes() == content("odd")
    assert proxy.lost > 50

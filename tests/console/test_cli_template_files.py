"""`pureboot template add-file`, `files`, `verify`, `gc`, `iso`: as somebody at a terminal uses them."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from console.cli.meter import line
from console.cli.template_files import guessed_type
from console.view.event_lines import tell
from engine.core.events import Event, Kind
from tests import images
from tests.console.cli_support import Commands, Terminal, environment
from tests.services.files_support import digest

LINUX = bytes(range(256)) * 1000


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinuz"
    path.write_bytes(LINUX)
    return path


@pytest.fixture
def commands(sqlite_url: str, tmp_path: Path) -> Commands:
    return Commands(sqlite_url, tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server that knows nothing of PureBoot."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "initrd.img").write_bytes(LINUX)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def doctor(commands: Commands) -> str:
    """What the doctor finds of the files; its exit code depends on this machine too."""
    found = json.loads(commands("doctor", "--json").stdout)
    return next(str(each["verdict"]) for each in found if each["name"] == "template files")


def told(commands: Commands, kind: Kind) -> str:
    """The sentence that the console has for the last event of a kind."""
    *_, last = (each for each in commands.json("events") if each["kind"] == kind.value)
    at = datetime.fromisoformat(last["at"])
    return tell(Event(id=last["id"], kind=kind, at=at, principal=last["principal"], data=last["data"]))[0]


def test_a_file_is_added_listed_and_verified(commands: Commands, given: Path, tmp_path: Path) -> None:
    said = commands.ok("template", "add-file", "kernel", str(given), "-m", "first")
    assert said == f"template kernel is at v1.0: vmlinuz, 256.0 kB, sha256 {digest(LINUX)}\n"
    assert commands("template", "add-file", "kernel", str(given)).exit_code == 4
    given.write_bytes(b"newer")
    assert commands.json("template", "new-version-file", "kernel", str(given))["version_string"] == "v1.1"
    listed = commands.json("template", "files", "kernel")
    assert [(each["version"], each["state"], each["is_current"]) for each in listed] == [
        ("v1.1", "ok", True),
        ("v1.0", "ok", False),
    ]
    assert "v1.1 (current)" in commands.ok("template", "files")
    assert [each["type"] for each in commands.json("template", "list", "--type", "kernel")] == ["kernel"]
    assert f"+sha256: {digest(b'newer')}" in commands.ok("template", "diff", "kernel", "v1.0")
    assert "2 files of 256.0 kB verified: 2 right, 0 damaged, 0 missing" in commands.ok("template", "verify")


def test_a_damaged_file_is_told_and_repaired(commands: Commands, given: Path, tmp_path: Path) -> None:
    commands.ok("template", "add-file", "kernel", str(given))
    [blob] = (tmp_path / "files" / ".blobs" / "sha256").glob("*/*")
    blob.chmod(0o600)
    blob.write_bytes(b"?" + LINUX[1:])
    result = commands("template", "verify", "kernel")
    assert result.exit_code == 1
    assert "template kernel v1.0: vmlinuz is damaged" in result.stderr
    assert "damaged" in commands.ok("template", "files")
    assert doctor(commands) == "problem"
    assert (
        told(commands, Kind.BLOB_DAMAGED) == "the file of kernel v1.0 is damaged: add it again, or use another version"
    )
    assert "is whole again" in commands.ok("template", "add-file", "kernel", str(given))
    assert blob.read_bytes() == LINUX
    assert told(commands, Kind.BLOB_REPAIRED) == "the file of kernel is whole again"
    assert doctor(commands) == "ok"


def test_collecting_is_shown_before_it_is_done(commands: Commands, given: Path, tmp_path: Path) -> None:
    commands.ok("template", "add-file", "kernel", str(given))
    orphan = tmp_path / "files" / ".blobs" / "sha256" / "ab" / ("cd" * 31)
    orphan.parent.mkdir()
    orphan.write_bytes(bytes(1000))
    said = commands.ok("template", "gc", "--dry-run", "--older-than", "0s")
    assert f"would go: ab{'cd' * 31}" in said
    assert "1.0 kB would be freed" in said
    assert orphan.exists()
    assert commands.json("template", "gc", "--older-than", "0")["bytes_freed"] == 1000
    assert not orphan.exists()
    assert told(commands, Kind.BLOB_COLLECTED) == "1 file that no version points at went: 1.0 kB"
    assert commands("template", "gc", "--older-than", "soon").exit_code == 2
    assert "0 files that no version points at" in commands.ok("template", "gc")


def test_a_url_needs_a_checksum_or_a_word_against_it(commands: Commands, site: str) -> None:
    refused = commands("template", "add-file", "initrd", f"{site}/initrd.img")
    assert refused.exit_code == 2
    assert "--sha256" in refused.stderr
    wrong = commands("template", "add-file", "initrd", f"{site}/initrd.img", "--sha256", "0" * 64)
    assert wrong.exit_code == 1
    assert "changed or broken on the way" in wrong.stderr
    commands.ok("template", "add-file", "initrd", f"{site}/initrd.img", "--sha256", digest(LINUX))
    made = commands.json("template", "add-file", "other", f"{site}/initrd.img", "--unverified", "--filename", "i")
    assert (made["filename"], made["blob"]) == ("i", digest(LINUX))
    assert commands("template", "add-file", "x", f"{site}/nothing", "--unverified").exit_code == 3
    assert commands("template", "add-file", "x", "ftp://127.0.0.1/x", "--unverified").exit_code == 1


def test_what_is_wrong_is_said_with_its_code(commands: Commands, given: Path) -> None:
    assert commands("template", "add-file", "kernel", "/nothing/there").exit_code == 3
    assert commands("template", "add-file", "No Name", str(given)).exit_code == 1
    assert commands("template", "new-version-file", "kernel", str(given)).exit_code == 3
    assert commands("template", "files", "kernel").exit_code == 3
    assert commands("template", "verify", "kernel").exit_code == 3
    assert "no template is a file" in commands("template", "files").stderr


def test_an_iso_is_looked_into(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    image = images.xorriso(images.folder(tmp_path / "x"), tmp_path / "u.iso", "-R")
    commands.ok("template", "add-file", "ubuntu", str(image))
    assert commands.json("template", "list")[0]["type"] == "iso"
    assert "casper/vmlinuz" in commands.ok("template", "iso", "ls", "ubuntu", "casper")
    assert "kernel -> casper/vmlinuz" in commands.ok("template", "iso", "ls", "ubuntu")
    assert "dists/noble/Release" in commands.ok("template", "iso", "ls", "ubuntu", "-r")
    assert commands("template", "iso", "ls", "ubuntu", "nothing").exit_code == 3
    said = commands.ok("template", "iso", "extract", "ubuntu", "--as", "noble")
    assert said == "template noble-kernel is at v1.0\ntemplate noble-initrd is at v1.0\n"
    assert "already" in commands.ok("template", "iso", "extract", "ubuntu", "--as", "noble")
    one = commands.json("template", "iso", "extract", "ubuntu", "--kernel", "kernel", "--as", "one")
    assert [(each["filename"], each["blob"]) for each in one] == [
        ("kernel", digest(images.CONTENT["casper/vmlinuz"])),
    ]
    assert commands("template", "iso", "extract", "ubuntu", "--kernel", "no/such").exit_code == 3
    commands.ok("template", "add-file", "text", str(tmp_path / "x" / ".disk" / "info"))
    assert "no ISO image" in commands("template", "iso", "ls", "text").stderr


def test_progress_is_shown_on_a_terminal(sqlite_url: str, tmp_path: Path) -> None:
    with (tmp_path / "big.img").open("wb") as file:
        file.truncate(600_000_000)
    with Terminal(
        "template", "add-file", "big", str(tmp_path / "big.img"), env=environment(sqlite_url, tmp_path)
    ) as terminal:
        terminal.until("of 600.0 MB")
        terminal.until("template big is at v1.0")
        assert terminal.end() == 0


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("debian-12.iso", "iso"),
        ("vmlinuz-6.1", "kernel"),
        ("linux", "kernel"),
        ("initrd.gz", "initrd"),
        ("initrd.img", "initrd"),
        ("disk.qcow2", "image"),
        ("install.wim", "image"),
        ("whatever", "file"),
    ],
)
def test_types_are_guessed_by_name(name: str, type_: str) -> None:
    assert guessed_type(name) == type_


def test_how_far_it_is() -> None:
    assert line("x", 500, 1000, 5.0) == "x   50%  500 bytes of 1.0 kB  100 bytes/s  0:05 left"
    assert line("x", 500, None, 0.0) == "x  500 bytes  0 bytes/s"

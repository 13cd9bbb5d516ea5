"""Reading a pack's folder: what is in it, and nothing that is not."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from engine.core import pack_sums
from engine.core.packs import MAX_FILE
from engine.errors import Conflict, Invalid, NotFound
from engine.packs import folder
from engine.packs.folder import read_folder, write_folder
from tests.packs.repositories import SMALL, lay


def refused(root: Path) -> dict[str | None, str]:
    return {each.file: each.message for each in read_folder(root).refused}


def test_files_are_read_byte_for_byte(tmp_path: Path) -> None:
    odd = b"\xef\xbb\xbfa\r\nb\rc\x00\xff"
    root = lay(tmp_path / "p", {**SMALL, "templates/odd": odd, "README.md": "hello", "workflows/x.yaml~": "backup"})
    found = read_folder(root)
    assert set(found.files) == {*SMALL, "templates/odd"}
    assert found.files["templates/odd"] == odd
    assert (found.others, found.refused) == ({}, ())
    assert set(read_folder(root, all_files=True).others) == {"README.md", "workflows/x.yaml~"}


def test_a_link_may_lead_into_the_pack_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    root = lay(tmp_path / "p", {**SMALL, "shared/text": "shared\n"})
    for name, target in {
        "inside": "../shared/text",
        "outside": "../../secret",
        "absolute": "/etc/passwd",
        "dangling": "nothing",
        "round": "round",
        "root": "../../p/../secret",
    }.items():
        (root / "templates" / name).symlink_to(target)
    found = read_folder(root)
    assert found.files["templates/inside"] == b"shared\n"
    assert {each.file for each in found.refused} == {
        f"templates/{name}" for name in ("outside", "absolute", "dangling", "round", "root")
    }
    assert all("leads out of the pack" in each.message for each in found.refused)


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    lay(tmp_path / "elsewhere", {"motd": "theirs"})
    root = lay(tmp_path / "p", {"pack.yaml": "ref: p\n"})
    (root / "templates").symlink_to(tmp_path / "elsewhere")
    assert refused(root) == {"templates": "is no folder of this pack"}
    (root / "pack.yaml").unlink()
    (root / "pack.yaml").symlink_to(tmp_path / "elsewhere" / "motd")
    assert refused(root)["pack.yaml"] == "is a symbolic link that leads out of the pack"


def test_what_is_no_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(tmp_path / "p")
    os.mkfifo(root / "templates" / "pipe")  # a reader that opened it would wait for ever
    (root / "templates" / "below").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(root / "templates")  # the path of a socket must be short
    listening.bind("socket")
    try:
        assert refused(root) == {
            "templates/below": folder._KINDS[0o040000],
            "templates/pipe": "is a named pipe (FIFO)",
            "templates/socket": "is a socket",
        }
    finally:
        listening.close()


def test_a_link_to_a_device_is_refused(tmp_path: Path) -> None:
    root = lay(tmp_path / "p")
    (root / "templates" / "zero").symlink_to("/dev/zero")
    assert list(refused(root)) == ["templates/zero"]


def test_a_file_swapped_for_a_link_between_look_and_open_gains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("secret")
    root = lay(tmp_path / "p", {**SMALL, "below/motd": "x"})
    real = os.open

    def swapped(path: str, *more: int) -> int:
        if str(path).endswith("templates/motd"):
            (root / "templates").rename(root / "old")
            (root / "templates").symlink_to(tmp_path)
            path = str(root / "templates" / "secret")
        return real(path, *more)

    monkeypatch.setattr(os, "open", swapped)
    found = read_folder(root)
    assert "templates/motd" not in found.files
    assert [each.file for each in found.refused] == ["templates/motd"]
    assert b"secret" not in found.files.values()


@pytest.mark.parametrize(("size", "is_read"), [(MAX_FILE, True), (MAX_FILE + 1, False)])
def test_a_file_over_a_mebibyte_is_refused(tmp_path: Path, size: int, is_read: bool) -> None:
    root = lay(tmp_path / "p", {**SMALL, "templates/large": b"x" * size})
    found = read_folder(root)
    assert ("templates/large" in found.files) is is_read
    assert [each.file for each in found.refused] == ([] if is_read else ["templates/large"])


def test_a_file_of_many_gigabytes_is_not_read(tmp_path: Path) -> None:
    root = lay(tmp_path / "p")
    with (root / "templates" / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert "1099511627776 bytes" in refused(root)["templates/huge"]


def test_a_name_that_is_no_text_is_said(tmp_path: Path) -> None:
    root = lay(tmp_path / "p")
    (Path(os.fsdecode(os.fsencode(root) + b"/templates/\xff"))).write_text("x")
    assert refused(root) == {"templates/\\udcff": "has a name that is not UTF-8"}


def test_too_many_files_are_no_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_FILES", 5)
    root = lay(tmp_path / "p", {**SMALL, **{f"templates/t{at}": "x" for at in range(10)}})
    with pytest.raises(Invalid, match="more than 5 files"):
        read_folder(root)
    with pytest.raises(NotFound, match="there is no folder"):
        read_folder(tmp_path / "nothing")


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    names = {"back\\slash": "1", "new\nline": "2", "é ü": "3", "deep/er/file": "4"}
    root = lay(tmp_path / "p", {**SMALL, **names})
    text = pack_sums.write(pack_sums.sums(read_folder(root, all_files=True)))
    (root / "MANIFEST.sha256").write_text(text)
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "MANIFEST.sha256"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert pack_sums.differences(read_folder(root), None) == []
    # and the other way round
    theirs = subprocess.run(
        "find . -type f ! -name MANIFEST.sha256 -print0 | xargs -0 sha256sum > MANIFEST.sha256",
        cwd=root,
        shell=True,
        check=True,
    )
    assert theirs.returncode == 0
    assert pack_sums.differences(read_folder(root), None) == []


def test_a_pack_is_written_to_an_empty_folder_whole_or_not_at_all(tmp_path: Path) -> None:
    files = {"pack.yaml": b"ref: p\n", "templates/motd": b"a\r\n"}
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        write_folder(tmp_path / name, files)
        assert (tmp_path / name / "templates" / "motd").read_bytes() == b"a\r\n"
    with pytest.raises(Conflict, match="is not empty"):
        write_folder(tmp_path / "new", files)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "new"]


def test_files_that_are_too_much_together_are_not_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(tmp_path / "p", {f"templates/t{n}": "x" * 400 for n in range(3)})
    monkeypatch.setattr(folder, "MAX_BYTES", 1000)
    with pytest.raises(Invalid, match="together, too much for a pack"):
        read_folder(root)


def test_a_pack_is_written_to_the_empty_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    write_folder(Path(), {"pack.yaml": b"ref: p\n"})
    assert (here / "pack.yaml").read_bytes() == b"ref: p\n"
    assert [each.name for each in tmp_path.iterdir()] == ["here"]

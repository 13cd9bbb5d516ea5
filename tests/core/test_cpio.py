"""Archives are read back by a reader of the format, and by busybox, which has nothing to do with us."""

import stat
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.core.cpio import ALIGNMENT, Member, archive, padding
from tests.programs import program

names = st.from_regex(r"[A-Za-z0-9_]{1,8}(/[A-Za-z0-9_.]{1,8}){0,3}", fullmatch=True).filter(
    lambda name: not any(part in (".", "..") for part in name.split("/"))
)


def unpacked(data: bytes) -> list[tuple[str, int, bytes]]:
    """What Linux's init/initramfs.c makes of it: zeros are skipped, everything is at a multiple of 4."""
    found, at = [], 0
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        assert at % ALIGNMENT == 0
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * number : at + 14 + 8 * number], 16) for number in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        at = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            continue
        found.append((name, mode, data[at : at + size]))
        at = (at + size + 3) & ~3
    return found


@given(st.dictionaries(names, st.binary(max_size=50), max_size=6), st.integers(0, 9))
def test_what_goes_in_comes_out_behind_anything(files: dict[str, bytes], before: int) -> None:
    paths = {name for name in files if not any(other.startswith(f"{name}/") for other in files)}
    members = {name: Member(files[name], 0o600) for name in paths}
    data = archive(members)
    assert len(data) % ALIGNMENT == 0
    found = unpacked(b"\0" * before + padding(before) + data)
    regular = {name: content for name, mode, content in found if stat.S_ISREG(mode)}
    assert regular == {name: member.content for name, member in members.items()}
    seen: set[str] = set()
    for name, _, _ in found:
        folder = name.rpartition("/")[0]
        assert not folder or folder in seen
        seen.add(name)


def test_busybox_reads_it(tmp_path: Path) -> None:
    data = archive({"pureboot/init": Member(b"#!/bin/sh\n", 0o755), "a": Member(b"x" * 4097)})
    subprocess.run([program("busybox"), "cpio", "-idm"], input=data, cwd=tmp_path, check=True, stderr=subprocess.PIPE)
    assert (tmp_path / "a").read_bytes() == b"x" * 4097
    assert stat.S_IMODE((tmp_path / "pureboot" / "init").stat().st_mode) == 0o755


def test_a_device_is_made_with_its_numbers(tmp_path: Path) -> None:
    data = archive({"dev/null": Member(b"", 0o666, device=(1, 3))})
    shown = subprocess.run(
        [program("busybox"), "cpio", "-itv"], input=data, cwd=tmp_path, check=True, capture_output=True
    ).stdout.decode()
    assert [name for name, _, _ in unpacked(data)] == ["dev", "dev/null"]
    assert stat.S_ISCHR(unpacked(data)[1][1])
    at = data.index(b"070701", 6)
    assert (data[at + 78 : at + 86], data[at + 86 : at + 94]) == (b"00000001", b"00000003")
    assert "dev/null" in shown


def test_the_same_files_make_the_same_bytes() -> None:
    assert archive({"a": Member(b"1"), "b": Member(b"2")}) == archive({"b": Member(b"2"), "a": Member(b"1")})

"""Trees of images: what others put in is found, byte by byte; what is broken or made to mislead is refused."""

import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.blobs.iso import EntryKind, Image, Tree, read_tree
from engine.blobs.iso.image import SECTOR, BadImage
from engine.blobs.iso.known import boot_pair
from engine.errors import NotFound
from tests import images
from tests.programs import program


def tree_of(path: Path) -> Tree:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_tree(Image(descriptor, path.stat().st_size))
    finally:
        os.close(descriptor)


def content(path: Path, tree: Tree, name: str) -> bytes:
    data = path.read_bytes()
    return b"".join(data[offset : offset + length] for offset, length in tree.find(name).extents)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    at = tmp_path_factory.mktemp("images")
    (at / "with").mkdir()
    (at / "without").mkdir()
    linked, plain = images.folder(at / "with"), images.folder(at / "without", links=False)
    (plain / "only.txt").write_text("x")
    return {
        "Rock Ridge": images.xorriso(linked, at / "rr.iso", "-J", "-R"),
        "deep": images.genisoimage(linked, at / "rr2.iso", "-R", "-U"),
        "Joliet": images.genisoimage(plain, at / "joliet.iso", "-J", "-input-charset", "utf-8"),
        "UDF": images.genisoimage(plain, at / "udf.iso", "-udf", "-iso-level", "3", "-input-charset", "utf-8"),
        "ISO 9660": images.genisoimage(plain, at / "plain.iso"),
    }


@pytest.mark.parametrize("naming", ["Rock Ridge", "Joliet", "UDF"])
def test_every_file_is_found_with_its_bytes(made: dict[str, Path], naming: str) -> None:
    tree = tree_of(made[naming])
    assert tree.naming == naming
    for name, expected in images.CONTENT.items():
        assert content(made[naming], tree, name) == expected, name
        assert tree.find(name).size == len(expected)


def test_names_without_an_extension_are_those_linux_shows(made: dict[str, Path]) -> None:
    tree = tree_of(made["ISO 9660"])
    assert tree.naming == "ISO 9660"
    assert content(made["ISO 9660"], tree, "casper/vmlinuz") == images.CONTENT["casper/vmlinuz"]
    assert content(made["ISO 9660"], tree, "CASPER/VMLINUZ") == images.CONTENT["casper/vmlinuz"]


@pytest.mark.parametrize("naming", ["Joliet", "UDF"])
def test_names_of_windows_are_found_in_any_case(made: dict[str, Path], naming: str) -> None:
    assert tree_of(made[naming]).find("Casper/VMLINUZ").path == "casper/vmlinuz"


def test_names_of_rock_ridge_are_exact(made: dict[str, Path]) -> None:
    with pytest.raises(NotFound):
        tree_of(made["Rock Ridge"]).find("Casper/vmlinuz")


def test_links_are_followed_inside_and_never_out(made: dict[str, Path]) -> None:
    tree = tree_of(made["Rock Ridge"])
    assert tree.find("kernel").path == "casper/vmlinuz"
    assert tree.find("absolute").path == "casper/vmlinuz"
    assert tree.find("dists/stable/Release").path == "dists/noble/Release"
    for name, reason in (("up/out", "leads out"), ("circle", "circle"), ("nothing", "no nothing"), ("../x", "out")):
        with pytest.raises(NotFound, match=reason):
            tree.find(name)


def test_a_folder_lists_what_is_in_it(made: dict[str, Path]) -> None:
    tree = tree_of(made["Rock Ridge"])
    assert [entry.path for entry in tree.children("casper")] == ["casper/initrd", "casper/vmlinuz"]
    assert {entry.path for entry in tree.children("")} >= {"casper", "empty", "kernel", ".disk"}


def test_the_kernel_of_a_known_installer_is_found(made: dict[str, Path], tmp_path: Path) -> None:
    pair = boot_pair(tree_of(made["Rock Ridge"]))
    assert (pair.of, pair.kernel, pair.initrd) == ("Ubuntu", "casper/vmlinuz", "casper/initrd")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "x").write_text("x")
    with pytest.raises(NotFound, match="name them"):
        boot_pair(tree_of(images.xorriso(tmp_path / "none", tmp_path / "none.iso", "-R")))


def test_folders_that_were_moved_for_their_depth_are_where_they_belong(tmp_path: Path) -> None:
    deep = tmp_path / "x" / "/".join("abcdefghijkl"[1:]).strip("/")
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep down")
    for maker in (images.xorriso, images.genisoimage):
        image = maker(tmp_path / "x", tmp_path / f"{maker.__name__}.iso", "-R")
        tree = tree_of(image)
        assert content(image, tree, "b/c/d/e/f/g/h/i/j/k/l/file") == b"deep down"


def test_long_names_and_links_go_on_in_another_place(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    name, target = "n" * 250, "/".join(["t" * 100] * 5)
    (tmp_path / "x" / name).write_text("long")
    (tmp_path / "x" / "link").symlink_to(target)
    image = images.xorriso(tmp_path / "x", tmp_path / "long.iso", "-R")
    tree = tree_of(image)
    assert content(image, tree, name) == b"long"
    assert tree.entries["link"].target == target


def test_a_file_of_several_extents_is_one(made: dict[str, Path], tmp_path: Path) -> None:
    """As those of 4 GiB and more are; xorriso judges."""

    def split(data: bytearray) -> None:
        *_, (at, _) = records(data)
        at += data[at]
        place = next(place for place, name in records(data) if name.startswith(b"ONLY"))
        first, size = place_of(bytes(data), "casper/vmlinuz")
        for flags, sector, length in ((0x80, first // SECTOR, SECTOR), (0, first // SECTOR + 2, size - 2 * SECTOR)):
            record = bytearray(data[place : place + 33]) + b"ZBIG.;1"
            record[0], record[25], record[32] = len(record), flags, 7
            record[2:10] = sector.to_bytes(4, "little") + sector.to_bytes(4, "big")
            record[10:18] = length.to_bytes(4, "little") + length.to_bytes(4, "big")
            data[at : at + len(record)] = record
            at += len(record)

    image = changed(made["ISO 9660"], split)
    tree = tree_of(image)
    whole = images.CONTENT["casper/vmlinuz"]
    assert len(tree.find("zbig").extents) == 2
    assert content(image, tree, "zbig") == whole[:SECTOR] + whole[2 * SECTOR :]
    target = tmp_path / "zbig"
    command = [program("xorriso"), "-osirrox", "on", "-indev", str(image), "-extract", "/ZBIG", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    assert target.read_bytes() == whole[:SECTOR] + whole[2 * SECTOR :]


def place_of(data: bytes, name: str) -> tuple[int, int]:
    """Where a file's bytes are in an image of one extent a file."""
    at = data.index(images.CONTENT[name])
    return at, len(images.CONTENT[name])


@pytest.mark.parametrize("kind", [{}, {"rock_ridge": "1.09"}, {"rock_ridge": "1.12"}, {"joliet": 3}, {"udf": "2.60"}])
def test_what_pycdlib_makes_is_read(tmp_path: Path, kind: dict[str, Any]) -> None:
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, **kind)
    more: dict[str, Any] = {}
    if "rock_ridge" in kind:
        more["rr_name"] = "Vmlinuz"
    if "joliet" in kind:
        more["joliet_path"] = "/Vmlinuz"
    if "udf" in kind:
        more["udf_path"] = "/Vmlinuz"
    image.add_fp(io.BytesIO(b"kernel" * 1000), 6000, "/VMLINUZ.;1", **more)
    image.write(str(tmp_path / "x.iso"))
    image.close()
    tree = tree_of(tmp_path / "x.iso")
    name = "Vmlinuz" if kind else "vmlinuz"
    assert tree.entries[name].kind is EntryKind.FILE
    assert content(tmp_path / "x.iso", tree, name) == b"kernel" * 1000


def test_pycdlib_reads_the_same(made: dict[str, Path]) -> None:
    image = pycdlib.PyCdlib()
    image.open(str(made["Rock Ridge"]))
    theirs = set()
    for above, _, files in image.walk(rr_path="/"):
        theirs |= {f"{above.rstrip('/')}/{name}"[1:] for name in files}
    image.close()
    tree = tree_of(made["Rock Ridge"])
    assert theirs == {path for path, entry in tree.entries.items() if entry.kind is not EntryKind.FOLDER}


@pytest.mark.parametrize("data", [b"", b"no image", bytes(40 * SECTOR), bytes(range(256)) * 320])
def test_what_is_no_image_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(BadImage, match="no ISO image"):
        tree_of(tmp_path / "x")


def root_of(data: bytes | bytearray) -> tuple[int, int]:
    """Where the root of ISO 9660 is, and its length."""
    record = data[16 * SECTOR + 156 :]
    return int.from_bytes(record[2:6], "little") * SECTOR, int.from_bytes(record[10:14], "little")


def records(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """The records of the root: where each begins, and its name."""
    at, length = root_of(data)
    end = at + length
    while at < end and data[at]:
        yield at, bytes(data[at + 33 : at + 33 + data[at + 32]])
        at += data[at]


def changed(path: Path, edit: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    edit(data)
    target = path.with_name("changed.iso")
    target.write_bytes(data)
    return target


def test_an_image_that_is_cut_off_is_told_so(made: dict[str, Path], tmp_path: Path) -> None:
    data = made["Rock Ridge"].read_bytes()
    (tmp_path / "x.iso").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage, match="cut off"):
        tree_of(tmp_path / "x.iso")


def test_a_folder_that_contains_itself_is_refused(made: dict[str, Path]) -> None:
    def loop(data: bytearray) -> None:
        place = root_of(data)[0] // SECTOR
        at = next(at for at, name in records(data) if name == b"CASPER")
        data[at + 2 : at + 6] = place.to_bytes(4, "little")
        data[at + 10 : at + 14] = root_of(data)[1].to_bytes(4, "little")

    with pytest.raises(BadImage, match="within itself"):
        tree_of(changed(made["ISO 9660"], loop))


@pytest.mark.parametrize("name", [b"..AAAA", b"A/B/CC", b"/ETC/P", b"A\0BCDE"])
def test_names_that_mean_another_place_are_refused(made: dict[str, Path], name: bytes) -> None:
    def rename(data: bytearray) -> None:
        at = next(at for at, known in records(data) if known == b"CASPER")
        wanted = name if name != b"..AAAA" else b".."
        data[at + 33 : at + 33 + len(wanted)] = wanted
        data[at + 32] = len(wanted)

    with pytest.raises(BadImage, match="no file can be"):
        tree_of(changed(made["ISO 9660"], rename))


def test_extents_outside_the_image_are_refused(made: dict[str, Path]) -> None:
    def far(data: bytearray) -> None:
        at = next(at for at, name in records(data) if name.startswith(b"ONLY"))
        data[at + 2 : at + 6] = (0x7FFFFFFF).to_bytes(4, "little")

    with pytest.raises(BadImage, match="the image ends at"):
        tree_of(changed(made["ISO 9660"], far))


def test_a_huge_folder_is_refused_unread(made: dict[str, Path]) -> None:
    def huge(data: bytearray) -> None:
        data[16 * SECTOR + 166 : 16 * SECTOR + 170] = (0xFFFFF800).to_bytes(4, "little")

    with pytest.raises(BadImage):
        tree_of(changed(made["ISO 9660"], huge))


@pytest.mark.parametrize("naming", ["Rock Ridge", "Joliet", "UDF", "ISO 9660"])
def test_whatever_is_changed_it_ends_and_stays_inside(made: dict[str, Path], naming: str, tmp_path: Path) -> None:
    """Bytes of the folders and descriptors are changed at random: a tree, or a refusal, and every extent inside."""
    original = made[naming].read_bytes()
    target = tmp_path / "x.iso"
    used = [at for at in range(16 * SECTOR, min(len(original), 400 * SECTOR)) if original[at]]

    @settings(max_examples=150, deadline=2000, database=None)
    @given(st.lists(st.tuples(st.sampled_from(used), st.integers(0, 255)), min_size=1, max_size=6))
    def check(changes: list[tuple[int, int]]) -> None:
        data = bytearray(original)
        for at, value in changes:
            data[at] = value
        target.write_bytes(data)
        try:
            tree = tree_of(target)
        except BadImage:
            return
        for path, entry in tree.entries.items():
            assert ".." not in path.split("/")
            for offset, length in entry.extents:
                assert 0 <= offset <= offset + length <= len(data)

    check()

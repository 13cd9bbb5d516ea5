"""A requested name: what it means, and that it never leads anywhere but to a regular file below the root."""

import os
import socket
import threading
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootsrv.paths import MAX_COMPONENT_BYTES, MAX_NAME_BYTES, clean, open_below, resolve, shown
from engine.errors import Forbidden, NotFound, PureBootError, Unavailable

SECRET = b"outside"


@pytest.mark.parametrize(
    ("requested", "meant"),
    [
        ("ipxe.efi", "ipxe.efi"),
        ("/ipxe.efi", "ipxe.efi"),
        ("///debian-12//linux", "debian-12/linux"),
        ("./debian-12/./linux", "debian-12/linux"),
        (r"\Boot\BCD", "Boot/BCD"),
        (r"EFI\boot/x.efi", "EFI/boot/x.efi"),
        ("debian-12/linux/", "debian-12/linux"),
        ("a b/ü 東京.iso", "a b/ü 東京.iso"),
        ("全角\u3000.iso", "全角\u3000.iso"),
        ("..hidden/...", "..hidden/..."),
        ("%2e%2e/x", "%2e%2e/x"),
        ("~root/x", "~root/x"),
        ("a" * MAX_COMPONENT_BYTES, "a" * MAX_COMPONENT_BYTES),
    ],
)
def test_what_a_name_means(requested: str, meant: str) -> None:
    assert clean(requested) == PurePosixPath(meant)


@pytest.mark.parametrize("requested", ["", "/", "//", ".", "./.", "\\"])
def test_a_name_of_nothing_is_not_found(requested: str) -> None:
    with pytest.raises(NotFound):
        clean(requested)


@pytest.mark.parametrize(
    "requested",
    [
        "..",
        "../etc/passwd",
        "/../etc/passwd",
        "a/../../etc/passwd",
        "a/..",
        r"..\..\etc\passwd",
        r"a\../b",
        "x\0.efi",
        "x\n.efi",
        "x\x1b[2J.efi",
        "x\x7f.efi",
        "x\x85.efi",
        "\u202ecod.exe",
        "\udcff.efi",
        "a" * (MAX_COMPONENT_BYTES + 1),
        "ü" * (MAX_COMPONENT_BYTES // 2 + 1),
        "a/" * (MAX_NAME_BYTES + 1),
    ],
)
def test_names_that_are_forbidden(requested: str) -> None:
    with pytest.raises(Forbidden) as refused:
        clean(requested)
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 250


@given(st.text())
def test_a_name_is_relative_and_plain_or_refused(requested: str) -> None:
    try:
        parts = clean(requested).parts
    except (NotFound, Forbidden):
        return
    assert parts
    assert all(part not in ("", ".", "..", "/") and not set(part) & set("/\\\0\n") for part in parts)


@given(st.text(max_size=300))
def test_what_is_shown_can_be_shown(text: str) -> None:
    assert shown(text).isprintable()
    assert shown("ipxe.efi") == "ipxe.efi"


def test_shown_keeps_the_text_readable_and_short() -> None:
    assert shown("a\x1b[2J\nb\u202e") == r"a\x1b[2J\nb\u202e"
    assert shown("x" * 1000) == "x" * 120 + "..."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files, links of every kind, and things that are no files; beside it, what must not be reached."""
    served = tmp_path / "tftp"
    (served / "debian-12").mkdir(parents=True)
    (served / "debian-12" / "linux").write_bytes(b"kernel")
    (served / "ipxe.efi").write_bytes(b"loader")
    (tmp_path / "tftp-private").mkdir()
    (tmp_path / "tftp-private" / "key").write_bytes(SECRET)
    (tmp_path / "secret").write_bytes(SECRET)
    (served / "inside").symlink_to("debian-12/linux")
    (served / "debian-12" / "up").symlink_to("../ipxe.efi")
    (served / "folder").symlink_to("debian-12")
    (served / "absolute").symlink_to(served / "debian-12")
    (served / "chain").symlink_to("folder/up")
    (served / "out").symlink_to("../secret")
    (served / "out-absolute").symlink_to(tmp_path / "secret")
    (served / "out-folder").symlink_to("..")
    (served / "neighbour").symlink_to(tmp_path / "tftp-private")
    (served / "sly").symlink_to(f"{served}/../secret")
    (served / "out-and-back").symlink_to("../tftp/ipxe.efi")
    (served / "nowhere").symlink_to("not-there")
    (served / "circle").symlink_to("circle2")
    (served / "circle2").symlink_to("circle")
    os.mkfifo(served / "fifo")
    (served / "fifo-link").symlink_to("fifo")
    return served


@pytest.mark.parametrize(
    ("requested", "real"),
    [
        ("ipxe.efi", "ipxe.efi"),
        ("/debian-12//linux", "debian-12/linux"),
        (r"\debian-12\linux", "debian-12/linux"),
        ("inside", "debian-12/linux"),
        ("debian-12/up", "ipxe.efi"),
        ("folder/linux", "debian-12/linux"),
        ("absolute/linux", "debian-12/linux"),
        ("chain", "ipxe.efi"),
    ],
)
def test_files_below_the_root_are_found(root: Path, requested: str, real: str) -> None:
    assert resolve(root, requested) == root / real
    with open_below(root, requested) as file:
        assert file.read() == (root / real).read_bytes()


@pytest.mark.parametrize(
    "requested", ["out", "out-absolute", "out-folder/secret", "neighbour/key", "sly", "out-and-back", "../secret"]
)
def test_nothing_outside_is_reached(root: Path, requested: str) -> None:
    with pytest.raises(Forbidden) as refused:
        resolve(root, requested)
    assert requested in refused.value.message
    assert str(root.parent) not in refused.value.message
    with pytest.raises(Forbidden):
        open_below(root, requested)


@pytest.mark.parametrize(
    "requested",
    ["not-there", "debian-12", "folder", "ipxe.efi/x", "nowhere", "circle", "circle/x", "fifo", "fifo-link", "socket"],
)
def test_what_is_no_file_is_not_found_and_never_waited_for(
    root: Path, requested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)  # the path of a Unix socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(NotFound) as refused:
            open_below(root, requested)
    assert str(root) not in refused.value.message


def test_devices_are_not_files() -> None:
    with pytest.raises(NotFound):
        resolve(Path("/dev"), "null")


def test_a_root_may_be_a_link_itself(root: Path) -> None:
    alias = root.parent / "alias"
    alias.symlink_to(root)
    (root / "by-alias").symlink_to(alias / "ipxe.efi")
    assert resolve(alias, "inside") == root / "debian-12/linux"
    assert resolve(alias, "by-alias") == root / "ipxe.efi"


def test_a_root_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        resolve(tmp_path / "missing", "x")


def test_a_link_or_fifo_put_there_after_the_check_is_not_opened(root: Path) -> None:
    """A real race: while names are opened, somebody swaps folder and file for links out of the root and FIFOs."""
    places = {"leaf": root / "leaf", "folder": root / "swapped"}
    stop = threading.Event()

    def put(place: Path, spare: Path) -> None:
        """In one atomic step, so that the place is never empty."""
        spare.rename(place)

    def swap() -> None:
        spare = root / "spare"
        while not stop.is_set():
            for kind in ("link", "fifo"):
                spare.write_bytes(b"loader")
                put(places["leaf"], spare)
                if kind == "link":
                    spare.symlink_to(root.parent / "secret")
                else:
                    os.mkfifo(spare)
                put(places["leaf"], spare)
            spare.symlink_to("debian-12")
            put(places["folder"], spare)
            spare.symlink_to(root.parent / "tftp-private")
            put(places["folder"], spare)

    (root / "debian-12" / "key").write_bytes(b"loader")
    (root / "leaf").write_bytes(b"loader")
    (root / "swapped").symlink_to("debian-12")
    swapping = threading.Thread(target=swap)
    swapping.start()
    read = []
    try:
        for attempt in range(12000):
            try:
                with open_below(root, "leaf" if attempt % 2 else "swapped/key") as file:
                    read.append(file.read())
            except (NotFound, Forbidden, Unavailable):
                continue
    finally:
        stop.set()
        swapping.join()
    assert set(read) == {b"loader"}


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (PermissionError(13, "denied"), Forbidden),
        (OSError(5, "I/O error"), Unavailable),
        (OSError(116, "stale"), Unavailable),
    ],
)
def test_a_disk_that_says_no(
    root: Path, raised: OSError, kind: type[PureBootError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played, since root is denied nothing and no disk fails on demand."""

    def lstat(_path: Path) -> os.stat_result:
        raise raised

    monkeypatch.setattr(Path, "lstat", lstat)
    with pytest.raises(kind) as refused:
        resolve(root, "ipxe.efi")
    assert "ipxe.efi" in refused.value.message


_WORDS = """.. . debian-12 linux up folder absolute chain out out-folder neighbour key sly secret tftp tftp-private
inside circle fifo etc passwd"""
_COMPONENTS = st.sampled_from(["", "\0", *_WORDS.split()])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(parts=st.lists(_COMPONENTS, max_size=8), separator=st.sampled_from(["/", "\\", "//"]))
def test_no_walk_leaves_the_root(root: Path, parts: list[str], separator: str) -> None:
    requested = separator.join(parts)
    refused = ""
    try:
        with open_below(root, requested) as file:
            assert file.read() != SECRET
            assert Path(f"/proc/self/fd/{file.fileno()}").readlink().is_relative_to(root)
    except (NotFound, Forbidden) as error:
        refused = error.message
    assert str(root.parent) not in refused

"""What paths and sizes mean, and which blobs may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.blobs import FilePath, parse_digest, parse_file_path, parse_filename, to_collect
from engine.core.documents import LATEST, Reference
from engine.errors import Invalid
from engine.sizes import parse_size, shown_size


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("debian", FilePath(name="debian")),
        ("/debian/", FilePath(name="debian")),
        ("debian/linux", FilePath(name="debian", filename="linux")),
        ("debian/v1.2", FilePath(name="debian", reference=Reference(major=1, minor=2))),
        ("debian/v1", FilePath(name="debian", reference=Reference(major=1))),
        ("debian/latest/linux", FilePath(name="debian", filename="linux")),
        ("debian/v1.2/linux", FilePath(name="debian", reference=Reference(major=1, minor=2), filename="linux")),
        ("debian/tree/a/b", FilePath(name="debian", inner=("a", "b"))),
        ("debian/v2.0/tree/a", FilePath(name="debian", reference=Reference(major=2, minor=0), inner=("a",))),
        ("debian/tree", FilePath(name="debian", filename="tree")),
        ("debian/v1.2/tree", FilePath(name="debian", reference=Reference(major=1, minor=2), filename="tree")),
        ("debian/1.2", FilePath(name="debian", reference=LATEST, filename="1.2")),
        ("debian/a/b", None),
        ("debian/v1.0/a/b", None),
        ("Debian", None),
        (".blobs/sha256", None),
        ("../x", None),
        ("", None),
        ("/", None),
    ],
)
def test_what_a_path_means(path: str, meant: FilePath | None) -> None:
    assert parse_file_path(path) == meant


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", "a\0b", "x" * 256])
def test_what_is_no_file_name(name: str) -> None:
    with pytest.raises(Invalid, match="no file name"):
        parse_filename(name)


def test_digests_are_read_as_people_paste_them() -> None:
    assert parse_digest(" " + "AB" * 32 + "\n") == "ab" * 32
    for wrong in ("", "ab", "g" * 64, "ab" * 33):
        with pytest.raises(Invalid, match="64 hexadecimal"):
            parse_digest(wrong)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        ("512", 512),
        ("1k", 1024),
        ("1KiB", 1024),
        ("1kB", 1000),
        ("2 GB", 2 * 10**9),
        ("1.5MiB", 3 * 2**19),
        ("7 bytes", 7),
        ("7B", 7),
        ("1T", 2**40),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", -1, "1X", True, None, "1 2", "9" * 30, 1.5])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match=r"size|more than"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (4_700_000_000, "4.7 GB"),
        (10**13, "10.0 TB"),
    ],
)
def test_sizes_for_people(size: int, shown: str) -> None:
    assert shown_size(size) == shown


@given(
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 100)),
    st.frozensets(st.sampled_from("abcdefghij")),
    st.integers(0, 100),
)
def test_what_is_referenced_or_young_never_goes(there: dict[str, float], used: frozenset[str], before: int) -> None:
    going = set(to_collect(there, used, before))
    assert going == {name for name, came in there.items() if name not in used and came < before}

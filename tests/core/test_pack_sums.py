"""The digests of a pack's files."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import pack_sums
from engine.core.packs import PackFiles
from tests.core.packs_support import files


def test_sums_name_every_file_that_differs_lacks_or_is_extra() -> None:
    pack = files(templates__a="a", templates__b="b")
    text = pack_sums.write(pack_sums.sums(pack))
    whole = replace(pack, files={**pack.files, "MANIFEST.sha256": text.encode()})
    assert pack_sums.differences(whole, None) == []
    assert pack_sums.differences(whole, pack_sums.digest_of(text.encode()).upper()) == []
    assert "pinned to 00" in pack_sums.differences(whole, "00")[0].message
    assert "is missing" in pack_sums.differences(pack, "00")[0].message
    assert pack_sums.differences(pack, None) == []
    changed = {**whole.files, "templates/a": b"A", "templates/c": b"c"}
    del changed["templates/b"]
    found = pack_sums.differences(replace(whole, files=changed, others={"README": "0" * 64}), None)
    assert [(each.file, each.message.split(":")[0]) for each in found] == [
        ("README", "is not listed in MANIFEST.sha256"),
        ("templates/a", "differs from MANIFEST.sha256"),
        ("templates/b", "is listed in MANIFEST.sha256, but is not here"),
        ("templates/c", "is not listed in MANIFEST.sha256"),
    ]


@pytest.mark.parametrize("text", ["x", "0" * 64, f"{'0' * 63}g  a", f"{'0' * 64}  a\n{'0' * 64}  ./a\n"])
def test_sums_that_cannot_be_read_are_no_sums(text: str) -> None:
    pack = replace(files(), files={**files().files, "MANIFEST.sha256": text.encode()})
    assert "cannot be read: line" in pack_sums.differences(pack, None)[0].message


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "MANIFEST.sha256" and not name.startswith("./")),
        st.binary(),
        max_size=5,
    )
)
def test_sums_of_any_files_fit_them(contents: dict[str, bytes]) -> None:
    contents = {name: content for name, content in contents.items() if max(name) < "\ud800" or max(name) > "\udfff"}
    pack = PackFiles(files=contents)
    try:
        text = pack_sums.write(pack_sums.sums(pack)).encode()
    except UnicodeEncodeError:
        return
    assert pack_sums.differences(replace(pack, files={**contents, "MANIFEST.sha256": text}), None) == []

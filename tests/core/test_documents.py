"""Version numbers and references, names, durations, tokens, shapes: the small values."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.documents import (
    LATEST,
    MAX_CONTENT,
    Bump,
    Reference,
    Version,
    check_content,
    check_tags,
    content_hash,
    next_number,
    parse_reference,
    resolve,
)
from engine.core.names import parse_name
from engine.core.shape import as_data
from engine.core.tokens import capability, digest, new_admin_token
from engine.durations import format_duration, parse_duration
from engine.errors import Invalid, NotFound


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("latest", LATEST),
        ("", LATEST),
        ("v1", Reference(major=1)),
        ("2", Reference(major=2)),
        ("v1.0", Reference(major=1, minor=0)),
        ("V2.13", Reference(major=2, minor=13)),
    ],
)
def test_references_are_read(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize("text", ["x", "v", "v1.", "1.2.3", "v-1", "v1.0 "[:-1] + "x", "v" + "9" * 30])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(Invalid, match="is no version"):
        parse_reference(text)


NUMBERS = ((1, 0), (1, 1), (1, 10), (2, 0), (2, 1))


@pytest.mark.parametrize(
    ("text", "number"),
    [("latest", (1, 1)), ("v1", (1, 10)), ("v2", (2, 1)), ("v1.0", (1, 0)), ("v2.0", (2, 0))],
)
def test_references_are_resolved(text: str, number: tuple[int, int]) -> None:
    assert resolve(parse_reference(text), NUMBERS, (1, 1)) == number


@pytest.mark.parametrize("text", ["v3", "v1.2"])
def test_a_missing_version_names_the_newest(text: str) -> None:
    with pytest.raises(NotFound, match=r"there is no version .*v2\.1"):
        resolve(parse_reference(text), NUMBERS, None)


@pytest.mark.parametrize(
    ("latest", "bump", "number"),
    [
        (None, Bump.MINOR, (1, 0)),
        (None, Bump.MAJOR, (1, 0)),
        ((1, 9), Bump.MINOR, (1, 10)),
        ((1, 9), Bump.MAJOR, (2, 0)),
    ],
)
def test_the_next_number(latest: tuple[int, int] | None, bump: Bump, number: tuple[int, int]) -> None:
    assert next_number(latest, bump) == number


def test_content_is_text_of_bounded_size() -> None:
    assert check_content("ä" * (MAX_CONTENT // 2)) is not None
    for content, message in (("ä" * (MAX_CONTENT // 2 + 1), "bytes"), ("a\0b", "NUL"), ("\ud800", "UTF-8")):
        with pytest.raises(Invalid, match=message):
            check_content(content)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86400),
        ("0.5s", 0.5),
        (45, 45),
        ("45", 45),
        (0, 0),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "5x", "m", "-5s", -1, True, None, "1h 30", [], float("inf"), float("nan"), "9999d"]
)
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is not between"):
        parse_duration(written)


@given(st.integers(0, 30_000_000))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("name", ["a", "debian-12", "x.y_z-1", "0"])
def test_names(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a b", "ä", "a" * 129, "a\n"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Invalid, match="is no name"):
        parse_name(name)


def test_a_capability_follows_from_key_and_execution_alone() -> None:
    token = capability(b"k" * 32, "e1")
    assert token == capability(b"k" * 32, "e1")
    assert token not in (capability(b"k" * 32, "e2"), capability(b"j" * 32, "e1"))
    assert len(token) == 32


def test_admin_tokens_are_never_the_same() -> None:
    assert len({new_admin_token() for _ in range(100)}) == 100
    assert digest("x") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_the_shape_of_a_version_is_the_contracts() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)
    version = Version(
        id="v",
        template_id="t",
        major=1,
        minor=2,
        content="x",
        content_hash=content_hash("x"),
        size_bytes=1,
        created_at=at,
    )
    assert as_data(version) == {
        "id": "v",
        "template_id": "t",
        "major": 1,
        "minor": 2,
        "version_string": "v1.2",
        "content": "x",
        "content_hash": content_hash("x"),
        "size_bytes": 1,
        "commit_message": "",
        "author": "",
        "created_at": "2026-03-01T12:00:00.005000Z",
    }


def test_a_draft_is_only_meant_by_its_whole_number() -> None:
    numbers, drafts = [(1, 0), (1, 1), (2, 0)], [(1, 1), (2, 0)]
    assert resolve(parse_reference("v1"), numbers, (1, 0), drafts) == (1, 0)
    assert resolve(parse_reference("v1.1"), numbers, (1, 0), drafts) == (1, 1)
    with pytest.raises(NotFound, match=r"no version v2; the newest are: .*v2\.0"):
        resolve(parse_reference("v2"), numbers, (1, 0), drafts)


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "x" * 129])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(Invalid, match="is no tag"):
        check_tags(["fine", tag])


def test_tags_are_kept_once() -> None:
    assert check_tags([" b", "a", "b"]) == ("b", "a")

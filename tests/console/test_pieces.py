"""Text on its way to the screen: harmless, measured, cut."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import clipboard
from console.view.heights import Heights
from console.view.pieces import (
    Piece,
    between,
    breaks,
    cells,
    fit,
    hard_breaks,
    hard_part_count,
    part_count,
    printable,
    visible,
    window,
)

LINE = st.text(st.characters(exclude_characters="\n"), max_size=60).map(printable)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("日本語 é", "日本語 é"),
        ("\x1b[31mred\x1b[0m", "^[[31mred^[[0m"),
        ("\x1b]52;c;aGk=\x07", "^[]52;c;aGk=^G"),
        ("a\rb\x00\x7f", "a^Mb^@^?"),
        ("a\tb", "a       b"),
        ("1234567\tb", "1234567 b"),
        ("日\tb", "日      b"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("\x9b31m", "<U+009B>31m"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_by_name(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(st.text(max_size=80))
def test_printable_text_holds_nothing_that_is_not_printed(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown


def test_a_tab_goes_to_the_next_stop_from_where_the_text_begins() -> None:
    assert printable("\tx", column=6) == "  x"


@pytest.mark.parametrize(
    ("text", "width", "parts"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("exactly ten", 11, ["exactly ten"]),
        ("one two three", 8, ["one two ", "three"]),
        ("one two three", 7, ["one two", " three"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("/usr/share/doc", 12, ["/usr/share/", "doc"]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
        ("日本 語", 5, ["日本 ", "語"]),
        ("日", 1, ["日"]),
    ],
)
def test_a_line_is_broken_between_words_and_never_in_a_character(text: str, width: int, parts: list[str]) -> None:
    starts = breaks(text, width)
    assert [text[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)] == parts
    assert part_count(text, width) == len(parts)


@given(LINE, st.integers(2, 30))
def test_the_parts_of_a_line_are_the_line_and_each_fits(text: str, width: int) -> None:
    starts = breaks(text, width)
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
    assert "".join(parts) == text
    assert all(cells(part) <= width for part in parts)
    assert all(parts) or not text
    assert part_count(text, width) == len(parts)


@given(LINE, st.integers(2, 30))
def test_hard_breaks_fill_each_part(text: str, width: int) -> None:
    starts = hard_breaks(text, width)
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
    assert "".join(parts) == text
    assert all(width - 1 <= cells(part) <= width for part in parts[:-1])
    assert hard_part_count(text, width) == len(parts)


@given(LINE, st.integers(0, 40))
def test_fit_gives_exactly_the_width(text: str, width: int) -> None:
    assert cells(fit(text, width)) == width


@given(LINE, st.integers(0, 40), st.integers(1, 40))
def test_a_window_fits_and_says_when_there_is_more(text: str, shift: int, width: int) -> None:
    first, last = window(text, shift, width)
    assert cells(text[first:last]) <= width
    shown = "".join(piece.text for piece in visible([Piece(text)], shift, width, "…"))
    assert cells(shown) <= width
    if cells(shown) > 1 and unicodedata.normalize("NFC", text).isascii():
        assert (shown[0] == "…") == (shift > 0)
        assert (shown[-1] == "…") == (len(text) > shift + width)


@given(st.lists(st.tuples(LINE, st.sampled_from("ab")), max_size=5), st.integers(0, 50), st.integers(0, 50))
def test_a_part_of_pieces_is_the_part_of_their_text(listed: list[tuple[str, str]], start: int, end: int) -> None:
    pieces = [Piece(*each) for each in listed]
    text = "".join(piece.text for piece in pieces)
    assert "".join(piece.text for piece in between(pieces, start, max(start, end))) == text[start : max(start, end)]


@given(st.lists(st.integers(1, 5), max_size=40), st.integers(0, 45), st.lists(st.integers(1, 5), max_size=10))
def test_heights_know_where_each_row_is(heights: list[int], dropped: int, more: list[int]) -> None:
    known = Heights(heights)
    assert known.drop(dropped) == sum(heights[:dropped])
    known.extend(more)
    left = heights[dropped:] + more
    assert (len(known), known.total) == (len(left), sum(left))
    lines = [(row, part) for row, height in enumerate(left) for part in range(height)]
    assert [known.at(line) for line in range(known.total)] == lines
    assert [known.top(row) for row in range(len(left) + 1)] == [sum(left[:row]) for row in range(len(left) + 1)]
    assert known.at(known.total)[0] == len(left)


def test_a_text_that_fits_is_copied_whole() -> None:
    copied = clipboard.copy("one\ntwo\n")
    assert copied.text == "one\ntwo\n"
    assert copied.said == "copied 2 lines"


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=20), min_size=1, max_size=40))
def test_of_a_text_too_long_the_last_whole_lines_are_copied(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    copied = clipboard.copy(text, most=100)
    assert len(copied.text.encode()) <= 100
    assert text.endswith(copied.text)
    assert copied.text == "".join(f"{line}\n" for line in lines[len(lines) - copied.lines :])
    assert ("the last" in copied.said) == (copied.text != text)


def test_of_one_line_too_long_the_end_is_copied() -> None:
    assert clipboard.copy("é" * 100, most=11).text == "é" * 5

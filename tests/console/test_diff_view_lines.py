"""A diff as lines on a screen, whatever the texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.view.diff_lines import (
    NO_NEWLINE,
    DiffLine,
    Look,
    Mark,
    Panel,
    changes,
    line_count,
    numbered,
    side_by_side,
    unified,
)
from console.view.pieces import printable
from engine.core.diff import diff

LINES = st.lists(st.sampled_from(["alpha", "beta = 1", "beta = 2", "", "  gamma", "delta\t1", "日本"]), max_size=30)
TEXT = st.builds(lambda lines, end: "\n".join(lines) + (end if lines else ""), LINES, st.sampled_from(["", "\n"]))


def short(lines: list[DiffLine]) -> list[str]:
    """Each line as `numbers sign text`, panels separated by a bar."""
    shown = []
    for line in lines:
        if line.folded:
            shown.append(f"... {line.folded}")
        else:
            shown.append(" | ".join(_panel(panel) for panel in line.panels))
    return shown


def _panel(panel: Panel | None) -> str:
    if panel is None:
        return "-"
    numbers = ",".join(str(number) for number in (panel.left, panel.right) if number)
    return f"{numbers} {panel.sign} {panel.text}"


OLD = "".join(f"line {n}\n" for n in range(1, 13))
NEW = OLD.replace("line 6\n", "line six\nline 6b\n").replace("line 12\n", "")


def test_side_by_side() -> None:
    assert short(side_by_side(diff(OLD, NEW, context=1), OLD)) == [
        "... 4",
        "5   line 5 | 5   line 5",
        "- | 6 + line six",
        "6 ~ line 6 | 7 ~ line 6b",
        "7   line 7 | 8   line 7",
        "... 3",
        "11   line 11 | 12   line 11",
        "12 - line 12 | -",
    ]


def test_unified() -> None:
    assert short(unified(diff(OLD, NEW, context=1), OLD)) == [
        "... 4",
        "5,5   line 5",
        "6 - line 6",
        "6 + line six",
        "7 + line 6b",
        "7,8   line 7",
        "... 3",
        "11,12   line 11",
        "12 - line 12",
    ]


@pytest.mark.parametrize(("context", "shown"), [(0, "... 4"), (1, "... 3"), (2, "3,3   line 3")])
def test_few_equal_lines_are_not_folded(context: int, shown: str) -> None:
    old = "".join(f"line {n}\n" for n in range(1, 6))
    assert shown in short(unified(diff(old, old.replace("line 5", "line five"), context=context), old))


def test_words_that_changed_are_marked_in_both() -> None:
    left, right = "disk /dev/sda first\n", "disk /dev/vda first\n"
    [line] = side_by_side(diff(left, right), left)
    assert [panel.pieces for panel in line.panels if panel] == [
        (("disk /dev/", Look.REMOVED), ("sda", Look.REMOVED_WORD), (" first", Look.REMOVED)),
        (("disk /dev/", Look.ADDED), ("vda", Look.ADDED_WORD), (" first", Look.ADDED)),
    ]


def test_a_missing_line_feed_is_said_where_it_makes_the_difference() -> None:
    lines = unified(diff("a\nb\n", "a\nb"), "a\nb\n")
    assert short(lines) == ["1,1   a", "2 - b", f"2 + b{NO_NEWLINE}"]


def test_a_carriage_return_is_seen() -> None:
    lines = unified(diff("a\r\n", "a\n"), "a\r\n")
    assert short(lines) == ["1 - a^M", "1 + a"]


def test_equal_texts_have_nothing_but_a_fold() -> None:
    assert short(side_by_side(diff(OLD, OLD), OLD)) == ["... 12"]
    assert short(unified(diff("", ""), "")) == []


def test_changes_are_counted_in_runs() -> None:
    for layout in (side_by_side, unified):
        lines = layout(diff(OLD, NEW), OLD)
        assert [lines[at].changed for at in changes(lines)] == [1, 2]
        assert all(not lines[at - 1].changed for at in changes(lines))


def _given_back(lines: list[DiffLine], text: str, side: str) -> None:
    """Each line of a text stands in the picture once, in order, or is folded."""
    expected = [printable(line) for line in text.removesuffix("\n").split("\n")] if text else []
    at = 0
    for line in lines:
        at += line.folded
        for panel in line.panels:
            number = getattr(panel, side) if panel else 0
            if panel and number:
                at += 1
                assert number == at
                assert panel.text.removesuffix(NO_NEWLINE) == expected[at - 1]
    assert at == len(expected) == line_count(text)


@given(TEXT, TEXT, st.integers(0, 3))
def test_both_texts_can_be_read_off_the_picture(left: str, right: str, context: int) -> None:
    found = diff(left, right, context=context)
    for layout in (side_by_side, unified):
        lines = layout(found, left)
        _given_back(lines, left, "left")
        _given_back(lines, right, "right")
        assert len(changes(lines)) == max((line.changed for line in lines), default=0)


@given(TEXT, TEXT)
def test_signs_tell_without_colour_what_changed(left: str, right: str) -> None:
    found = diff(left, right)
    panels = [panel for line in unified(found, left) for panel in line.panels if panel]
    assert sum(panel.sign == "+" for panel in panels) == found.added
    assert sum(panel.sign == "-" for panel in panels) == found.removed
    assert all((panel.sign == " ") == (panel.look is Look.EQUAL) for panel in panels)


def test_a_text_alone_has_its_numbers_and_marks() -> None:
    lines = numbered(
        "one\n\tfor ${node.x} and ${y}\n", [Mark(line=2, column=20, length=4), Mark(line=2, column=6, length=9)]
    )
    assert short(lines) == ["1   one", "2           for ${node.x} and ${y}"]
    [panel] = lines[1].panels
    assert panel is not None
    assert [piece.text for piece in panel.pieces if piece.look is Look.MARKED] == ["${node.x}", "${y}"]


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("a\n", 1), ("\n", 1), ("a\n\n", 2)])
def test_lines_are_counted_as_they_are_numbered(text: str, count: int) -> None:
    assert line_count(text) == count == len(numbered(text))

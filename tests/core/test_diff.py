import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.alignment import Aligner
from engine.core.diff import Diff, Line, Op, Row, as_data, diff, unified
from tests.programs import program

OLD = """\
lang en_US
rootpw --plaintext ${secret.root}
timezone Europe/Berlin --utc
network --hostname=web1 --bootproto=dhcp
reboot
"""
NEW = """\
lang en_US
timezone Europe/Vienna --utc
network --hostname=web1 --bootproto=static --ip=10.0.0.5
firewall --enabled
reboot
"""


def shown(row: Row) -> str:
    """A row as `op left | right`, what is marked in brackets."""

    def side(line: Line | None) -> str:
        if line is None:
            return ""
        marked = "".join(f"[{span.text}]" if span.changed else span.text for span in line.spans)
        return f"{line.number}:{marked}" + ("" if line.newline else "\\")

    return f"{row.op} {side(row.left)} | {side(row.right)}"


def rows(left: str, right: str, *, context: int = 3) -> list[str]:
    return [shown(row) for hunk in diff(left, right, context=context).hunks for row in hunk.rows]


def test_rows_with_words_marked() -> None:
    assert rows(OLD, NEW) == [
        "equal 1:lang en_US | 1:lang en_US",
        "delete 2:rootpw --plaintext ${secret.root} | ",
        "replace 3:timezone Europe/[Berlin] --utc | 2:timezone Europe/[Vienna] --utc",
        "replace 4:network --hostname=web1 --bootproto=[dhcp] | "
        "3:network --hostname=web1 --bootproto=[static --ip=10.0.0.5]",
        "insert  | 4:firewall --enabled",
        "equal 5:reboot | 5:reboot",
    ]


def test_unified() -> None:
    assert unified(diff(OLD, NEW), "web v1.0", "b/web") == (
        "--- web v1.0\t\n"
        "+++ b/web\n"
        "@@ -1,5 +1,5 @@\n"
        " lang en_US\n"
        "-rootpw --plaintext ${secret.root}\n"
        "-timezone Europe/Berlin --utc\n"
        "-network --hostname=web1 --bootproto=dhcp\n"
        "+timezone Europe/Vienna --utc\n"
        "+network --hostname=web1 --bootproto=static --ip=10.0.0.5\n"
        "+firewall --enabled\n"
        " reboot\n"
    )


def test_a_name_cannot_write_a_line_of_its_own() -> None:
    header = unified(diff("a", "b"), "x\n+++ y\x1b[2J", "z\u2028").splitlines()[:2]
    assert header == ["--- x +++ y [2J\t", "+++ z \t"]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", []),
        ("a\nb", "a\nb", []),
        ("", "a\n", ["insert  | 1:a"]),
        ("a", "", ["delete 1:a\\ | "]),
        ("\n", "\n\n", ["equal 1: | 1:", "insert  | 2:"]),
        ("a", "a\n", ["replace 1:a\\ | 1:a"]),
        ("a\nb\n", "a\nb", ["equal 1:a | 1:a", "replace 2:b | 2:b\\"]),
        ("a\r\n", "a\n", ["replace 1:a[\r] | 1:a"]),
        ("  a: 1\n", "a: 1\n", ["replace 1:[  ]a: 1 | 1:a: 1"]),
        ("disk=/dev/vda\n", "disk=/dev/sda\n", ["replace 1:disk=/dev/[vda] | 1:disk=/dev/[sda]"]),
        ("debian11\n", "debian12\n", ["replace 1:[debian11] | 1:[debian12]"]),
        ("reboot\n", "halt\n", ["delete 1:reboot | ", "insert  | 1:halt"]),
        ("only two three\n", "only 2 drei\n", ["replace 1:only [two three] | 1:only [2 drei]"]),
        ("a\u2028b\x0bc\n", "a\u2028b\x0bd\n", ["replace 1:a\u2028b\x0b[c] | 1:a\u2028b\x0b[d]"]),
    ],
)
def test_small_differences(left: str, right: str, expected: list[str]) -> None:
    assert rows(left, right) == expected
    assert diff(left, right).identical is (left == right)


def test_lines_are_paired_with_what_they_resemble() -> None:
    left = "part / --size=1000\npart /boot --size=500\npart swap --size=2000\n"
    right = "clearpart --all\npart /boot --size=512\npart swap --size=4000\n%packages\n"
    assert rows(left, right) == [
        "delete 1:part / --size=1000 | ",
        "insert  | 1:clearpart --all",
        "replace 2:part /boot --size=[500] | 2:part /boot --size=[512]",
        "replace 3:part swap --size=[2000] | 3:part swap --size=[4000]",
        "insert  | 4:%packages",
    ]


def test_indented_lines_are_paired_however_many() -> None:
    left = "".join(f"line {n}\n" for n in range(300))
    right = "new\n" + "".join(f"  line {n}\n" for n in range(300))
    changed = diff(left, right)
    ops = [row.op for hunk in changed.hunks for row in hunk.rows]
    assert ops == [Op.INSERT] + [Op.REPLACE] * 300
    assert (changed.added, changed.removed) == (301, 300)


def test_a_moved_block_is_taken_out_and_put_in_whole() -> None:
    base = [f"line {n}\n" for n in range(100)]
    changed = diff("".join(base), "".join(base[:10] + base[20:60] + base[10:20] + base[60:]))
    assert (changed.added, changed.removed, len(changed.hunks)) == (10, 10, 2)


def test_a_large_moved_block_is_found_too() -> None:
    base = [f"line {n}\n" for n in range(10_000)]
    moved = base[1000:8000] + base[:1000] + base[8000:]
    for left, right in ((base, moved), (moved, base)):
        changed = diff("".join(left), "".join(right))
        assert (changed.added, changed.removed, len(changed.hunks)) == (1000, 1000, 2)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("one old three", "one new three", ([("one ", False), ("old", True), (" three", False)], "new")),
        ("one told three", "one bold three", ([("one ", False), ("t", True), ("old three", False)], "b")),
        ("aaa", "aaaa", ([("aaa", False)], "a")),
        ("", "x", ([], "x")),
    ],
)
def test_marks_are_coarse_once_the_words_are_used_up(
    left: str, right: str, expected: tuple[list[tuple[str, bool]], str]
) -> None:
    pieces, right_pieces = Aligner(words=0).mark(left, right)
    assert pieces == expected[0]
    assert [text for text, changed in right_pieces if changed] == [expected[1]]
    assert "".join(text for text, _ in right_pieces) == right


def test_pairs_go_by_position_once_the_comparisons_are_used_up() -> None:
    left, right = ["size=1", "x", "size=2"], ["size=4", "size=5"]
    assert Aligner().align(left, right) == [(0, 0), (2, 1)]
    assert Aligner(comparisons=5).align(left, right) == [(0, 0)]


def test_context() -> None:
    base = [f"{n}\n" for n in range(1, 31)]
    new = list(base)
    new[9], new[17] = "ten\n", "eighteen\n"

    def starts(context: int) -> list[tuple[int, int, int, int]]:
        found = diff("".join(base), "".join(new), context=context).hunks
        return [(hunk.left_start, hunk.left_count, hunk.right_start, hunk.right_count) for hunk in found]

    assert starts(3) == [(7, 7, 7, 7), (15, 7, 15, 7)]
    new[16], new[17] = "seventeen\n", base[17]
    assert starts(3) == [(7, 14, 7, 14)]
    new[16], new[17] = base[16], "eighteen\n"
    assert starts(4) == [(6, 17, 6, 17)]
    assert starts(0) == [(10, 1, 10, 1), (18, 1, 18, 1)]
    assert starts(-5) == starts(0)
    assert starts(1000) == [(1, 30, 1, 30)]


def test_starts_of_an_empty_side_are_those_of_the_line_before() -> None:
    (hunk,) = diff("a\nb\n", "a\nx\ny\nb\n", context=0).hunks
    assert (hunk.left_start, hunk.left_count, hunk.right_start, hunk.right_count) == (1, 0, 2, 2)
    (hunk,) = diff("", "a\n").hunks
    assert (hunk.left_start, hunk.left_count, hunk.right_start, hunk.right_count) == (0, 0, 1, 1)


def test_as_data() -> None:
    assert as_data(diff("a\nb=1", "a\nb=2\n")) == {
        "identical": False,
        "added": 1,
        "removed": 1,
        "hunks": [
            {
                "left_start": 1,
                "left_count": 2,
                "right_start": 1,
                "right_count": 2,
                "rows": [
                    {
                        "op": "equal",
                        "left": {"number": 1, "newline": True, "spans": [{"text": "a", "changed": False}]},
                        "right": {"number": 1, "newline": True, "spans": [{"text": "a", "changed": False}]},
                    },
                    {
                        "op": "replace",
                        "left": {
                            "number": 2,
                            "newline": False,
                            "spans": [{"text": "b=", "changed": False}, {"text": "1", "changed": True}],
                        },
                        "right": {
                            "number": 2,
                            "newline": True,
                            "spans": [{"text": "b=", "changed": False}, {"text": "2", "changed": True}],
                        },
                    },
                ],
            }
        ],
    }
    assert as_data(diff("a", "a")) == {"identical": True, "added": 0, "removed": 0, "hunks": []}


# Properties

LINES = st.sampled_from(["", "a", "b", "a b", "  a b", "x = 1", "x = 2", "-- a", "++ b", "@@ @@", "a\r", "\\ no"])
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=8)
TEXTS = st.tuples(st.lists(LINES | WORDS, max_size=25), st.sampled_from(["", "\n"])).map(
    lambda parts: "\n".join(parts[0]) + parts[1]
)


def side(changed: Diff, name: str) -> list[Line]:
    lines = [getattr(row, name) for hunk in changed.hunks for row in hunk.rows]
    return [line for line in lines if line is not None]


def joined(lines: Sequence[Line]) -> str:
    return "".join(line.text + "\n" * line.newline for line in lines)


@given(TEXTS, TEXTS)
def test_rows_give_back_both_texts(left: str, right: str) -> None:
    changed = diff(left, right, context=10**9)
    assert changed.identical is (left == right)
    if changed.identical:
        return
    for name, text in (("left", left), ("right", right)):
        lines = side(changed, name)
        assert joined(lines) == text
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))


@given(TEXTS, TEXTS)
def test_rows_say_the_truth(left: str, right: str) -> None:
    changed = diff(left, right, context=2)
    counted = dict.fromkeys(Op, 0)
    for hunk in changed.hunks:
        assert sum(row.left is not None for row in hunk.rows) == hunk.left_count
        assert sum(row.right is not None for row in hunk.rows) == hunk.right_count
        for row in hunk.rows:
            counted[row.op] += 1
            check_row(row)
    assert changed.removed == counted[Op.DELETE] + counted[Op.REPLACE]
    assert changed.added == counted[Op.INSERT] + counted[Op.REPLACE]


def check_row(row: Row) -> None:
    assert (row.left is None) is (row.op is Op.INSERT)
    assert (row.right is None) is (row.op is Op.DELETE)
    lines = [line for line in (row.left, row.right) if line is not None]
    for line in lines:
        assert all(span.text for span in line.spans)
        assert all(a.changed is not b.changed for a, b in pairwise(line.spans))
    stayed = {"".join(span.text for span in line.spans if not span.changed) for line in lines}
    assert len(stayed) == 1
    if row.op is not Op.REPLACE:
        assert not any(span.changed for line in lines for span in line.spans)
    same = len({(line.text, line.newline) for line in lines}) == 1
    assert row.op is not Op.EQUAL or same
    assert row.op is not Op.REPLACE or not same


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 4))
@example("", "a", 3)
@example("a", "", 3)
@example("a\nb", "a\nb\n", 0)
@example("a\n", "a", 3)
def test_patch_makes_the_right_text_of_the_left(left: str, right: str, context: int) -> None:
    text = unified(diff(left, right, context=context), "old", "new")
    assert bool(text) is (left != right)
    if not text:
        return
    with tempfile.TemporaryDirectory() as folder:
        old, new, patch = (Path(folder) / name for name in ("old", "new", "diff"))
        old.write_bytes(left.encode())
        patch.write_bytes(text.encode())
        command = [program("patch"), "--unified", "--binary", "--force", "--fuzz=0", "--output=new", "old", "diff"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "offset" not in done.stdout
        assert new.read_bytes() == right.encode()


@settings(max_examples=40, deadline=None)
@given(TEXTS.filter(bool), TEXTS.filter(bool), st.integers(1, 4))
def test_git_apply_makes_the_right_text_of_the_left(left: str, right: str, context: int) -> None:
    if left == right:
        return
    text = unified(diff(left, right, context=context), "a/a file", "b/a file")
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a file"
        file.write_bytes(left.encode())
        command = [program("git"), "apply", "--whitespace=nowarn", "-"]
        environment = os.environ | alone | {"GIT_DIR": f"{folder}/none"}
        done = subprocess.run(
            command, check=False, input=text.encode(), capture_output=True, cwd=folder, env=environment
        )
        assert done.returncode == 0, done.stderr.decode()
        assert file.read_bytes() == right.encode()


# Ten thousand lines


def scattered(base: Sequence[str], changes: int, seed: int, line: str) -> list[str]:
    chance = random.Random(seed)
    lines = list(base)
    for number in range(changes):
        at = chance.randrange(len(lines))
        if number % 5 < 3:
            lines[at] = lines[at].replace("value", f"worth{number}")
        elif number % 5 == 3:
            del lines[at]
        else:
            lines.insert(at, f"{line} {number}")
    return lines


@pytest.mark.parametrize("different", [10_000, 50])
def test_ten_thousand_lines_with_scattered_changes(different: int) -> None:
    base = [f"d-i part{n % different}/option string value {n % different}" for n in range(10_000)]
    left, right = "\n".join(base), "\n".join(scattered(base, 500, 1, "# a comment"))
    spent = []
    for _ in range(3):
        before = time.process_time()
        changed = diff(left, right)
        spent.append(time.process_time() - before)
    assert max(changed.added, changed.removed) <= 400
    assert min(spent) < 0.2  # seconds of processor time; about 0.05 on an ordinary machine


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["a"] * 10_000, ["a"] * 5_000),
        (["a", "b"] * 5_000, ["b", "b", "a"] * 3_000),
        ([f"{n}" for n in range(10_000)], [f"{n}" for n in reversed(range(10_000))]),
        ([f"{n} a" for n in range(10_000)], [f"{n} b" for n in range(10_000)]),
        ([f"{n * n % 97}" for n in range(10_000)], [f"{n * n * n % 97}" for n in range(10_000)]),
        (["x" * 100_000 + str(n) for n in range(50)], ["y" + "x" * 100_000 + str(n) for n in range(50)]),
        (["a " * 900 + str(n) for n in range(300)], ["b " * 900 + str(n) for n in range(300)]),
    ],
    ids=["repeats", "rhythm", "reversed", "every line", "arithmetic", "long lines", "long lines of words"],
)
def test_bad_cases_come_back_and_are_right(left: list[str], right: list[str]) -> None:
    changed = diff("\n".join(left), "\n".join(right), context=10**9)
    assert joined(side(changed, "left")) == "\n".join(left)
    assert joined(side(changed, "right")) == "\n".join(right)

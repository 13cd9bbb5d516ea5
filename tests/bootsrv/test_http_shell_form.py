"""The current step as a shell reads it: whatever is in it, it is data."""

import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootsrv.http.agent import as_assignments
from engine.services.callbacks import CurrentStep
from tests.programs import program

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _step(**more: Any) -> CurrentStep:
    known: dict[str, Any] = {
        "execution_id": "e",
        "step_id": "s",
        "step_key": "run",
        "step_name": "Run",
        "step_type": "node.script",
        "step_config": {},
        "attempt": 1,
        "timeout_seconds": None,
        "heartbeat_seconds": None,
        "deadline_at": None,
        "served": False,
    }
    return CurrentStep(**{**known, **more})


def _read_by(shell: list[str], text: str, names: list[str]) -> list[bytes]:
    """What a shell has in some variables after it has read the assignments."""
    prints = "".join(f'printf "%s\\001" "${name}"; ' for name in names)
    done = subprocess.run(
        [program(shell[0]), *shell[1:], "-c", f". /dev/stdin; {prints}"],
        input=text.encode("utf-8", "replace"),
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert not done.stderr, done.stderr
    return done.stdout.split(b"\1")[:-1]


HOSTILE = [
    "'; touch hacked; '",
    "$(touch hacked)`touch hacked`",
    "a\nPB_STEP_ID=x\n",
    '"\\\'"; exit 1',
    "${IFS}$PATH",
    "\\",
    "ü\u202e\r\t",
    "-n",
    "",
    "a\0b",
]


@pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_shell_reads_what_was_written_whatever_it_is(shell: list[str], text: str) -> None:
    step = _step(step_name=text, step_config={"script": text, "interpreter": text or "/bin/sh", "env": {"A": text}})
    written = as_assignments(step, NOW)
    name, script, env, end = _read_by(shell, written, ["PB_STEP_NAME", "PB_SCRIPT", "PB_ENV", "PB_END"])
    plain = text.replace("\0", "").encode()
    assert (name, script, end) == (plain, plain, b"1")
    assert shlex.split(env.decode()) == [f"A={plain.decode()}"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_characters="\0\1", exclude_categories=["Cs"]), max_size=200))
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    written = as_assignments(_step(step_config={"script": text}), NOW)
    assert _read_by(["dash"], written, ["PB_SCRIPT", "PB_END"]) == [text.encode(), b"1"]


def test_names_that_no_program_can_be_given_are_left_out() -> None:
    env = {"GOOD_1": "a", "B.c-d": "b", "": "x", "-i": "x", "A=B": "x", "a b": "x", "$(x)": "x", "1A": "x"}
    (words,) = _read_by(["dash"], as_assignments(_step(step_config={"env": env}), NOW), ["PB_ENV"])
    assert shlex.split(words.decode()) == ["GOOD_1=a", "B.c-d=b"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"PB_TIMEOUT": "", "PB_HEARTBEAT": "", "PB_SERVED": "0", "PB_INTERPRETER": "/bin/sh"}),
        ({"deadline_at": NOW + timedelta(seconds=60.9)}, {"PB_TIMEOUT": "62"}),
        ({"deadline_at": NOW - timedelta(seconds=60)}, {"PB_TIMEOUT": "3"}),
        ({"heartbeat_seconds": 0.5}, {"PB_HEARTBEAT": "1"}),
        ({"served": True, "step_type": "node.boot"}, {"PB_SERVED": "1", "PB_STEP_TYPE": "node.boot"}),
        ({"step_config": {"op": "poweroff"}}, {"PB_OP": "poweroff"}),
    ],
)
def test_numbers_and_words_for_shells(more: dict[str, Any], expected: dict[str, str]) -> None:
    lines = dict(line.split("=", 1) for line in as_assignments(_step(**more), NOW).splitlines())
    assert {name: shlex.split(lines[name])[0] for name in expected} == expected

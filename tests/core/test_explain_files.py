"""What is no trouble: what of a step's files need not be asked for here, and each moment of a good boot."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine.core.boot_causes import Level
from engine.core.executions import ExecutionStatus
from engine.core.explain import explain
from tests.core.test_boot_trace import OK, PROBED, REFUSED, contact
from tests.core.test_explain import (
    AGENT,
    ASKED,
    BOOTED,
    LINUX,
    LOADER,
    POLL,
    SERVED,
    Story,
    at,
    attempt,
    booting,
    node,
    run,
    working,
)

WITH_AGENT = contact(8, "http", "/initrd/***/initrd.img", bytes=30_000_000, size=30_000_000)


@pytest.mark.parametrize("config", [{"agent": True}, {"overlay": {"etc/issue": "issue"}}])
def test_an_initrd_with_the_agent_in_it_is_not_missed(config: Mapping[str, Any]) -> None:
    trace = [LOADER, ASKED, SERVED, LINUX, WITH_AGENT]
    starts = Story(trace=trace, execution=booting(taken=True, **config), now=90).verdict()
    assert (starts.cause, starts.level) == ("kernel-starts", Level.FINE)
    assert Story(trace=trace, execution=booting(taken=True, **config), now=400).verdict().cause == "no-callback"


@pytest.mark.parametrize("way", ["iso", "chain", "efi", "wimboot"])
def test_what_comes_from_another_server_is_not_missed_here(way: str) -> None:
    def after(seconds: float, name: str) -> str:
        execution = run(attempt("node.boot", "Boot", -60, taken_by="x", config={way: name}))
        return Story(trace=[LOADER, ASKED, SERVED], execution=execution, now=seconds).verdict().cause

    assert after(90, "https://elsewhere.example/a.iso") == "served"
    assert after(400, "https://elsewhere.example/a.iso") == "files-elsewhere"
    assert after(90, "a.iso") == "kernel-not-fetched"


def test_an_error_of_many_lines_is_one_sentence() -> None:
    broken = run(status=ExecutionStatus.FAILED, completed_at=at(300), error="step write failed:\n\x1b[2J" + "x" * 9999)
    verdict = Story(trace=BOOTED, execution=broken, now=310).verdict()
    assert verdict.cause == "failed"
    assert verdict.sentence.isprintable()
    assert len(verdict.sentence) < 500


def test_a_path_with_a_token_that_is_over_is_no_fault_of_its_template() -> None:
    lost = contact(40, "http", "/metadata/***/user-data", REFUSED, "no running execution has this token", status=404)
    verdict = Story(trace=[*BOOTED, lost], execution=booting(taken=True), now=50).verdict()
    assert verdict.cause == "callback-refused"
    other = contact(40, "http", "/render/***/seed", REFUSED, "there is no template seed", status=404)
    assert Story(trace=[*BOOTED, other], execution=booting(taken=True), now=50).verdict().cause == "answers-refused"


def test_a_good_boot_is_no_trouble_at_any_moment() -> None:
    """Each contact as it arrives, and the seconds until the next."""
    story = [*BOOTED, AGENT, POLL]
    for count in range(1, len(story) + 1):
        known = story[:count]
        execution = booting() if count <= 2 else booting(taken=True) if count <= 5 else working()
        verdict = explain(known, node(), execution, known[-1].at + timedelta(seconds=1))
        assert not verdict.is_trouble, verdict.sentence


def test_an_ok_outcome_is_what_good_means() -> None:
    assert [each.is_good for each in (LOADER, contact(0, "tftp", "x", PROBED))] == [True, False]
    assert LOADER.outcome is OK

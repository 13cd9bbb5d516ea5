"""Traces of real machines (QEMU, BIOS and UEFI; made by tests/e2e/test_boot_traces.py), and what is told of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.boot_trace import Contact, ContactKind, Outcome, lives
from engine.core.executions import Execution, ExecutionStatus
from engine.core.explain import explain
from tests.core.test_explain import booting, node, run

KEPT = sorted((Path(__file__).parents[1] / "data" / "boot_traces").glob("*.json"))


def read(line: Mapping[str, Any]) -> Contact:
    moments = {name: None if line[name] is None else datetime.fromisoformat(line[name]) for name in ("at", "until")}
    return Contact(**{**line, **moments, "kind": ContactKind(line["kind"]), "outcome": Outcome(line["outcome"])})


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_real_trace_is_understood(path: Path) -> None:
    kept = json.loads(path.read_text())
    contacts = [read(line) for line in kept["trace"]]
    last = max(line.last_at for line in contacts)
    verdict = explain(contacts, node(), _execution(kept["cause"], contacts), last + timedelta(seconds=1))
    assert verdict.cause == kept["cause"]
    assert lives(contacts)


def test_a_kernel_of_which_nothing_is_heard_becomes_trouble_after_five_minutes() -> None:
    kept = json.loads(next(path for path in KEPT if path.stem == "no-callback").read_text())
    contacts = [read(line) for line in kept["trace"]]
    last = max(line.last_at for line in contacts)
    execution = _execution(kept["cause"], contacts)
    assert not explain(contacts, node(), execution, last + timedelta(minutes=4)).is_trouble
    assert explain(contacts, node(), execution, last + timedelta(minutes=5)).cause == "no-callback"


def test_there_are_at_least_six() -> None:
    assert len(KEPT) >= 6


def _execution(cause: str, contacts: list[Contact]) -> Execution:
    """As it stood: begun a moment before the machine came."""
    if cause == "finished":
        return run(status=ExecutionStatus.SUCCEEDED, completed_at=contacts[-1].last_at)
    [attempt] = booting(taken=True, kernel="vmlinuz", initrd="initrd.gz").attempts
    return run(replace(attempt, started_at=contacts[0].at - timedelta(seconds=5)))

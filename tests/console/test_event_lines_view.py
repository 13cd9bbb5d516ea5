"""Events told in sentences, without a screen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from console.view import event_lines
from console.view.labels import Role
from engine.core.events import Event, Kind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_event_can_be_told_without_its_data(kind: Kind) -> None:
    text, role = event_lines.tell(Event(id=1, kind=kind, at=NOW, principal="system"))
    assert text
    assert role in Role


@pytest.mark.parametrize(
    ("kind", "data", "text", "role"),
    [
        (
            Kind.NODE_STATE_CHANGED,
            {"from_state": "installing", "to_state": "install_failed", "metadata": {"error": "no disk"}},
            "installing -> install failed: no disk",
            Role.BAD,
        ),
        (
            Kind.NODE_UPDATED,
            {"changes": {"hostname": [None, "r4-01"]}},
            "changed: hostname now r4-01",
            Role.PLAIN,
        ),
        (
            Kind.ATTEMPT_FINISHED,
            {"step": "Partition", "attempt": 2, "status": "timed_out", "error": "after 5m"},
            "Partition (try 2) timed out: after 5m",
            Role.BAD,
        ),
        (Kind.EXECUTION_FINISHED, {"workflow": "d", "status": "succeeded"}, "d succeeded", Role.GOOD),
        (
            Kind.ATTEMPT_ROUTED,
            {
                "step": "Check",
                "edges": [
                    {"to": "wipe", "taken": True},
                    {"to": "ask", "taken": False, "if": "meta.big", "held": False},
                ],
            },
            "Check goes on with wipe: meta.big does not hold",
            Role.MUTED,
        ),
        (Kind.ATTEMPT_ROUTED, {"step": "Check", "edges": []}, "Check goes nowhere from here", Role.MUTED),
        (
            Kind.TRIGGER_FAILED,
            {"name": "nightly", "error": "there is no node r4-99"},
            "trigger nightly started nothing: there is no node r4-99",
            Role.BAD,
        ),
        (
            Kind.TRIGGER_UPDATED,
            {"name": "nightly", "changes": {"enabled": [True, False]}},
            "trigger nightly changed: enabled now False",
            Role.PLAIN,
        ),
        (
            Kind.TRIGGER_SKIPPED,
            {"name": "nightly", "missed": 100, "missed_at_least": True},
            "trigger nightly was missed at least 100 times; that is skipped",
            Role.WARN,
        ),
        (
            Kind.LINK_RECORDED,
            {"system": "netbox", "kind": "device", "key": "r4-01", "external_id": "771"},
            "made device r4-01 in netbox: 771",
            Role.PLAIN,
        ),
        (
            Kind.STORE_PRUNED,
            {"executions": 12, "logs": 1, "events": 0},
            "forgot 12 executions, 1 logs: they are older than what is kept",
            Role.MUTED,
        ),
        (
            Kind.HOST_LOST,
            {"host": "rack-a"},
            "PureBoot on rack-a is gone; the others go on with its work",
            Role.BAD,
        ),
        (Kind.SECRET_SET, {"name": "pw", "is_new": True}, "secret pw set", Role.PLAIN),
        (Kind.SECRET_SET, {"name": "pw", "is_new": False}, "secret pw has another value", Role.PLAIN),
        (Kind.SECRET_DELETED, {"name": "pw"}, "secret pw deleted", Role.PLAIN),
        (
            Kind.SECRET_ROTATED,
            {"key_id": "5c7f46c248d4", "secrets": 2, "webhooks": 1},
            "secrets have a new key; sealed anew: 2, and 1 of webhooks",
            Role.PLAIN,
        ),
    ],
)
def test_events_are_told_in_sentences(kind: Kind, data: dict[str, Any], text: str, role: Role) -> None:
    assert event_lines.tell(Event(id=1, kind=kind, at=NOW, principal="system", data=data)) == (text, role)


def test_groups_are_told_by_name() -> None:
    group = "4c4c4544-0000-4a10-8000-000000000001"
    event = Event(
        id=1, kind=Kind.NODE_UPDATED, at=NOW, principal="user:ada", data={"changes": {"group_id": ["", group]}}
    )
    assert event_lines.entry(event, 1, "r4-01", {group: "r4"}).text == "changed: group now r4"

"""Triggers: when schedules come, what is made of missed times, which events fit, who may send a webhook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import schedule, trigger_config, triggers
from engine.core.events import Event, Kind
from engine.core.rendering import MASK
from engine.core.schedule import MAX_COUNTED, MAX_FIRED, Missed, Schedule
from engine.core.shape import as_data
from engine.core.trigger_config import Listening, TriggerType, Webhook
from engine.errors import Invalid

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(cron: str, after: str, n: int, timezone: str = BERLIN) -> list[str]:
    found = schedule.next_times(Schedule(cron=cron, timezone=timezone), at(after), n)
    return [f"{each:%m-%d %H:%M}" for each in found]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # 2026-03-29: 02:00 becomes 03:00, which is 01:00 UTC
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30", "03-31 00:30"]),
        ("30 2,3 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-29 01:30", "03-30 00:30"]),
        ("0 3 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-30 01:00"]),
        ("*/30 * * * *", "2026-03-29T00:00", ["03-29 00:30", "03-29 01:00", "03-29 01:30"]),
        # 2026-10-25: 03:00 becomes 02:00, which is 01:00 UTC
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        ("30 2 * * *", "2026-10-25T00:40", ["10-26 01:30", "10-27 01:30"]),
        ("30 2 * * *", "2026-10-25T01:10", ["10-26 01:30", "10-27 01:30"]),
        ("30 4 * * *", "2026-10-24T12:00", ["10-25 03:30", "10-26 03:30"]),
        ("*/30 2 * * *", "2026-10-24T12:00", ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"]),
        ("0 * * * *", "2026-10-24T23:30", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ("@daily", "2026-06-01T00:00", ["06-01 22:00", "06-02 22:00"]),
        ("0 12 * * MON#1", "2026-06-01T11:00", ["07-06 10:00"]),
    ],
)
def test_times_are_those_of_the_clocks_in_the_zone(cron: str, after: str, expected: list[str]) -> None:
    assert times(cron, after, len(expected)) == expected


def test_in_utc_nothing_ever_changes() -> None:
    assert times("30 2 * * *", "2026-03-28T12:00", 2, "utc") == ["03-29 02:30", "03-30 02:30"]


CRONS = st.sampled_from(
    [
        *("* * * * *", "*/7 * * * *", "30 2 * * *", "0,30 1-3 * * *"),
        *("15 */3 * * *", "0 0 1 * *", "45 23 * * 1-5", "0 2 L * *"),
    ]
)
ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"])
SCHEDULES = st.builds(Schedule, cron=CRONS, timezone=ZONES, missed=st.sampled_from(Missed))
MOMENTS = st.integers(0, 16 * 365 * 24 * 3600).map(lambda seconds: at("2011-01-01T00:00") + timedelta(seconds=seconds))
# Where clocks change, every minute counts: an hour or two before and after the changes of 2026.
CHANGES = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from([at("2026-03-29T01:00"), at("2026-10-25T01:00"), at("2026-03-08T07:00"), at("2026-11-01T06:00")]),
    st.integers(-180, 180),
)


@settings(deadline=None)
@given(SCHEDULES, MOMENTS | CHANGES)
def test_occurrences_grow_and_are_the_same_wherever_one_begins(value: Schedule, after: datetime) -> None:
    found = list(islice(schedule.occurrences(value, after), 12))
    assert all(one < other for one, other in pairwise([after, *found]))
    for index, each in enumerate(found[:-1]):
        assert schedule.next_times(value, each, 1) == (found[index + 1],)


def every(value: Schedule, first: datetime, now: datetime) -> list[datetime]:
    """All occurrences, the plain way."""
    return [first, *takewhile(lambda moment: moment <= now, schedule.occurrences(value, first))]


@settings(deadline=None)
@given(SCHEDULES, MOMENTS | CHANGES, st.integers(0, 3000), st.integers(0, 59))
def test_a_policy_fires_what_it_says_and_counts_the_rest(
    value: Schedule, after: datetime, minutes: int, seconds: int
) -> None:
    first = schedule.next_times(value, after, 1)[0]
    now = first + timedelta(minutes=minutes, seconds=seconds)
    plan = schedule.due(value, first, now)
    waiting = every(value, first, now)
    assert (
        list(plan.fire)
        == {
            Missed.SKIP: [each for each in waiting if now - each < timedelta(minutes=1)],
            Missed.ONCE: waiting[-1:],
            Missed.ALL: waiting[-MAX_FIRED:],
        }[value.missed]
    )
    assert (plan.missed, plan.more) == (len(waiting) - len(plan.fire), False)
    assert (plan.next_at,) == schedule.next_times(value, now, 1)


@settings(deadline=None)
@given(CRONS, ZONES, MOMENTS | CHANGES, st.lists(st.integers(1, 500), min_size=1, max_size=5))
def test_nothing_is_fired_twice_or_lost_however_late_one_looks(
    cron: str, zone: str, start: datetime, minutes: list[int]
) -> None:
    value = Schedule(cron=cron, timezone=zone, missed=Missed.ALL)
    expected = schedule.next_times(value, start, 1)[0]
    next_at: datetime | None = expected
    fired: list[datetime] = []
    missed, now = 0, start
    for step in minutes:
        now += timedelta(minutes=step)
        if next_at is not None and next_at <= now:
            plan = schedule.due(value, next_at, now)
            fired += plan.fire
            missed += plan.missed
            next_at = plan.next_at
    assert fired == sorted(set(fired))
    waited = list(takewhile(lambda moment: moment <= now, schedule.occurrences(value, start)))
    assert len(fired) + missed == len(waited)
    assert set(fired) <= set(waited)


def test_a_year_of_minutes_is_neither_fired_nor_counted_to_its_end() -> None:
    value = Schedule(cron="* * * * *", missed=Missed.ALL)
    plan = schedule.due(value, at("2025-01-01T00:00"), at("2026-01-01T00:00"))
    assert (len(plan.fire), plan.missed, plan.more) == (MAX_FIRED, MAX_COUNTED - MAX_FIRED, True)
    assert plan.fire[-1] == at("2026-01-01T00:00")


@pytest.mark.parametrize(
    ("kind", "data", "wrong"),
    [
        ("schedule", {}, {"config.cron": "is missing"}),
        ("schedule", {"cron": "* * * *"}, {"config.cron": "it has five fields"}),
        ("schedule", {"cron": "* * * * * *"}, {"config.cron": "it has five fields"}),
        ("schedule", {"cron": "61 * * * *"}, {"config.cron": "bad minute"}),
        ("schedule", {"cron": "0 0 31 2 *"}, {"config.cron": "bad day-of-month"}),
        ("schedule", {"cron": "1 " * 4 + "9" * 5000}, {"config.cron": "at most 200"}),
        ("schedule", {"cron": 5}, {"config.cron": "must be text"}),
        ("schedule", {"cron": "@daily", "timezone": "Mars/Olympus"}, {"config.timezone": "is no time zone"}),
        ("schedule", {"cron": "@daily", "timezone": "Europe"}, {"config.timezone": "is no time zone"}),
        ("schedule", {"cron": "@daily", "timezone": "../../etc/passwd"}, {"config.timezone": "is no time zone"}),
        ("schedule", {"cron": "x", "timezone": "y"}, {"config.cron": "five", "config.timezone": "no time zone"}),
        ("schedule", {"cron": "@daily", "missed": "some"}, {"config.missed": "not one of skip, once, all"}),
        ("schedule", {"cron": "@daily", "time_zone": "UTC"}, {"config.time_zone": "did you mean timezone?"}),
        ("manual", {"cron": "@daily"}, {"config.cron": "is no field here"}),
        ("webhook", {"path": "a b"}, {"config.path": "may have"}),
        ("webhook", {"path": "a/../b"}, {"config.path": "may have"}),
        ("webhook", {"path": "a//b"}, {"config.path": "may have"}),
        ("webhook", {"path": "x" * 201}, {"config.path": "at most 200"}),
        ("webhook", {"path": "x", "secret": 7}, {"config.secret": "must be a text"}),
        ("event", {}, {"config.event": "is missing"}),
        ("event", {"event": "node.discoverd"}, {"config.event": "did you mean node.discovered?"}),
        ("event", {"event": ["node.discovered", 7]}, {"config.event": "'7' is no kind of event"}),
        ("event", {"event": "trigger.failed"}, {"config.event": "would not come to an end"}),
        ("event", {"event": {"a": 1}}, {"config.event": "must be a kind"}),
        ("event", {"event": "node.discovered", "filters": {"a": {}}}, {"config.filters": "plain"}),
    ],
)
def test_a_wrong_config_is_refused_with_every_reason(kind: str, data: Any, wrong: Mapping[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        trigger_config.parse_config(TriggerType(kind), data)
    said = {each.path: each.message for each in refused.value.problems}
    assert set(said) == set(wrong)
    assert all(text in said[path] for path, text in wrong.items()), said


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("manual", {}),
        ("webhook", {"path": "ci/build-1", "secret": "s3cret"}),
        ("webhook", {"path": "x", "secret": None}),
        ("schedule", {"cron": "30 4 * * 1", "timezone": BERLIN, "missed": "all"}),
        ("event", {"event": "node.state_changed", "filters": {"state": "installed"}}),
        ("event", {"event": ["execution.failed", "node.discovered"], "filters": {}}),
    ],
)
def test_a_config_is_kept_as_it_was_given(kind: str, data: dict[str, Any]) -> None:
    config = trigger_config.parse_config(TriggerType(kind), data)
    assert trigger_config.config_data(config) == data
    assert trigger_config.kept_config(TriggerType(kind), data) == config


def test_a_secret_and_a_path_that_is_one_are_not_told() -> None:
    signed = Webhook(path="build", secret="hunter2")
    assert as_data(signed) == trigger_config.told_config(signed) == {"path": "build", "secret": MASK}
    assert trigger_config.told_config(Webhook(path="build")) == {"path": MASK, "secret": None}


MOVED = {"from_state": "installing", "to_state": "installed"}
ENDED = {"workflow": "debian", "status": "failed", "error": "no disk"}


@pytest.mark.parametrize(
    ("event", "filters", "kind", "data", "fitting"),
    [
        ("node.discovered", {}, Kind.NODE_DISCOVERED, {}, True),
        ("node.discovered", {}, Kind.NODE_CREATED, {}, False),
        (("node.created", "node.discovered"), {}, Kind.NODE_CREATED, {}, True),
        ("node.state_changed", {"state": "installed"}, Kind.NODE_STATE_CHANGED, MOVED, True),
        ("node.state_changed", {"state": "installing"}, Kind.NODE_STATE_CHANGED, MOVED, False),
        ("node.state_changed", {"to_state": ["active", "installed"]}, Kind.NODE_STATE_CHANGED, MOVED, True),
        ("node.state_changed", {"from_state": "active", "state": "installed"}, Kind.NODE_STATE_CHANGED, MOVED, False),
        ("node.installed", {}, Kind.NODE_STATE_CHANGED, MOVED, True),
        ("node.retired", {}, Kind.NODE_STATE_CHANGED, MOVED, False),
        ("execution.ended", {}, Kind.EXECUTION_FINISHED, ENDED, True),
        ("execution.failed", {"workflow": "debian"}, Kind.EXECUTION_FINISHED, ENDED, True),
        ("execution.succeeded", {}, Kind.EXECUTION_FINISHED, ENDED, False),
        (("execution.succeeded", "execution.finished"), {}, Kind.EXECUTION_FINISHED, ENDED, True),
        ("execution.finished", {"node_id": "n1"}, Kind.EXECUTION_FINISHED, ENDED, True),
        ("execution.finished", {"node_id": "n2"}, Kind.EXECUTION_FINISHED, ENDED, False),
        ("execution.finished", {"colour": "red"}, Kind.EXECUTION_FINISHED, ENDED, False),
        ("attempt.finished", {"exit_code": 3}, Kind.ATTEMPT_FINISHED, {"exit_code": 3}, True),
        ("attempt.finished", {"exit_code": "3"}, Kind.ATTEMPT_FINISHED, {"exit_code": 3}, True),
        ("dead_letter.created", {}, Kind.DEAD_LETTER_CREATED, {}, True),
        ("dead_letter.created", {}, Kind.DEAD_LETTER_CREATED, {"trigger_id": "t"}, False),
    ],
)
def test_events_fit_by_kind_and_by_their_fields(
    event: Any, filters: dict[str, Any], kind: Kind, data: dict[str, Any], fitting: bool
) -> None:
    config = Listening(event=event, filters=filters)
    happened = Event(id=7, kind=kind, at=at("2026-01-01T00:00"), principal="system", node_id="n1", data=data)
    assert trigger_config.fits(config, happened) is fitting
    assert kind in trigger_config.kinds(config) or not fitting


def test_a_signature_is_the_one_of_github() -> None:
    # The example of GitHub's documentation, "Validating webhook deliveries".
    right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert triggers.signature("It's a Secret to Everybody", b"Hello, World!") == right


@given(st.text(min_size=1, max_size=20), st.binary(max_size=50), st.binary(max_size=50))
def test_only_the_same_body_with_the_same_secret_is_signed(secret: str, body: bytes, other: bytes) -> None:
    given_ = triggers.signature(secret, body)
    assert triggers.is_signed(secret, body, given_)
    assert triggers.is_signed(secret, body, f" {given_.upper()} ")
    assert triggers.is_signed(secret, other, given_) is (body == other)
    assert not triggers.is_signed(secret + "x", body, given_)
    assert triggers.is_signed(None, body, None)
    for wrong in (None, "", "sha256=", given_[:-1], given_.removeprefix("sha256="), "sha256=ä"):
        assert not triggers.is_signed(secret, body, wrong)


ID = "4e7c5a4e-5fb3-4664-a485-dd8339e4b1e1"


@given(st.text(min_size=1, max_size=300))
def test_a_request_id_tells_whose_it_is_and_can_be_kept(key: str) -> None:
    request = triggers.request_id(ID, key)
    assert len(request) <= 200
    found = triggers.started_by(request)
    assert found is not None
    assert found[0] == ID
    assert len(key) > 120 or found[1] == key


def test_the_key_of_an_event_tells_which() -> None:
    assert triggers.event_of(triggers.event_key(42)) == 42
    assert [triggers.event_of(key) for key in ("42", "event-", "event-x", "event-²", "hook-event-1")] == [None] * 5
    assert triggers.started_by("attempt:1") is triggers.started_by(None) is None
    assert triggers.time_key(at("2026-03-29T01:00")) == "2026-03-29T01:00:00Z"


def test_texts_are_checked_before_they_are_needed() -> None:
    problems = triggers.check_texts("{{ event.", {"a": ["{% if %}"], "b": "{{ x }}", "n": 1}, "1 +")
    assert [each.path for each in problems] == ["condition", "node", "params.a[0]"]

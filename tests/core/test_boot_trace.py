"""Lines of boot traces: what is folded, where a machine's life begins, what is made harmless."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.boot_trace import (
    LONGEST,
    Contact,
    ContactKind,
    Outcome,
    Stage,
    fold,
    lives,
    tidy,
    times,
)

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OK, REFUSED, FAILED, PROBED, IGNORED = Outcome.OK, Outcome.REFUSED, Outcome.FAILED, Outcome.PROBED, Outcome.IGNORED


def contact(seconds: float, kind: str, what: str, outcome: Outcome = OK, message: str = "", **more: object) -> Contact:
    """A line so many seconds after nine o'clock; what is no field of it is a fact."""
    fields = {name: value for name, value in more.items() if name in ("status", "bytes", "size", "count", "seconds")}
    facts = {name: str(value) for name, value in more.items() if name not in (*fields, "lasted")}
    lasted = more.get("lasted")
    return Contact(
        at=START + timedelta(seconds=seconds),
        until=None if lasted is None else START + timedelta(seconds=seconds + float(str(lasted))),
        kind=ContactKind(kind),
        what=what,
        outcome=outcome,
        message=message,
        facts=facts,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        (contact(0, "dhcp", "discover"), Stage.DHCP),
        (contact(0, "tftp", "ipxe.efi"), Stage.LOADER),
        (contact(0, "tftp", "pxelinux.0"), Stage.LOADER),
        (contact(0, "tftp", "nonsense"), Stage.LOADER),
        (contact(0, "tftp", "autoexec.ipxe"), Stage.SCRIPT),
        (contact(0, "tftp", "grub/grub.cfg-01-52-54-00-00-00-01"), Stage.SCRIPT),
        (contact(0, "tftp", "debian/vmlinuz"), Stage.FILES),
        (contact(0, "http", "/boot/ipxe.efi"), Stage.LOADER),
        (contact(0, "http", "/files/boot/ipxe.efi", agent="UefiHttpBoot/1.0"), Stage.LOADER),
        (contact(0, "http", "/files/boot/grubx64.efi", agent="iPXE/1.0"), Stage.FILES),
        (contact(0, "http", "/boot.ipxe"), Stage.SCRIPT),
        (contact(0, "http", "/boot/localboot.efi"), Stage.SCRIPT),
        (contact(0, "http", "/files/debian/linux"), Stage.FILES),
        (contact(0, "http", "/render/***/answers"), Stage.INSTALLER),
        (contact(0, "callback", "callback/current"), Stage.AGENT),
    ],
    ids=lambda value: value.what if isinstance(value, Contact) else value.name,
)
def test_how_far_a_machine_is_that_makes_a_contact(line: Contact, stage: Stage) -> None:
    assert line.stage is stage


def test_polls_and_heartbeats_that_take_turns_are_two_lines() -> None:
    beats = [
        contact(at * 10, "callback", f"callback/{('current', 'heartbeat')[at % 2]}", status=204) for at in range(40)
    ]
    lines, same = fold([contact(-10, "http", "/files/linux")], beats)
    assert [(line.what, line.count) for line in lines] == [
        ("/files/linux", 1),
        ("callback/current", 20),
        ("callback/heartbeat", 20),
    ]
    assert same == 1
    assert lines[1].last_at == START + timedelta(seconds=380)
    more, same = fold(lines, [contact(400, "callback", "callback/current", status=204)])
    assert (more[1].count, more[2], same) == (21, lines[2], 1)


def test_what_is_not_alike_is_not_folded() -> None:
    lines = [contact(0, "http", "/files/linux", bytes=10)]
    for other in (
        contact(1, "http", "/files/initrd"),
        contact(1, "http", "/files/linux", REFUSED, status=404),
        contact(1, "http", "/files/linux", message="other"),
        contact(700, "http", "/files/linux"),
    ):
        assert len(fold(lines, [other])[0]) == 2
    ranges, _ = fold(lines, [contact(1, "http", "/files/linux", bytes=5)])
    assert (ranges[0].bytes, ranges[0].count) == (15, 2)


def test_the_same_script_after_something_else_is_a_line_of_its_own() -> None:
    story = [
        contact(0, "tftp", "ipxe.efi"),
        contact(5, "http", "/boot.ipxe", told="serve"),
        contact(6, "http", "/files/linux"),
        contact(60, "tftp", "ipxe.efi"),
        contact(65, "http", "/boot.ipxe", told="serve"),
    ]
    assert fold([], reversed(story)) == (story, 0)


_CONTACTS = st.lists(
    st.builds(
        contact,
        st.integers(0, 4000),
        st.sampled_from(["tftp", "http", "callback"]),
        st.sampled_from(["a.efi", "/boot.ipxe", "/files/linux", "callback/current"]),
        st.sampled_from(list(Outcome)),
    ),
    max_size=30,
)


@given(_CONTACTS, _CONTACTS)
def test_folding_loses_no_contact_and_is_bounded_by_what_came(one: Sequence[Contact], other: Sequence[Contact]) -> None:
    lines, _ = fold([], one)
    more, same = fold(lines, other)
    assert times(more) == len(one) + len(other)
    assert more[:same] == lines[:same]
    assert len(more) <= len(lines) + len(other)


@given(_CONTACTS)
def test_lives_are_the_trace_cut_in_pieces(contacts: Sequence[Contact]) -> None:
    assert [line for life in lives(contacts) for line in life] == list(contacts)
    assert all(lives(contacts))


def test_a_life_begins_with_a_loader_or_with_a_script_after_files() -> None:
    story = [
        contact(0, "tftp", "ipxe.efi", PROBED),
        contact(1, "tftp", "ipxe.efi"),
        contact(5, "http", "/boot.ipxe", told="ask"),
        contact(6, "http", "/boot.ipxe", told="local"),
        contact(16, "http", "/boot.ipxe", told="serve", again="true"),
        contact(17, "http", "/files/linux"),
        contact(40, "callback", "callback/current"),
        contact(90, "http", "/boot.ipxe", told="local"),
        contact(900, "dhcp", "discover"),
        contact(901, "tftp", "ipxe.efi"),
    ]
    assert [len(life) for life in lives(story)] == [7, 1, 2]


def test_hostile_texts_are_one_line_and_bounded() -> None:
    line = tidy(
        contact(
            0, "tftp", "a\x1b[2J\nb" * 200, REFUSED, "x\0\r\n" * 300, **{f"fact{at}": "\x07y" * 99 for at in range(50)}
        )
    )
    assert len(line.what) <= LONGEST
    assert line.what.isprintable()
    assert line.message.isprintable()
    assert len(line.facts) <= 12
    assert all(len(value) <= 100 and value.isprintable() for value in line.facts.values())
    assert tidy(line) == line == replace(line)

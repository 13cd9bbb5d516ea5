"""What a machine did at the boot doors, on the screens: the list where it hangs, its node, line by line."""

from datetime import UTC, datetime

import pytest

from console.screens.trace import TraceScreen
from console.view.trace_lines import came_to
from engine.core.boot_trace import Contact, ContactKind, Outcome
from tests.console.conftest import Opened, Stage, choose


def heard(at: Stage, name: str, what: str, kind: str, outcome: str = "ok", message: str = "") -> None:
    """A contact of a node's machine, now."""
    node = next(each for each in at.app.model.nodes.values() if each.name == name)
    contact = Contact(
        at=at.clock.now(), kind=ContactKind(kind), what=what, outcome=Outcome(outcome), message=message, bytes=950_000
    )
    at.pureboot.traces.note(contact, mac=node.mac_address)


async def test_a_machine_that_hangs_says_so_on_its_screen_and_its_trace_is_one_key_away(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await choose(at, "r4-01")
        heard(at, "r4-01", "ipxe.efi", "tftp")
        at.clock.advance(90)
        await at.press("enter")
        await at.sees("ipxe.efi sent at", "no script asked for in 90 s", "snponly", "boot trace")
        await at.press("t")
        await at.until(lambda: isinstance(at.app.screen, TraceScreen))
        await at.sees("boot trace, 1 line", "ipxe.efi", "tftp", "950.0 kB", "sent")
        heard(at, "r4-01", "evil\x1b[2J" * 40, "tftp", "refused", "there is no file")
        await at.pureboot.traces.flush()
        await at.sees("refused: there is no file", "boot trace, 2 lines")
        assert all(len(line) <= 80 for line in at.lines)
        await at.press("escape")
        await at.sees("MACHINE")


async def test_where_a_machine_hangs_the_list_says_so(stage: Opened) -> None:
    async with stage(size=(120, 36)) as at:
        await at.sees("r4-04")
        heard(at, "r4-04", "callback/current", "callback")
        at.clock.advance(400)
        await at.until(lambda: "! nothing was heard f" in at.line_with("r4-04"))


@pytest.mark.parametrize(
    ("told", "words"),
    [("serve", "told to boot: x"), ("local", "told: its disk: x"), ("load", "told to load: x"), ("", "sent: x")],
)
def test_what_a_machine_was_told_is_said_of_its_script(told: str, words: str) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    line = Contact(
        at=at, kind=ContactKind.HTTP, what="/boot.ipxe", outcome=Outcome.OK, message="x", facts={"told": told}
    )
    assert came_to(line) == words

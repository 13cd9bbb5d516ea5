"""The report of one execution: what it says, and that nothing which a machine wrote can do anything in it."""

import asyncio
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from console.screens.execution import ExecutionScreen
from console.screens.say import SayScreen
from console.view.reports import FORMATS, file_name, format_of
from engine.app import PureBoot
from engine.core.accounts import MOST_ATTEMPTS, Account, AttemptAccount, Way
from engine.core.boot_trace import Contact, ContactKind, Outcome
from engine.core.conditions import Named
from engine.core.events import Event, Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.nodes import Node, NodeState
from engine.core.workflows import When
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.console import details
from tests.console.cli_support import Commands
from tests.console.conftest import Opened
from tests.console.test_timeline_view import START, at, attempt, execution, workflow
from tests.story import ADA

FAILED, SUCCEEDED = AttemptStatus.FAILED, AttemptStatus.SUCCEEDED
EVIL = "<script>alert('x')</script>\x1b[2J\u202e\"&]]>"


def account(evil: str = "") -> Account:
    """A node that failed on its disk; `evil` is put wherever a machine or a person may write."""
    boot, disk = (
        attempt("boot", SUCCEEDED, 0, 20),
        replace(attempt("disk", FAILED, 20, 26), error=f"no disk {evil}", exit_code=1),
    )
    steps = workflow("boot", "disk", "packages")
    if evil:
        steps = replace(steps, steps=tuple(replace(step, name=step.name + evil) for step in steps.steps))
        boot, disk = (replace(each, step_name=each.step_name + evil, message=evil) for each in (boot, disk))
    ran = replace(
        execution(boot, disk, ended=26),
        id="019a3c5e-0000-7000-8000-000000000001",
        workflow_name="debian-12",
        status=ExecutionStatus.FAILED,
        error=f"step disk failed: no disk {evil}",
        principal=f"user:ada{evil}",
        params={"disk": f"/dev/sda{evil}"},
    )
    node = Node(
        id="n",
        mac_address="52:54:00:00:00:07",
        hostname=f"r4-07{evil}",
        vendor=f"Dell{evil}",
        state=NodeState.INSTALL_FAILED,
        state_changed_at=START,
        created_at=START,
        updated_at=START,
    )
    way = Way(
        to="packages",
        name=f"packages{evil}",
        when=When.SUCCESS,
        if_=f"params.disk != '{evil}'",
        held=False,
        taken=False,
        values=(Named(name="params.disk", value=f'"/dev/sda{evil}"'),),
    )
    contact = Contact(at=START, kind=ContactKind.HTTP, what=f"/boot.ipxe{evil}", outcome=Outcome.OK, message=evil)
    fact = Event(id=1, kind=Kind.ATTEMPT_FINISHED, at=at(26), principal=f"node:x{evil}", data={"step": f"disk{evil}"})
    return Account(
        made_at=at(3600),
        execution=ran,
        workflow=steps,
        node=node,
        attempts=(
            AttemptAccount(attempt=boot),
            AttemptAccount(
                attempt=disk,
                parameters={"script": f"parted{evil}"},
                ways=(way,),
                log_end=f"+ parted\n{evil}\nI/O error\n",
            ),
        ),
        events=(fact,),
        contacts=(contact,),
    )


def test_the_text_tells_what_happened() -> None:
    text = FORMATS["text"](account())
    for said in (
        "What happened to r4-07\n======================",
        "execution        019a3c5e-0000-7000-8000-000000000001",
        "status           failed, 0% done",
        "started          2026-03-01 12:00:00 UTC by ada (manual)",
        "ended            2026-03-01 12:00:26 UTC",
        "error            step disk failed: no disk",
        "disk: failed\n------------",
        "exit code        1",
        "what to do       the last lines of its log say what the script did before it ended with 1",
        "its log:\n  | + parted\n  |\n  | I/O error",
        "disk -> packages: if params.disk != '' -> false (params.disk = \"/dev/sda\")",
        "http  /boot.ipxe",
        "made by PureBoot at 2026-03-01 13:00:00 UTC; values of secrets are masked",
    ):
        assert said in text, said
    assert max(len(line) for line in text.split("\n")) < 200


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_that_a_machine_wrote_can_do_anything(format_: str) -> None:
    text = FORMATS[format_](account(EVIL))
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "^[[2J<U+202E>" in text.replace("&lt;", "<").replace("&gt;", ">")
    if format_ == "text":
        return
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert not any(name.startswith("on") or name in ("href", "src") for name in page.attributes)
    assert "<script>alert('x')</script>" in page.said, "it is told as it is"
    if format_ == "svg":
        ElementTree.fromstring(text)


def test_a_page_needs_nothing_else() -> None:
    text = FORMATS["html"](account())
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    svg = FORMATS["svg"](account())
    assert svg.count("<rect") >= 3
    assert "failed 6s" in svg, "a bar is told in words as well"
    assert "not run" in svg


def test_a_report_has_bounds() -> None:
    small = account()
    one = small.attempts[1]
    huge = "x" * 50_000
    many = tuple(
        replace(one, attempt=replace(one.attempt, error=huge, message=huge), log_end="y" * 500, parameters={"s": huge})
        for _ in range(MOST_ATTEMPTS)
    )
    told = replace(small, attempts=many, events=small.events * 500, events_left_out=7, left_out=3)
    for format_, write in FORMATS.items():
        text = write(told)
        assert len(text) < 4_000_000, format_
    assert "7 older events" in FORMATS["text"](told)
    assert "370 more attempts that failed, in full" in FORMATS["text"](told)


def test_files_have_names_by_which_they_are_found() -> None:
    ran = account().execution
    assert file_name(ran, "r4-07", "html") == "r4-07-debian-12-019a3c5e.html"
    assert file_name(ran, "../../etc/x y", "svg") == "etc-x-y-debian-12-019a3c5e.svg"
    assert file_name(ran, "", "text") == "debian-12-019a3c5e.txt"
    assert [format_of(name) for name in ("a.HTML", "a.htm", "b.svg", "c.txt", "d")] == [
        "html",
        "html",
        "svg",
        "text",
        None,
    ]


async def test_a_report_is_saved_from_the_screen(
    stage: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(size=(100, 30), scene="nothing") as at:
        ran = await details.node_with_execution(at.pureboot)
        await details.to_the_failing_disk(at.pureboot, at.clock, ran)
        at.app.open_execution(ran.id)
        await at.sees("LOG  Partition the disk", "on r4-07")
        await at.press("E")
        await at.until(lambda: isinstance(at.app.screen, SayScreen))
        await at.sees("Save a report?", "timeline, attempts, errors,")
        await at.press("enter", "h")
        name = f"r4-07-debian-12-{ran.id[:8]}.html"
        await at.until(lambda: any(f"the report is in {name}" in notice.text for notice in at.app.said))
        text = (tmp_path / name).read_text()
        assert "What happened to r4-07" in text
        assert "Input/output error" in text
        await at.press("E", "enter", "h")
        await at.until(lambda: any("is there already" in notice.text for notice in at.app.said))
        await at.press("E")
        await at.type("ticket")
        await at.press("enter", "s")
        await at.until((tmp_path / "ticket.svg").exists)
        assert isinstance(at.app.screen, ExecutionScreen)


async def _fill(url: str, folder: Path) -> str:
    clock = ManualClock()
    async with PureBoot(settings_for(url, folder), clock=clock) as pureboot:
        ran = await details.node_with_execution(pureboot)
        await details.to_the_failing_disk(pureboot, clock, ran)
        await pureboot.executions.cancel(ran.id, by=ADA, reason="wrong machine")
        return ran.id


def test_a_report_is_printed_and_saved_by_the_command(
    pureboot_command: Commands, sqlite_url: str, tmp_path: Path
) -> None:
    ran = asyncio.run(_fill(sqlite_url, tmp_path))
    printed = pureboot_command.ok("execution", "report", ran[:8])
    assert "What happened to r4-07" in printed
    assert "wrong machine" in printed
    saved = tmp_path / "r.svg"
    assert "the report (svg) is in" in pureboot_command.ok("execution", "report", ran, "-o", str(saved))
    assert saved.read_text().startswith("<?xml")
    assert pureboot_command.ok("execution", "report", ran, "--format", "html").startswith("<!DOCTYPE html>")
    assert pureboot_command("execution", "report", "nowhere").exit_code == 3
    assert pureboot_command("execution", "report", ran, "-o", "/nowhere/r.svg").exit_code == 1

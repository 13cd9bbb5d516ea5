"""`pureboot workflow plan` and `pureboot workflow rehearse`: what they print, also at 80 columns, and exit codes."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from console.view import plan_lines, rehearsal_lines
from console.view.labels import ASCII, plain
from engine.app import PureBoot
from engine.core.outcomes import Ending, Outcome
from engine.core.plans import Plan
from engine.core.rehearsal import Difference, Rehearsed
from engine.core.workflows import Backoff, Retry
from tests.conftest import settings_for
from tests.console.cli_support import ROOT, Commands, Terminal, environment
from tests.services.test_plans import INSTALL, MAC, ONE_DISK, prepared

REHEARSALS = ROOT / "tests" / "data" / "rehearsals"


@pytest.fixture
def rack(sqlite_url: str, tmp_path: Path) -> Commands:
    """Commands on a store with the workflow `install` and a node."""

    async def fill() -> None:
        async with PureBoot(settings_for(sqlite_url, tmp_path), host=False) as pureboot:
            await prepared(pureboot)
            await pureboot.templates.add_version("answers", "d-i disk ${params.disk}\n", by="user:test")

    asyncio.run(fill())
    return Commands(sqlite_url, tmp_path)


PLAN = ("workflow", "plan", "install", "--node", "r4-01", "-p", "disk=/dev/sda")


def test_a_plan_in_full(rack: Commands) -> None:
    shown = rack.ok(*PLAN, "--output", "probe.disks=1", "--full")
    assert shown == EXPECTED.format(id="00000000-0000-0000-0000-000000000000")


EXPECTED = """\
workflow  install v1.0 (active)
node      r4-01 (discovered)
inputs    size=8 disk=/dev/sda
timeout   2h
on start  discovered -> pending

 1 probe  node.script by the node
   begins    first
   script    lsblk
   is taken  to succeed, with {{"disks":1}}
   next      raid     not taken: steps.probe.output.disks > 1 -> false
             netboot  taken: steps.probe.output.disks == 1 -> true
             rescue   not taken: only on failure

 2 netboot  node.boot by the node  Boot the installer
   begins     after probe
   limits     timeout 40m
   tries      up to 3, 30s apart
   kernel     debian/linux
   initrd[0]  debian/initrd.gz
   cmdline    url=<server.url>/render/********/answers disk=/dev/sda quiet console=ttyS0
   rendered   answers v1.1, 1 line
              | d-i disk /dev/sda
   the node   pending -> installing
   next       check  taken: params.disk != '' -> true

 3 check  node.script by the node
   begins    after netboot
   template  check
   rendered  check v1.0, 1 line
             | test -b /dev/sda
   the node  installing -> installed
   next      nothing: here a branch ends

does not run
   raid    steps.probe.output.disks > 1 is false after probe
   rescue  probe leads there only when it fails
   wipe    it undoes netboot, and nothing is undone

ends       succeeded
node then  installed

nothing is missing: 3 steps would run
"""


def test_something_missing_is_exit_code_1(rack: Commands) -> None:
    result = rack("workflow", "plan", "install", "--node", "r4-01", "--output", "probe.disks=1")
    assert result.exit_code == 1
    assert result.stdout.endswith("missing\n - input disk: is missing and has no default\n\n1 thing is missing\n")
    assert rack("workflow", "plan", "nobody").exit_code == 3
    assert rack("workflow", "plan", "install", "--node", "nobody").exit_code == 3


def test_assumptions(rack: Commands) -> None:
    shown = rack.ok(*PLAN, "--output", "probe.disks=1", "--assume", "netboot=failed:2")
    assert [line for line in shown.splitlines() if line.startswith((" 2", " 3", " 4"))] == [
        " 2 netboot  node.boot by the node  Boot the installer",
        " 3 netboot  (try 2)  node.boot by the node  Boot the installer",
        " 4 netboot  (try 3)  node.boot by the node  Boot the installer",
    ]
    assert shown.count("runs with  the same as before") == 2
    assert shown.count("next       another try") == 2
    shown = rack.ok(*PLAN, "--assume", "probe=failed")
    assert shown.endswith("nothing is missing: 2 steps would run\n")
    shown = rack.ok(*PLAN, "--output", "probe.disks=1", "--assume", "netboot=failed")
    assert "\n   so         the execution fails\n" in shown
    assert "\nends       failed: step Boot the installer failed: it is taken to fail\n" in shown
    shown = rack.ok(*PLAN)
    assert shown.endswith("nothing is missing: 1 step would run, and perhaps 3 more\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--assume", "probe"), "no assumption"),
        (("--assume", "probe=perhaps"), "is no ending"),
        (("--assume", "probe=failed:0"), "is no ending"),
        (("--output", "probe=1"), "names no output"),
        (("--output", "probe.a=1", "--output", "probe.a.b=1"), "has a value already"),
        (("--output", "probe.a=1", "--assume", "probe=failed"), "gives nothing"),
    ],
)
def test_assumptions_that_cannot_be(rack: Commands, words: tuple[str, ...], message: str) -> None:
    result = rack(*PLAN, *words)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_a_plan_as_json(rack: Commands) -> None:
    found = rack.json(*PLAN, "--output", "probe.disks=1")
    assert found["complete"] is True
    assert [step["key"] for step in found["steps"]] == ["probe", "netboot", "check"]
    assert found["steps"][0]["edges"][1] == {
        "to": "netboot",
        "when": "success",
        "if": "steps.probe.output.disks == 1",
        "fits": True,
        "value": True,
        "taken": True,
        "unknown": [],
        "error": None,
    }


def test_nothing_is_written_over_the_edge_of_a_terminal(sqlite_url: str, tmp_path: Path) -> None:
    long = " ".join(f"option{at}=${{params.disk}}" for at in range(40))

    async def look() -> list[Plan]:
        async with PureBoot(settings_for(sqlite_url, tmp_path), host=False) as pureboot:
            await prepared(pureboot)
            text = INSTALL.replace("${include:common}", long).replace("name: install", "name: long")
            await pureboot.workflows.import_(text, by="user:test")
            fails = ONE_DISK | {"netboot": (Outcome(ending=Ending.TIMEOUT),)}
            return [
                await pureboot.plans.plan("long", node=MAC),
                await pureboot.plans.plan("long", params={"disk": "/dev/sda"}, outcomes=fails),
            ]

    for plan in asyncio.run(look()):
        for width in (80, 60, 200):
            lines = [plain(line) for line in plan_lines.lines(plan, width, full=True)]
            assert max(map(len, lines)) <= width
            joined = "".join(line.strip() for line in lines)
            assert "option39=" in joined
        wide = "\n".join(plain(line) for line in plan_lines.lines(plan, 100_000, full=True))
        narrow = "\n".join(plain(line) for line in plan_lines.lines(plan, 80, full=True))
        assert re.sub(r"\s", "", wide) == re.sub(r"\s", "", narrow)


def test_in_a_terminal_long_values_go_on_below_themselves(sqlite_url: str, rack: Commands) -> None:
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    disk = "/dev/disk/by-id/" + "nvme-eui.0025385b9150" * 4
    with Terminal(*PLAN, "-p", f"disk={disk}", env=environment(sqlite_url, folder)) as terminal:
        terminal.until("would run")
        assert terminal.end() == 0
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", terminal.shown.decode()).splitlines()
    assert max(map(len, lines)) <= 120  # the width of this terminal
    at = next(at for at, line in enumerate(lines) if line.startswith("   cmdline"))
    assert lines[at + 1].startswith(" " * 14)


@pytest.mark.parametrize(
    ("retry", "words"),
    [
        (Retry(), ""),
        (Retry(max_attempts=3), "up to 3, at once"),
        (Retry(max_attempts=3, delay=30), "up to 3, 30s apart"),
        (
            Retry(max_attempts=9, delay=30, backoff=Backoff.EXPONENTIAL, max_delay=600, jitter=0.5),
            "up to 9, 30s apart, then twice as long each time, at most 10m; up to 50% of that is left to chance",
        ),
    ],
)
def test_retries_in_words(retry: Retry, words: str) -> None:
    assert plan_lines.retry_words(retry) == words


def test_rehearsals_of_a_folder_need_no_store(tmp_path: Path) -> None:
    nowhere = Commands(f"sqlite:///{tmp_path}/not/there/pureboot.db", tmp_path)
    shown = nowhere.ok("workflow", "rehearse", str(REHEARSALS))
    lines = shown.splitlines()
    assert len(lines) > 10
    assert lines[-1] == f"{len(lines) - 1} rehearsed, all as expected"
    assert all("debian-12.yaml: " in line or "loops-and-rollback.yaml: " in line for line in lines[:-1])
    assert not (tmp_path / "not").exists()


REHEARSAL = """\
inline:
  steps:
    - {key: a, action: core.echo}
    - {key: b, action: node.script, with: {script: s}}
rehearsals:
  - {name: good, expect: {order: [a, b]}}
  - {name: bad, steps: {b: {failed: no disk}}, expect: {order: [a, c], not_run: [], status: succeeded}}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def write_(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write_


def test_a_difference_is_shown_side_by_side(
    pureboot_command: Commands, write: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("r.yaml", REHEARSAL.replace("[a, c]", "[b, a]"))
    result = pureboot_command("workflow", "rehearse", file)
    assert result.exit_code == 1
    assert re.sub(r"^ \S ", " ? ", result.stdout, flags=re.MULTILINE).replace(file, "r.yaml") == (
        """\
 ? r.yaml: good
 ? r.yaml: bad: differs
     order
     expected    got
     b         ! a
     a         ! b
     status
     expected     got
     succeeded  ! failed (step b failed: no disk)
2 rehearsed, 1 differ
"""
    )
    found = pureboot_command("workflow", "rehearse", file, "--json")
    assert (found.exit_code, '"ok": false' in found.stdout) == (1, True)


def test_what_is_wrong_with_a_file_is_said_with_its_place(
    pureboot_command: Commands, write: Callable[[str, str], str]
) -> None:
    file = write("r.yaml", REHEARSAL)
    result = pureboot_command("workflow", "rehearse", file)
    assert result.exit_code == 1
    wrong = f"pureboot: {file}:7:68: rehearsals[1].expect.order[1]: there is no step 'c'; there are a, b"
    assert wrong in result.stderr
    broken = write("w.yaml", "name: w\nsteps: [{key: a, action: nobody.knows}]\n")
    file = write("s.yaml", "workflow: w.yaml\nexpect: {}\n")
    result = pureboot_command("workflow", "rehearse", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"pureboot: {broken}:2:26: steps[0].action: there is no action 'nobody.knows'")
    assert pureboot_command("workflow", "rehearse", str(Path(file).parent / "none.yaml")).exit_code == 2


def test_a_workflow_of_the_store_can_be_rehearsed(rack: Commands, write: Callable[[str, str], str]) -> None:
    text = "workflow: install\nparams: {disk: /dev/sda}\nsteps: {probe: {success: {disks: 1}}}\n"
    file = write("r.yaml", text + "expect: {order: [probe, netboot, check], node_state: installed}\n")
    refused = rack("workflow", "rehearse", file)
    assert (refused.exit_code, "which --store looks into" in refused.stderr) == (1, True)
    assert rack.ok("workflow", "rehearse", "--store", file).endswith("1 rehearsed, all as expected\n")


def test_differences_fit_a_narrow_terminal() -> None:
    difference = Difference(what="error", expected=("a long text " * 9,), got=("b" * 150, "c"))
    rehearsed = Rehearsed(
        name="name " * 30,
        differences=(difference,),
        order=(),
        status="failed",  # type: ignore[arg-type]
        error=None,
        node_state=None,
        seconds=0.0,
    )
    lines = [plain(line) for line in rehearsal_lines.lines(rehearsed, "file.yaml", 80, ASCII)]
    assert max(map(len, lines)) <= 80
    assert sum("b" * 10 in line for line in lines) > 3

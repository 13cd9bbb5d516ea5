"""The node agent on every kind of system: what it runs, what it tells, how it ends."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from tests.bootsrv.http_agent import (
    ODD_SYSTEMS,
    SCRIPT,
    SYSTEMS,
    ended,
    happened,
    is_gone,
    log_of,
    logged,
    machine,
)
from tests.bootsrv.http_support import MAC, eventually, node, serving, started
from tests.programs import program

on_every_system = pytest.mark.parametrize("system", SYSTEMS + ODD_SYSTEMS, ids="-".join)
on_some_systems = pytest.mark.parametrize("system", SYSTEMS, ids="-".join)
on_one_system = pytest.mark.parametrize("system", SYSTEMS[:1], ids="-".join)


LINES = ("ü" * 49 + "\n").encode() * 4000  # more than goes into one piece; a cut within a letter would show


def workflow(script: str, *, more: str = "", then: str = "") -> str:
    """A workflow with one script."""
    indented = "".join(f"        {line}\n" for line in script.splitlines())
    head = "name: on-node\nsteps:\n  - key: run\n    action: node.script\n    with:\n      script: |\n"
    return f"{head}{indented}{more}{then}"


@on_every_system
async def test_a_script_runs_and_is_told_about_while_it_runs(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    """The script waits for a file that is only put there once what it did before was seen."""
    await node(pureboot)
    go = tmp_path / "go"
    script = f"""\
echo "first $GREETING"
echo "40 half of it" >>"$PUREBOOT_PROGRESS"
until [ -e {go} ]; do sleep 0.1; done
echo "disk=/dev/vda" >>"$PUREBOOT_OUTPUT"
echo "size=10 \\"GB\\"" >>"$PUREBOOT_OUTPUT"
echo "to stderr" >&2
echo "all done"
"""
    more = '      env: {GREETING: "it\'s $HOME \\"ü\\""}\n    timeout: 1m\n    heartbeat: 30s\n'
    execution, _ = await started(pureboot, workflow(script, more=more))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await logged(pureboot, execution, 'first it\'s $HOME "ü"\n')
        await happened(pureboot, Kind.ATTEMPT_PROGRESSED, progress_percent=40, message="half of it")
        (running,) = (await pureboot.executions.get(execution.id)).attempts
        assert (running.status, running.taken_by) == (AttemptStatus.RUNNING, "life-1")
        go.touch()
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    (attempt,) = done.attempts
    assert done.status is ExecutionStatus.SUCCEEDED
    assert (attempt.exit_code, attempt.message) == (0, "all done")
    assert attempt.output == {"disk": "/dev/vda", "size": '10 "GB"'}
    assert await log_of(pureboot, attempt) == 'first it\'s $HOME "ü"\nto stderr\nall done\n'
    assert agent.said[-1] == "pureboot-agent: the execution is over"


@on_some_systems
async def test_a_script_that_fails_says_how(pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, workflow("echo no disk found\nexit 3\n"))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    (attempt,) = done.attempts
    assert (done.status, attempt.status) == (ExecutionStatus.FAILED, AttemptStatus.FAILED)
    assert (attempt.exit_code, attempt.message, attempt.error) == (3, "no disk found", "no disk found")


@on_every_system
async def test_what_a_script_writes_may_be_anything(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    (tmp_path / "output").write_bytes(
        b"'\"\\`$(id) ${x}\n\ttab \x1b[2J\x07 bell\x00nul caf\xe9 \xc3\xbc\n"
        + b"x" * 200_000
        + b"\n"
        + LINES
        + b'last "line" \\ here'
    )
    (tmp_path / "values").write_bytes(
        b'quote="\nback=\\\\n\ntab=a\tb\nlatin=caf\xe9\nesc=\x1b[0m\nnul=a\x00b\n'
        b"=no key\nno value\n bad=x\nspace=a b \nlast=1"
    )
    script = f"cat {tmp_path}/values >>$PUREBOOT_OUTPUT\ncat {tmp_path}/output\nexit 7\n"
    execution, _ = await started(pureboot, workflow(script))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    (attempt,) = done.attempts
    log = await log_of(pureboot, attempt)
    assert log.startswith("'\"\\`$(id) ${x}\n\ttab \ufffd[2J\ufffd bell\ufffdnul caf\ufffd ü\nxxx")
    assert log.endswith("xxx\n" + LINES.decode() + 'last "line" \\ here')
    assert log.count("x") == 200_001
    assert (attempt.exit_code, attempt.message) == (7, 'last "line" \\ here')
    assert attempt.output == {
        "quote": '"',
        "back": "\\\\n",
        "tab": "a\tb",
        "latin": "caf\ufffd",
        "esc": "[0m",
        "nul": "ab",
        "space": "a b ",
        "last": "1",
    }


@on_some_systems
async def test_a_script_that_takes_too_long_is_ended_with_all_its_children(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    # one that dies of TERM, one that does not, and one that is told of it
    script = f"""\
sleep 600 &
echo $! >{tmp_path}/weak
(trap '' TERM; sleep 600) &
echo $! >{tmp_path}/stubborn
trap 'echo was told' TERM
echo begun
while :; do sleep 1; done
"""
    more = "    timeout: 2s\n"
    then = "    on_failure: continue\n  - key: after\n    action: node.script\n    with: {script: echo still here}\n"
    execution, _ = await started(pureboot, workflow(script, more=more, then=then))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        done = await ended(pureboot, execution)
        assert await agent.ended() == 0
    late, after = done.attempts
    assert (late.status, late.error) == (AttemptStatus.TIMED_OUT, "took longer than its timeout")
    assert "was told\n" in await log_of(pureboot, late)
    assert after.status is AttemptStatus.SUCCEEDED
    assert [is_gone(int((tmp_path / name).read_text())) for name in ("weak", "stubborn")] == [True, True]


@on_one_system
async def test_steps_follow_each_other_and_the_last_reboots(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    then = "  - key: again\n    action: node.script\n    with: {script: 'echo {{ steps.run.output.disk }}'}\n"
    then += "  - key: down\n    action: node.reboot\n    with: {op: poweroff}\n"
    execution, _ = await started(pureboot, workflow("echo disk=vdb >>$PUREBOOT_OUTPUT\n", then=then))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        done = await ended(pureboot, execution)
        await eventually(lambda: bool(agent.rebooted))
        assert agent.process is not None
        assert agent.process.returncode is None  # it waits for the machine to go down
    assert done.status is ExecutionStatus.SUCCEEDED
    assert await log_of(pureboot, done.attempts[1]) == "vdb\n"
    assert [attempt.step_key for attempt in done.attempts] == ["run", "again", "down"]
    assert agent.rebooted == ["poweroff"]


BOOT = """\
name: boots
steps:
  - key: netboot
    action: node.boot
    with: {kernel: "http://192.0.2.1/linux"}
"""


@on_some_systems
async def test_a_machine_that_was_not_given_its_boot_goes_and_gets_it(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    execution, _ = await started(pureboot, BOOT)
    async with serving(pureboot) as client:
        async with machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
            await logged(pureboot, execution, "the agent restarts it")
            await eventually(lambda: bool(agent.rebooted))
        assert agent.rebooted == ["reboot"]
        assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.RUNNING
        await client.get(f"/boot.ipxe?mac={MAC}")
        async with machine(tmp_path / "n", pureboot, client.url, execution, system) as agent:
            done = await ended(pureboot, execution)
            assert await agent.ended() == 0
    assert (done.status, agent.rebooted) == (ExecutionStatus.SUCCEEDED, [])


@on_one_system
async def test_what_it_cannot_perform_it_says(pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]) -> None:
    await node(pureboot)
    text = workflow("true\n", more="      interpreter: /no/such/interpreter -x\n")
    execution, _ = await started(pureboot, text)
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system):
        done = await ended(pureboot, execution)
    (attempt,) = done.attempts
    assert (attempt.status, attempt.exit_code) == (AttemptStatus.FAILED, 127)
    assert "/no/such/interpreter" in await log_of(pureboot, attempt)


@on_one_system
async def test_an_interpreter_may_have_arguments_and_the_script_its_own_folder(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    (tmp_path / "m").mkdir()
    script = "echo $- | tr -dc e; umask | tr -d 0; pwd\n"
    script += "echo $PUREBOOT_EXECUTION $PUREBOOT_STEP $PUREBOOT_ATTEMPT ${PUREBOOT_TOKEN-none}\n"
    text = workflow(script, more="      interpreter: /bin/sh -e\n")
    execution, token = await started(pureboot, text)
    async with (
        serving(pureboot) as client,
        machine(tmp_path / "m", pureboot, client.url, execution, system, PUREBOOT_TOKEN=token) as agent,
    ):
        done = await ended(pureboot, execution)
    log = await log_of(pureboot, done.attempts[0])
    assert log.startswith(f"e22\n{agent.state}/")
    assert log.endswith(f"/work\n{execution.id} run 1 none\n")
    assert agent.state.parent.stat().st_mode & 0o777 == 0o700


@on_one_system
async def test_it_finds_the_server_on_the_kernel_s_command_line(
    pureboot: PureBoot, tmp_path: Path, system: tuple[str, str]
) -> None:
    await node(pureboot)
    execution, token = await started(pureboot, workflow("echo hi\n"))
    async with serving(pureboot) as client, machine(tmp_path / "m", pureboot, client.url, execution, system) as agent:
        await agent.close()
        line = (
            f"quiet pureboot.callback={client.url}/api/v1/callback/{execution.id} x=* pureboot.token={token} panic=1\n"
        )
        (tmp_path / "cmdline").write_text(line)
        run = await asyncio.create_subprocess_exec(
            *(str(agent.path / "sh"), str(SCRIPT)),
            env={
                "PATH": str(agent.path),
                "PUREBOOT_CMDLINE": str(tmp_path / "cmdline"),
                "PUREBOOT_STATE": str(tmp_path / "other"),
                "PUREBOOT_WAIT": "5",
            },
        )
        await ended(pureboot, execution)
        assert await asyncio.wait_for(run.wait(), 20) == 0


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no pureboot.callback="),
        (["pureboot.callback=ftp://x/y"], "is no URL"),
        (["pureboot.callback=http://x/a/$(id)"], "ends in no execution"),
        (["pureboot.callback=http://x/a/.."], "ends in no execution"),
    ],
)
def test_started_wrongly_it_says_so(shell: str, arguments: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to(program(shell))
    done = subprocess.run(
        [str(tmp_path / "sh"), str(SCRIPT), *arguments],
        env={"PATH": "/usr/bin:/bin", "PUREBOOT_CMDLINE": "/dev/null", "PUREBOOT_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "state").exists()

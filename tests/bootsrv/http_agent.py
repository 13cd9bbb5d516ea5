"""The node agent at work: a real process with one shell and one HTTP client, against the real doors."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bootsrv.http import agent
from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import Attempt, Execution
from tests.programs import program

SCRIPT = Path(agent.__file__).parent.parent / "agent" / "linux.sh"
PATIENCE = 120.0  # of a machine that has a lot to do; nothing waits that long unless it fails

# What the agent says it needs, beside a shell and a client; and what the scripts of the tests use.
_TOOLS = ("cat", "chmod", "env", "head", "mkdir", "mv", "rm", "sed", "setsid", "sleep", "sync", "tail", "tr", "wc")

# shell, client
SYSTEMS = [("dash", "curl"), ("bash", "wget"), ("busybox", "busybox")]
ODD_SYSTEMS = [("dash", "busybox"), ("busybox", "curl")]


def system(folder: Path, shell: str, client: str) -> Path:
    """A folder with just the programs of one system, to be the whole PATH: its shell is `sh`."""
    folder.mkdir()
    busybox = program("busybox") if "busybox" in (shell, client) else ""
    for tool in _TOOLS:
        (folder / tool).symlink_to(busybox if shell == "busybox" else program(tool))
    (folder / "sh").symlink_to(program(shell))
    if client == "busybox":
        (folder / "wget").symlink_to(busybox)
    else:
        (folder / client).symlink_to(program(client))
    return folder


@dataclass
class Machine:
    """A machine on which the agent runs, again and again."""

    folder: Path
    url: str
    execution_id: str
    token: str
    path: Path
    boot_id: str = "life-1"
    settings: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    process: Process | None = None
    _reading: asyncio.Task[None] | None = None

    @property
    def state(self) -> Path:
        """Where the agent keeps what it knows of its execution."""
        return self.folder / "state" / self.execution_id

    @property
    def rebooted(self) -> list[str]:
        """What the agent asked of the machine: `reboot`, `poweroff`."""
        told = self.folder / "rebooted"
        return told.read_text().split() if told.exists() else []

    async def start(self) -> None:
        """Start the agent."""
        hook = self.folder / "hook"
        hook.write_text(f'#!/bin/sh\necho "$1" >>{self.folder}/rebooted\n')
        hook.chmod(0o755)
        environ = {
            "PATH": str(self.path),
            "PUREBOOT_STATE": str(self.folder / "state"),
            "PUREBOOT_BOOT_ID": self.boot_id,
            "PUREBOOT_CMDLINE": "/dev/null",
            "PUREBOOT_REBOOT": str(hook),
            "PUREBOOT_WAIT": "5",
            "PUREBOOT_TICK": "0.2",
            "PUREBOOT_BACKOFF": "1",
            "PUREBOOT_HEARTBEAT": "1",
            "PUREBOOT_GRACE": "1",
            **self.settings,
        }
        callback = f"{self.url}/api/v1/callback/{self.execution_id}"
        self.process = await asyncio.create_subprocess_exec(
            *(str(self.path / "sh"), str(SCRIPT), f"pureboot.callback={callback}", f"pureboot.token={self.token}"),
            env=environ,
            cwd=self.folder,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self.process))

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.said.append(line.decode(errors="replace").rstrip())

    async def ended(self) -> int:
        """The exit code, when the agent has ended by itself."""
        assert self.process is not None
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def kill(self) -> None:
        """Kill the agent, and nothing else."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def close(self) -> None:
        """End the agent and all it started."""
        if self.process is not None and self._reading is not None:
            for pid in (*self._scripts(), self.process.pid):
                _kill_group(pid)
            await self.process.wait()
            await self._reading

    def _scripts(self) -> list[int]:
        """The sessions of scripts that may still run."""
        found = [path.read_text().strip() for path in self.folder.glob("state/*/*/pid")]
        return [int(text) for text in found if text and _is_ours(int(text), self.folder)]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked yet how."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def _is_ours(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@asynccontextmanager
async def machine(
    folder: Path, pureboot: PureBoot, url: str, execution: Execution, system_: tuple[str, str], **settings: str
) -> AsyncIterator[Machine]:
    """A machine with an agent that runs; all of it is gone at the end."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    made = Machine(
        folder=folder,
        url=url,
        execution_id=execution.id,
        token=pureboot.context.capability(execution.id),
        path=system(folder / "bin", *system_),
        settings=settings,
    )
    try:
        await made.start()
        yield made
    finally:
        await made.close()


async def happened(pureboot: PureBoot, kind: Kind, **data: object) -> Event:
    """The first event of a kind with these data, when it has happened."""
    async with asyncio.timeout(PATIENCE):
        async for batch in pureboot.feed.follow(0):
            for event in batch:
                if event.kind is kind and data.items() <= dict(event.data).items():
                    return event
    raise AssertionError("the feed ended")


async def ended(pureboot: PureBoot, execution: Execution) -> Execution:
    """The execution when it has ended."""
    await happened(pureboot, Kind.EXECUTION_FINISHED, workflow=execution.workflow_name)
    return await pureboot.executions.get(execution.id)


async def logged(pureboot: PureBoot, execution: Execution, text: str) -> str:
    """The log so far, when it holds a text."""
    found = ""
    async with asyncio.timeout(PATIENCE):
        async for pieces in pureboot.feed.follow_log(execution.id):
            found += "".join(piece.text for piece in pieces)
            if text in found:
                return found
    raise AssertionError("the feed ended")


async def log_of(pureboot: PureBoot, attempt: Attempt) -> str:
    """The whole log of an attempt."""
    pieces = await pureboot.executions.log(attempt.execution_id, attempt_id=attempt.id)
    return "".join(piece.text for piece in pieces)

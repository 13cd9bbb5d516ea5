"""The command line in tests: in this process for most, as a process of its own where signals and terminals matter."""

import fcntl
import json
import logging
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner, Result

from console.cli.main import cli

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
MAC = "52:54:00:00:00:01"


class Commands:
    """Runs commands on one store."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._environment = environment(url, folder)

    def __call__(self, *words: str, input_: str | None = None) -> Result:
        """Run a command; whatever is raised beside an exit is a failure of the test."""
        return _invoked(words, self._environment, input_)

    def ok(self, *words: str, input_: str | None = None) -> str:
        """The standard output of a command that succeeds."""
        result = self(*words, input_=input_)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.ok(*words, "--json"))


def aside(*words: str, env: Mapping[str, str]) -> str:
    """The standard output of a command that succeeds, in this process: for what a test needs and is not about."""
    result = _invoked(words, env, None)
    assert result.exit_code == 0, result.output
    return result.stdout


def _invoked(words: Sequence[str], env: Mapping[str, str], input_: str | None) -> Result:
    with _logging_kept():
        result = CliRunner(env=env).invoke(cli, words, input=input_, prog_name="pureboot")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@contextmanager
def _logging_kept() -> Iterator[None]:
    """A command sets logging up for its whole process, which here is that of all tests."""
    names = ("", "aiosqlite", "asyncio", "alembic", "aiohttp.access")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.getLogger().handlers)
    try:
        yield
    finally:
        logging.getLogger().handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def environment(url: str, folder: Path) -> dict[str, str]:
    """Variables that keep a command away from whatever this machine has of PureBoot."""
    return {
        "PUREBOOT_DATABASE__URL": url,
        "PUREBOOT_FILES__DIR": str(folder / "files"),
        "PUREBOOT_PACKS__DIR": str(folder / "packs"),
        "PUREBOOT_HTTP__HOST": "127.0.0.1",
        "PUREBOOT_HTTP__PORT": "0",
        "PUREBOOT_TFTP__HOST": "127.0.0.1",
        "PUREBOOT_TFTP__PORT": "0",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "HOME": str(folder),
        "NO_COLOR": "1",
        "PUREBOOT_CONFIG": "",
    }


def command(*words: str) -> list[str]:
    """The command as a process, which Ctrl+C ends even if whoever runs the tests ignores it, as in the background."""
    return ["env", "--default-signal=INT", sys.executable, "-m", "console", *words]


@contextmanager
def process(*words: str, env: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A running command, which is killed at the end if it is still there."""
    with subprocess.Popen(
        command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def run(*words: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    return subprocess.run(
        command(*words),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=SECONDS,
        check=False,
    )


def line_with(stream: Any, text: str) -> str:
    """The first line of a stream that holds a text.

    Raises:
        AssertionError: the stream ended before; with all that it said.
    """
    seen = []
    for line in stream:
        seen.append(line)
        if text in line:
            return str(line)
    raise AssertionError(f"{text!r} is not in:\n{''.join(seen)}")


class Terminal:
    """A command in a terminal of its own, 120 columns by 36 lines."""

    def __init__(self, *words: str, env: Mapping[str, str], program: str | None = None) -> None:
        """`program` is Python that is run instead of the command."""
        self.shown = b""
        self._screen, theirs = pty.openpty()
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.modes = termios.tcgetattr(theirs)
        variables = {**os.environ, **env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):  # a test runner may have set them for itself
            variables.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program] if program else command(*words),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env=variables,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def until(self, text: str) -> None:
        """Read until a text has been shown."""
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self.shown:
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"{text!r} was not shown, but:\n{self.shown.decode(errors='replace')}")

    def _read(self) -> bool:
        """Read what there is; False once the process has ended."""
        ready, _, _ = select.select([self._screen], [], [], 1.0)
        if not ready:
            return True
        try:
            piece = os.read(self._screen, 65536)
        except OSError:
            return False
        self.shown += piece
        return bool(piece)

    def hang_up(self) -> None:
        """The terminal is gone; nothing tells the command so, for it is not its controlling terminal."""
        if self._screen >= 0:
            os.close(self._screen)
            self._screen = -1

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._screen, keys.encode())

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        deadline = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < deadline, "it does not end"
        return self.process.wait(SECONDS)

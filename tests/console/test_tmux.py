"""The console in a real terminal, tmux: it follows a resize, goes and comes back by ctrl+z and fg, and leaves the
terminal as it was whatever ends it.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.console.cli_support import ROOT, environment
from tests.programs import program

SECONDS = 20.0
PROMPT = "shell$"


class Tmux:
    """A terminal of 80 columns and 24 lines with a shell in it, on a server of its own."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self._socket = socket
        shell = f"env -C {folder} ENV= PS1='{PROMPT} ' sh -i"
        self("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", shell)
        self("set-option", "-g", "window-size", "manual")

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        return done.stdout

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return self("capture-pane", "-p")

    def type(self, line: str) -> None:
        """A line for the shell."""
        self("send-keys", "-l", line)
        self("send-keys", "Enter")

    def press(self, *keys: str) -> None:
        """Keys for whatever is in front."""
        self("send-keys", *keys)

    def until(self, holds: Callable[[str], object]) -> str:
        """What is shown once something holds."""
        deadline = time.monotonic() + SECONDS
        while not holds(text := self.text):
            assert time.monotonic() < deadline, f"the terminal shows:\n{text}"
            time.sleep(0.05)  # tmux tells of nothing: one has to look
        return text

    def sees(self, *parts: str) -> str:
        """What is shown once it has these parts."""
        return self.until(lambda text: all(part in text for part in parts))

    def is_at_shell(self, text: str) -> bool:
        """Whether the shell waits for a line, on the terminal as it was."""
        return text.rstrip().endswith(PROMPT) and self("display", "-p", "#{alternate_on}#{mouse_any_flag}") == "00\n"


@pytest.fixture
def tmux(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    program("tmux")
    socket = tmp_path_factory.mktemp("s") / "t"  # a path of a socket may have about a hundred characters
    terminal = Tmux(socket, tmp_path)
    try:
        yield terminal
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            terminal("kill-server")


CRASH = """
import console.screens.guide as guide
def broken(self): raise ZeroDivisionError("on purpose")
guide.GuideScreen.begin = broken
from console.__main__ import main
main()
"""


def test_a_real_terminal_is_followed_and_given_back(tmux: Tmux, sqlite_url: str, tmp_path: Path) -> None:
    variables = environment(sqlite_url, tmp_path) | {"PYTHONPATH": str(ROOT)}
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    tmux.type(f"export {exports}; unset NO_COLOR COLUMNS LINES; stty -a > before; clear")
    python = shlex.quote(sys.executable)
    tmux.type(f"{python} -m console & echo $! > pid; fg")
    tmux.sees("1. A boot file", "host")
    tmux.press("g", "n")
    tmux.sees("No machine has been seen yet")
    tmux("resize-window", "-x", "132", "-y", "40")
    tmux.until(lambda text: len(text.split("\n")) > 40 and "MAC" in text and text.split("\n")[39].startswith(" enter"))
    tmux("resize-window", "-x", "70", "-y", "18")
    tmux.until(lambda text: text.split("\n")[17].startswith(" enter"))
    tmux.press("C-z")
    tmux.sees("This console serves the machines")
    tmux.press("y")
    tmux.until(tmux.is_at_shell)
    tmux.type("stty -a > during; fg")
    tmux.sees("No machine has been seen yet", "enter open")
    tmux.press("g", "e")
    tmux.sees("Nothing has run yet")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
    tmux.until(tmux.is_at_shell)
    tmux.type(f"clear; {python} -m console & echo $! > pid; fg")
    tmux.sees("1. A boot file", "enter the nodes")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGHUP)
    tmux.until(tmux.is_at_shell)
    (tmp_path / "crash.py").write_text(CRASH)
    tmux.type(f"clear; {python} crash.py")
    tmux.sees("the console crashed", "what led to it is in")
    tmux.until(tmux.is_at_shell)
    tmux.type("stty -a > after; clear")
    tmux.until(lambda text: re.fullmatch(rf"{re.escape(PROMPT)}\s*", text))
    before = (tmp_path / "before").read_text()
    for name in ("during", "after"):
        assert _modes((tmp_path / name).read_text()) == _modes(before), name


def _modes(stty: str) -> str:
    """The modes of a terminal, without its size."""
    return re.sub(r"(rows|columns) \d+;", "", stty)

"""Who stands beside us: programs people live in, where they are installed; and the least a Textual app can cost."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.console.figures import Subject
from tests.console.cli_support import environment

_FRAME = re.compile(rb"(?s).{1200}")
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    BINDINGS = [("down", "say('down')"), ("up", "say('up')"), ("x", "say('answered')")]
    def compose(self):
        yield Static("minimal app")
    def action_say(self, text):
        self.query_one(Static).update(text)
Minimal().run()
"""
HTOP = Subject(
    name="htop",
    argv=("htop",),
    framed=re.compile(rb"Load average"),
    question=b"h",
    answered=re.compile(rb"CPU usage bar|Press any key to return"),
)
BTOP = Subject(
    name="btop",
    argv=("btop", "--utf-force"),
    framed=_FRAME,
    question=b"h",
    answered=re.compile(rb"Shows? this window"),
)
FLOOR = Subject(
    name="minimal Textual app",
    argv=(sys.executable, "-c", MINIMAL),
    framed=re.compile(rb"minimal app"),
    question=b"x",
    answered=re.compile(rb"answered"),
)
_PIP = ("posting", "harlequin")


def ours(folder: Path) -> Subject:
    """The console on the store in a folder."""
    return Subject(
        name="PureBoot",
        argv=(sys.executable, "-m", "console"),
        framed=re.compile(rb"Nodes"),
        ready=re.compile(rb"n-\d{5}"),
        question=b"2",
        answered=re.compile(rb"(?s)TOOK.*n-\d{5}"),
        keys=(b"j", b"k"),
        # each start is to be the first: else it opens where the keys of the one before have left it
        env={**environment(f"sqlite:///{folder / 'store.db'}", folder), "PUREBOOT_CONSOLE__RESTORE": "false"},
    )


def missing(subject: Subject) -> str:
    """Why a peer takes no part; empty if it does."""
    return "" if shutil.which(subject.argv[0]) else f"not installed (apt-get install {subject.argv[0]})"


def by_pip(folder: Path) -> Sequence[Subject]:
    """Textual apps of others, installed into an environment of their own."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv" / "bin" / "pip", "install", "--quiet", *_PIP], check=True)
    env = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
    return [
        Subject(
            name=name,
            argv=(str(folder / "venv" / "bin" / name),),
            framed=_FRAME,
            question=b"\x10",  # ctrl+p, the palette of every Textual app
            answered=re.compile(rb"(?i)search|command"),
            env=env,
        )
        for name in _PIP
    ]

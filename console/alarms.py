"""Telling somebody who looks elsewhere that an execution failed: by the terminal's bell, by a notification of the
desktop.

A terminal shows a notification for OSC 9 (iTerm2, WezTerm, Windows Terminal, Ghostty, kitty) or for OSC 777 (urxvt,
foot, and most of those as well); of the two a terminal should get one, or it shows both. tmux hands on what is wrapped
for it where `allow-passthrough` is on, screen what is in a device control string.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from console.view.labels import safe
from engine.core.executions import Execution, ExecutionStatus

_LONGEST = 200
_BY_777 = ("rxvt", "foot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Whether to ring, and how to notify: `off`, `on` (as the terminal knows it), `osc9`, `osc777`."""

    bell: bool = False
    notify: str = "off"

    @property
    def any(self) -> bool:
        """Whether anything is wanted."""
        return self.bell or self.notify != "off"

    def sequence(self, text: str, environ: Mapping[str, str] | None = None) -> str:
        """What to write to the terminal; empty if nothing is wanted."""
        environ = os.environ if environ is None else environ
        bell = "\a" if self.bell else ""
        if self.notify == "off":
            return bell
        is_777 = self.notify == "osc777" or (self.notify == "on" and environ.get("TERM", "").startswith(_BY_777))
        words = "".join(char if char.isprintable() else " " for char in text)[:_LONGEST]
        osc = f"777;notify;PureBoot;{words.replace(';', ',')}" if is_777 else f"9;{words}"
        return bell + through(f"\x1b]{osc}\x1b\\", environ)


def through(sequence: str, environ: Mapping[str, str]) -> str:
    """A sequence for the terminal behind a multiplexer."""
    if environ.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        # The string within would end the one around it: each half goes in one of its own.
        return "".join(f"\x1bP{part}\x1b\\" for part in (sequence.removesuffix("\x1b\\"), "\x1b", "\\"))
    return sequence


def failed(executions: Iterable[tuple[Execution, str]]) -> str:
    """What to tell of executions, each with its node's name: of those that failed, not of what they had started."""
    found = [(each, node) for each, node in executions if each.status is ExecutionStatus.FAILED and not each.parent_id]
    if not found:
        return ""
    execution, node = found[0]
    first = f"{safe(execution.workflow_name)} failed" + (f" on {safe(node)}" if node else "")
    return first if len(found) == 1 else f"{first}, and {len(found) - 1} more"

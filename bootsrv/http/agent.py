"""/agent/linux.sh: the node agent, and the form in which a shell script reads its step."""

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from bootsrv.http.answers import text
from bootsrv.http.call import Call
from engine.services.callbacks import CurrentStep

_SCRIPT = Path(__file__).parent.parent / "agent" / "linux.sh"
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

# The server ends an attempt that takes too long; the agent ends its script a little later, so that the reason which is
# kept is always the server's, and a script ends even while the server is away.
_TIMEOUT_GRACE_SECONDS = 2


@cache
def script() -> str:
    """The agent's text."""
    return _SCRIPT.read_text(encoding="utf-8")


async def linux(call: Call) -> web.Response:
    """The node agent for everything that has a POSIX shell."""
    return text(script(), "text/x-shellscript")


def as_assignments(step: CurrentStep, now: datetime) -> str:
    """A step as assignments that a shell reads with `.`: every value in single quotes, whatever is in it.

    NUL, which no shell can hold, is left out, and so are environment names that no program could be given.
    """
    config = step.step_config
    values = {
        "EXECUTION_ID": step.execution_id,
        "STEP_ID": step.step_id,
        "STEP_KEY": step.step_key,
        "STEP_NAME": step.step_name,
        "STEP_TYPE": step.step_type,
        "ATTEMPT": str(step.attempt),
        "TIMEOUT": _seconds_left(step.deadline_at, now),
        "HEARTBEAT": "" if step.heartbeat_seconds is None else str(max(1, int(step.heartbeat_seconds))),
        "SERVED": "1" if step.served else "0",
        "SCRIPT": _text(config.get("script")),
        "INTERPRETER": _text(config.get("interpreter")) or "/bin/sh",
        "ENV": _environment(config.get("env")),
        "OP": _text(config.get("op")) or "reboot",
        "END": "1",  # last: an answer without it was cut off
    }
    return "".join(f"PB_{name}={_quoted(value)}\n" for name, value in values.items())


def _seconds_left(deadline: datetime | None, now: datetime) -> str:
    if deadline is None:
        return ""
    return str(max(1, int((deadline - now).total_seconds())) + _TIMEOUT_GRACE_SECONDS)


def _environment(env: Any) -> str:
    """Words for `env`, each quoted once more, to be taken apart by the shell's `eval set --`."""
    if not isinstance(env, Mapping):
        return ""
    words = (f"{name}={_text(value)}" for name, value in env.items() if _ENVIRONMENT_NAME.fullmatch(str(name)))
    return " ".join(_quoted(word) for word in words)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _quoted(value: str) -> str:
    return shlex.quote(value.replace("\0", ""))

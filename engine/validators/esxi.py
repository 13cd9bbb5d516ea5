"""ESXi's installation scripts: they are called kickstarts and look like them, but have commands of their own.

Source: VMware ESXi Installation and Setup, "Installation and Upgrade Script Commands".
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace

from engine.core.findings import Finding, error, warning
from engine.validators import script

_COMMANDS = """
    accepteula vmaccepteula clearpart dryrun install installorupgrade upgrade keyboard serialnum vmserialnum network
    paranoid part partition reboot rootpw include
    """
COMMANDS = frozenset(_COMMANDS.split())
SECTIONS = ("%pre", "%post", "%firstboot")
_LIKE_ONE = re.compile(r"^(?:(?:vm)?accepteula\b|%firstboot\b)", re.MULTILINE)
_INTERPRETER = re.compile(r"--interpreter[= ](\S+)")
_SHELLS = ("busybox", "")


def is_one(text: str) -> bool:
    """Whether a kickstart is one for ESXi."""
    return _LIKE_ONE.search(text) is not None


def check(text: str) -> Iterator[Finding]:
    """A script for ESXi's installer: its commands, and the scripts in its sections."""
    section, begun, body = "", 0, [""]
    for number, line in enumerate([*text.split("\n"), "%end"], 1):
        words = line.split()
        first = words[0] if words else ""
        if first in SECTIONS or (first == "%end" and line.startswith("%")):
            yield from _script(section, begun, "\n".join(body))
            section, begun, body = (line if first != "%end" else ""), number, []
        elif section:
            body.append(line)
        elif first and not first.startswith("#"):
            yield from _command(first, number)


def _command(name: str, line: int) -> Iterator[Finding]:
    if name in COMMANDS or name == "%include":
        return
    near = difflib.get_close_matches(name, [*COMMANDS, *SECTIONS, "%include"], n=1, cutoff=0.75)
    if near:
        yield error(f"ESXi's installer has no command {name!r}; did you mean {near[0]}?", line, 1)
    else:
        yield warning(f"ESXi's installer has no command {name!r} that is known here", line, 1)


def _script(section: str, begun: int, body: str) -> Iterator[Finding]:
    said = _INTERPRETER.search(section)
    name = said[1] if said else ""
    if not section or name not in _SHELLS:
        return  # its Python is of whatever release ESXi has
    for each in script.shell(body, "ash"):
        yield replace(each, line=(each.line or 0) + begun)

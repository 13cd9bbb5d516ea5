"""BootDecision to a configuration of PXELINUX: for BIOS machines whose site boots them by it.

What rules this file (syslinux 6, doc/syslinux.txt): a keyword and the rest of its line, there is no quoting and no
expansion; initrds are separated by commas; a name after `::` is the server's, not the folder's that PXELINUX came from;
URLs of other servers need `lpxelinux.0`. `SAY` speaks as the file is read, `CONFIG` reads a file anew.
"""

from collections.abc import Iterable
from typing import assert_never

from bootsrv.words import WHOLE_URL, arguments, awkward, only_ipxe, sentence
from engine.core.boot import BootDecision, Load, Local, Serve, Wait

RETRY_SECONDS = 10
_LONGEST_WAIT_SECONDS = 3600
_BRAND = "PureBoot: "
_DISK = ("DEFAULT disk", "PROMPT 0", "LABEL disk", "  LOCALBOOT 0")
LONGEST_LINE = 2047  # of the command line that PXELINUX hands to a kernel


def config(decision: BootDecision, *, again: str) -> str:
    """The configuration that carries out a decision; `again` is the path under which it is fetched anew.

    A file name that PXELINUX cannot be told becomes a message, and it asks again.
    """
    match decision:
        case Local(message=message):
            return _lines(_say(message), _DISK)
        case Wait(message=message, seconds=seconds):
            return _lines(_say(message), _again(again, seconds))
        case Load(loader=loader):
            return _lines(_say(f"this machine is to be started by {loader}"), _again(again, RETRY_SECONDS))
        case Serve():
            beyond = only_ipxe(decision)
            if beyond is not None:
                told = f"{decision.step_name} cannot be booted by PXELINUX: {beyond} needs iPXE"
                return _lines(_say(told), _again(again, RETRY_SECONDS))
            return _served(decision, again)
        case _:
            assert_never(decision)


def unknown_machine() -> str:
    """The configuration for a machine that asked by no MAC address: it boots its disk."""
    return _lines(_say("this machine asked without its MAC address: it boots its disk"), _DISK)


def _served(decision: Serve, again: str) -> str:
    bad = awkward((decision.kernel, *decision.initrd), ",")
    if bad is not None:
        told = f"{decision.step_name} cannot be booted by PXELINUX, which cannot be told the file name {bad}"
        return _lines(_say(told), _again(again, RETRY_SECONDS))
    initrd = ",".join(map(_place, decision.initrd))
    words = " ".join(arguments(decision.cmdline, own_initrd=not initrd))
    if len(words) > LONGEST_LINE:  # it would be cut without a word
        told = f"a command line of {len(words)} characters, and PXELINUX hands over {LONGEST_LINE}"
        return _lines(_say(f"{decision.step_name} cannot be booted: it has {told}"), _again(again, RETRY_SECONDS))
    return _lines(
        _say(decision.step_name),
        ("DEFAULT boot", "PROMPT 0", "LABEL boot", f"  LINUX {_place(decision.kernel)}"),
        (f"  INITRD {initrd}",) if initrd else (),
        (f"  APPEND {words}",) if words else (),
    )


def _place(name: str) -> str:
    return name if WHOLE_URL.match(name) else f"::files/{name.lstrip('/')}"


def _again(path: str, seconds: int) -> tuple[str, ...]:
    pause = min(max(seconds, 1), _LONGEST_WAIT_SECONDS)
    return (
        *_say(f"asking again in {pause} seconds"),
        "DEFAULT again",
        "PROMPT 1",
        "NOESCAPE 1",
        f"TIMEOUT {pause * 10}",
        "LABEL again",
        f"  CONFIG ::{path.lstrip('/')}",
    )


def _say(message: str) -> tuple[str, ...]:
    return (f"SAY {_BRAND}{sentence(message)}",)


def _lines(*parts: Iterable[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)

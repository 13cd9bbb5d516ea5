"""BootDecision to grub.cfg: for machines that come by GRUB, above all those with Secure Boot: shim starts no iPXE.

What rules this file (GRUB's manual, and grub-core/lib/cmdline.c, script/, net/ of 2.06, which Debian 12 signs):

- Within single quotes nothing is expanded, and only a single quote ends them: every foreign word stands in such.
- `linux` joins its words and writes a backslash before each quote and backslash, and quotes around a word with a space.
- Nets are `(tftp)` and `(http)`, each with the port of its protocol and no other before GRUB 2.12. So what PureBoot
  serves is fetched by TFTP from where GRUB came from, by the same path as below its URL: `/files/…`.
- A signed GRUB loads no modules: what is used here is in the images that Debian and Ubuntu sign.
"""

import re
from collections.abc import Iterable
from typing import assert_never
from urllib.parse import unquote, urlsplit

from bootsrv import localboot
from bootsrv.words import WHOLE_URL, arguments, awkward, only_ipxe, sentence
from engine.core.boot import BootDecision, Load, Local, Serve, Wait

FILES = "/files/"
RETRY_SECONDS = 10
_LONGEST_WAIT_SECONDS = 3600
_BRAND = "PureBoot: "
_NETS = {"http": "http", "tftp": "tftp"}
_WRONG = {"uefi": ('[ "$grub_platform" = pc ]', "UEFI", "BIOS"), "bios": ('[ "$grub_platform" != pc ]', "BIOS", "UEFI")}


def config(decision: BootDecision, *, again: str) -> str:
    """The configuration that carries out a decision; `again` is the path under which GRUB fetches it anew.

    A file name that GRUB cannot be told becomes a message, and the disk is booted.
    """
    match decision:
        case Local(message=message, ask_again=stays):
            return _lines(_say(message), _disk(), _again(again, RETRY_SECONDS) if stays else ["exit"])
        case Wait(message=message, seconds=seconds):
            return _lines(_say(message), _again(again, seconds))
        case Load(loader=loader):
            return _lines(_say(f"this machine is to be started by {loader}"), _again(again, RETRY_SECONDS))
        case Serve():
            beyond = only_ipxe(decision)
            if beyond is not None:
                told = f"{decision.step_name} cannot be booted by GRUB: {beyond} needs iPXE"
                return _lines(_say(told), _again(again, RETRY_SECONDS))
            return _served(decision, again)
        case _:
            assert_never(decision)


def find_config(folder: str) -> str:
    """The configuration for a machine that has not said who it is: GRUB knows its MAC address, and asks with that.

    `folder` is where it was asked for, empty or ending with a slash. Without a MAC address the disk is booted.
    """
    pairs = "abcdef"
    groups = " ".join(f"--set={at}:pureboot_{name}" for at, name in enumerate(pairs, start=1))
    named = "-".join(f"$pureboot_{name}" for name in pairs)
    return _lines(
        [
            f"if regexp {groups} '^(..):(..):(..):(..):(..):(..)$' \"$net_default_mac\"; then",
            f'  configfile {quoted("/" + folder)}"grub.cfg-01-{named}"',
            "fi",
        ],
        _say("GRUB does not know this machine's MAC address: it boots its disk"),
        _disk(),
        ["exit"],
    )


def quoted(text: str) -> str:
    r"""A word that GRUB takes as it is: within single quotes, each of its own as `'\''`.

    Line breaks and other control characters are left out: there is no way to write them in a command.
    """
    plain = "".join(char for char in text if char.isprintable())
    return "'" + plain.replace("'", "'\\''") + "'"


def _served(decision: Serve, again: str) -> str:
    names = (decision.kernel, *decision.initrd)
    bad = awkward(names, "'\"\\()") or next((name for name in names if _place(name) is None), None)
    if bad is not None:
        told = f"{decision.step_name} cannot be booted by GRUB, which cannot be told the file name {bad}"
        return _lines(_say(told), _again(again, RETRY_SECONDS))
    kernel, *initrd = (str(_place(name)) for name in names)
    cmdline = " ".join(quoted(word) for word in arguments(decision.cmdline, own_initrd=not initrd))
    return _lines(
        _wrong_firmware(decision, again),
        _say(decision.step_name),
        [f"if linux {quoted(kernel)} {cmdline}".rstrip() + "; then"],
        [f"  if initrd {' '.join(map(quoted, initrd))}; then boot; fi"] if initrd else ["  boot"],
        ["fi"],
        _say("that failed (see above)"),
        _again(again, RETRY_SECONDS),
    )


def _wrong_firmware(decision: Serve, again: str) -> list[str]:
    """Refuse on firmware that this is not for: GRUB told nobody on which it runs, but knows."""
    if decision.boot_mode not in _WRONG:
        return []
    runs_on_it, wanted, found = _WRONG[decision.boot_mode]
    told = f"{decision.step_name} needs {wanted} firmware, but this machine started in {found} mode"
    return [f"if {runs_on_it}; then", *(f"  {line}" for line in (*_say(told), *_again(again, RETRY_SECONDS))), "fi"]


def _place(name: str) -> str | None:
    """A file as GRUB names it; None if it cannot be fetched by GRUB."""
    if not WHOLE_URL.match(name):
        return FILES + name.lstrip("/")
    parts = urlsplit(name)
    net = _NETS.get(parts.scheme.lower())
    if net is None or not parts.hostname or not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc):
        return None
    query = f"?{parts.query}" if parts.query else ""
    return f"({net},{parts.netloc}){unquote(parts.path) if net == 'tftp' else parts.path}{query}"


def _disk() -> list[str]:
    """Boot the disk; past the last line none was booted."""
    return [
        'if [ "$grub_platform" = pc ]; then',
        "  set root=hd0",
        "  if chainloader +1; then boot; fi",
        "else",
        *(f"  {line}" for line in localboot.search()),
        "fi",
    ]


def _again(path: str, seconds: int) -> list[str]:
    pause = min(max(seconds, 1), _LONGEST_WAIT_SECONDS)
    # Who looked at disks has made one of them the root.
    back = 'if [ -n "$pureboot_net" ]; then set root="$pureboot_net"; fi'
    return [*_say(f"asking again in {pause} seconds"), f"sleep {pause}", back, f"configfile {quoted(path)}"]


def _say(message: str) -> list[str]:
    return [f"echo {quoted(_BRAND + sentence(message))}"]


def _lines(*parts: Iterable[str]) -> str:
    return "".join(f"{line}\n" for part in (['set pureboot_net="$root"'], *parts) for line in part)

"""BootDecision to iPXE script text: the last place where a boot decision is words, and the first where it is commands.

What was learned from iPXE's parser (src/core/exec.c, src/image/script.c of the build Debian ships, 1.0.0+git-20190125)
and rules this file:

- A line is split at white space; there is no quoting. `||`, `&&` and `;` end a command only as words of their own, and
  a word that begins with `#` starts a comment. That is looked at *before* settings are expanded, so an empty setting in
  front of such a word makes it an ordinary word.
- `${name}` is expanded within a word, again and again until none is left. A literal `${…}` cannot be written at all.
- A line that ends with a backslash swallows the next one.
- Options are read up to the first word that is none, so text never comes first.
- `chain` runs a script inside the running one, and an `exit 1` in there is only a failed `chain` out here; with
  `--replace` the new script takes the place of the old one. It also keeps a machine that waits for hours from nesting.
- `--timeout` counts the time without progress, so it ends a stalled download however big the file is.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

from bootsrv import ipxe_boots
from bootsrv.ipxe_boots import RETRY_SECONDS, STALL_MILLISECONDS
from bootsrv.ipxe_words import BRAND, base_url, say, title
from engine.core.boot import BootDecision, Choice, Load, Local, Menu, Serve, Wait

BOOT_SCRIPT_PATH = "/boot.ipxe"
LOADERS_PATH = "/boot/"
LOCALBOOT_PATH = f"{LOADERS_PATH}localboot.efi"

# What Linux on x86 takes (COMMAND_LINE_SIZE), its closing NUL included; iPXE cuts what is longer without a word.
CMDLINE_SIZE = 2048

ASK_ATTEMPTS = 10
READING_SECONDS = 5
LONGEST_WAIT_SECONDS = 3600

_memo = lru_cache(maxsize=256)  # what many scripts have in common; nothing of a machine is in it
_NO_DISK = "no disk was booted"
_NOT_BOOTED = "this step could not be booted (see above)"
_CAME_BACK = "what was started has ended"
_OFFERS = {
    Choice.ENROL: "Enrol this machine",
    Choice.INVENTORY: "Take an inventory of this machine",
    Choice.RESCUE: "Boot a rescue system",
}

# What iPXE knows of the machine, as query of /boot.ipxe; an unknown setting is an empty value. `buildarch` is the
# architecture of the iPXE build, and every BIOS build is i386: there the processor is asked whether it has long mode.
_FACTS = "&".join(
    (
        "mac=${netX/mac}",
        "uuid=${uuid}",
        "serial=${serial:uristring}",
        "arch=${machine-arch}",
        "platform=${platform}",
        "manufacturer=${manufacturer:uristring}",
        "product=${product:uristring}",
        "hostname=${hostname:uristring}",
        "ip=${netX/ip}",
        "chip=${netX/chip}",
    )
)
_LEARN_ARCHITECTURE = (
    "set machine-arch ${buildarch}",
    "iseq ${platform} pcbios && cpuid --ext 29 && set machine-arch x86_64 ||",
)


def ask_again(server_url: str) -> str:
    """The script for a machine that has not said who it is: it asks again with its MAC address and what else it knows.

    A server that does not answer is asked `ASK_ATTEMPTS` times, then the machine boots its disk. `server_url` is the
    base URL under which machines reach this server.
    """
    return _script((*_ask(server_url), *_boot_disk(server_url, None, None), *_leave(_NO_DISK)))


def script(
    decision: BootDecision,
    *,
    server_url: str,
    platform: str | None,
    arch: str | None = None,
    retry_seconds: int | None = None,
) -> str:
    """The script that carries out a decision on one machine.

    `platform` and `arch` are iPXE's words as the machine gave them (`pcbios` or `efi`; `x86_64`, `i386`, `arm64`); None
    where it gave none, and the script then asks iPXE itself. Texts may come from anywhere: they are made harmless here.

    A machine that cannot do what it is told (no disk boots, a file is missing) goes back to its firmware, which tries
    what comes next in its boot order. With `retry_seconds` it stays and asks again after so long, again and again, so
    that it needs nobody to walk to it: right for a machine whose disk holds nothing yet. (Debian's `ipxe.efi` cannot go
    back at all on some UEFI machines: it hangs.)
    """
    retry = None if retry_seconds is None else _pause(retry_seconds)
    disk = _boot_disk(server_url, platform, arch)
    match decision:
        case Local(message=message):
            offered = () if decision.menu is None else _menu(decision.menu, server_url)
            lines = (*say(message), *offered, *disk, *_leave(_NO_DISK, server_url, retry))
        case Serve():
            back = (f":{ipxe_boots.ENDED}", *_leave(_CAME_BACK)) if ipxe_boots.comes_back(decision.kind) else ()
            start = ipxe_boots.serve(decision, base_url(server_url))
            lines = (*start, *_leave(_NOT_BOOTED, server_url, retry), *back)
        case Load(loader=loader):
            lines = (*_load(loader, server_url), *_ask_anew(server_url), *disk, *_leave(_NO_DISK))
        case Wait(message=message, seconds=seconds):
            pause = _pause(seconds)
            announced = say(f"asking again in {_count(pause)}")
            lines = (*say(message), *announced, f"sleep {pause}", *_ask_anew(server_url), *disk, *_leave(_NO_DISK))
        case _:
            assert_never(decision)
    return _script(lines)


def ask_features(server_url: str) -> str:
    """The script for a machine whose iPXE has to fetch an `https://` URL: it asks again and tells whether it can.

    iPXE has no setting for that. But what it cannot open at all fails with one error, whatever the address, and what it
    could open with another (`xfer_open_uri` in core/open.c), so a scheme that nobody has is compared with `https`.
    """
    probe = "imgfetch --name probe --timeout 1000"
    lines = (
        f"{probe} none-such://127.0.0.1:1/ ||",
        "set unknown ${errno}",
        f"{probe} https://127.0.0.1:1/ ||",
        "set tried ${errno}",
        "set features http",
        "iseq ${tried} ${unknown} || set features http,https",
        "imgfree probe ||",
        *_ask(server_url, f"{_FACTS}&again=true&features=${{features}}"),
        *_boot_disk(server_url, None, None),
        *_leave(_NO_DISK),
    )
    return _script(lines)


def needs_https(decision: Serve, server_url: str) -> str | None:
    """The first `https://` URL that a machine would have to fetch; None if there is none."""
    urls = ipxe_boots.urls(decision, base_url(server_url))
    return next((url for url in urls if url.lower().startswith("https://")), None)


def repaired_query(raw: str) -> str:
    """The query of a request for the script, still encoded, as this iPXE should have written it.

    iPXE of 2019 writes a byte beyond ASCII as `%FFFFFFC3` (a sign extension in its uri_encode), in paths as well: boot
    files need ASCII names. It also decodes the values once too often, so that `&` in a value ends it: the first of two
    values of one name is the one to believe.
    """
    return re.sub(r"%(?:F{6}){1,2}([89A-F][0-9A-F])", r"%\1", raw) if "%FFFFFF" in raw else raw


def cmdline_problems(cmdline: str) -> tuple[str, ...]:
    """What of a command line does not reach the kernel as written, one sentence each; empty if all of it does."""
    found = []
    if re.search(r"\$+\{", cmdline):
        found.append("iPXE expands ${…} itself and cannot pass it on: its $ is left out")
    if any(not (" " <= char <= "~" or char.isspace()) for char in cmdline):
        found.append("iPXE's command line is ASCII: other characters are left out")
    if any(word.startswith("initrd=") for word in cmdline.split()):
        found.append("initrd= is left out where there is an initrd: PureBoot writes its own")
    if len(cmdline) >= CMDLINE_SIZE:
        found.append(f"it has {len(cmdline)} characters, and Linux reads only the first {CMDLINE_SIZE - 1}")
    return tuple(found)


def _script(lines: Iterable[str]) -> str:
    return "\n".join(("#!ipxe", *lines, ""))


@_memo
def _ask_anew(server_url: str) -> tuple[str, ...]:
    """Ask once more, in the same life of the machine."""
    return _ask(server_url, f"{_FACTS}&again=true")


def _ask(server_url: str, facts: str = _FACTS) -> tuple[str, ...]:
    """Ask until there is an answer, which takes the place of this script; past the last line nobody answered."""
    base = base_url(server_url)
    again = f"no answer from {base} (${{tries}} of {ASK_ATTEMPTS}); next try in {RETRY_SECONDS} s"
    return (
        *_LEARN_ARCHITECTURE,
        "set tries:int32 0",
        ":ask",
        f"chain --replace --autofree --timeout {STALL_MILLISECONDS} {base}{BOOT_SCRIPT_PATH}?{facts} ||",
        "inc tries",
        f"iseq ${{tries}} {ASK_ATTEMPTS} && goto unanswered ||",
        f"echo {BRAND}{again}",
        f"sleep {RETRY_SECONDS}",
        "goto ask",
        ":unanswered",
        *say(f"no answer from {base}"),
    )


def _load(loader: str, server_url: str) -> tuple[str, ...]:
    """Start another loader; past the last line it could not be started."""
    said = say(f"this machine is to be booted by {loader}")
    return (*said, f"chain --autofree --timeout {STALL_MILLISECONDS} {_loader_url(server_url, loader)} ||")


def _loader_url(server_url: str, loader: str) -> str:
    """Where a loader is."""
    return f"{base_url(server_url)}{LOADERS_PATH}{quote(loader, safe='')}"


def _menu(menu: Menu, server_url: str) -> tuple[str, ...]:
    """Offer what there is; past the last line the disk was chosen, by a person, by time, or since iPXE has no menus."""
    ask = f"{base_url(server_url)}{BOOT_SCRIPT_PATH}?{_FACTS}&again=true&choice=${{choice}}"
    return (
        *_LEARN_ARCHITECTURE,
        f"menu {title(menu.title)} || goto local",
        f"item local Boot the disk (in {_count(max(1, round(menu.seconds)))} by itself)",
        *(f"item {choice.value} {_OFFERS[choice]}" for choice in menu.choices),
        f"choose --default local --timeout {max(1, round(menu.seconds * 1000))} choice || goto local",
        "iseq ${choice} local && goto local ||",
        f"chain --replace --autofree --timeout {STALL_MILLISECONDS} {ask} ||",
        ":local",
    )


@_memo
def _boot_disk(server_url: str, platform: str | None, arch: str | None) -> tuple[str, ...]:
    """Boot the disk; past the last line none was booted.

    Leaving iPXE does not do on UEFI: a bare `exit` opens the firmware's menu and stays there, and after `exit 1` come
    minutes of other network protocols before the disk. So a small EFI program starts the disk; there is one for x86_64.
    """
    bios = ("sanboot --no-describe --drive 0x80 ||",)
    uefi = (f"chain --autofree --timeout {STALL_MILLISECONDS} {base_url(server_url)}{LOCALBOOT_PATH} ||",)
    match platform:
        case "pcbios":
            return bios
        case "efi":
            return uefi if arch in (None, "x86_64") else ()
        case _:
            return ("iseq ${platform} efi && goto uefi ||", *bios, "goto no_disk", ":uefi", *uefi, ":no_disk")


@_memo
def _leave(why: str, server_url: str = "", retry: int | None = None) -> tuple[str, ...]:
    """Ask again after `retry` seconds; without, or if nobody answers, back to the firmware.

    `exit 1`, since a good end opens the firmware's menu on UEFI, where a bad one makes it try the next boot entry.
    """
    if retry is not None:
        again = say(f"{why}; asking again in {_count(retry)}")
        return (*again, f"sleep {retry}", *_ask_anew(server_url), *_leave("giving up"))
    return (*say(f"{why}; back to the firmware"), f"sleep {READING_SECONDS}", "exit 1")


def _pause(seconds: int) -> int:
    return min(max(seconds, 1), LONGEST_WAIT_SECONDS)


def _count(seconds: int) -> str:
    return f"{seconds} second{'' if seconds == 1 else 's'}"

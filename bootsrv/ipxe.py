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
import textwrap
import unicodedata
from collections.abc import Iterable
from typing import assert_never
from urllib.parse import quote

from engine.core.boot import BootDecision, Local, Serve, Wait

BOOT_SCRIPT_PATH = "/boot.ipxe"
FILES_PATH = "/files/"
LOCALBOOT_PATH = "/boot/localboot.efi"

# What Linux on x86 takes (COMMAND_LINE_SIZE), its closing NUL included; iPXE cuts what is longer without a word.
CMDLINE_SIZE = 2048

COLUMNS = 78
"""Width of a message: an 80 column console, with room so that no firmware wraps it."""

MESSAGE_LINES = 2
DOWNLOAD_ATTEMPTS = 3
ASK_ATTEMPTS = 10
RETRY_SECONDS = 5
READING_SECONDS = 5
STALL_MILLISECONDS = 30_000
LONGEST_WAIT_SECONDS = 3600

_BRAND = "PureBoot: "
_NO_DISK = "no disk was booted"
_NOT_BOOTED = "this step could not be booted (see above)"
_NOTHING = "${nothing}"  # a setting that nobody sets: expands to no text at all
_WHOLE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"
_PATH_CHARACTERS = "/!'()*+,;=-._~"

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
            lines = (*_say(message), *disk, *_leave(_NO_DISK, server_url, retry))
        case Serve():
            lines = (*_serve(decision, _base(server_url)), *_leave(_NOT_BOOTED, server_url, retry))
        case Wait(message=message, seconds=seconds):
            pause = _pause(seconds)
            announced = _say(f"asking again in {_count(pause)}")
            lines = (*_say(message), *announced, f"sleep {pause}", *_ask_anew(server_url), *disk, *_leave(_NO_DISK))
        case _:
            assert_never(decision)
    return _script(lines)


def repaired_query(raw: str) -> str:
    """The query of a request for the script, still encoded, as this iPXE should have written it.

    iPXE of 2019 writes a byte beyond ASCII as `%FFFFFFC3` (a sign extension in its uri_encode), in paths as well: boot
    files need ASCII names. It also decodes the values once too often, so that `&` in a value ends it: the first of two
    values of one name is the one to believe.
    """
    return re.sub(r"%(?:F{6}){1,2}([89A-F][0-9A-F])", r"%\1", raw)


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


def _ask_anew(server_url: str) -> tuple[str, ...]:
    """Ask once more, in the same life of the machine."""
    return _ask(server_url, f"{_FACTS}&again=true")


def _ask(server_url: str, facts: str = _FACTS) -> tuple[str, ...]:
    """Ask until there is an answer, which takes the place of this script; past the last line nobody answered."""
    base = _base(server_url)
    again = f"no answer from {base} (${{tries}} of {ASK_ATTEMPTS}); next try in {RETRY_SECONDS} s"
    return (
        *_LEARN_ARCHITECTURE,
        "set tries:int32 0",
        ":ask",
        f"chain --replace --autofree --timeout {STALL_MILLISECONDS} {base}{BOOT_SCRIPT_PATH}?{facts} ||",
        "inc tries",
        f"iseq ${{tries}} {ASK_ATTEMPTS} && goto unanswered ||",
        f"echo {_BRAND}{again}",
        f"sleep {RETRY_SECONDS}",
        "goto ask",
        ":unanswered",
        *_say(f"no answer from {base}"),
    )


def _serve(decision: Serve, base: str) -> tuple[str, ...]:
    """Fetch and boot, a few times if need be; past the last line it did not work."""
    names = ["initrd.img" if at == 0 else f"initrd{at + 1}.img" for at in range(len(decision.initrd))]
    options = f"--timeout {STALL_MILLISECONDS}"
    # An EFI kernel finds an initrd only by name, so this iPXE needs initrd=NAME; a BIOS kernel pays no heed to it.
    arguments = " ".join((*(f"initrd={name}" for name in names), *_cmdline(decision.cmdline, own_initrd=not names)))
    return (
        *_say(decision.step_name),
        "set tries:int32 0",
        ":fetch",
        "imgfree",
        f"kernel --name kernel {options} {_file(base, decision.kernel)} {arguments} || goto failed",
        *(
            f"initrd --name {name} {options} {_file(base, file)} || goto failed"
            for name, file in zip(names, decision.initrd, strict=True)
        ),
        "boot || goto failed",
        ":failed",
        "inc tries",
        f"iseq ${{tries}} {DOWNLOAD_ATTEMPTS} && goto given_up ||",
        f"echo {_BRAND}that failed (${{tries}} of {DOWNLOAD_ATTEMPTS}); trying again in {RETRY_SECONDS} seconds",
        f"sleep {RETRY_SECONDS}",
        "goto fetch",
        ":given_up",
        "imgfree",
    )


def _boot_disk(server_url: str, platform: str | None, arch: str | None) -> tuple[str, ...]:
    """Boot the disk; past the last line none was booted.

    Leaving iPXE does not do on UEFI: a bare `exit` opens the firmware's menu and stays there, and after `exit 1` come
    minutes of other network protocols before the disk. So a small EFI program starts the disk; there is one for x86_64.
    """
    bios = ("sanboot --no-describe --drive 0x80 ||",)
    uefi = (f"chain --autofree --timeout {STALL_MILLISECONDS} {_base(server_url)}{LOCALBOOT_PATH} ||",)
    match platform:
        case "pcbios":
            return bios
        case "efi":
            return uefi if arch in (None, "x86_64") else ()
        case _:
            return ("iseq ${platform} efi && goto uefi ||", *bios, "goto no_disk", ":uefi", *uefi, ":no_disk")


def _leave(why: str, server_url: str = "", retry: int | None = None) -> tuple[str, ...]:
    """Ask again after `retry` seconds; without, or if nobody answers, back to the firmware.

    `exit 1`, since a good end opens the firmware's menu on UEFI, where a bad one makes it try the next boot entry.
    """
    if retry is not None:
        again = _say(f"{why}; asking again in {_count(retry)}")
        return (*again, f"sleep {retry}", *_ask_anew(server_url), *_leave("giving up"))
    return (*_say(f"{why}; back to the firmware"), f"sleep {READING_SECONDS}", "exit 1")


def _pause(seconds: int) -> int:
    return min(max(seconds, 1), LONGEST_WAIT_SECONDS)


def _count(seconds: int) -> str:
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _say(message: str) -> list[str]:
    """`echo` lines for the machine's screen, each with the brand in front: firmware screens are full of other text."""
    plain = unicodedata.normalize("NFKD", message).encode("ascii", "ignore").decode()
    width = COLUMNS - len(_BRAND)
    wrapped = textwrap.wrap(" ".join(_words(plain)), width, max_lines=MESSAGE_LINES, placeholder=" ...")
    return [_line("echo", _BRAND.strip(), *map(_word, line.split())) for line in wrapped]


def _cmdline(text: str, *, own_initrd: bool) -> list[str]:
    return [_word(word) for word in _words(text) if own_initrd or not word.startswith("initrd=")]


def _words(text: str) -> list[str]:
    """The words of foreign text, in printable ASCII and without anything that iPXE would expand."""
    printable = "".join(char for char in " ".join(text.split()) if " " <= char <= "~")
    return re.sub(r"\$+\{", "{", printable).split()


def _word(word: str) -> str:
    """Keep a word from ending the command or from starting a comment."""
    return _NOTHING + word if word in ("||", "&&", ";") or word.startswith("#") else word


def _line(*words: str) -> str:
    line = " ".join(words)
    return line + _NOTHING if line.endswith("\\") else line


def _file(base: str, name: str) -> str:
    if _WHOLE_URL.match(name):
        return _url(name)
    return f"{base}{FILES_PATH}{quote(name.lstrip('/'), safe=_PATH_CHARACTERS)}"


def _base(server_url: str) -> str:
    return _url(server_url.rstrip("/"))


def _url(text: str) -> str:
    """A URL as it is, but for characters that have no place in one: they are written as %XX."""
    return quote(text, safe=_URL_CHARACTERS)

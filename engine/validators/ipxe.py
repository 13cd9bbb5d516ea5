"""iPXE scripts: read as iPXE's own script.c and exec.c do, without running anything."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.core.findings import Finding, error, warning
from engine.validators.facts import Facts

NAME = "ipxe"
_COMMANDS = """
    autoboot boot certfree certstat certstore chain choose clear color colour config console cpair cpuid dhcp echo exit
    fcels fcstat fdt form gdbstub goto help ibstat ifclose ifconf iflinkwait ifopen ifstat imgacquire imgargs imgdecrypt
    imgexec imgextract imgfetch imgfree imgload imgmem imgselect imgset imgstat imgtrust imgverify inc initrd ipstat
    iseq isset item iwlist iwstat kernel login lotest md4sum md5sum menu module nslookup nstat ntp nvo param params
    pciscan ping poweroff present profstat prompt pxebs read reboot route sanboot sanhook sanunhook set sha1sum
    sha224sum sha256sum sha384sum sha512sum shell shim show sleep startpxe stoppxe sync time usbscan vcreate vdestroy
    wol
    """
COMMANDS = frozenset(_COMMANDS.split())
"""The commands of iPXE of August 2026, whatever a build has been made with."""

LONGEST = 2047
"""Characters of a kernel's command line that Linux reads; on x86 and arm64 what is over is cut off."""

_TERMINATORS = ("||", "&&", ";")
_FIRST = re.compile(r"#!(?:ipxe|gpxe)[ \t\r\n\f\v]")
_GLUED = re.compile(r"^(?:\|\||&&)[^\s|&]|[^\s|&](?:\|\||&&)$|^[^\s'\"=?]*[^\s|&](?:\|\||&&)[A-Za-z]+$")
_NEEDS = {"goto": "a label", "chain": "an address", "kernel": "an address", "initrd": "an address", "set": "a name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with those that continue it, split into its label and its words; each word with its column."""

    line: int
    label: str | None
    words: tuple[tuple[str, int], ...]


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """An iPXE script."""
    yield from _first_line(text)
    lines = list(read(text))
    labels: dict[str, int] = {}
    for each in lines:
        if each.label is None:
            continue
        if not each.label:
            yield error("a label without a name", each.line)
        elif each.label in labels:
            message = f"the label {each.label} is in line {labels[each.label]} already; goto finds that one only"
            yield warning(message, each.line)
        labels.setdefault(each.label, each.line)
    for each in lines:
        yield from _commands(each, labels)


def _first_line(text: str) -> Iterator[Finding]:
    if _FIRST.match(text):
        return
    first = text.partition("\n")[0]
    if text.startswith("\ufeff"):
        message = "begins with a byte order mark, which is not #!ipxe; save it as UTF-8 without"
    elif text in ("#!ipxe", "#!gpxe"):
        message = "the first line must end in a line break"
    elif first.strip().lower().startswith(("#!ipxe", "#! ipxe", "# !ipxe")):
        message = "the first line must be exactly #!ipxe, from the first character on"
    elif any(_FIRST.match(line + "\n") for line in text.split("\n")[1:10]):
        message = "#!ipxe must be the first line: nothing may stand before it, no comment and no blank line"
    else:
        message = f"the first line must be #!ipxe, else iPXE takes it for no script: {first[:40]!r}"
    yield error(message, 1, 1)


def read(text: str) -> Iterator[Line]:
    """The lines as iPXE joins and splits them."""
    begin, joined = 0, ""
    for number, row in enumerate(text.split("\n"), 1):
        begin = begin or number
        joined += row.removesuffix("\r")
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield _line(begin, joined)
        begin, joined = 0, ""
    if begin:
        yield _line(begin, joined)


def _line(number: int, text: str) -> Line:
    stripped = text.lstrip()
    label, at = None, 0
    if stripped.startswith(":"):
        at = len(text) - len(stripped) + 1
        label = re.split(r"\s", text[at:], maxsplit=1)[0]
        at += len(label)
    words = tuple((match[0], match.start() + 1) for match in re.finditer(r"\S+", text[at:]))
    return Line(line=number, label=label, words=tuple((word, column + at) for word, column in words))


def _commands(line: Line, labels: dict[str, int]) -> Iterator[Finding]:
    command: list[tuple[str, int]] = []
    first = True
    for word, column in line.words:
        if word.startswith("#"):
            break
        if word in _TERMINATORS:
            if not command and first:
                yield error(f"{word} has no command before it", line.line, column)
            elif not command:
                yield error(f"two operators stand side by side before {word}", line.line, column)
            yield from _command(command, line, labels)
            command, first = [], False
        else:
            command.append((word, column))
    yield from _command(command, line, labels)


def _command(command: Sequence[tuple[str, int]], line: Line, labels: dict[str, int]) -> Iterator[Finding]:
    if not command:
        return
    name, column = command[0]
    if "${" in name:
        return
    glued = next(((word, at) for word, at in command if name != "echo" and _GLUED.search(word)), None)
    if glued is not None:
        yield error(f"blanks must stand round || and &&; {glued[0][:40]!r} is one word to iPXE", line.line, glued[1])
        name = re.split(r"\|\||&&", name)[0]
    for (word, at), (following, _) in pairwise(command):
        if word.endswith(";") and following in COMMANDS:
            yield warning(f"blanks must stand round ; for {following} to be a command of its own", line.line, at)
    if name and name not in COMMANDS:
        yield error(f"there is no command {name[:40]!r}{_near(name)}", line.line, column)
        return
    arguments = [word for word, _ in command[1:]]
    plain = [word for word in arguments if not word.startswith("-")]
    if name in _NEEDS and not plain:
        yield error(f"{name} needs {_NEEDS[name]}", line.line, column)
    elif name == "goto":
        yield from _goto(command[-1], line, labels)
    elif name in ("kernel", "imgargs", "chain"):
        yield from _arguments(name, plain, line)


def _near(name: str) -> str:
    if name.lower() in COMMANDS:
        return f"; commands are written small: {name.lower()}"
    found = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""


def _goto(target: tuple[str, int], line: Line, labels: dict[str, int]) -> Iterator[Finding]:
    label, column = target
    if "${" in label:
        return
    if label.startswith(":"):
        yield error(f"write the label without its colon: goto {label[1:]}", line.line, column)
    elif label not in labels:
        found = difflib.get_close_matches(label, labels, n=1)
        hint = f"; did you mean {found[0]}?" if found else ""
        yield error(f"there is no label {label} to go to{hint}", line.line, column)


def _arguments(name: str, plain: Sequence[str], line: Line) -> Iterator[Finding]:
    length = len(" ".join(plain[1:]))
    if length > LONGEST and not any("${" in word for word in plain):
        message = f"the command line of {length} characters is cut off after {LONGEST} by Linux (COMMAND_LINE_SIZE)"
        yield error(message, line.line)
    elif length > LONGEST:
        yield warning(f"the command line may get longer than {LONGEST} characters, where Linux cuts it off", line.line)

"""An interpreter of iPXE scripts: the part of the language that boot servers use. Pure.

It asks for what it cannot do itself by yielding an effect and is sent the answer, so it reads the very scripts that
machines get, and a test needs no network. What it keeps of iPXE's ways (src/core/exec.c): words are split at white
space before settings are expanded; `&&`, `||` and `;` decide whether the next command runs; an empty command succeeds,
which is why a line that ends with `||` never fails; a line that fails ends the script.
"""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

MAGIC = "#!ipxe"
MAX_COMMANDS = 2000
MAX_NESTING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A line on the machine's screen."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing happens for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A download; the answer is how the content begins (enough to hold any script), or None if it failed."""

    url: str


Effect = Say | Pause | Fetch
Answer = bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The machine boots this: what comes next is up to the kernel's command line."""

    url: str
    cmdline: str
    initrds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The machine boots its disk; `how` is the command that did it."""

    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Another script took the place of this one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """iPXE was left: with 0 UEFI firmware opens its menu, otherwise it tries the next boot entry."""

    code: int


End = Kernel | Disk | Replaced | Left
Run = Generator[Effect, Answer, End]
_Result = int | End  # a command's exit code, or the end of everything
_Command = Generator[Effect, Answer, _Result]

_TERMINATORS: Mapping[str, Callable[[int], bool]] = {
    "&&": lambda code: code == 0,
    "||": lambda code: code != 0,
    ";": lambda _code: True,
}
_SETTING = re.compile(r"\$\{([^${}]*)\}")
_WITH_VALUE = frozenset({"timeout", "name", "drive", "ext"})


def run(text: str, settings: Mapping[str, str], *, disk_boots: bool) -> Run:
    """Run a script; `settings` are what iPXE knows of the machine, `disk_boots` whether its disk holds a system."""
    return _Interpreter(dict(settings), disk_boots).run(text, 0)


def is_script(content: bytes) -> bool:
    """Whether a download is a script."""
    return content.startswith(MAGIC.encode())


class _Interpreter:
    def __init__(self, settings: dict[str, str], disk_boots: bool) -> None:
        self._settings = settings
        self._disk_boots = disk_boots
        self._kernel: tuple[str, str] | None = None
        self._initrds: list[str] = []
        self._left = MAX_COMMANDS
        self._jump: str | None = None
        self._nesting = 0

    def run(self, text: str, nesting: int) -> Run:
        lines = text.splitlines()
        if not text.startswith(MAGIC):
            return Left(code=1)
        at = 1
        self._nesting = nesting
        while at < len(lines):
            result = yield from self._line(lines[at])
            if not isinstance(result, int):
                return result
            if result or self._left <= 0:
                return Left(code=result or 1)
            at += 1
            if self._jump is not None:
                at, self._jump = _label(lines, self._jump), None
        return Left(code=0 if at == len(lines) else 1)

    def _line(self, line: str) -> _Command:
        code = 0
        for wanted, words in _commands(line):
            if not wanted(code):
                continue
            self._left -= 1
            result = yield from self._command([self._expand(word) for word in words])
            if not isinstance(result, int):
                return result
            code = result
            if self._jump is not None:
                return 0
        return code

    def _expand(self, word: str) -> str:
        for _ in range(20):
            expanded = _SETTING.sub(lambda found: self._value(found[1]), word)
            if expanded == word:
                break
            word = expanded
        return word

    def _value(self, name: str) -> str:
        name, _, kind = name.partition(":")
        value = self._settings.get(name, "")
        return quote(value, safe="") if kind == "uristring" else value

    def _command(self, words: list[str]) -> _Command:
        if not words or words[0].startswith(":"):
            return 0
        name, options, arguments = _parsed(words)
        known: Callable[[dict[str, str], list[str]], _Command] | None = getattr(self, f"_do_{name}", None)
        if known is None:
            yield Say(text=f"{name}: command not found")
            return 1
        return (yield from known(options, arguments))

    def _do_echo(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield Say(text=" ".join(arguments))
        return 0

    def _do_sleep(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield Pause(seconds=float(_number(arguments[0] if arguments else "")))
        return 0

    def _do_set(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        if arguments:
            self._settings[_plain(arguments[0])] = " ".join(arguments[1:])
        return 0

    def _do_inc(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        if arguments:
            name = _plain(arguments[0])
            self._settings[name] = str(_number(self._settings.get(name, "")) + 1)
        return 0

    def _do_iseq(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        return 0 if len(arguments) == 2 and arguments[0] == arguments[1] else 1

    def _do_isset(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        return 0 if arguments and arguments[0] else 1

    def _do_cpuid(self, options: dict[str, str], arguments: list[str]) -> _Command:
        """Every machine here has a 64 bit processor: bit 29 of the extended features is long mode."""
        yield from ()
        return 0 if "ext" in options and arguments == ["29"] else 1

    def _do_goto(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        self._jump = arguments[0] if arguments else ""
        return 0

    def _do_chain(self, options: dict[str, str], arguments: list[str]) -> _Command:
        url = arguments[0] if arguments else ""
        content = yield Fetch(url=url)
        if content is None:
            yield Say(text=f"{url}... failed")
            return 1
        if not is_script(content):
            return Disk(how="chain") if self._disk_boots and self._settings.get("platform") == "efi" else 1
        text = content.decode("utf-8", "replace")
        if "replace" in options:
            return Replaced(text=text)
        return (yield from self._nested(text))

    def _nested(self, text: str) -> _Command:
        outer = self._nesting
        if outer >= MAX_NESTING:
            return 1
        end = yield from self.run(text, outer + 1)
        self._nesting = outer
        return end.code if isinstance(end, Left) else end

    def _do_kernel(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        if not arguments or (yield Fetch(url=arguments[0])) is None:
            return 1
        self._kernel = (arguments[0], " ".join(arguments[1:]))
        return 0

    def _do_initrd(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        if not arguments or (yield Fetch(url=arguments[0])) is None:
            return 1
        self._initrds.append(arguments[0])
        return 0

    def _do_imgfree(self, _options: dict[str, str], _arguments: list[str]) -> _Command:
        yield from ()
        self._kernel, self._initrds = None, []
        return 0

    def _do_boot(self, _options: dict[str, str], _arguments: list[str]) -> _Command:
        yield from ()
        if self._kernel is None:
            return 1
        url, cmdline = self._kernel
        return Kernel(url=url, cmdline=cmdline, initrds=tuple(self._initrds))

    def _do_sanboot(self, _options: dict[str, str], _arguments: list[str]) -> _Command:
        yield from ()
        bootable = self._disk_boots and self._settings.get("platform") == "pcbios"
        return Disk(how="sanboot") if bootable else 1

    def _do_exit(self, _options: dict[str, str], arguments: list[str]) -> _Command:
        yield from ()
        return Left(code=_number(arguments[0]) if arguments else 0)


def _commands(line: str) -> list[tuple[Callable[[int], bool], list[str]]]:
    """A line's commands, each with the rule after which it runs."""
    found: list[tuple[Callable[[int], bool], list[str]]] = [(_TERMINATORS[";"], [])]
    for word in line.split():
        if word.startswith("#"):
            break
        if word in _TERMINATORS:
            found.append((_TERMINATORS[word], []))
        else:
            found[-1][1].append(word)
    return found


def _parsed(words: list[str]) -> tuple[str, dict[str, str], list[str]]:
    """Name, options and arguments of a command; options end at the first word that is none."""
    options: dict[str, str] = {}
    rest = words[1:]
    while rest and rest[0].startswith("--"):
        name = rest.pop(0).removeprefix("--")
        options[name] = rest.pop(0) if name in _WITH_VALUE and rest else ""
        if name == "ext":  # its word is both the option and, to us, the argument
            return words[0], options, [options[name], *rest]
    return words[0], options, rest


def _label(lines: list[str], name: str) -> int:
    """The line of a label; behind the end if there is none."""
    places = (at for at, line in enumerate(lines) if line.split()[:1] == [f":{name}"])
    return next(places, len(lines) + 1)


def _plain(name: str) -> str:
    return name.partition(":")[0]


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0

"""How a simulated machine performs a script: which commands it would run, what they print and how long they take. Pure.

It is a rehearsal, not a shell: simple commands run in order, loops go round once, conditions hold unless they compare
texts, and of a pipeline only the most telling part is played. A command that it does not know takes a moment and says
nothing. That is enough for the scripts of a rack, so what a person edits in a template changes what the machine does.
"""

import random
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.programs import PROGRAMS, TELLING, Bench, Exit, Moment

MAX_MOMENTS = 5000
MAX_SUBSTITUTIONS = 20
OUTPUT_VARIABLE = "PUREBOOT_OUTPUT"
_OUTPUT_FILE = "/run/pureboot/output"

_OPERATORS = frozenset({";", ";;", "&", "&&", "||", "|", "(", ")", "\n"})
_REDIRECTS = frozenset({">", ">>", ">&", "&>", "<"})
_LEADING = frozenset({"then", "do", "{", "time", "exec", "command", "sudo", "nohup"})
_LOOPS = frozenset({"while", "until", "!"})
_ALONE = frozenset({"done", "}", "esac", "for", "case", "function", ":", "trap", "return", "local"})
_NAME = re.compile(r"\$(?:\{(\w+)(?::-([^{}]*))?\}|(\w+))")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
_HERE = re.compile(r"<<-?\s*['\"]?(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """All that happens while a script runs, and how it ends. `installed` says that the disk holds a system now."""

    moments: tuple[Moment, ...]
    exit_code: int
    output: Mapping[str, str] = field(default_factory=dict)
    installed: bool = False

    @property
    def seconds(self) -> float:
        """How long it takes at human speed."""
        return sum(moment.seconds for moment in self.moments)


def perform(script: str, hardware: Hardware, *, attempt: int, env: Mapping[str, str] | None = None) -> Performance:
    """Rehearse a script on a machine; the same script, machine and attempt give the same performance."""
    chance = random.Random(f"{hardware.mac_address}/{attempt}/{len(script)}")  # noqa: S311 - looks, not secrets
    environment = {
        "HOSTNAME": hardware.hostname,
        **(env or {}),
        OUTPUT_VARIABLE: (env or {}).get(OUTPUT_VARIABLE, _OUTPUT_FILE),
    }
    bench = Bench(hardware=hardware, attempt=attempt, chance=chance, variables=environment)
    stage = _Stage(bench)
    code = stage.play(script)
    return Performance(
        moments=tuple(stage.moments), exit_code=code, output=dict(bench.output), installed=bench.installed
    )


@dataclass(slots=True)
class _Command:
    """A simple command: what stands before it, its words, and the file its output goes to."""

    operator: str
    words: list[str] = field(default_factory=list)
    target: str | None = None


@dataclass(slots=True)
class _Branch:
    """Where an `if` stands: whether this branch is played, and whether one has been."""

    active: bool
    taken: bool


class _Stage:
    def __init__(self, bench: Bench) -> None:
        self.moments: list[Moment] = []
        self._bench = bench
        self._strict = False
        self._branches: list[_Branch] = []

    def play(self, script: str) -> int:
        code = 0
        try:
            for pipeline, guarded in _pipelines(script):
                if (pipeline[0].operator == "&&" and code) or (pipeline[0].operator == "||" and not code):
                    continue
                code = self._pipeline(pipeline)
                if code and self._strict and not guarded:
                    return code
        except Exit as left:
            return left.code
        return code

    def _pipeline(self, pipeline: list[_Command]) -> int:
        chosen = pipeline[0]
        for command in pipeline:
            name = command.words[0]
            if name in TELLING or (chosen.words[0] not in PROGRAMS and name in PROGRAMS):
                chosen = command
        return self._command(chosen)

    def _command(self, command: _Command) -> int:
        first, words = command.words[0], command.words
        if first in ("if", "elif", "else", "fi"):
            return self._condition(first, command)
        if not all(branch.active for branch in self._branches):
            return 0
        words = words[1:] if first in _LOOPS else words
        words = self._assigned([self._expand(word) for word in words])
        if not words or words[0] in _ALONE:
            return 0
        if words[0] == "set":
            self._strict = self._strict or any(word.startswith("-") and "e" in word for word in words[1:])
            return 0
        return self._run(words, command.target and self._expand(command.target))

    def _condition(self, word: str, command: _Command) -> int:
        """Which branch of an `if` is played."""
        rest = _Command(operator=command.operator, words=command.words[1:] or [":"], target=command.target)
        if word == "fi":
            if self._branches:
                self._branches.pop()
            return 0
        if word == "if":
            playing = all(branch.active for branch in self._branches)
            self._branches.append(_Branch(active=playing, taken=not playing))
        if not self._branches:
            return 0
        branch = self._branches[-1]
        if word in ("else", "elif"):
            branch.active = not branch.taken
        if branch.active and word != "else":
            branch.active = self._command(rest) == 0
        branch.taken = branch.taken or branch.active
        return self._command(rest) if word == "else" else 0

    def _assigned(self, words: list[str]) -> list[str]:
        """Take up the assignments that words begin with; gives the others."""
        rest = words[1:] if words and words[0] in ("export", "readonly") else words
        while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
            self._bench.variables[match[1]] = match[2]
            rest = rest[1:]
        return rest

    def _expand(self, word: str) -> str:
        for _ in range(MAX_SUBSTITUTIONS):
            found = _SUBSTITUTION.search(word)
            if found is None:
                break
            word = word[: found.start()] + self._substitute(found[1]) + word[found.end() :]
        return _NAME.sub(self._value, word)

    def _value(self, found: "re.Match[str]") -> str:
        return self._bench.variables.get(found[1] or found[3]) or found[2] or ""

    def _substitute(self, text: str) -> str:
        """What a command in `$(…)` prints; it takes no time."""
        parts = [part.split() for part in text.split("|") if part.strip()]
        known = [words for words in parts if words[0] in PROGRAMS]
        if not known:
            return ""
        name, *words = known[-1]
        return "\n".join(moment.text for moment in PROGRAMS[name](self._bench, words))

    def _run(self, words: list[str], target: str | None) -> int:
        program = PROGRAMS.get(words[0].rpartition("/")[2])
        if program is None:
            self._add(Moment(seconds=0.4))
            return 0
        printed: list[str] = []
        acting = program(self._bench, words[1:])
        while True:
            try:
                moment = next(acting)
            except StopIteration as ended:
                self._redirect(target, printed)
                return int(ended.value or 0)
            printed.append(moment.text)
            self._add(moment if target is None else Moment(seconds=moment.seconds))

    def _add(self, moment: Moment) -> None:
        if len(self.moments) < MAX_MOMENTS:
            self.moments.append(moment)

    def _redirect(self, target: str | None, printed: list[str]) -> None:
        if target is None or target != self._bench.variables[OUTPUT_VARIABLE]:
            return
        for line in "\n".join(printed).splitlines():
            name, equals, value = line.partition("=")
            if equals and name.strip():
                self._bench.output[name.strip()] = value.strip()


def _pipelines(script: str) -> Iterator[tuple[list[_Command], bool]]:
    """The pipelines of a script in order, each with whether its failure is looked at (`&&`, `||`)."""
    commands = _commands(script)
    pipelines: list[list[_Command]] = []
    for command in commands:
        if command.operator == "|" and pipelines:
            pipelines[-1].append(command)
        else:
            pipelines.append([command])
    for at, pipeline in enumerate(pipelines):
        following = pipelines[at + 1][0].operator if at + 1 < len(pipelines) else ""
        yield pipeline, following in ("&&", "||") or pipeline[0].words[0] in ("if", "elif", *_LOOPS)


def _commands(script: str) -> list[_Command]:
    found = [_Command(operator=";")]
    for line in _lines(script):
        words = iter([*_words(line), "\n"])
        for word in words:
            if word == "\n":
                found += [_Command(operator=";")] if found[-1].words else []  # a pipe may go on below
            elif word in _OPERATORS:
                found.append(_Command(operator=word))
            elif word in _REDIRECTS:
                target = next(words, "")
                found[-1].target = target if word in (">", ">>") else found[-1].target
            elif found[-1].words or word not in _LEADING:
                found[-1].words.append(word)
    return [command for command in found if command.words]


def _words(line: str) -> list[str]:
    # A substitution is one word, whatever is in it: its blanks must not split it.
    held: list[str] = []

    def hold(found: "re.Match[str]") -> str:
        held.append(found[0])
        return f"\x00{len(held) - 1}\x00"

    lexer = shlex.shlex(_SUBSTITUTION.sub(hold, line), posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:  # a quote that is closed on another line
        words = line.split()
    return [re.sub(r"\x00(\d+)\x00", lambda found: held[int(found[1])], word) for word in words]


def _lines(script: str) -> Iterator[str]:
    """The script's lines, continued ones joined, without comments and here-documents."""
    ending: str | None = None
    joined = ""
    for line in script.splitlines():
        if ending is not None:
            if line.strip() == ending:
                ending = None
            continue
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        here = _HERE.search(joined)
        if here:
            ending, joined = here[1], joined[: here.start()]
        if joined.strip() and not joined.lstrip().startswith("#"):
            yield joined
        joined = ""

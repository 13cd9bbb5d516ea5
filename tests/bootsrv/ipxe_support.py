"""A small iPXE shell that reads a line the way iPXE does."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Answer = Callable[[list[str]], bool]


@dataclass
class Shell:
    """iPXE's script interpreter: what is split, ended, expanded and continued (its exec.c, script.c, settings.c)."""

    text: str
    settings: dict[str, str]
    answer: Answer
    ran: list[list[str]] = field(default_factory=list)
    ended: str | None = None

    def run(self) -> "Shell":
        assert self.text.startswith("#!ipxe\n")
        lines = self.text.replace("\\\n", "").split("\n")
        at = 0
        self.target = ""
        while at < len(lines) and self.ended is None:
            assert len(self.ran) < 500, "the script does not come to an end"
            good = self._line(lines[at])
            at += 1
            if self.target:
                at = next(i for i, line in enumerate(lines) if line.split()[:1] == [f":{self.target}"])
                self.target = ""
            elif not good and self.ended is None:
                self.ended = "failed"
        return self

    def commands(self, name: str) -> list[list[str]]:
        return [words for words in self.ran if words[0] == name]

    def said(self) -> list[str]:
        return [" ".join(words[1:]) for words in self.commands("echo")]

    def slept(self) -> int:
        return sum(int(words[1]) for words in self.commands("sleep"))

    def _line(self, line: str) -> bool:
        words = [word for word in re.split(r"[ \f\n\r\t\v]+", line) if word]
        if words and words[0].startswith(":"):
            words = words[1:]
        good, command, wanted = True, [], True
        for word in [*words, ";"]:
            if word.startswith("#"):
                break
            if word not in ("||", "&&", ";"):
                command.append(word)
                continue
            if wanted:
                good = self._run([self._expand(part) for part in command])
            if self.ended or self.target:
                return good
            wanted = {"||": not good, "&&": good, ";": True}[word]
            command = []
        return good

    def _expand(self, word: str) -> str:
        while found := re.search(r"\$\{((?:(?!\$\{)[^}])*)\}", word):
            name, _, kind = found[1].partition(":")
            value = self.settings.get(name, "")
            encoded = "".join(c if c.isalnum() or c in "-._~" else f"%{ord(c):02X}" for c in value)
            word = word[: found.start()] + (encoded if kind == "uristring" else value) + word[found.end() :]
        return word

    def _run(self, words: list[str]) -> bool:
        if not words:
            return True
        self.ran.append(words)
        match words:
            case ["goto", label]:
                self.target = label
            case ["set", name, value]:
                self.settings[name.partition(":")[0]] = value
            case ["inc", name]:
                self.settings[name] = str(int(self.settings[name]) + 1)
            case ["iseq", left, right]:
                return left == right
            case ["exit", *code]:
                self.ended = f"exit {' '.join(code)}"
            case ["chain" | "boot" | "sanboot" | "kernel" | "initrd" | "cpuid", *_]:
                if not self.answer(words):
                    return False
                if words[0] in ("boot", "sanboot") or "--replace" in words:
                    self.ended = words[0]
            case _:
                pass
        return True


def run(text: str, settings: dict[str, str], answer: Answer) -> Shell:
    return Shell(text, dict(settings), answer).run()


def works(_: list[str]) -> bool:
    return True


def fails(_: list[str]) -> bool:
    return False


def without(*names: str) -> Answer:
    return lambda words: words[0] not in names

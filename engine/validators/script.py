"""Scripts: who reads one is said by its first line, by the step that runs it, or by the end of its name."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from engine.core.findings import Finding, error, warning
from engine.validators import json_text, programs, yaml_text
from engine.validators.facts import Facts

NAME = "script"
_SHELLS = frozenset({"sh", "dash", "ash", "bash", "ksh", "zsh"})
_OF_WINDOWS = frozenset({".ps1", ".psm1", ".bat", ".cmd", ".vbs"})
_NEWER = re.compile(r"""^\s*(?:type\s+\w+\b|(?:async\s+)?(?:def|class)\s+\w+\[|except\s+\w+\s*,)|\bt[rR]?['"]""")
"""What Python has got since 3.11 (PEP 695, 696, 750, 758): a machine may have a newer one than this server."""
_NEWER_SAID = ("f-string expression part cannot", "f-string: unmatched")  # PEP 701
_LINE = re.compile(r"(?:line )?(\d+): (.*)")
_PYTHON = """
import json, sys, resource, warnings
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
warnings.simplefilter("ignore")
try:
    compile(sys.stdin.buffer.read(), "script", "exec", dont_inherit=True)
except SyntaxError as wrong:
    json.dump([wrong.lineno, wrong.offset, wrong.msg], sys.stderr)
except (ValueError, MemoryError, RecursionError) as wrong:
    json.dump([None, None, str(wrong) or type(wrong).__name__], sys.stderr)
"""


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """A script, by whatever reads it; one that nobody says anything of is tried as shell, which stops nothing."""
    if not text.strip():
        return
    first = text.partition("\n")[0]
    if text.startswith("\ufeff"):
        yield error("begins with a byte order mark, so that its first line is not seen; save it as UTF-8 without", 1, 1)
        return
    if first.startswith("#!"):
        yield from _by_shebang(text, first)
    elif facts.interpreter and PurePosixPath(facts.interpreter.split()[0]).name not in ("sh", "env"):
        yield from by_interpreter(text, facts.interpreter)
    else:
        yield from _by_name(text, facts, first)


def _by_shebang(text: str, first: str) -> Iterator[Finding]:
    if first.endswith("\r"):
        message = (
            "the first line ends in CR LF: Linux then looks for a program whose name ends in CR; save it with LF only"
        )
        yield error(message, 1, len(first))
        return
    words = first[2:].split()
    if not words:
        yield error("the first line names no program after #!", 1, 1)
        return
    if not words[0].startswith("/"):
        yield error(f"the program of the first line must be a whole path, not {words[0]!r}", 1, 3)
        return
    if PurePosixPath(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        if not words:
            yield error("the first line says env, but not which program", 1, 1)
            return
    yield from by_interpreter(text, words[0])


def _by_name(text: str, facts: Facts, first: str) -> Iterator[Finding]:
    ending = PurePosixPath(facts.name).suffix.lower()
    if ending in (".yaml", ".yml"):
        yield from yaml_text.check(text, facts)
    elif ending == ".json":
        yield from json_text.check(text, facts)
    elif ending == ".py":
        yield from python(text)
    elif ending not in _OF_WINDOWS:
        if first.lstrip() != first and first.lstrip().startswith("#!"):
            yield warning("there is a blank before #!, so this line is only a comment", 1, 1)
        yield from _perhaps_shell(text, facts)


def _perhaps_shell(text: str, facts: Facts) -> Iterator[Finding]:
    """No first line: /bin/sh runs it, and that is dash here and bash there. What neither takes is wrong for a step."""
    found = list(shell(text, "sh"))
    if not any(each.is_error for each in found):
        yield from found
        return
    in_bash = list(shell(text, "bash")) if programs.find("bash") else found
    if any(each.is_error for each in in_bash):
        for each in found:
            yield each if facts.interpreter else _no_shebang(each)
        return
    [first, *_] = [each for each in found if each.is_error]
    yield warning(f"only bash takes this, not every sh ({first.message}); begin with #!/bin/bash", first.line)


def _no_shebang(found: Finding) -> Finding:
    message = f"{found.message} (if it is a shell script: no first line such as #!/bin/sh says what it is)"
    return warning(message, found.line, found.column)


def by_interpreter(text: str, interpreter: str) -> Iterator[Finding]:
    """A script for a program; one that nothing here can check gives nothing."""
    name = PurePosixPath(interpreter.split()[0]).name
    if name in _SHELLS:
        yield from shell(text, name)
    elif name == "python":
        yield from map(_of_python_2, python(text))
    elif re.fullmatch(r"python3(\.\d+)?", name):
        yield from python(text)


def _of_python_2(found: Finding) -> Finding:
    message = f"{found.message} (right if `python` is Python 2 there; else begin with #!/usr/bin/python3)"
    return warning(message, found.line, found.column) if found.is_error else found


def shell(text: str, name: str, *, after: int = 0) -> Iterator[Finding]:
    """A shell script, by that shell or for want of it by none; `after` lines stand before it."""
    wanted = "bash" if name == "bash" else name if name in ("ksh", "zsh") else "sh"
    path = programs.find(wanted)
    if path is None:
        yield programs.not_checked(f"{wanted} -n", f"{wanted} is not installed")
        return
    try:
        ran = programs.run([path, "-n"], text)
    except subprocess.TimeoutExpired:
        yield programs.too_slow(f"{wanted} -n")
        return
    except OSError as wrong:
        yield programs.not_checked(f"{wanted} -n", str(wrong))
        return
    if ran.code == 0:
        return
    if ran.code < 0:
        yield programs.not_checked(f"{wanted} -n", f"it was ended by signal {-ran.code}")
        return
    yield _shells(ran.errors, wanted, after)


def _shells(said: str, name: str, after: int) -> Finding:
    line, message = None, said.strip().splitlines()[0] if said.strip() else "it is refused without a reason"
    message = re.sub(r"^\S*?sh: ", "", message)
    found = _LINE.match(message)
    if found:
        line, message = int(found[1]) + after, found[2]
    return error(f"{message.strip()} ({name} -n)", line)


def python(text: str) -> Iterator[Finding]:
    """A Python script; compiled in a process of its own, which a hostile text may end and ours not."""
    import json

    try:
        ran = programs.run([sys.executable, "-I", "-S", "-c", _PYTHON], text)
    except subprocess.TimeoutExpired:
        yield programs.too_slow("Python")
        return
    except OSError as wrong:
        yield programs.not_checked("Python", str(wrong))
        return
    if ran.code != 0:
        yield programs.not_checked("Python", f"it ended with code {ran.code}")
    elif ran.errors:
        line, column, message = json.loads(ran.errors)
        row = text.split("\n")[line - 1] if line and line <= text.count("\n") + 1 else ""
        if _NEWER.search(row) or any(each in message for each in _NEWER_SAID):
            release = ".".join(map(str, sys.version_info[:2]))
            yield warning(f"is not Python {release}, though perhaps a newer one: {message}", line, column)
        else:
            yield error(f"is not Python: {message}", line, column)

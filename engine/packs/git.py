"""Reading a pack from a revision of a git repository, of which nothing is trusted.

Git is called with a list of arguments, never by a shell; nothing of the repository is run or written out: it is fetched
into a bare repository of our own (the one commit, without history) and its files are read from there by their hashes.
So hooks, filters, submodules and symbolic links of a checkout have no place to be. Everything here blocks, and is
called in a thread.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from engine.core.pack_sums import digest_of
from engine.core.packs import MAX_BYTES, MAX_FILE, MAX_FILES, SUMS, PackFiles, is_hidden, is_read
from engine.errors import Invalid, NotFound, Problem, Unavailable
from engine.packs.folder import TOO_LARGE

REMOTE = frozenset({"https", "ssh"})
"""What a repository may be fetched by when somebody asks from afar."""

LOCAL = REMOTE | {"file"}
"""What it may be fetched by when somebody asks on this machine."""

SECONDS = 120.0
_PIECE = 256 * 1024
_OUTPUT = MAX_BYTES + 128 * MAX_FILES
_LISTED = 16 * 1024 * 1024
_SAID = 64 * 1024
_HEAD = "refs/pureboot/head"
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/)[^\s:][^\s]*")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "protocol.version=2",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
)


def is_git(source: str) -> bool:
    """Whether a source is meant for git and no folder, right or wrong (`ext::...`)."""
    return "://" in source or "::" in source or bool(_SCP.fullmatch(source))


def check_url(url: str, allowed: frozenset[str] = REMOTE) -> str:
    """A URL that git may be given.

    Raises:
        Invalid: it is none, is of another protocol, or holds a password.
    """
    problem = None
    if url.startswith("-") or not url.isprintable() or " " in url or len(url) > 2000:
        problem = f"{url[:60]!r} is no URL of a repository"
    elif "://" in url:
        try:
            parts = urlsplit(url)
            protocol, password, host = parts.scheme.lower(), parts.password, parts.hostname or ""
        except ValueError:
            protocol, password, host = "", None, ""
        if protocol not in allowed:
            problem = f"git may not fetch by {protocol or 'this'}; write {', '.join(sorted(allowed))} (https://..., ssh://...)"
        elif password is not None:
            problem = "holds a password, which everybody could read; give it to git's credential helper, or use ssh"
        elif host.startswith("-") or (not host and protocol != "file"):
            problem = f"{url[:60]!r} names no host"
    elif not _SCP.fullmatch(url):
        problem = f"{url[:60]!r} is no URL of a repository; write https://..., ssh://... or user@host:path"
    if problem:
        raise Invalid([Problem(path="source", message=problem)])
    return url


def check_revision(revision: str) -> str:
    """A branch, tag or commit that git may be given.

    Raises:
        Invalid: it is none.
    """
    if not _REVISION.fullmatch(revision) or ".." in revision or "@{" in revision or revision.endswith((".lock", "/")):
        message = f"{revision[:60]!r} is no revision: write a branch, a tag or a whole commit id"
        raise Invalid([Problem(path="revision", message=message)])
    return revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository and where what was fetched of it is kept; `protocols` are those that git may use."""

    url: str
    folder: Path
    protocols: frozenset[str] = REMOTE
    seconds: float = SECONDS

    def resolve(self, revision: str | None) -> str:
        """Fetch a revision (without one, the repository's own HEAD) and give its commit.

        Raises:
            NotFound: there is no such revision, or no such repository.
            Unavailable: git is not installed, takes too long, or cannot reach the repository.
        """
        wanted = check_revision(revision) if revision else "HEAD"
        with self._alone():
            self._make()
            self._fetch(wanted)
            return self._run("rev-parse", "--verify", "--end-of-options", f"{_HEAD}^{{commit}}").decode().strip()

    def read(self, commit: str) -> PackFiles:
        """The files of a commit, which is fetched again if it is not here any more.

        Raises:
            NotFound, Unavailable: as `resolve`.
            Invalid: it holds too many files, or they are too large together.
        """
        if not _COMMIT.fullmatch(commit):
            raise Invalid([Problem(path="commit_id", message=f"{commit!r} is no commit")])
        with self._alone():
            self._make()
            if not self._has(commit):
                self._fetch(commit)
            return self._files(commit)

    def forget(self) -> None:
        """Remove what was fetched."""
        with self._alone():
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else, in this process or another, uses what is kept: a fetch and what it is for are one."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(
                self.folder.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise Unavailable(f"{self.folder} cannot be used: {error.strerror}; look at packs.dir") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _make(self) -> None:
        if (self.folder / "HEAD").is_file():
            return
        try:
            self.folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(f"{self.folder} cannot be made: {error.strerror}; look at packs.dir") from None
        self._run("init", "--quiet", "--bare", "--template=", "--", str(self.folder), here=False)

    def _fetch(self, wanted: str) -> None:
        self._run(
            *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"),
            *("--force", "--end-of-options", self.url, f"+{wanted}:{_HEAD}"),
        )

    def _has(self, commit: str) -> bool:
        with contextlib.suppress(PureGit):
            self._run("cat-file", "-e", f"{commit}^{{tree}}")
            return True
        return False

    def _files(self, commit: str) -> PackFiles:
        refused: list[Problem] = []
        wanted: dict[str, str] = {}
        others: dict[str, str] = {}
        total = 0
        listed = list(self._tree(commit))
        has_sums = any(path == SUMS for _, _, _, path in listed)
        for mode, size, blob, path in listed:
            if not is_read(path) and not has_sums:
                if _is_deeper(path):
                    top = "/".join(path.split("/")[:2])
                    refused.append(
                        Problem(file=top, message="is a folder; only files in templates and workflows are read")
                    )
                continue
            problem = _refusal(mode, size)
            total += 0 if problem else size
            if problem:
                refused.append(Problem(file=path, message=problem))
            elif is_read(path):
                wanted[path] = blob
            else:
                others[path] = blob
        if total > MAX_BYTES:
            raise Invalid([Problem(message=f"the files of {self.url} {TOO_LARGE}")])
        contents = self._blobs(list(dict.fromkeys([*wanted.values(), *others.values()])))
        return PackFiles(
            files={path: contents[blob] for path, blob in wanted.items()},
            others={path: digest_of(contents[blob]) for path, blob in others.items()},
            refused=tuple(dict.fromkeys(refused)),
            commit_id=commit,
        )

    def _tree(self, commit: str) -> Iterator[tuple[str, int, str, str]]:
        """Mode, size, hash and path of everything in a commit."""
        try:
            listed = self._run("ls-tree", "-r", "-l", "-z", "--full-tree", commit, most=_LISTED).split(b"\0")
        except _TooMuch:
            listed = []
        if not listed or len(listed) > MAX_FILES:
            raise Invalid([Problem(message=f"the repository holds more than {MAX_FILES} files, too many for a pack")])
        for line in listed:
            if line:
                facts, _, path = line.partition(b"\t")
                mode, _, blob, size = facts.decode().split()
                yield mode, 0 if size == "-" else int(size), blob, path.decode("utf-8", "backslashreplace")

    def _blobs(self, blobs: Sequence[str]) -> dict[str, bytes]:
        """What is in files, by their hashes."""
        output = self._run("cat-file", "--batch", input_="".join(f"{blob}\n" for blob in blobs).encode())
        found = {}
        at = 0
        for blob in blobs:
            end = output.index(b"\n", at)
            size = int(output[at:end].split()[2])
            found[blob] = output[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def _run(self, *words: str, input_: bytes = b"", here: bool = True, most: int = _OUTPUT) -> bytes:
        program = shutil.which("git")
        if program is None:
            raise Unavailable("git is not installed; a pack from a repository needs it (apt-get install git)")
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        place = ["--git-dir", str(self.folder)] if here else []
        done = _finished([program, *settings, *place, *words], self._environment(), input_, self.seconds, most)
        if done.returncode is None:
            raise Unavailable(f"git took longer than {self.seconds:.0f} seconds for {self.url}")
        if done.returncode:
            raise _explained(self.url, done.said.decode("utf-8", "replace"))
        return done.output

    def _environment(self) -> Mapping[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {
            **ours,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_ALLOW_PROTOCOL": ":".join(sorted(self.protocols)),
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C.UTF-8",
        }


class PureGit(Unavailable):
    """Git said no."""


class _TooMuch(Exception):
    """Git gives more than there is a use for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    """What git gave and said; without a code, it was ended because it took too long."""

    returncode: int | None
    output: bytes
    said: bytes


def _finished(
    words: Sequence[str], environment: Mapping[str, str], input_: bytes, seconds: float, most: int
) -> _Finished:
    """Run git to its end; or end it, and all that it started, when the time is up or it gives more than `most` bytes.

    What it gives is counted while it does: a few kilobytes of a repository can name any number of files, in folders
    that each hold the same folder ten times.

    Raises:
        _TooMuch: it does.
    """
    late = threading.Event()
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as said,
        _started(words, environment, given, said, input_) as running,
    ):

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                if running.returncode is None:
                    os.killpg(running.pid, signal.SIGKILL)

        def too_late() -> None:
            late.set()
            end()

        timer = threading.Timer(seconds, too_late)
        timer.start()
        try:
            output = _read(running, most)
            running.wait()
        except BaseException:
            end()
            raise
        finally:
            timer.cancel()
            timer.join()  # so that it does not end whoever has the number next
        said.seek(0)
        return _Finished(returncode=None if late.is_set() else running.returncode, output=output, said=said.read(_SAID))


def _started(
    words: Sequence[str], environment: Mapping[str, str], given: IO[bytes], said: IO[bytes], input_: bytes
) -> "subprocess.Popen[bytes]":
    given.write(input_)
    given.seek(0)
    return subprocess.Popen(  # noqa: S603 - a list of words; what comes from outside was checked, and stands behind `--`
        words, env=environment, stdin=given, stdout=subprocess.PIPE, stderr=said, start_new_session=True
    )


def _read(running: "subprocess.Popen[bytes]", most: int) -> bytes:
    assert running.stdout is not None  # noqa: S101 - it is a pipe
    output = bytearray()
    while piece := os.read(running.stdout.fileno(), _PIECE):
        output += piece
        if len(output) > most:
            raise _TooMuch
    return bytes(output)


def _explained(url: str, said: str) -> Exception:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("hint:")]
    told = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in lines[:4]) or "it says nothing"
    if "couldn't find remote ref" in said or "not our ref" in said or "bad object" in said:
        return NotFound(f"{url} has no such revision ({told}); write a branch, a tag or a whole commit id")
    return PureGit(f"git cannot read {url}: {told}")


def _is_deeper(path: str) -> bool:
    parts = path.split("/")
    return len(parts) > 2 and is_read("/".join(parts[:2])) and not is_hidden(parts[1])


def _refusal(mode: str, size: int) -> str | None:
    if mode == "120000":
        return "is a symbolic link; a pack from a repository may have none"
    if mode == "160000":
        return "is a submodule, which is not fetched"
    if size > MAX_FILE:
        return f"has {size} bytes; a file of a pack may have {MAX_FILE}"
    return None

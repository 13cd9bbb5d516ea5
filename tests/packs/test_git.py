"""Reading a pack from a git repository: real ones, made for the test, and hostile ones."""

import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.core.packs import MAX_BYTES, MAX_FILE
from engine.errors import Invalid, NotFound, PureBootError, Unavailable
from engine.packs.git import LOCAL, REMOTE, Repository, check_revision, check_url, is_git
from tests.packs.repositories import SMALL, commit, git
from tests.programs import program


def repository(tmp_path: Path, origin: Path, seconds: float = 60) -> Repository:
    return Repository(url=f"file://{origin}", folder=tmp_path / "cache", protocols=frozenset({"file"}), seconds=seconds)


def test_a_name_is_resolved_to_the_commit_it_means_now(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    first = commit(origin)
    git(origin, "tag", "--annotate", "--message", "one", "v1.0")
    second = commit(origin, {"templates/motd": "second\n"})
    git(origin, "branch", "site/next")
    found = repository(tmp_path, origin)
    assert found.resolve("v1.0") == first
    assert [found.resolve(name) for name in (None, "main", "site/next", second)] == [second] * 4
    assert found.read(first).files["templates/motd"] == b"welcome\n"
    read = found.read(second)
    assert read.files["templates/motd"] == b"second\n"
    assert set(read.files) == set(SMALL)
    assert (read.commit_id, read.refused) == (second, ())


def test_what_was_fetched_is_read_without_the_repository(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    first = commit(origin)
    found = repository(tmp_path, origin)
    found.resolve("main")
    origin.rename(tmp_path / "moved")
    assert found.read(first).files["templates/motd"] == b"welcome\n"
    with pytest.raises(PureBootError, match="cannot read"):
        found.resolve("main")


def test_revisions_that_are_asked_for_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    wanted = {}
    for number in range(4):
        wanted[f"v{number}"] = commit(origin, {**SMALL, "templates/motd": f"{number}\n"})
        git(origin, "tag", f"v{number}")
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda name: (name, repository(tmp_path, origin).resolve(name)), [*wanted] * 3)
        assert all(wanted[name] == made for name, made in found)


def test_nothing_of_its_history_is_fetched(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    first = commit(origin)
    for number in range(3):
        last = commit(origin, {"templates/motd": f"{number}\n"})
    found = repository(tmp_path, origin)
    assert found.resolve("main") == last
    listed = git(found.folder, "rev-list", "--all", "--count")
    assert listed == "1"
    assert first not in git(found.folder, "rev-list", "--all")


@pytest.mark.parametrize("name", ["nope", "v9.9", "0" * 40])
def test_a_revision_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    origin = tmp_path / "origin"
    commit(origin)
    with pytest.raises(NotFound, match="no such revision"):
        repository(tmp_path, origin).resolve(name)


@pytest.mark.parametrize(
    "revision",
    ["-x", "--upload-pack=touch /tmp/x", "a..b", "a b", "a;b", "$(x)", "a:b", "", "@{-1}", "a\nb", "x.lock", "a" * 300],
)
def test_what_is_no_revision_never_reaches_git(tmp_path: Path, revision: str) -> None:
    with pytest.raises(Invalid, match="is no revision"):
        check_revision(revision)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a.git", "ssh://git@example.org:2222/a.git", "git@example.org:site/a.git", "HTTPS://x.org/a"],
)
def test_urls_that_may_be_named_from_afar(url: str) -> None:
    assert is_git(url)
    assert check_url(url, REMOTE) == url


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "http://example.org/a.git",
        "git://example.org/a.git",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "-oProxyCommand=x:y",
        "ssh://-oProxyCommand=touch/x",
        "https://user:secret@example.org/a.git",
        "https:///nothing",
        "ftp://example.org/x",
        "https://[bad/x",
        "host:/x\n",
        "/etc/passwd",
        "https://example.org/a b",
    ],
)
def test_urls_that_may_not(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url, REMOTE)
    if url != "file:///etc":
        with pytest.raises(Invalid):
            check_url(url, LOCAL)


def test_git_itself_refuses_other_protocols_as_well(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    commit(origin)
    marked = tmp_path / "marked"
    for url in (f"file://{origin}", str(origin), f"ext::touch {marked}"):
        with pytest.raises(PureBootError, match="not allowed"):
            Repository(url=url, folder=tmp_path / "cache", protocols=REMOTE).resolve("main")
    assert not marked.exists()


def test_links_submodules_large_files_and_folders_are_refused(tmp_path: Path) -> None:
    origin, other = tmp_path / "origin", tmp_path / "other"
    commit(other, {"x": "x"})
    commit(origin, {**SMALL, "templates/large": b"x" * (MAX_FILE + 1), "templates/deep/er": "x"})
    (origin / "templates" / "link").symlink_to("/etc/passwd")
    git(origin, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other), "templates/module")
    made = commit(origin, {})
    read = repository(tmp_path, origin).read(made)
    assert set(read.files) == set(SMALL)
    assert {each.file: each.message.split(",")[0].split(";")[0] for each in read.refused} == {
        "templates/deep": "is a folder",
        "templates/large": f"has {MAX_FILE + 1} bytes",
        "templates/link": "is a symbolic link",
        "templates/module": "is a submodule",
    }
    assert not (tmp_path / "cache" / "modules").exists()


def test_nothing_of_a_repository_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = tmp_path / "marked"
    origin = tmp_path / "origin"
    modules = '[submodule "a"]\n\tpath = -x\n\turl = -y\n'
    made = commit(origin, {**SMALL, ".gitattributes": "* filter=evil\n", ".gitmodules": modules})
    for hook in ("post-checkout", "reference-transaction", "post-merge"):
        place = tmp_path / "templates-of-git" / "hooks" / hook
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {marked}\n")
        place.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[init]\n\ttemplateDir = {tmp_path}/templates-of-git\n"
        f"[core]\n\thooksPath = {tmp_path}/templates-of-git/hooks\n"
        f'[filter "evil"]\n\tsmudge = touch {marked}\n\tclean = touch {marked}\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))  # is not handed on
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(settings.read_text())
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert repository(tmp_path, origin).read(made).files["templates/motd"] == b"welcome\n"
    assert not marked.exists()


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/x.git"
        silent = Repository(url=url, folder=tmp_path / "cache", seconds=1.0)
        start = time.monotonic()
        with pytest.raises(Unavailable, match="took longer than 1 seconds"):
            silent.resolve("main")
        assert time.monotonic() - start < 20


def test_an_empty_repository_and_none_are_said(tmp_path: Path) -> None:
    git_folder = tmp_path / "empty"
    git_folder.mkdir()
    git(git_folder, "init", "--quiet", ".")
    for origin in (git_folder, tmp_path / "nothing"):
        with pytest.raises(PureBootError):
            repository(tmp_path, origin).resolve(None)


def test_without_git_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(Unavailable, match="apt-get install git"):
        repository(tmp_path, tmp_path).resolve("main")


def test_it_is_forgotten(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    commit(origin)
    found = repository(tmp_path, origin)
    found.resolve("main")
    assert found.folder.stat().st_mode & 0o077 == 0
    found.forget()
    assert not found.folder.exists()


def tree(origin: Path, entries: str) -> str:
    """A tree of these entries, as `git mktree` reads them."""
    done = subprocess.run(
        [program("git"), "-C", str(origin), "mktree"], input=entries, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit_tree(origin: Path, top: str) -> str:
    made = git(origin, "commit-tree", "-m", "a bomb", top)
    git(origin, "update-ref", "refs/heads/main", made)
    return made


def test_a_few_files_that_are_named_a_thousand_times_do_not_fill_the_memory(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    commit(origin, {"templates/big": b"\0" * MAX_FILE})
    blob = git(origin, "rev-parse", "HEAD:templates/big")
    many = tree(origin, "".join(f"100644 blob {blob}\tname-{n}\n" for n in range(MAX_BYTES // MAX_FILE + 1)))
    made = commit_tree(origin, tree(origin, f"040000 tree {many}\ttemplates\n"))
    with pytest.raises(Invalid, match=r"have more than 268\.4 MB together, too much for a pack"):
        repository(tmp_path, origin).read(made)


def test_folders_that_hold_the_same_folder_again_and_again_do_not_fill_the_memory(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    commit(origin)
    blob = git(origin, "rev-parse", "HEAD:templates/motd")
    top = tree(origin, "".join(f"100644 blob {blob}\t{n}\n" for n in range(10)))
    for _ in range(9):  # ten thousand million files
        top = tree(origin, "".join(f"040000 tree {top}\t{n}\n" for n in range(10)))
    made = commit_tree(origin, top)
    started = time.monotonic()
    with pytest.raises(Invalid, match="more than 10000 files"):
        repository(tmp_path, origin).read(made)
    assert time.monotonic() - started < 30

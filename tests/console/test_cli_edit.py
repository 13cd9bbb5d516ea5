"""`pureboot template edit`: what a person writes in an editor is never lost, nor does it undo what others wrote."""

import sys
import tempfile
from pathlib import Path

import pytest

from tests.console.cli_support import ROOT, Commands, environment


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    for name, value in environment(sqlite_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("EDITOR", str(tmp_path / "editor"))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Commands(sqlite_url, tmp_path)


def editor(folder: Path, *lines: str) -> None:
    """An editor that does this to its file `$1`, which is copied to `saved` at the end."""
    script = folder / "editor"
    script.write_text("\n".join(["#!/bin/sh", *lines, f'cp "$1" {folder}/saved\n']))
    script.chmod(0o755)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (r'printf "echo mine \377" > "$1"', "is not text in UTF-8"),
        (r'head -c 1048577 /dev/zero | tr "\000" x > "$1"', "1048576 bytes"),
        ('echo "echo mine" > "$1"; mv "$STORE" "$STORE.away"; mkdir "$STORE"', "cannot be opened"),
    ],
)
def test_what_was_written_is_kept_whyever_it_cannot_be_saved(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str, said: str
) -> None:
    monkeypatch.setenv("STORE", run.url.partition(":///")[2])
    editor(tmp_path, write)
    run.ok("template", "add", "t", "-", input_="echo one\n")
    refused = run("template", "edit", "t")
    assert refused.exit_code == 1
    assert said in refused.stderr
    kept = Path(refused.stderr.split("what you wrote is kept in ")[1].splitlines()[0])
    assert kept.read_bytes() == (tmp_path / "saved").read_bytes()


def test_what_others_saved_meanwhile_is_not_undone(run: Commands, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("echo theirs\n")
    editor(tmp_path, 'echo "echo mine" >> "$1"', f"{sys.executable} -m console template new-version t {theirs}")
    run.ok("template", "add", "t", "-", input_="echo one\n")
    refused = run("template", "edit", "t")
    assert refused.exit_code == 4
    assert "t is v1.1 by now, and this text was made from v1.0" in refused.stderr
    assert "echo mine" in Path(refused.stderr.split("is kept in ")[1].splitlines()[0]).read_text()
    assert run.ok("template", "show", "t") == "echo theirs\n"
    assert len(list(tmp_path.glob("pureboot-*"))) == 1


def test_a_template_that_only_has_a_draft_can_be_edited(run: Commands, tmp_path: Path) -> None:
    editor(tmp_path, 'echo "echo more" >> "$1"')
    run.ok("template", "add", "t", "-", "--draft", input_="echo one\n")
    assert "has the draft v1.1" in run.ok("template", "edit", "t", "--draft")
    assert run.ok("template", "show", "t", "--version", "v1.1") == "echo one\necho more\n"

"""`pureboot template`."""

from pathlib import Path

import pytest

from tests.console.cli_support import MAC, Commands


def test_templates(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    text = tmp_path / "t.sh"
    text.write_text("echo ${node.hostname} ${params.x|y} ${node.ip}\n")
    assert run.json("template", "add", "t", str(text), "--type", "script", "-m", "first")["current_version"] == "v1.0"
    run.ok("template", "new-version", "t", "-", "-m", "second", input_="echo two\n")
    run.ok("template", "new-version", "t", "-", "--bump", "major", input_="echo three\n")
    assert run("template", "new-version", "t", "-", input_="echo three\n").exit_code == 4
    versions = run.json("template", "versions", "t")
    assert [version["version_string"] for version in versions] == ["v2.0", "v1.1", "v1.0"]
    assert run.ok("template", "show", "t", "--version", "v1") == "echo two\n"
    shown = run.ok("template", "diff", "t", "v1.1", "v2.0")
    assert "-echo two\n+echo three\n" in shown
    assert run.json("template", "diff", "t", "v1.1")["added"] == 1
    run.ok("template", "set-current", "t", "v1.0")
    assert run.json("template", "list")[0]["current_version"] == "v1.0"
    run.ok("node", "add", MAC, "hostname=r1-01")
    result = run("template", "render", "t", "--node", "r1-01")
    assert result.stdout == "echo r1-01 y ${node.ip}\n"
    assert "t:1:" in result.stderr
    assert run("template", "render", "t", "--node", "r1-01", "--strict").exit_code == 1
    assert run.ok("template", "render", "t", "--node", MAC, "-p", "x=z").startswith("echo r1-01 z")
    run.ok("template", "archive", "t")
    assert run.ok("template", "list", "--type", "preseed") == ""


def test_a_template_is_edited_in_an_editor(
    pureboot_command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "echo edited" > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    pureboot_command.ok("template", "add", "t", "-", input_="echo one\n")
    assert "v1.1" in pureboot_command.ok("template", "edit", "t", "-m", "by hand")
    assert pureboot_command.ok("template", "show", "t") == "echo edited\n"
    assert "nothing changed" in pureboot_command("template", "edit", "t").stderr

"""`pureboot template validate`, and what saving says on the command line."""

import json
from pathlib import Path

import pytest

from tests.console.cli_support import Commands
from tests.programs import program

WRONG = "# x\nd-i a/b boolean yes\n"


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    program("debconf-set-selections")
    monkeypatch.setenv("PUREBOOT_TEMPLATES__CHECK_ON_SAVE", "error")
    return Commands(sqlite_url, tmp_path)


def test_a_file_is_checked_before_it_is_a_template(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "answers.cfg"
    file.write_text(WRONG)
    result = run("template", "validate", str(file))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"{file}:2:17: error: a boolean is true or false, not 'yes' [preseed]"]
    told = run("template", "validate", str(file), "--type", "preseed", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error_count"] == 1
    file.write_text("d-i a/b boolean true\n")
    assert run.ok("template", "validate", str(file)) == f"{file}: no errors, no warnings\n"
    assert run("template", "validate", "-", "--type", "json", input_="{").exit_code == 1
    assert run("template", "validate", str(tmp_path / "gone")).exit_code != 0
    file.write_bytes(b"a\n\xff\n")
    assert f"{file}:2: is not text in UTF-8" in run("template", "validate", str(file)).stderr


def test_saving_refuses_errors_and_tells_of_warnings(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.write_text(WRONG)
    add = ("template", "add", "answers", str(file), "--type", "preseed")
    refused = run(*add)
    assert refused.exit_code == 1
    assert "answers:2:17" in refused.stderr
    assert "--force" in refused.stderr
    forced = run(*add, "--force")
    assert forced.exit_code == 0
    assert "pureboot: error: answers:2:17" in forced.stderr

    file.write_text("d-i mirror/http/hostnam string x\n")
    warned = run("template", "new-version", "answers", str(file))
    assert warned.exit_code == 0
    assert "pureboot: warning: answers:1:5: no question mirror/http/hostnam is known" in warned.stderr
    assert run("template", "set-current", "answers", "v1.0").exit_code == 1
    run.ok("template", "set-current", "answers", "v1.0", "--force")
    assert run("template", "validate", "answers").exit_code == 1
    assert run("template", "validate", "answers", "--version", "v1.1").exit_code == 0


def test_errors_are_told_of_and_stop_nothing_unless_that_is_set(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUREBOOT_TEMPLATES__CHECK_ON_SAVE")
    file = tmp_path / "answers"
    file.write_text(WRONG)
    saved = run("template", "add", "answers", str(file), "--type", "preseed")
    assert saved.exit_code == 0
    assert "pureboot: error: answers:2:17: a boolean is true or false, not 'yes'" in saved.stderr


def test_a_template_is_checked_as_a_node_gets_it(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.write_text("d-i a/b string ${node.hostname}\nd-i a/c string ${meta.dns}\n")
    run.ok("template", "add", "answers", str(file), "--type", "preseed")
    run.ok("node", "add", "aa:bb:cc:dd:ee:01", "hostname=web-01")
    run.ok("template", "validate", "answers")
    result = run("template", "validate", "answers", "--node", "web-01")
    assert result.exit_code == 1
    assert "answers:2:16: error: ${meta.dns} has no value and no default [placeholders]" in result.stdout

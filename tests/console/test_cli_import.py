"""`pureboot workflow import` and `validate` of several files: each is told of, whatever becomes of the others."""

from pathlib import Path

import pytest

from tests.console.cli_support import Commands

GOOD = "name: {name}\nsteps: [{{key: a, action: core.echo, with: {{message: hi}}}}]\n"


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Commands:
    return Commands(sqlite_url, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two good workflows, and between them one that is no YAML and one that is no text."""
    contents = {
        "one.yaml": GOOD.format(name="one").encode(),
        "bad.yaml": b"name: x\nsteps: [\n",
        "no-text.yaml": b"name: \xff\n",
        "two.yaml": GOOD.format(name="two").encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in contents]


def test_a_bad_file_stops_no_other_and_what_was_taken_is_said(run: Commands, files: list[str]) -> None:
    result = run("workflow", "import", "--publish", *files)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "workflow one imported as v1.0 (active)",
        "workflow two imported as v1.0 (active)",
    ]
    bad, no_text = result.stderr.splitlines()
    assert bad.startswith(f"pureboot: {files[1]}:3:1: is not YAML")
    assert no_text.startswith(f"pureboot: {files[2]}:1:7: is not text in UTF-8")
    assert [each["name"] for each in run.json("workflow", "list")] == ["one", "two"]


def test_the_exit_code_is_that_of_what_was_wrong(run: Commands, files: list[str], tmp_path: Path) -> None:
    assert run("workflow", "import", files[0], files[1]).exit_code == 1
    assert run.ok("workflow", "import", files[0]).startswith("workflow one unchanged, still v1.0")


def test_every_file_is_validated_beside_one_that_is_no_text(run: Commands, files: list[str]) -> None:
    result = run("workflow", "validate", *files)
    assert result.exit_code == 1
    assert [line.split(": ")[1].split(":")[0] for line in result.stderr.splitlines()] == files[1:3]


def test_what_was_started_is_said_although_the_next_is_refused(run: Commands, files: list[str]) -> None:
    run.ok("workflow", "import", "--publish", files[0])
    run.ok("node", "add", "52:54:00:00:00:01", "hostname=n1")
    result = run("workflow", "run", "one", "--node", "n1", "--node", "nowhere")
    assert result.exit_code == 3
    [started] = run.json("execution", "list")
    assert f"execution {started['id']} of one v1.0" in result.stdout

"""`pureboot workflow` and `pureboot execution`."""

import json
from pathlib import Path

import pytest

from tests.console.cli_support import Commands

WORKFLOW = """\
name: w
params:
  who: {type: string, default: world}
  count: {type: integer, default: 1}
steps:
  - {key: a, name: Say it, action: core.echo, with: {message: "{{ params.who }} {{ params.count }}"}}
"""
BAD = """\
name: w
steps:
  - {key: a, action: core.nonsense}
  - {key: b, action: core.delay, with: {duration: soon}}
"""


def test_workflow_files(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(WORKFLOW)
    bad.write_text(BAD)
    assert "valid" in run.ok("workflow", "validate", str(good))
    result = run("workflow", "validate", str(good), str(bad))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{bad}:3:" in result.stderr
    assert f"{bad}:4:" in result.stderr
    problems = json.loads(run("workflow", "validate", str(bad), "--json").stdout)
    assert [problem["line"] for problem in problems] == [3, 4]
    assert run("workflow", "import", str(bad)).exit_code == 1
    assert run.json("workflow", "list") == []
    assert "imported as v1.0 (draft)" in run.ok("workflow", "import", str(good))
    assert "unchanged" in run.ok("workflow", "import", str(good))
    assert run("workflow", "run", "w").exit_code == 4
    assert "v1.0 is active" in run.ok("workflow", "publish", "w")
    assert run.json("workflow", "show", "w")["is_active"]
    assert "who" in run.ok("workflow", "show", "w")
    again = tmp_path / "again.yaml"
    again.write_text(run.ok("workflow", "export", "w"))
    assert "valid" in run.ok("workflow", "validate", str(again))
    run.ok("workflow", "archive", "w")
    assert run("workflow", "run", "w").exit_code == 4


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"name: [\n", "is not YAML"), (b"\xff\xfe", "not text in UTF-8"), (b"", "holds no workflow"), (b"[]", "mapping")],
)
def test_files_that_are_no_workflow(pureboot_command: Commands, tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(content)
    result = pureboot_command("workflow", "validate", str(path))
    assert result.exit_code == 1
    assert text in result.stderr


def test_executions(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    path = tmp_path / "w.yaml"
    path.write_text(WORKFLOW)
    run.ok("workflow", "import", "--publish", str(path))
    first = run.json("workflow", "run", "w", "-p", "who=1", "-p", "count=3", "--request-id", "r")
    assert first["params"] == {"who": "1", "count": 3}
    assert run.json("workflow", "run", "w", "--request-id", "r")["id"] == first["id"]
    assert "params.count" in run("workflow", "run", "w", "-p", "count=many").stderr
    assert [each["id"] for each in run.json("execution", "list")] == [first["id"]]
    assert run.json("execution", "list", "--status", "failed") == []
    assert run.json("execution", "list", "--until", "2020-01-01") == []
    shown = run.json("execution", "show", first["id"][:6])
    assert [attempt["step_key"] for attempt in shown["attempts"]] == ["a"]
    assert "Say it" in run.ok("execution", "show", first["id"])
    assert run.ok("execution", "logs", first["id"]) == ""
    assert "cancelled" in run.ok("execution", "cancel", first["id"][:8], "--reason", "no need")
    assert run("execution", "cancel", first["id"]).exit_code == 4
    assert "no need" in run.json("execution", "show", first["id"])["error"]


def test_a_draft_runs_if_that_is_asked_for(pureboot_command: Commands, tmp_path: Path) -> None:
    run = pureboot_command
    path = tmp_path / "w.yaml"
    path.write_text(WORKFLOW)
    run.ok("workflow", "import", "--publish", str(path))
    path.write_text(WORKFLOW.replace("count: {type: integer, default: 1}", "count: {type: string}"))
    run.ok("workflow", "import", str(path))
    assert run.json("workflow", "run", "w", "-p", "count=2")["params"]["count"] == 2
    draft = run.json("workflow", "run", "w", "--draft", "-p", "count=2")
    assert (draft["workflow_version"], draft["params"]["count"]) == ("v1.1", "2")

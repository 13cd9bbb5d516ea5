"""The library on the command line: search, versions, drafts, tags, diffs, where-used, impact, archive."""

from pathlib import Path

import pytest

from tests.console.cli_support import Commands

INSTALL = """\
name: install
steps:
  - key: wipe
    action: node.script
    with: {template: answers}
    retry: {max_attempts: 3}
"""


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Commands:
    """Commands on a store with a template, a workflow that runs it, and a node that would boot it."""
    commands = Commands(sqlite_url, tmp_path)
    (tmp_path / "w.yaml").write_text(INSTALL)
    commands.ok("template", "add", "answers", "-", "--tag", "eu", input_="zone ${meta.zone|UTC}\nlast line\n")
    commands.ok("workflow", "import", str(tmp_path / "w.yaml"), "--publish")
    workflow = commands.json("workflow", "show", "install")["id"]
    commands.ok("node", "add", "52:54:00:00:00:01", "hostname=n1", f"workflow_id={workflow}")
    return commands


def test_a_text_is_found_at_its_place(run: Commands) -> None:
    assert run.ok("template", "search", "ZONE") == (
        "answers v1.0:1:1: zone ${meta.zone|UTC}\nanswers v1.0:1:13: zone ${meta.zone|UTC}\n"
    )
    assert run.ok("workflow", "search", "answers") == "install v1.0:5:22:     with: {template: answers}\n"
    assert run.json("template", "search", "eu")[0]["matches"][0]["field"] == "tag"
    nothing = run("template", "search", "zone", "--type", "preseed")
    assert (nothing.exit_code, nothing.stderr) == (1, "nothing has it\n")
    run.ok("template", "new-version", "answers", "-", input_="other\n")
    assert run("template", "search", "zone").exit_code == 1
    assert run.ok("template", "search", "last", "--all-versions") == "answers v1.0:2:1: last line\n"


def test_a_draft_is_kept_beside_what_is_in_use(run: Commands) -> None:
    said = run.ok("template", "new-version", "answers", "-", "--draft", input_="new\n")
    assert said == "template answers has the draft v1.1\n"
    assert run.ok("template", "show", "answers").startswith("zone")
    lines = run.ok("template", "versions", "answers").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["v1.1", "draft"], ["v1.0", "current"]]
    assert run.ok("template", "set-current", "answers", "v1.1") == ("the current version of template answers is v1.1\n")
    assert run.ok("template", "add", "d", "-", "--draft", input_="x\n") == "template d added as the draft v1.0\n"
    assert run("template", "show", "d").exit_code == 3


def test_workflows_have_versions_like_templates(run: Commands, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(INSTALL.replace("attempts: 3", "attempts: 5"))
    run.ok("workflow", "import", str(tmp_path / "w.yaml"), "-m", "more patience")
    lines = run.ok("workflow", "versions", "install").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["v1.1", "draft"], ["v1.0", "current"]]
    shown = run.ok("workflow", "diff", "install", "v1.0").splitlines()
    assert shown[0] == "step `wipe` now retries 5 times (was 3), counting the first try"
    assert "+    retry: {max_attempts: 5}" in shown
    assert run.json("workflow", "diff", "install", "v1.0", "v1.1")["changes"][0]["after"] == 5
    run.ok("workflow", "publish", "install")
    assert run.ok("workflow", "set-current", "install", "v1.0") == "the active version of workflow install is v1.0\n"
    assert run.ok("workflow", "set", "install", "--tag", "a", "--tag", "b", "--untag", "a") == (
        "workflow install is set; tags: b\n"
    )
    assert run.json("workflow", "set", "install", "--description", "Anew")["latest_version"] == "v1.2"
    assert run("workflow", "set", "install").exit_code == 2
    assert run.ok("template", "set", "answers", "--description", "D", "--untag", "eu") == "template answers is set\n"


def test_two_versions_beside_each_other(run: Commands) -> None:
    run.ok("template", "new-version", "answers", "-", input_="zone ${meta.zone|CET}\nlast line\n")
    patch = run.ok("template", "diff", "answers", "v1.0")
    assert "-zone ${meta.zone|UTC}\n+zone ${meta.zone|CET}\n" in patch
    beside = run.ok("template", "diff", "answers", "v1.0", "-y").splitlines()
    left, right = beside[0].split(" | ")
    assert (left.split(), right.split()) == (
        ["1", "~", "zone", "${meta.zone|UTC}"],
        ["1", "~", "zone", "${meta.zone|CET}"],
    )


def test_where_something_is_used(run: Commands) -> None:
    assert run.ok("template", "where-used", "answers") == (
        "workflow install v1.0: runs it (step wipe, with.template)\nnode n1: boots install v1.0\n"
    )
    run.ok("template", "add", "lone", "-", input_="x\n")
    assert run.ok("template", "where-used", "lone") == "nothing uses template lone\n"
    assert run.json("workflow", "where-used", "install")["nodes"][0]["node"] == "n1"
    assert run("template", "where-used", "nowhere").exit_code == 3


def test_what_a_file_would_change(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_text("zone ${meta.zone|CET}\nlast line\n")
    shown = run.ok("template", "impact", "answers", "--file", str(file))
    assert "+zone ${meta.zone|CET}" in shown
    assert "changed  n1    install v1.0  boots it" in shown
    assert shown.endswith("1 node would get another text\n")
    one = run.ok("template", "impact", "answers", "--file", str(file), "--node", "n1")
    assert one.endswith("-zone UTC\n+zone CET\n last line\n")
    data = run.json("template", "impact", "answers", "--file", str(file), "--node", "n1")
    assert data["reached"][0]["texts"][0]["after"] == "zone CET\nlast line\n"
    file.write_text("zone ${meta.zone}\n")
    broken = run.ok("template", "impact", "answers", "--file", str(file))
    assert "breaks   n1    install v1.0  boots it  answers:1:6: ${meta.zone} has no value and no default" in broken
    assert broken.endswith("1 node would break\n")
    assert run("template", "impact", "answers", "--file", str(file), "--to", "v1.0").exit_code == 2
    assert "are the same text" in run.ok("template", "impact", "answers")


def test_what_a_workflow_would_change(run: Commands, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(INSTALL.replace("attempts: 3", "attempts: 5"))
    shown = run.ok("workflow", "impact", "install", "--file", str(tmp_path / "w.yaml"))
    assert shown.startswith("step `wipe` now retries 5 times")
    assert shown.endswith("1 node would get another text\n")


def test_what_is_needed_is_archived_by_force(run: Commands) -> None:
    run.ok("workflow", "run", "install", "--node", "n1")
    refused = run("template", "archive", "answers")
    assert refused.exit_code == 4
    assert "1 execution under way has yet to come to it (install on n1)" in refused.stderr
    done = run("template", "archive", "answers", "--force")
    assert (done.exit_code, done.stdout) == (0, "template answers is archived\n")
    assert "install still names it" in done.stderr

"""`pureboot pack`."""

import json
from pathlib import Path

from tests.console.cli_support import Commands
from tests.packs.repositories import MANIFEST, SMALL, commit, lay


def test_a_folder_is_added_synced_and_removed(pureboot_command: Commands, tmp_path: Path) -> None:
    place = lay(tmp_path / "packs" / "my_pack")
    result = pureboot_command("pack", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "my_pack in packs.dir is not added" in result.stderr
    said = pureboot_command.ok("pack", "add", "my_pack")
    assert "template my_pack.motd v1.0 created" in said
    assert "pack my_pack added: 2 created, 0 changed, 0 unchanged, 0 archived, 0 errors" in said
    assert pureboot_command("pack", "add", "my_pack").exit_code == 4
    (listed,) = pureboot_command.json("pack", "list")
    assert (listed["ref"], listed["source"], listed["version"]) == ("my_pack", "my_pack", "1.0.0")
    shown = pureboot_command.ok("pack", "show", "my_pack")
    for text in ("My pack", "For tests", "my_pack.hello", "workflows/hello.yaml", "v1.0"):
        assert text in shown
    assert len(pureboot_command.json("pack", "show", "my_pack")["documents"]) == 2
    lay(place, {"workflows/bad.yaml": "steps:\n  - {key: a, action: core.ehco}\n"})
    result = pureboot_command("pack", "sync", "my_pack")
    assert result.exit_code == 1
    assert "my_pack/workflows/bad.yaml:2:22: steps[0].action: there is no action 'core.ehco'" in result.stderr
    result = pureboot_command("pack", "validate", "my_pack")
    assert (result.exit_code, "1 of 3 files" in result.stdout) == (1, True)
    report = json.loads(pureboot_command("pack", "sync", "--json").stdout)
    assert (report[0]["pack_ref"], len(report[0]["errors"])) == ("my_pack", 1)
    (place / "workflows" / "bad.yaml").unlink()
    assert pureboot_command.json("pack", "validate", "my_pack")["error_count"] == 0
    assert pureboot_command.json("pack", "sync", "my_pack")["errors"] == []
    told = pureboot_command.ok("events")
    assert "pack.added" in told
    assert "pack.synced" in told
    result = pureboot_command("pack", "remove", "my_pack", input_="n\n")
    assert (result.exit_code, "archives my_pack.hello" in result.stderr) == (1, True)
    assert "2 documents archived" in pureboot_command.ok("pack", "remove", "my_pack", "--yes")
    assert pureboot_command("pack", "show", "my_pack").exit_code == 3
    assert pureboot_command("pack", "sync", "nothing").exit_code == 3


def test_a_repository_shows_what_changes_before_it_does(pureboot_command: Commands, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    first = commit(origin)
    pureboot_command.ok("pack", "add", str(origin), "--revision", "main")
    second = commit(origin, {"templates/motd": "second\n", "templates/new": "x\n"}, gone=("workflows/hello.yaml",))
    result = pureboot_command("pack", "update", "my_pack", input_="n\n")
    assert result.exit_code == 1
    assert f"commit: {first} -> {second}" in result.stdout
    assert "--- a/templates/motd\n+++ b/templates/motd\n@@ -1 +1 @@\n-welcome\n+second\n" in result.stdout
    assert "--- /dev/null\n+++ b/templates/new\n@@ -0,0 +1 @@\n+x\n" in result.stdout
    assert "--- a/workflows/hello.yaml\n+++ /dev/null\n" in result.stdout
    assert "Take over these 3 changes?" in result.stderr
    assert pureboot_command.json("pack", "show", "my_pack")["commit_id"] == first
    said = pureboot_command.ok("pack", "update", "my_pack", input_="y\n")
    assert "1 created, 1 changed, 0 unchanged, 1 archived, 0 errors" in said
    assert pureboot_command.json("pack", "show", "my_pack")["commit_id"] == second
    assert "no document changes" in pureboot_command.ok("pack", "update", "my_pack")
    back = pureboot_command.json("pack", "update", "my_pack", "--revision", first, "--yes")
    assert (back["commit_id"], back["sync"]["errors"]) == (first, [])
    for revision, code in (("nope", 3), ("--x", 1)):
        assert pureboot_command("pack", "update", "my_pack", f"--revision={revision}").exit_code == code
    for source in ("http://127.0.0.1/x", "ext::sh -c id"):
        assert pureboot_command("pack", "add", source).exit_code == 1
    assert pureboot_command("pack", "add", str(tmp_path / "nothing")).exit_code == 3


def test_several_are_added_and_those_that_fail_are_named(pureboot_command: Commands, tmp_path: Path) -> None:
    lay(tmp_path / "packs" / "base", {"pack.yaml": "ref: base\n"})
    lay(tmp_path / "packs" / "site", {"pack.yaml": "ref: site\ndependencies: [base]\n", "templates/t": "x"})
    result = pureboot_command("pack", "add", "site")
    assert (result.exit_code, "needs the pack base" in result.stderr) == (1, True)
    assert len(pureboot_command.json("pack", "add", "base", "site")) == 2
    lay(tmp_path / "packs" / "site", {"pack.yaml": "ref: ["})
    result = pureboot_command("pack", "sync")
    assert (result.exit_code, "base synced" in result.stdout, "site: pack.yaml" in result.stderr) == (1, True, True)
    assert pureboot_command("pack", "remove", "base", "--yes").exit_code == 4
    assert pureboot_command("pack", "add", "a", "b", "--ref", "c").exit_code == 2


def test_sums_are_written_pinned_and_kept(pureboot_command: Commands, tmp_path: Path) -> None:
    place = lay(tmp_path / "packs" / "my_pack")
    assert pureboot_command("pack", "manifest", str(place), "--check").exit_code == 1
    made = pureboot_command.json("pack", "manifest", str(place))
    assert made["files"] == 3
    assert "all 3 files are as" in pureboot_command.ok("pack", "manifest", str(place), "--check")
    result = pureboot_command("pack", "add", "my_pack", "--manifest-sha256", "0" * 64)
    assert (result.exit_code, made["sha256"] in result.stderr) == (1, True)
    pureboot_command.ok("pack", "add", "my_pack", "--manifest-sha256", made["sha256"])
    lay(place, {"templates/motd": "changed\n"})
    result = pureboot_command("pack", "sync", "my_pack")
    assert (result.exit_code, "templates/motd: differs from MANIFEST.sha256" in result.stderr) == (1, True)
    assert pureboot_command("pack", "manifest", str(place), "--check").exit_code == 1
    made = pureboot_command.json("pack", "manifest", str(place))
    assert pureboot_command("pack", "sync", "my_pack").exit_code == 1  # pinned to the old ones
    pureboot_command.ok("pack", "update", "my_pack", "--manifest-sha256", made["sha256"], "--yes")


def test_a_library_goes_from_one_store_to_another(
    pureboot_command: Commands, tmp_path: Path, empty_sqlite: Path
) -> None:
    lay(tmp_path / "packs" / "my_pack", {**SMALL, "pack.yaml": MANIFEST})
    pureboot_command.ok("pack", "add", "my_pack")
    out = tmp_path / "out"
    assert "1 templates, 1 workflows written to" in pureboot_command.ok("pack", "export", "--ref", "site", str(out))
    assert pureboot_command("pack", "export", "--ref", "site", str(out)).exit_code == 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "p.db").write_bytes(empty_sqlite.read_bytes())
    other = Commands(f"sqlite:///{tmp_path}/other/p.db", tmp_path / "other")
    other.ok("pack", "add", str(out))
    for name in ("template", "workflow"):
        mine, theirs = (each.json(name, "list") for each in (pureboot_command, other))
        assert [each["name"] for each in mine] == [each["name"] for each in theirs]
    assert other.ok("template", "show", "my_pack.motd") == "welcome\n"


def test_an_export_says_what_it_leaves_out(pureboot_command: Commands, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"a kernel")
    pureboot_command.ok("template", "add", "motd", "-", input_="hi\n")
    pureboot_command.ok("template", "add", "later", "-", "--draft", input_="hi\n")
    pureboot_command.ok("template", "add-file", "kernel", str(tmp_path / "vmlinuz"), "--type", "kernel")
    done = pureboot_command("pack", "export", "--ref", "site", str(tmp_path / "out"))
    assert done.exit_code == 0
    assert "1 templates, 0 workflows written to" in done.stdout
    assert done.stderr.splitlines() == [
        "pureboot: template kernel is left out: a file (kernel); a pack holds texts",
        "pureboot: template later is left out: no version of it is in use",
    ]
    one = pureboot_command("pack", "export", "--ref", "site", "--name", "motd", str(tmp_path / "one"))
    assert (one.exit_code, one.stderr) == (0, "")

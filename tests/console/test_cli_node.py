"""`pureboot node` and `pureboot group`, and what every noun refuses."""

import pytest

from tests.console.cli_support import MAC, Commands


def test_nodes(pureboot_command: Commands) -> None:
    run = pureboot_command
    run.ok("group", "add", "rack-1", "description=First", "metadata.ntp=10.0.0.1")
    assert "r1-01 added" in run.ok("node", "add", "5254.0000.0001", "hostname=r1-01", "group=rack-1", "tags=b,a")
    node = run.json("node", "show", "r1-01")
    assert (node["mac_address"], node["tags"], node["state"]) == (MAC, ["a", "b"], "discovered")
    run.ok("node", "set", MAC, "metadata.role=web", "metadata.room=2", "locked=true", "vendor=Dell Inc.")
    run.ok("node", "set", MAC, "metadata.room=", "tags=")
    node = run.json("node", "show", MAC)
    assert (node["metadata"], node["locked"], node["tags"], node["vendor"]) == ({"role": "web"}, True, [], "Dell Inc.")
    run.ok("node", "tag", "r1-01", "x", "y")
    run.ok("node", "tag", "r1-01", "--remove", "x")
    assert run.json("node", "show", "r1-01")["tags"] == ["y"]
    assert "is pending" in run.ok("node", "state", "r1-01", "pending", "--comment", "go on")
    (row,) = run.json("node", "history", "r1-01")
    assert (row["from_state"], row["to_state"], row["comment"]) == ("discovered", "pending", "go on")
    assert row["principal"].startswith("user:")
    assert "go on" in run.ok("node", "history", "r1-01")


def test_node_lists(pureboot_command: Commands) -> None:
    run = pureboot_command
    run.ok("group", "add", "rack-1")
    for at in range(3):
        run.ok("node", "add", f"52:54:00:00:00:0{at + 1}", f"hostname=n-{at}", *(["group=rack-1"] if at else []))
    run.ok("node", "state", "n-0", "pending")
    assert [node["hostname"] for node in run.json("node", "list")] == ["n-0", "n-1", "n-2"]
    assert [node["hostname"] for node in run.json("node", "list", "--state", "pending")] == ["n-0"]
    assert [node["hostname"] for node in run.json("node", "list", "--group", "rack-1")] == ["n-1", "n-2"]
    assert [node["hostname"] for node in run.json("node", "list", "--sort", "-hostname")] == ["n-2", "n-1", "n-0"]
    assert run.json("node", "list", "--tag", "none") == []
    table = run.ok("node", "list").splitlines()
    assert table[0].split()[:2] == ["NODE", "STATE"]
    assert len({line.index("52:54") for line in table[1:]}) == 1
    assert run("node", "list", "--group", "rack-9").exit_code == 3
    assert run("node", "list", "--sort", "nonsense").exit_code == 1


def test_a_list_of_nothing_is_empty_on_standard_output(pureboot_command: Commands) -> None:
    result = pureboot_command("node", "list")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "no nodes\n", 0)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["node", "show", "nobody"], 3, "there is no node nobody"),
        (["node", "add", MAC], 4, "already"),
        (["node", "add", "zz:zz"], 1, "not a MAC address"),
        (["node", "set", MAC, "colour=red"], 1, "colour: cannot be set"),
        (["node", "state", MAC, "active"], 4, "from discovered it can become pending"),
        (["node", "retire", MAC], 4, "cannot become retired"),
        (["group", "show", "none"], 3, "no group"),
        (["group", "add", "Bad Name"], 1, "is no name"),
        (["group", "delete", "full"], 4, "1 nodes"),
        (["template", "show", "none"], 3, "no template"),
        (["workflow", "show", "none"], 3, "no workflow"),
        (["workflow", "run", "none"], 3, "no workflow"),
        (["execution", "show", "ffff"], 3, "no execution"),
        (["token", "revoke", "none"], 3, "none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(pureboot_command: Commands, words: list[str], code: int, text: str) -> None:
    pureboot_command.ok("group", "add", "full")
    pureboot_command.ok("node", "add", MAC, "group=full")
    result = pureboot_command(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert all(line.startswith("pureboot: ") for line in result.stderr.splitlines())


def test_a_node_is_retired_by_way_of_its_states(pureboot_command: Commands) -> None:
    pureboot_command.ok("node", "add", MAC)
    for state in ("pending", "installing", "installed", "active", "deprovisioning"):
        pureboot_command.ok("node", "state", MAC, state)
    assert "is retired" in pureboot_command.ok("node", "retire", MAC, "--comment", "old")
    assert pureboot_command.json("node", "history", MAC)[0]["comment"] == "old"


def test_groups(pureboot_command: Commands) -> None:
    run = pureboot_command
    assert run.json("group", "add", "a", "metadata.x=1")["metadata"] == {"x": "1"}
    run.ok("group", "set", "a", "name=b", "description=Other")
    assert [(group["name"], group["description"]) for group in run.json("group", "list")] == [("b", "Other")]
    assert "Other" in run.ok("group", "show", "b")
    run.ok("group", "delete", "b")
    assert run.json("group", "list") == []

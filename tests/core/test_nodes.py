"""The state machine of nodes, and MAC addresses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.nodes import TRANSITIONS, Node, NodeState, fail_install, names_another, parse_mac, transition, way
from engine.errors import Conflict, Invalid

BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BEFORE + timedelta(hours=1)
S = NodeState

# CONTRACT section 2, written out once more: the table in the code must say the same.
CONTRACT = {
    "discovered": "pending",
    "pending": "installing",
    "installing": "installed install_failed",
    "install_failed": "pending",
    "installed": "active",
    "active": "reprovision deprovisioning migrating",
    "reprovision": "pending",
    "deprovisioning": "retired",
    "migrating": "active",
    "retired": "",
}


def a_node(state: NodeState, **values: object) -> Node:
    node = Node(
        id="n1",
        mac_address="aa:bb:cc:dd:ee:01",
        hostname="r1",
        state=state,
        state_changed_at=BEFORE,
        created_at=BEFORE,
        updated_at=BEFORE,
    )
    return replace(node, **values)  # type: ignore[arg-type]


def move(node: Node, to: NodeState, *, force: bool = False) -> Node:
    return transition(node, to, now=NOW, max_attempts=3, force=force)


def test_the_table_is_the_contracts() -> None:
    assert {state.value: " ".join(to) for state, to in TRANSITIONS.items()} == CONTRACT


@pytest.mark.parametrize("start", list(NodeState))
@pytest.mark.parametrize("goal", list(NodeState))
def test_every_pair_of_states(start: NodeState, goal: NodeState) -> None:
    node = a_node(start)
    if goal.value in CONTRACT[start.value].split():
        moved = move(node, goal)
        assert (moved.state, moved.state_changed_at) == (goal, NOW)
    else:
        with pytest.raises(Conflict) as refused:
            move(node, goal, force=True)
        for valid in CONTRACT[start.value].split():
            assert valid in str(refused.value).partition("; ")[2]


def test_failed_installs_are_counted_and_the_third_is_the_last() -> None:
    node = a_node(S.INSTALLING)
    for count in (1, 2):
        node = fail_install(node, f"error {count}", now=NOW, max_attempts=3)
        assert (node.state, node.install_attempts) == (S.INSTALLING, count)
    node = fail_install(node, "error 3", now=NOW, max_attempts=3)
    assert (node.state, node.install_attempts, node.last_install_error) == (S.INSTALL_FAILED, 3, "error 3")


def test_only_an_installing_node_can_fail_to_install() -> None:
    with pytest.raises(Conflict, match="is active, not installing"):
        fail_install(a_node(S.ACTIVE), "x", now=NOW, max_attempts=3)


def test_used_up_installs_need_force_which_resets_them() -> None:
    node = a_node(S.INSTALL_FAILED, install_attempts=3, last_install_error="disk")
    with pytest.raises(Conflict, match="use force"):
        move(node, S.PENDING)
    forced = move(node, S.PENDING, force=True)
    assert (forced.state, forced.install_attempts, forced.last_install_error) == (S.PENDING, 0, None)


def test_installs_that_are_left_need_no_force() -> None:
    node = a_node(S.INSTALL_FAILED, install_attempts=2, last_install_error="disk")
    moved = move(node, S.PENDING)
    assert (moved.state, moved.install_attempts, moved.last_install_error) == (S.PENDING, 2, "disk")


def test_reaching_installed_resets_attempts_and_error() -> None:
    moved = move(a_node(S.INSTALLING, install_attempts=2, last_install_error="disk"), S.INSTALLED)
    assert (moved.install_attempts, moved.last_install_error) == (0, None)


@pytest.mark.parametrize(
    ("start", "goal", "expected"),
    [
        (S.DISCOVERED, S.INSTALLED, (S.PENDING, S.INSTALLING, S.INSTALLED)),
        (S.PENDING, S.INSTALLING, (S.INSTALLING,)),
        (S.INSTALLING, S.INSTALLING, ()),
        (S.REPROVISION, S.INSTALLING, (S.PENDING, S.INSTALLING)),
        (S.DEPROVISIONING, S.RETIRED, (S.RETIRED,)),
        (S.ACTIVE, S.INSTALLING, None),
        (S.ACTIVE, S.PENDING, None),
        (S.INSTALLED, S.INSTALLING, None),
        (S.RETIRED, S.PENDING, None),
    ],
)
def test_a_workflows_way(start: NodeState, goal: NodeState, expected: tuple[NodeState, ...] | None) -> None:
    assert way(start, goal) == expected


def test_no_way_ever_leads_out_of_active_unless_it_is_asked_for_by_name() -> None:
    for goal in NodeState:
        hops = way(S.ACTIVE, goal)
        assert hops is None or len(hops) <= 1


@pytest.mark.parametrize(
    "written",
    ["AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f", "aabb.ccdd.ee0f", "AABBCCDDEE0F", " Aa:bB:cc:dd:ee:0f\n"],
)
def test_macs_in_any_usual_form(written: str) -> None:
    assert parse_mac(written) == "aa:bb:cc:dd:ee:0f"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "aa:bb:cc:dd:ee",
        "aa:bb:cc:dd:ee:0g",
        "aa:bb-cc:dd:ee:0f",
        "aa:bb:cc:dd:ee:0f:00",
        "aab.bccd.dee0f",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "aa:bb:cc:dd:ee:0f; rm",
    ],
)
def test_what_is_no_mac(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_mac(written)
    assert refused.value.problems[0].path == "mac_address"


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        ("r1", False),
        ("", False),
        ("aabbccddee", False),
        ("00:00:00:00:00:00", False),
        ("aa-bb-cc-dd-ee-0f", False),  # its own
        ("AABBCCDDEE0F", False),
        ("aa:bb:cc:dd:ee:10", True),
        ("aabb.ccdd.ee10", True),
        ("5830ea40-435a-41b5-b654-732d5aa3acdf", True),
        ("5830EA40-435A-41B5-B654-732D5AA3ACDF", True),
        ("5830ea40-435a-41b5-b654-732d5aa3acdf-1", False),
    ],
)
def test_a_hostname_may_not_read_as_what_names_another_node(hostname: str, expected: bool) -> None:
    assert names_another(hostname, "aa:bb:cc:dd:ee:0f") is expected

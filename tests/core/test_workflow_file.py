"""Workflow files: read, written, and everything wrong in them found with its place."""

from pathlib import Path

import pytest

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.core.nodes import NodeState
from engine.core.sources import read, read_one
from engine.core.workflow_check import check
from engine.core.workflow_file import export, parse
from engine.core.workflows import Backoff, Edge, Retry, When, Workflow
from engine.errors import Invalid, Problem

ACTIONS = Registry(BUILTIN)
FULL = (Path(__file__).parents[1] / "data" / "debian-12.yaml").read_text()


def problems(text: str, templates: tuple[str, ...] = ()) -> list[Problem]:
    try:
        source = read_one(text, file="w.yaml")
        return check(parse(source), source, actions=ACTIONS, has_template=lambda name: name in templates)
    except Invalid as error:
        return list(error.problems)


def workflow(text: str) -> Workflow:
    return parse(read_one(text))


def test_the_contracts_form_is_read_whole() -> None:
    value = workflow(FULL)
    netboot = value.by_key["netboot"]
    assert (value.name, value.os_family, value.boot_mode, value.timeout_seconds) == ("debian-12", "linux", "uefi", 7200)
    assert value.params == {"disk": {"type": "string", "default": "/dev/vda"}}
    assert netboot.retry == Retry(max_attempts=3, delay=30, backoff=Backoff.EXPONENTIAL, max_delay=600)
    assert (netboot.timeout_seconds, netboot.heartbeat_seconds) == (2400, 300)
    assert netboot.next_state is NodeState.INSTALLING
    assert netboot.edges == (
        Edge(to="verify", when=When.SUCCESS, if_="params.disk != ''"),
        Edge(to="rescue", when=When.FAILURE),
    )
    assert problems(FULL) == []


def test_what_is_exported_is_read_back_the_same() -> None:
    value = workflow(FULL)
    assert workflow(export(value)) == value
    assert export(workflow(export(value))) == export(value)


def test_without_edges_success_leads_to_the_step_below() -> None:
    value = workflow("name: a\nsteps: [{key: x, action: core.echo}, {key: y, action: core.echo}]")
    assert value.by_key["x"].edges == (Edge(to="y"),)
    assert value.by_key["y"].edges == ()


def test_a_step_that_only_undoes_another_is_not_on_the_way() -> None:
    value = workflow(
        "name: a\nsteps: [{key: x, action: core.echo, rollback: undo}, {key: undo, action: core.echo},"
        " {key: y, action: core.echo}]"
    )
    assert value.by_key["x"].edges == (Edge(to="y"),)
    assert value.by_key["undo"].edges == ()


def test_older_spellings_are_read() -> None:
    value = workflow(
        """
name: old
steps:
  - {sequence: 2, name: Second, type: reboot, timeout_seconds: 30, max_retries: 2, retry_delay_seconds: 5}
  - {sequence: 1, name: First, type: boot, config_json: '{"kernel": "k"}', next_state: installing}
"""
    )
    first, second = value.steps
    assert (first.name, first.action, first.with_) == ("First", "node.boot", {"kernel": "k"})
    assert (second.action, second.timeout_seconds, second.retry) == ("node.reboot", 30, Retry(max_attempts=3, delay=5))


def test_the_graph_form_is_read() -> None:
    value = workflow(
        """
name: graph
startNode: b
nodes:
  - {id: a, actionType: core.echo, parameters: {message: hi}}
  - {id: b, actionType: core.echo, edges: [{targetNode: a, when: always, condition: "1 == 1"}]}
"""
    )
    assert [step.key for step in value.steps] == ["b", "a"]
    assert value.by_key["b"].edges == (Edge(to="a", when=When.ALWAYS, if_="1 == 1"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "w.yaml:2:1: is not YAML"),
        ("", "holds 0 YAML documents"),
        ("- a", "w.yaml:1:1: a workflow is a mapping"),
        ("name: a\nname: b\nsteps: []", "w.yaml:2:1: the key 'name' is written twice"),
        ("name: a\nsteps: []", "w.yaml:2:8: steps: must not be empty"),
        ("name: Big\nsteps: [{key: a, action: core.echo}]", "w.yaml:1:7: name: 'Big' may hold only"),
        ("steps: [{key: a, action: core.echo}]", "w.yaml:1:1: name: is missing"),
        ("name: a\nfoo: 1\nsteps: [{key: a, action: core.echo}]", "w.yaml:2:1: foo: is not a key"),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, timeout: 5x}",
            "w.yaml:3:42: steps[0].timeout: '5x' is no duration",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.ehco}",
            "w.yaml:3:22: steps[0].action: there is no action 'core.ehco'",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, next_state: broken}",
            "w.yaml:3:45: steps[0].next_state: 'broken' is not one of",
        ),
        (
            "name: a\nsteps:\n  - key: a\n    action: node.boot\n    with: {initrd: i}",
            "w.yaml:5:11: steps[0].with.kernel: is missing",
        ),
        (
            "name: a\nsteps:\n  - key: a\n    action: node.boot\n    with: {kernel: k, kernal: i}",
            "w.yaml:5:31: steps[0].with.kernal: is not a parameter",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo}\n  - {key: a, action: core.echo}",
            "w.yaml:4:11: steps[1].key: the key 'a' is used twice",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, edges: [{to: gone}]}",
            "steps[0].edges[0].to: there is no step 'gone'",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, edges: []}\n  - {key: b, action: core.echo}",
            "w.yaml:4:5: steps[1]: no edge leads to the step 'b'",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo}\n  - {key: b, action: core.echo, edges: [{to: a}]}",
            "the steps run in a circle, which is not supported yet: a -> b -> a",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, on_failure: gone}",
            "steps[0].on_failure: 'gone' is neither fail, continue, rollback nor the key of a step",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, edges: [{to: a, if: 'x >'}]}",
            "steps[0].edges[0].if: is no condition",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, with: {message: '{{ x'}}",
            "steps[0].with.message: does not compile",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: core.echo, with: {message: '${nodes.mac}'}}",
            "there is no namespace nodes",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: node.script, with: {template: gone}}",
            "steps[0].with.template: there is no template 'gone'",
        ),
        (
            "name: a\nsteps:\n  - {key: a, action: node.script, with: {script: '${include:gone}'}}",
            "there is no template gone",
        ),
        ("name: a\nparams: {d: {type: strin}}\nsteps: [{key: a, action: core.echo}]", "params.d: is no JSON Schema"),
        (
            "name: a\nparams: {d: {type: integer, default: x}}\nsteps: [{key: a, action: core.echo}]",
            "params.d: its default is wrong: 'x' is not of type 'integer'",
        ),
        ("name: a\ntimeout: 0\nsteps: [{key: a, action: core.echo}]", "w.yaml:2:10: timeout: must be longer than 0"),
        (
            "name: a\nsteps: [{key: a, action: core.echo, timeout: 0s}]",
            "w.yaml:2:46: steps[0].timeout: must be longer than 0 seconds",
        ),
        (
            "name: a\nsteps: [{key: a, action: core.echo, heartbeat: 0}]",
            "w.yaml:2:48: steps[0].heartbeat: must be longer than 0 seconds",
        ),
        (
            "name: a\nsteps:\n  - {sequence: 2, type: reboot}\n  - {sequence: 1, type: boot, config: {}}",
            "w.yaml:4:5: steps[1].with.kernel: is missing",
        ),
        (
            "name: a\nstartNode: b\nnodes:\n  - {id: a, actionType: core.ehco}\n"
            "  - {id: b, actionType: core.echo, edges: [{targetNode: a}]}",
            "w.yaml:4:5: nodes[0].action: there is no action 'core.ehco'",
        ),
        ("name: a\nsteps: [{key: off, action: core.echo}]", "w.yaml:2:15: steps[0].key: must be text; YAML reads"),
        ("x: &a [1]\ny: *b", "is not YAML"),
        ("[" * 100_000, "is nested too deeply"),
        ("a: \x01", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, expected: str) -> None:
    found = [str(problem) for problem in problems(text)]
    assert any(expected in each for each in found), found


def test_everything_wrong_is_found_at_once() -> None:
    text = """
name: a
steps:
  - {key: a, action: core.ehco, on_failure: gone}
  - {key: b, action: node.boot, edges: [{to: gone}]}
"""
    found = {(problem.line, problem.path) for problem in problems(text)}
    assert found == {
        (4, "steps[0].action"),
        (4, "steps[0].on_failure"),
        (5, "steps[1].with.kernel"),
        (5, "steps[1].edges[0].to"),
    }


def test_a_file_that_would_grow_without_bound_is_refused() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, last in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]")
    with pytest.raises(Invalid, match="too large"):
        read("\n".join(lines))


def test_anchors_and_merges_are_understood() -> None:
    value = workflow(
        """
name: a
steps:
  - &base {key: x, action: core.echo, timeout: 5m}
  - {<<: *base, key: y}
"""
    )
    assert [(step.key, step.timeout_seconds) for step in value.steps] == [("x", 300), ("y", 300)]

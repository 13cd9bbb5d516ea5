"""Workflow files: read, written, and everything wrong in them found with its place."""

from pathlib import Path

import pytest

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.core.executions import Failure
from engine.core.nodes import NodeState
from engine.core.sources import read, read_one
from engine.core.workflow_check import check
from engine.core.workflow_file import export, parse, repaired
from engine.core.workflows import Backoff, Edge, Join, Retry, When, Workflow
from engine.errors import Invalid, Problem

ACTIONS = Registry(BUILTIN)
FULL = (Path(__file__).parents[1] / "data" / "debian-12.yaml").read_text()


WHOLE = """
name: whole
concurrency: {key: "{{ node.group }}", limit: 8}
max_parallel: 4
output: {disk: "{{ steps.a.output.disk }}", all: [1, {x: "{{ params.x }}"}]}
steps:
  - key: a
    action: core.echo
    retry: {max_attempts: 3, delay: 10s, jitter: true, retry_on: [lost, timed_out, timeout], rerender: false}
    max_visits: 7
    dead_letter: true
    rollback: undo
    edges: [{to: b}, {to: c}, {to: a, when: failure}]
  - {key: b, action: core.echo, edges: [{to: d}]}
  - {key: c, action: core.echo, edges: [{to: d}]}
  - {key: d, action: core.echo, join: 2, on_failure: rollback, retry: {max_attempts: 2, jitter: 0.25}}
  - {key: undo, action: core.echo}
"""


def problems(text: str, templates: tuple[str, ...] = ()) -> list[Problem]:
    try:
        source = read_one(text, file="w.yaml")
        return check(parse(source), source, actions=ACTIONS, has_template=lambda name: name in templates)
    except Invalid as error:
        return list(error.problems)


def steps(*lines: str, head: str = "") -> str:
    """A workflow file with these steps; each is what stands in the braces beside the key, which are a, b, c and so on,
    and the action. The first step stands in line 3, or 4 with a head.
    """
    written = [f"  - {{key: {key}, action: core.echo{line}}}" for key, line in zip("abcdefgh", lines, strict=False)]
    return "\n".join(["name: w", *([head] if head else []), "steps:", *written])


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


@pytest.mark.parametrize("text", [FULL, WHOLE])
def test_what_is_exported_is_read_back_the_same(text: str) -> None:
    value = workflow(text)
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


def test_every_key_is_read() -> None:
    value = workflow(WHOLE)
    assert value.concurrency == {"key": "{{ node.group }}", "limit": 8}
    assert value.max_parallel == 4
    assert value.output == {"disk": "{{ steps.a.output.disk }}", "all": [1, {"x": "{{ params.x }}"}]}
    step = value.by_key["a"]
    assert step.retry == Retry(
        max_attempts=3, delay=10, jitter=0.5, retry_on=(Failure.LOST, Failure.TIMEOUT), rerender=False
    )
    assert (step.max_visits, step.dead_letter, step.rollback, step.join) == (7, True, "undo", Join.ALL)
    assert (value.by_key["d"].join, value.by_key["d"].on_failure) == (2, "rollback")
    assert value.by_key["d"].retry.jitter == 0.25
    assert problems(WHOLE) == []


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
            "w.yaml:5:11: steps[0].with: needs one of kernel, iso, chain, efi, wimboot",
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
            "w.yaml:3:5: steps[0]: the steps run in a circle without a way out: a -> b -> a;",
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
            "w.yaml:4:5: steps[1].with: needs one of",
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (steps("", head="max_parallel: 0"), "w.yaml:2:15: max_parallel: must be at least 1"),
        (steps(", max_visits: 0"), "steps[0].max_visits: must be at least 1"),
        (steps(", dead_letter: maybe"), "steps[0].dead_letter: must be true or false"),
        (steps(", join: some"), "steps[0].join: 'some' is neither all nor any, nor a number of branches from 1"),
        (steps(", join: 0"), "steps[0].join: 0 is neither all nor any"),
        (steps(", join: true"), "steps[0].join: True is neither all nor any"),
        (steps(", retry: {jitter: 1.5}"), "steps[0].retry.jitter: must be at most 1"),
        (steps(", retry: {jitter: -1}"), "steps[0].retry.jitter: must be at least 0"),
        (steps(", retry: {retry_on: []}"), "steps[0].retry.retry_on: must not be empty"),
        (steps(", retry: {retry_on: lost}"), "steps[0].retry.retry_on: must be a list of timeout, failed, lost"),
        (steps(", retry: {retry_on: [rejected]}"), "'rejected' is none of timeout, failed, lost"),
        (
            steps(", retry: {delay: 60s, max_delay: 30s}"),
            "w.yaml:3:64: steps[0].retry.max_delay: is shorter than delay",
        ),
        (
            steps("", head="concurrency: {key: '{{ node.', limit: 1}"),
            "w.yaml:2:20: concurrency.key: does not compile",
        ),
        (steps("", head="output: {a: ['{{ x']}"), "w.yaml:2:14: output.a[0]: does not compile"),
        (steps("", "", ", join: 2"), "w.yaml:5:39: steps[2].join: waits for 2 branches, but only 1 branch leads here"),
        (
            steps(", edges: [{to: b}, {to: c}]", ", edges: [{to: c}]", ", join: 3, edges: [{to: c, if: x}]"),
            "steps[2].join: waits for 3 branches, but only 2 branches lead here",
        ),
        (steps(", on_failure: rollback"), "steps[0].on_failure: no step has a rollback, so nothing would be undone"),
        (steps(", rollback: a"), "steps[0].rollback: a step cannot undo itself"),
        (
            steps(", rollback: b", ", edges: [{to: c}]", ""),
            "w.yaml:4:33: steps[1].edges: 'b' only undoes 'a', so its edges would never be taken",
        ),
        (steps(", rollback: b", ", on_failure: c", ""), "steps[1].on_failure: 'b' only undoes 'a'"),
        (
            steps(", on_failure: continue, edges: [{to: b}, {to: c, when: failure}]", ", edges: []", ""),
            "w.yaml:5:5: steps[2]: no edge to the step 'c' can ever be taken, so it never runs: 'a' goes on as after",
        ),
        (
            steps(", route: first, edges: [{to: b}, {to: c, if: x}]", ", edges: []", ""),
            "steps[2]: no edge to the step 'c' can ever be taken, so it never runs: 'a' takes only the first edge",
        ),
        (steps(", edges: [{to: a, when: always}]"), "in a circle without a way out: a -> a;"),
        (
            steps("", "", ", edges: [{to: b}]", ", edges: [{to: d}]"),
            "w.yaml:4:5: steps[1]: the steps run in a circle without a way out: b -> c -> b;",
        ),
    ],
)
def test_what_cannot_work_is_named_with_its_place(text: str, expected: str) -> None:
    found = [str(problem) for problem in problems(text)]
    assert any(expected in each for each in found), found


@pytest.mark.parametrize(
    "text",
    [
        steps("", ", edges: [{to: a, if: x}, {to: c}]", ""),
        steps("", ", edges: [{to: a}, {to: c, when: failure}]", ""),
        steps("", ", edges: [{to: a, when: failure}]"),
        steps("", ", edges: [{to: a, if: x}]"),
        steps("", ", edges: [{to: a}], on_failure: c", ""),
        steps(", rollback: c", ", on_failure: rollback", ""),
        steps(", edges: [{to: b}, {to: c}]", ", edges: [{to: c, when: failure}]", ", join: 2"),
        steps(", on_failure: continue, edges: [{to: b, when: failure}, {to: c}]", ", edges: []", ", edges: [{to: b}]"),
        steps(", route: first, edges: [{to: b}, {to: c, when: failure}]", ", edges: []", ""),
        steps(", edges: [{to: b}]", ", rollback: a, edges: [{to: c}]", ", on_failure: rollback"),
    ],
)
def test_what_can_work_is_let_be(text: str) -> None:
    assert problems(text) == []


def test_steps_with_the_same_key_do_not_hide_what_else_is_wrong() -> None:
    text = steps(", edges: [{to: b}]", ", on_failure: gone, edges: []").replace("key: b", "key: a")
    source = read_one(text, file="w.yaml")
    rest = repaired(source)
    assert rest is not None
    found = [str(problem) for problem in check(parse(rest), rest, actions=ACTIONS)]
    assert [each.split(": ")[1] for each in found] == ["steps[0].edges[0].to", "steps[1].on_failure"]


def test_a_source_that_reads_well_needs_no_repair() -> None:
    source = read_one(WHOLE)
    assert repaired(source) is source


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
        (5, "steps[1].with"),
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

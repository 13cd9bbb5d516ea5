"""What two versions of a workflow mean differently: a table of sentences, and that nothing is left unsaid."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import step_diff, workflow_diff
from engine.core.sources import Source, read_one
from engine.core.step_diff import same
from engine.core.workflow_diff import changes
from engine.core.workflow_file import as_file, export, parse
from engine.core.workflows import Edge, Retry, Step, Workflow

BASE = """
name: wipe
params:
  disk: {type: string, default: /dev/vda}
steps:
  - {key: probe, action: node.script, with: {script: lsblk}}
  - {key: wipe, action: node.script, with: {script: shred, env: {A: "1"}}, retry: {max_attempts: 3}, timeout: 10m}
  - {key: tell, action: core.echo, with: {message: done}}
"""


def read(text: str) -> Workflow:
    return parse(read_one(text))


def said(before: str, after: str) -> list[str]:
    return [change.text for change in changes(read(before), read(after))]


WIPE = BASE.splitlines()[6]


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("max_attempts: 3", "max_attempts: 5", ["step `wipe` now retries 5 times (was 3), counting the first try"]),
        ("{max_attempts: 3}", "{}", ["step `wipe` does not retry any more (was tried 3 times)"]),
        (
            "with: {message: done}",
            "with: {message: done}, max_retries: 2",
            ["step `tell` now retries 3 times (was not at all), counting the first try"],
        ),
        ("attempts: 3}", "attempts: 3, delay: 30s}", ["step `wipe` now waits 30s before a retry (was 0s)"]),
        (
            "attempts: 3}",
            "attempts: 3, backoff: exponential}",
            ["step `wipe` now waits with exponential delays between retries (was constant)"],
        ),
        (
            "attempts: 3}",
            "attempts: 3, max_delay: 1m}",
            ["step `wipe` now waits 1m at most before a retry (was none)"],
        ),
        (
            "attempts: 3}",
            "attempts: 3, jitter: 0.5}",
            ["step `wipe` now leaves 0.5 of the delay between retries to chance (was 0)"],
        ),
        (
            "attempts: 3}",
            "attempts: 3, retry_on: [lost]}",
            ["step `wipe` now retries after lost (was timeout, failed, lost)"],
        ),
        (
            "attempts: 3}",
            "attempts: 3, rerender: false}",
            ["step `wipe` now keeps the parameters of the first try when it retries"],
        ),
        ("timeout: 10m", "timeout: 1h", ["step `wipe` now has a timeout of 1h (was 10m)"]),
        (", timeout: 10m", "", ["step `wipe` has no timeout any more (was 10m)"]),
        ("timeout: 10m", "timeout: 10m, heartbeat: 5m", ["step `wipe` now has a heartbeat limit of 5m (was none)"]),
        ("script: shred,", "script: blkdiscard,", ["step `wipe`: `script` is now `blkdiscard` (was `shred`)"]),
        ('A: "1"', 'A: "2"', ["step `wipe`: `env.A` is now `2` (was `1`)"]),
        ('A: "1"', 'A: "1", B: x', ["step `wipe`: `env.B` was added: `x`"]),
        (', env: {A: "1"}', "", ["step `wipe`: `env` was taken away (was `{A: 1}`)"]),
        ("script: lsblk", 'script: "a\\nb\\n"', ["step `probe`: `script` is another text now (2 lines, was 1 line)"]),
        ("message: done", "message: 1", ["step `tell`: `message` is now `1` (was `done`)"]),
        ("core.echo", "core.fail", ["step `tell` now runs core.fail (was core.echo)"]),
        ("key: tell,", "key: tell, name: Tell all,", ["step `tell` is now called `Tell all` (was `tell`)"]),
        (
            "message: done}",
            "message: done}, on_failure: probe",
            ["step `tell` now leads to `probe` when it fails (was: lets the execution fail)"],
        ),
        ("message: done}", "message: done}, rollback: probe", ["step `tell` is now undone by `probe` (was nothing)"]),
        (
            "message: done}",
            "message: done}, next_state: active",
            ["step `tell` now leaves the node's state at active (was as it is)"],
        ),
        (
            "message: done}",
            "message: done}, route: first",
            ["step `tell` now takes only the first edge that holds (was every edge that holds)"],
        ),
        ("message: done}", "message: done}, join: any", ["step `tell` now waits for any branches (was all branches)"]),
        (
            "message: done}",
            "message: done}, join: 2",
            ["step `tell` now waits for 2 of the branches (was all branches)"],
        ),
        (
            "message: done}",
            "message: done}, max_visits: 1",
            ["step `tell` may now be entered once (was as often as usual)"],
        ),
        (
            "message: done}",
            "message: done}, dead_letter: true",
            ["step `tell` now becomes a dead letter when its retries are used up"],
        ),
        (
            "script: lsblk}",
            "script: lsblk}, edges: [{to: wipe}, {to: tell, when: failure, if: 'params.disk'}]",
            ["step `probe` now also leads to `tell` after a failure if `params.disk`"],
        ),
        (
            "script: lsblk}",
            "script: lsblk}, edges: [{to: wipe, when: always}]",
            ["step `probe` now leads to `wipe` however it ends (was after a success)"],
        ),
        (
            "script: lsblk}",
            "script: lsblk}, edges: []",
            ["step `probe` does not lead to `wipe` after a success any more"],
        ),
        (
            "script: lsblk}",
            "script: lsblk}, edges: [{to: wipe}]",
            ["step `probe` leads where it did, but now written out as its edges"],
        ),
        (
            "default: /dev/vda",
            "default: /dev/sda",
            ["the default of the input `disk` is now `/dev/sda` (was `/dev/vda`)"],
        ),
        (
            ", default: /dev/vda",
            "",
            ["the input `disk` has no default any more (was `/dev/vda`), so it must be given"],
        ),
        ("type: string,", "type: string, title: T,", ["the input `disk` now has the title `T`"]),
        ("params:\n", "params:\n  who: {type: string}\n", ["the input `who` was added, which must be given"]),
        (
            "disk: {",
            "disk2: {",
            ["the input `disk` was taken away", "the input `disk2` was added, `/dev/vda` if not given"],
        ),
        ("name: wipe\n", "name: wipe\ntimeout: 2h\n", ["the timeout of the whole is now 2h (was none)"]),
        ("name: wipe\n", "name: wipe\ndescription: All\n", ["the description is now `All` (was ``)"]),
        ("name: wipe\n", "name: wipe\nos_family: bsd\n", ["the family of systems is now bsd (was linux)"]),
        ("name: wipe\n", "name: wipe\nboot_mode: uefi\n", ["the boot mode is now uefi (was any)"]),
        ("name: wipe\n", "name: wipe\narchitecture: arm64\n", ["the architecture is now arm64 (was any)"]),
        ("name: wipe\n", "name: wipe\nmax_parallel: 2\n", ["the most steps at once is now 2 (was none)"]),
        (
            "name: wipe\n",
            "name: wipe\nstate_on_start: installing\n",
            ["the state that the node starts in is now installing (was none)"],
        ),
        ("name: wipe\n", "name: wipe\noutput: {a: b}\n", ["the output: `a` was added: `b`"]),
        (
            "name: wipe\n",
            "name: wipe\nconcurrency: {key: rack, limit: 8}\n",
            ["the concurrency is now 8 at once for `rack` (was none)"],
        ),
        (WIPE + "\n", "", ["step `wipe` (node.script) was taken away"]),
        (
            WIPE + "\n",
            WIPE + "\n  - {key: verify, action: core.delay, with: {duration: 1s}}\n",
            ["step `verify` (core.delay) was added after `wipe`"],
        ),
        ("key: tell", "key: say", ["step `tell` was renamed: it is now `say`"]),
        ("key: wipe", "key: erase", ["step `wipe` was renamed: it is now `erase`"]),
    ],
)
def test_what_is_said(old: str, new: str, sentences: list[str]) -> None:
    assert BASE.count(old) == 1, "the case must change one thing"
    assert said(BASE, BASE.replace(old, new)) == sentences


def test_a_step_that_moved_is_one_sentence_and_the_edges_that_follow_are_none() -> None:
    lines = BASE.splitlines()
    turned = "\n".join([*lines[:5], lines[7], lines[5], lines[6]])
    assert said(BASE, turned) == ["step `tell` now stands at the beginning (was after `wipe`)"]


def test_what_names_a_renamed_step_is_the_same() -> None:
    before = BASE.replace("script: lsblk}", "script: lsblk}, on_failure: tell, edges: [{to: wipe}]")
    assert said(before, before.replace("tell", "say")) == ["step `tell` was renamed: it is now `say`"]


def test_a_file_and_its_export_say_the_same() -> None:
    assert changes(read(BASE), read(export(read(BASE)))) == ()


def test_values_and_paths_are_given_beside_the_sentence() -> None:
    [change] = changes(read(BASE), read(BASE.replace("max_attempts: 3", "max_attempts: 5")))
    assert (change.step, change.field, change.before, change.after) == ("wipe", "retry.max_attempts", 3, 5)


def test_every_field_there_is_is_looked_at() -> None:
    """Whoever adds a field to the model has to say how its change is told."""
    whole = {name for name, *_ in workflow_diff._FIELDS} | {"params", "output", "steps"}
    assert whole == {field.name for field in fields(Workflow)}
    told = {name for name, *_ in step_diff._FIELDS}
    step = told | {"id", "key", "sequence", "name", "with_", "retry", "edges", "sequential"}
    assert step == {field.name for field in fields(Step)}
    assert {name for name, *_ in step_diff._RETRY} == {field.name for field in fields(Retry)}
    assert {field.name for field in fields(Edge)} == {"to", "when", "if_"}


# Whatever differs is said, and nothing else

KEYS = ("a", "b", "c", "d")
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x", "y", "1", "a\nb", 1.0, 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("pq"), inner, max_size=2),
    max_leaves=3,
)
trees: st.SearchStrategy[Any] = st.dictionaries(st.sampled_from("mn"), values, max_size=2)
durations: st.SearchStrategy[Any] = st.sampled_from([None, 1, 90, 3600])
retries: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(1, 3),
        "delay": st.sampled_from([0, 5]),
        "backoff": st.sampled_from(["constant", "exponential"]),
        "max_delay": st.sampled_from([60, 90]),
        "jitter": st.sampled_from([0, 0.5]),
        "retry_on": st.sampled_from([["lost"], ["timeout", "lost"]]),
        "rerender": st.booleans(),
    },
)
edges: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries(
        {"to": st.sampled_from(KEYS)},
        optional={"when": st.sampled_from(["success", "failure", "always"]), "if": st.sampled_from(["x", "y"])},
    ),
    max_size=3,
)
steps: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"key": st.sampled_from(KEYS), "action": st.sampled_from(["core.echo", "node.script"])},
    optional={
        "name": st.sampled_from(["A", "B"]),
        "with": trees,
        "timeout": durations,
        "heartbeat": durations,
        "retry": retries,
        "on_failure": st.sampled_from(["fail", "continue", "rollback", *KEYS]),
        "rollback": st.sampled_from(KEYS),
        "next_state": st.sampled_from(["active", "installed"]),
        "edges": edges,
        "route": st.sampled_from(["all", "first"]),
        "join": st.sampled_from(["all", "any", 2]),
        "max_visits": st.integers(1, 2),
        "dead_letter": st.booleans(),
    },
)
workflows: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["w", "v"]),
        "steps": st.lists(steps, min_size=1, max_size=4, unique_by=lambda step: step["key"]),
    },
    optional={
        "description": st.sampled_from(["", "D"]),
        "os_family": st.sampled_from(["linux", "bsd"]),
        "architecture": st.sampled_from(["any", "arm64"]),
        "boot_mode": st.sampled_from(["any", "uefi"]),
        "params": st.dictionaries(st.sampled_from("ij"), trees, max_size=2),
        "concurrency": st.sampled_from([None, {"key": "k", "limit": 1}, {"key": "k", "limit": 2}]),
        "max_parallel": st.sampled_from([None, 1, 2]),
        "output": trees,
        "timeout": durations,
        "state_on_start": st.sampled_from([None, "installing"]),
        "start": st.sampled_from(KEYS),
    },
)


def spelt(workflow: Workflow) -> str:
    """All of a workflow, so that two texts are the same exactly if all is: an oracle of its own, by JSON."""

    def shown(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): shown(item) for key, item in sorted(value.items())}
        if isinstance(value, list | tuple):
            return [shown(item) for item in value]
        if hasattr(value, "__dataclass_fields__"):
            return {field.name: shown(getattr(value, field.name)) for field in fields(value)}
        return value if value is None or isinstance(value, bool | int | float) else str(value)

    return json.dumps(shown(workflow))


def known(tree: dict[str, Any]) -> Workflow:
    keys = {step["key"] for step in tree["steps"]}
    if tree.get("start") not in {None, *keys}:
        tree = {key: value for key, value in tree.items() if key != "start"}
    return parse(Source(tree=tree))


@settings(max_examples=600)
@given(workflows, workflows)
def test_two_workflows_differ_exactly_if_something_is_said(left: dict[str, Any], right: dict[str, Any]) -> None:
    before, after = known(left), known(right)
    assert (changes(before, after) == ()) == (spelt(before) == spelt(after))
    assert changes(before, before) == ()


@settings(max_examples=600)
@given(workflows, st.data())
def test_one_thing_that_differs_is_said(tree: dict[str, Any], data: st.DataObject) -> None:
    """Two workflows at random differ in much, which would hide what is not looked at: here only one key does."""
    other: dict[str, Any] = json.loads(json.dumps(tree))
    drawn = data.draw(workflows)
    if data.draw(st.booleans()):
        place, source = other, drawn
    else:
        place = other["steps"][data.draw(st.integers(0, len(tree["steps"]) - 1))]
        source = drawn["steps"][0]
    key = data.draw(st.sampled_from(sorted({*place, *source} - {"steps", "key"})))
    place.pop(key, None)
    if key in source:
        place[key] = source[key]
    if "action" not in place and "steps" not in place:
        place["action"] = "core.echo"
    if "name" not in other:
        other["name"] = "w"
    before, after = known(tree), known(other)
    assert (changes(before, after) == ()) == (spelt(before) == spelt(after)), (as_file(before), as_file(after))


@given(values, values)
def test_sameness_is_that_of_a_file(left: Any, right: Any) -> None:
    assert same(left, right) == (json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True))

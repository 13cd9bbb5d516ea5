"""Rehearsals: the walk through a workflow with scripted outcomes, what differs, and what is wrong with a file."""

from pathlib import Path

import pytest

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.core import rehearsal_file, sources, workflow_file
from engine.core.rehearsal import Rehearsed
from engine.core.rehearsal_file import Written
from engine.errors import Invalid

DATA = Path(__file__).parents[1] / "data"
ACTIONS = Registry(BUILTIN)


def went(written: Written, folder: Path = DATA) -> Rehearsed:
    source = written.inline or sources.read_one((folder / str(written.workflow)).read_text())
    return rehearsal_file.run(written, workflow_file.parse(source, name="inline"), ACTIONS)


def rehearsed(steps: str, rest: str, expect: str = "{}") -> Rehearsed:
    """A rehearsal of a workflow with these steps; `rest` is what stands beside them."""
    text = f"inline:\n  steps:\n{steps}\n{rest}\nexpect: {expect}\n"
    [written] = rehearsal_file.read(text)
    return went(written)


EVERY = [
    pytest.param(path, written, id=f"{path.stem}: {written.rehearsal.name}")
    for path in sorted((DATA / "rehearsals").glob("*.yaml"))
    for written in rehearsal_file.read(path.read_text(), file=path.name)
]


@pytest.mark.parametrize(("path", "written"), EVERY)
def test_every_rehearsal_goes_as_expected(path: Path, written: Written) -> None:
    assert went(written, path.parent).differences == ()


def test_the_form_that_is_documented_can_be_read() -> None:
    _, _, form = str(rehearsal_file.__doc__).partition("\n\n")
    [written] = rehearsal_file.read(form.partition("\n\nEndings:")[0])
    rehearsal = written.rehearsal
    assert written.workflow == "debian-12.yaml"
    assert set(rehearsal.outcomes) == {"partition", "probe", "verify", "sign-off"}
    assert rehearsal.expected.order == (
        ("netboot",),
        ("partition",),
        ("partition",),
        ("install", "watch"),
    )


FAN = """\
    - {key: s, action: core.echo, edges: [{to: a}, {to: b}, {to: c}]}
    - {key: a, action: node.script, with: {script: "1"}, edges: [{to: j}]}
    - {key: b, action: node.script, with: {script: "1"}, edges: [{to: j}]}
    - {key: c, action: node.script, with: {script: "1"}, edges: [{to: j}]}
    - {key: j, action: core.echo, JOIN}
"""
RETRIED = """\
    - key: a
      action: node.script
      with: {script: "1"}
      timeout: 1h
      heartbeat: 5m
      retry: {max_attempts: 3, delay: 30s}
"""
SCRIPT = '    - {key: a, action: node.script, with: {script: "1"}}'
DELAY = "    - {key: a, action: core.delay, with: {duration: 2h}, timeout: TIMEOUT}"
TWO = """\
    - key: a
      action: node.script
      with: {script: "1"}
      edges: [{to: b, if: "steps.a.output.disks > 1"}, {to: c, if: "steps.a.exit_code == 7"}]
    - {key: b, action: core.echo, edges: []}
    - {key: c, action: core.echo, edges: []}
"""


@pytest.mark.parametrize(
    ("steps", "rest", "order", "end", "seconds"),
    [
        (FAN.replace(", JOIN", ""), "", "s a+b+c j", "succeeded", 0),
        (FAN.replace("JOIN", "join: any"), "steps: {a: {success: {}, after: 5m}}", "s a+b+c j", "succeeded", 300),
        (FAN.replace("JOIN", "join: 2"), "steps: {c: {success: {}, after: 1h}}", "s a+b+c j", "succeeded", 3600),
        (FAN.replace(", JOIN", ""), "steps: {c: {success: {}, after: 1h}}", "s a+b+c j", "succeeded", 3600),
        (RETRIED, "", "a", "succeeded", 0),
        (RETRIED, "steps: {a: [failed, success]}", "a a", "succeeded", 30),
        (RETRIED, "steps: {a: [failed, timeout, success]}", "a a a", "succeeded", 3660),
        (RETRIED, "steps: {a: lost}", "a a a", "failed: nothing was heard", 3 * 300 + 60),
        (RETRIED, "steps: {a: {failed: no disk}}", "a a a", "failed: step a failed: no disk", 60),
        (RETRIED, "steps: {a: skip}", "a", "succeeded", 0),
        (SCRIPT, "steps: {a: timeout}", "a", "running: a would never end", 0),
        (SCRIPT.replace("1", "{{ params.nothing }}"), "", "a", "failed: 'dict object' has no attribute", 0),
        (SCRIPT.replace("1", "${meta.rack}"), "", "a", "failed: ${meta.rack} has no value", 0),
        (SCRIPT.replace("1", "${meta.rack}"), "node: {meta: {rack: 4}}", "a", "succeeded", 0),
        (SCRIPT.replace("1", "${secret.root}"), "", "a", "succeeded", 0),
        (SCRIPT.replace('"1"', "a, template: b"), "", "a", "failed: with: needs either script or template", 0),
        (SCRIPT, "node: null", "", "pending: steps that need a node", 0),
        (DELAY.replace("TIMEOUT", "3h"), "", "a", "succeeded", 7200),
        (DELAY.replace("TIMEOUT", "1h"), "", "a", "failed: took longer than its timeout", 3600),
        (DELAY.replace("TIMEOUT", "3h"), "steps: {a: failed}", "a", "failed: step a failed", 0),
        (DELAY.replace("2h", "x").replace("TIMEOUT", "3h"), "", "a", "failed: is no duration", 0),
        ("    - {key: a, action: core.fail, with: {message: nope}}", "", "a", "failed: step a failed: nope", 0),
        ("    - {key: a, action: core.fail}", "steps: {a: success}", "a", "succeeded", 0),
        ("    - {key: a, action: core.approve}", "steps: {a: rejected}", "a", "failed: rejected", 0),
        ("    - {key: a, action: core.approve}", "steps: {a: approved}", "a", "succeeded", 0),
        (TWO, "steps: {a: {success: {disks: 2}, exit_code: 7}}", "a b+c", "succeeded", 0),
        (TWO, "steps: {a: {success: {disks: 1}}}", "a", "succeeded", 0),
        (TWO, "", "a", "failed: has no attribute 'disks'", 0),
        ("    - {key: a, action: nobody.knows}", "", "a", "failed: there is no action nobody.knows", 0),
    ],
)
def test_a_walk(steps: str, rest: str, order: str, end: str, seconds: float) -> None:
    found = rehearsed(steps, rest)
    assert " ".join("+".join(moment) for moment in found.order) == order
    status, _, error = end.partition(": ")
    assert found.status.value == status, found.error
    assert error in str(found.error) if error else found.error is None
    assert found.seconds == seconds


def test_at_most_so_many_steps_run_at_once() -> None:
    text = "inline:\n  max_parallel: 2\n  steps:\n" + FAN.replace(", JOIN", "") + "expect: {}"
    [written] = rehearsal_file.read(text)
    assert went(written).order == (("s",), ("a", "b"), ("c",), ("j",))


def test_the_node_moves_as_the_workflow_says() -> None:
    steps = """\
    - {key: a, action: node.boot, with: {kernel: k}, next_state: installing}
    - {key: b, action: node.state, with: {state: installed}}
    - {key: c, action: node.state, with: {state: retired}}
"""
    found = rehearsed(steps, "", "{node_state: installed, error: cannot become retired, not_run: []}")
    assert found.differences == ()


def test_a_failed_install_is_counted() -> None:
    steps = "    - {key: a, action: node.script, with: {script: x}, next_state: installed}"
    found = rehearsed(steps, "node: {state: installing, install_attempts: 2}\nsteps: {a: failed}")
    assert found.node_state is not None
    assert found.node_state.value == "install_failed"


def test_what_differs_is_said_with_expected_and_got() -> None:
    found = rehearsed(
        FAN.replace(", JOIN", ""),
        "steps: {b: {failed: no disk}}",
        "{order: [s, [b, a], j], status: succeeded, node_state: active, not_run: [a], error: no net}",
    )
    assert [(each.what, each.expected, each.got) for each in found.differences] == [
        ("order", ("s", "[a, b]", "j"), ("s", "[a, b, c]")),
        ("status", ("succeeded",), ("failed (step b failed: no disk)",)),
        ("node_state", ("active",), ("discovered",)),
        ("not_run", ("a does not begin",), ("a began",)),
        ("error", ("... no net ...",), ("step b failed: no disk",)),
    ]


def test_what_stands_beside_the_list_holds_for_each_that_does_not_say_otherwise() -> None:
    text = """\
inline: {steps: [{key: a, action: core.fail}]}
steps: {a: success}
rehearsals:
  - {name: one, expect: {}}
  - {steps: {a: failed}, expect: {error: failed}}
---
inline: {steps: [{key: b, action: core.echo}]}
expect: {order: [b]}
"""
    written = rehearsal_file.read(text)
    assert [each.rehearsal.name for each in written] == ["one", "rehearsal 2", "rehearsal 3"]
    assert [went(each).differences for each in written] == [(), (), ()]


def problems(text: str) -> list[str]:
    try:
        for written in rehearsal_file.read(text, file="r.yaml"):
            went(written)
    except Invalid as error:
        return [str(problem) for problem in error.problems]
    return []


ONE = "inline: {params: {n: {type: integer, default: 1}}, steps: [{key: a, action: core.echo}]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["r.yaml: holds no rehearsal"]),
        ("a: [b", ["r.yaml:2:1: is not YAML"]),
        ("- a", ["r.yaml:1:1: a rehearsal is a mapping with workflow, steps and expect"]),
        ("rehearsals: 3", ["r.yaml:1:13: rehearsals: must be a list of rehearsals"]),
        (ONE, ["r.yaml:1:1: expect: is missing"]),
        ("expect: {}", ["r.yaml:1:1: needs either workflow or inline"]),
        (ONE + "expect: {ordre: [a]}", ["r.yaml:2:10: expect.ordre: is not a key that is known here"]),
        (ONE + "expect: {status: good}", ["r.yaml:2:18: expect.status: 'good' is not one of"]),
        (ONE + "expect: {order: [1]}", ["r.yaml:2:18: expect.order[0]: must be the key of a step"]),
        (ONE + "expect: {order: [a, b]}", ["r.yaml:2:21: expect.order[1]: there is no step 'b'; there are a"]),
        (ONE + "expect: {not_run: [b]}", ["r.yaml:2:20: expect.not_run[0]: there is no step 'b'"]),
        (ONE + "steps: {b: failed}\nexpect: {}", ["r.yaml:2:12: steps.b: there is no step 'b'"]),
        (ONE + "steps: {a: [ok]}\nexpect: {}", ["r.yaml:2:13: steps.a[0]: 'ok' is no outcome; one of success"]),
        (
            ONE + "steps: {a: {success: 3}}\nnode: {mac: x}\nexpect: {status: x}",
            [
                "r.yaml:2:22: steps.a.success: must be true, a mapping",
                "r.yaml:3:13: node.mac: 'x' is not a MAC address",
                "r.yaml:4:18: expect.status: 'x' is not one of",
            ],
        ),
        (
            ONE + "steps: {a: {failed: x, after: soon, exit_code: y}}\nexpect: {}",
            ["r.yaml:2:48: steps.a.exit_code: must be a whole number", "r.yaml:2:31: steps.a.after: 'soon'"],
        ),
        (
            ONE + "params: {n: x, m: 1}\nexpect: {}",
            ["r.yaml:2:19: params.m: there is no such input", "r.yaml:2:13: params.n: 'x' is not of type"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, expected: list[str]) -> None:
    found = problems(text)
    assert len(found) == len(expected), found
    for problem, beginning in zip(found, expected, strict=True):
        assert problem.startswith(beginning)

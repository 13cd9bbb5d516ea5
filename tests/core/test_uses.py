"""What texts and steps name, and which steps of an execution are ahead: tables."""

import time

import pytest

from engine.core.sources import read_one
from engine.core.uses import of_template, of_workflow
from engine.core.workflow_file import parse

STEPS = """
name: w
concurrency: {key: "${include:key}", limit: 1}
steps:
  - key: a
    action: node.boot
    with: {kernel: k, cmdline: "x ${include:args:v2} u=${server.url}/render/${execution.token}/ks:v1.0"}
  - {key: b, action: node.script, with: {template: "fix:v2"}}
  - {key: c, action: core.workflow, with: {workflow: child}}
  - {key: d, action: core.render, with: {template: "{{ params.t }}", as: x}}
  - {key: e, action: core.echo, with: {message: nothing}}
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nothing at all", []),
        ("${include:a} ${include:b:v2.1}", [("a", None, "include", 1), ("b", "v2.1", "include", 1)]),
        ("$${include:a}", []),
        ("x\ncurl ${server.url}/render/${execution.token}/late.sh.\n", [("late.sh", None, "fetch", 2)]),
        ("/render/{{ execution.token }}/a:v1", [("a", "v1", "fetch", 1)]),
        ("/render/$TOKEN/a", [("a", None, "fetch", 1)]),
        ("/render/${execution.token}/${meta.file}", [(None, None, "fetch", 1)]),
        ("/render/${execution.token}/pre-{{ x }}", [(None, None, "fetch", 1)]),
        ("see /render/ and /render/x", []),
    ],
)
def test_what_a_template_names(text: str, named: list[tuple[str | None, str | None, str, int]]) -> None:
    assert [(use.name, use.reference, use.how.value, use.line) for use in of_template(text)] == named


def test_what_a_workflow_names_by_step() -> None:
    found = of_workflow(parse(read_one(STEPS)))
    told = {step: [(use.name, use.reference, use.how.value, use.path) for use in uses] for step, uses in found.items()}
    assert told == {
        None: [("key", None, "include", "concurrency.key")],
        "a": [("args", "v2", "include", "with.cmdline"), ("ks", "v1.0", "fetch", "with.cmdline")],
        "b": [("fix", "v2", "run", "with.template")],
        "c": [("child", None, "start", "with.workflow")],
        "d": [(None, None, "render", "with.template")],
    }


def test_the_time_is_linear_in_the_text() -> None:
    for text in ("/render/" * 100_000, "/render/${" * 100_000, "/render/a/" * 100_000):
        began = time.process_time()
        of_template(text)
        assert time.process_time() - began < 5

"""Workflows made from templates; on both databases."""

import pytest

from engine.core.documents import DocumentStatus
from engine.core.page import Page
from engine.core.workflow_template import check, make, read
from engine.errors import Conflict, Invalid, NotFound
from tests.conftest import Opener
from tests.story import ADA

ROLE = """\
description: A workflow for a role
params:
  role: {type: string, enum: [web, db]}
  disks: {type: array, items: {type: string}, default: [/dev/vda]}
---
name: {{ name }}
params: {who: {type: string, default: ada}}
steps:
{% for disk in params.disks %}
  - key: wipe-{{ loop.index }}
    action: core.echo
    with: {message: {{ ("wipe " ~ disk) | yaml }}}
{% endfor %}
  - {key: hello, action: core.echo, with: {message: "{{ node.mac }} ${meta.x} {% raw %}{{ params.who }}{% endraw %}"}}
"""


async def test_a_draft_is_made_with_its_parameters(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("role", ROLE, type_="workflow", by=ADA)
        params = {"role": "web", "disks": ['/dev/s: "a"', "b"]}
        content, nothing = await pureboot.workflows.make("role", "web", params, by=ADA, dry_run=True)
        assert (nothing, await pureboot.workflows.find(Page())) == (None, ([], 0))
        again, made = await pureboot.workflows.make("role:v1.0", "web", params, by=ADA)
        assert made is not None
        assert (again, made.content) == (content, content)
        assert (made.name, made.status, made.version) == ("web", DocumentStatus.DRAFT, "v1.0")
        assert [(step.key, step.with_["message"]) for step in made.steps] == [
            ("wipe-1", 'wipe /dev/s: "a"'),
            ("wipe-2", "wipe b"),
            ("hello", "{{ node.mac }} ${meta.x} {{ params.who }}"),
        ]
        assert (await pureboot.workflows.version("web", "v1.0")).commit_message == "made from role v1.0"
        for dry_run in (False, True):
            with pytest.raises(Conflict, match="there is a workflow web already"):
                await pureboot.workflows.make("role", "web", params, by=ADA, dry_run=dry_run)


async def test_everything_wrong_is_said_at_once_of_the_template(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        bad = "params: {n: {type: integer}}\n---\nname: {{ name }}\nsteps:\n{% for i in range(params.n) %}\n"
        bad += "  - key: s{{ i }}\n    action: core.ecko\n{% endfor %}\n  - {key: z, action: core.echo, tymeout: 3}\n"
        await pureboot.templates.create("bad", bad, type_="workflow", by=ADA)
        await pureboot.templates.create("role", ROLE, type_="workflow", by=ADA)
        await pureboot.templates.create("script", "x", by=ADA)
        with pytest.raises(Invalid) as caught:
            await pureboot.workflows.make("bad", "x", {"n": 2}, by=ADA)
        assert [(each.file, each.line, each.column, each.path) for each in caught.value.problems] == [
            ("bad v1.0", 7, 13, "steps[0].action"),
            ("bad v1.0", 7, 13, "steps[1].action"),
            ("bad v1.0", 9, 33, "steps[2].tymeout"),
        ]
        with pytest.raises(Invalid) as caught:
            await pureboot.workflows.make("role", "No Name", {"role": "mail", "disks": "x", "nope": 1}, by=ADA)
        assert [each.path for each in caught.value.problems[-3:]] == ["params.nope", "params.role", "params.disks"]
        with pytest.raises(Invalid, match="is of type script"):
            await pureboot.workflows.make("script", "x", {}, by=ADA)
        with pytest.raises(NotFound):
            await pureboot.workflows.make("gone", "x", {}, by=ADA)
        assert await pureboot.workflows.find(Page()) == ([], 0)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("steps: []\n", [(1, "has no line ---")]),
        (
            "x: 1\nparams: {n: {type: foo}}\n---\n{{ params.n }\n",
            [(1, "no key 'x'"), (2, "no JSON Schema"), (4, "compile")],
        ),
        ("params: [a]\n---\n", [(1, "must be a mapping from a name")]),
        ("params: {a: 1}\n---\n", [(1, "must be a JSON Schema")]),
        ("a: [\n---\nb", [(2, "is not YAML")]),
        ("- a\n---\n", [(1, "is a mapping")]),
        ("params: {}\n---\nok\n{% for %}\n", [(4, "does not compile")]),
        (ROLE, []),
        ("---\nparams: {}\n---\nsteps: []\n", []),
        ("---\n---\nsteps: []\n", []),
    ],
)
def test_a_template_is_checked_whatever_its_parameters(text: str, problems: list[tuple[int, str]]) -> None:
    found = check(text, "t")
    assert [each.line for each in found] == [line for line, _ in problems]
    for each, (_, message) in zip(found, problems, strict=True):
        assert (message in each.message, each.file) == (True, "t")


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("steps: []", "name: w\nsteps: []"),
        ("name: {{ name }}\na: {{ params.x }}", "name: w\na: 1"),
        (
            "name: w\na: {{ node.x }}{{ steps.params.output.name }}",
            "name: w\na: {{ node.x }}{{ steps.params.output.name }}",
        ),
        ("name: w\na: {{ params.x }} ${params.x} $${x}", "name: w\na: 1 ${params.x} $${x}"),
        ("name: w\na: {{ {'node': 2}['node'] }}", "name: w\na: 2"),
        ("name: w\n{% for i in [1, 2] %}- {{ i }}\n{% endfor %}", "name: w\n- 1\n- 2\n"),
        ("name: w\r\na: 1\r\n", "name: w\r\na: 1\r\n"),
    ],
)
def test_what_is_made_of_a_body(body: str, made: str) -> None:
    template = read(f"params: {{x: {{type: integer, default: 1}}}}\n---\n{body}", "t")
    found = make(template, "w", {})
    assert found.content == made
    assert len(found.lines) == made.count("\n") + 1
    assert all(3 <= line <= 3 + body.count("\n") for line in found.lines)


def test_a_fault_while_it_is_made_has_its_line() -> None:
    template = read("params: {}\n---\nname: w\na: {{ params.q }}\n", "t")
    with pytest.raises(Invalid) as caught:
        make(template, "w", {})
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("t", 4)

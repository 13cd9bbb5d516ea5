"""Names inside a pack: its own come first."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import sources
from engine.core.pack_names import names_inside, settle_includes, settle_workflow
from engine.core.placeholders import references
from engine.errors import Invalid
from tests.core.packs_support import read


def test_a_packs_own_names_come_first() -> None:
    found = read(
        templates__base="b\n",
        templates__part_dot_ks="p\n",
        templates__host="${include:base} ${include:part:v2} $${include:base} ${include:site-wide} "
        "${include:my_pack.base:v1.0}",
        workflows__a_dot_yaml=(
            "# ${include:base}\nname: a  # its name\nsteps:\n"
            "  - {key: a, action: node.script, with: {template: 'base:v1'}}\n"
            "  - key: b\n    action: core.workflow\n    with:\n      workflow: b\n"
            '  - {key: c, action: core.echo, with: {message: "${include:base}", template: "{{ x }}"}}\n'
        ),
        workflows__b_dot_yaml='{"steps": [{"key": "a", "action": "core.workflow", "with": {"workflow": "elsewhere"}}]}',
    )
    assert found.problems == {}
    content = {each.name: each.content for each in found.entries}
    assert content["my_pack.host"] == (
        "${include:my_pack.base} ${include:my_pack.part.ks:v2} $${include:base} ${include:site-wide} "
        "${include:my_pack.base:v1.0}"
    )
    assert content["my_pack.a"] == (
        "# ${include:my_pack.base}\nname: my_pack.a  # its name\nsteps:\n"
        "  - {key: a, action: node.script, with: {template: 'my_pack.base:v1'}}\n"
        "  - key: b\n    action: core.workflow\n    with:\n      workflow: my_pack.b\n"
        '  - {key: c, action: core.echo, with: {message: "${include:my_pack.base}", template: "{{ x }}"}}\n'
    )
    assert str(content["my_pack.b"]).startswith('{"name": "my_pack.b", "steps": [')


def test_named_plainly_a_text_means_what_it_says() -> None:
    found = read(
        pack_dot_yaml="ref: my_pack\nversion: 1.0.0\nnames: plain\n",
        templates__a_dot_ks="a\n",
        templates__b="${include:a} ${include:a.ks}\n",
        workflows__w_dot_yaml="name: w\nsteps:\n  - {key: a, action: node.script, with: {template: a}}\n"
        "  - {key: b, action: core.workflow, with: {workflow: x}}\n",
        workflows__x_dot_yaml="name: my_pack.x\nsteps: [{key: a, action: core.echo}]\n",
    )
    content = {each.name: each.content for each in found.entries}
    assert content["b"] == "${include:a} ${include:a.ks}\n"
    assert "template: a}" in str(content["w"])
    assert "workflow: x}" in str(content["w"])


def test_a_stem_that_could_mean_two_files_means_none() -> None:
    assert names_inside([("a.ks", "p.a.ks"), ("a.sh", "p.a.sh"), ("b.ks", "p.b.ks"), ("b", "p.b")]) == {
        "a.ks": "p.a.ks",
        "a.sh": "p.a.sh",
        "b.ks": "p.b.ks",
        "b": "p.b",
    }


_PIECES = st.sampled_from(
    ["$", "{", "}", "${", "$${", "include:", "${include:a}", "${include:b:v1}", "a", "|", "\n", "${meta.x|", "x"]
)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_settling_changes_the_names_of_includes_and_nothing_else(text: str) -> None:
    names = {"a": "p.a"}
    settled = settle_includes(text, names)
    before, after = references(text), references(settled)
    assert [names.get(each.name, each.name) for each in before.includes] == [each.name for each in after.includes]
    assert [each.reference for each in before.includes] == [each.reference for each in after.includes]
    assert [each.name for each in before.variables] == [each.name for each in after.variables]
    assert settle_includes(settled, names) == settled
    assert settle_includes(text, {}) == text


@pytest.mark.parametrize(
    "text",
    [
        "name: &n a\ndescription: *n\nsteps: []\n",
        "x: &s {template: a}\nname: a\nsteps:\n  - {key: a, with: {<<: *s}}\n",
    ],
)
def test_names_that_cannot_be_replaced_are_said(text: str) -> None:
    with pytest.raises(Invalid, match="cannot be replaced as they are written"):
        settle_workflow(text, sources.read_one(text), "p.a", {"a": "p.a"}, {})


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)


@given(_TEXT, _TEXT, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_the_settled_text_reads_as_the_settled_tree(description: str, message: str, named: bool, end: str) -> None:
    lines = [
        *(["name: a"] if named else []),
        f"description: {json.dumps(description, ensure_ascii=False)}",
        "steps:",
        f"  - {{key: é, with: {{message: {json.dumps(message, ensure_ascii=False)}, template: a, workflow: b}}, "
        "action: core.workflow}",
    ]
    text = end.join(lines)
    source = sources.read_one(text)
    settled, tree = settle_workflow(text, source, "p.a", {"a": "p.a"}, {"b": "p.b"})
    assert sources.read_one(settled).tree == tree
    assert tree["name"] == "p.a"
    assert (tree["steps"][0]["with"]["template"], tree["steps"][0]["with"]["workflow"]) == ("p.a", "p.b")

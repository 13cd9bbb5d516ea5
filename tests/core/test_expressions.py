"""Expressions: what they yield, and that what they yield stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import expressions
from engine.core.rendering import render
from engine.errors import Invalid

SCOPES = {"node": {"mac": "MAC"}, "secret": {"root": "hunter2"}, "params": {}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain ${node.mac} $HOME ${X:-1}", "plain ${node.mac} $HOME ${X:-1}"),
        ("{{ x }}", "1"),
        ("a{{ x }}b ${node.mac}", "a1b ${node.mac}"),
        ("{{ none }}|{{ true }}|{{ l }}", "|true|[1,2]"),
        ("{% if x == 1 %}yes ${node.mac}{% endif %}", "yes ${node.mac}"),
        ("{{ x }} $${literal}", "1 $${literal}"),
        ("{{ x }} ${node.mac:-y}", "1 $${node.mac:-y}"),
    ],
)
def test_texts_are_filled(text: str, filled: str) -> None:
    assert expressions.fill(text, {"x": 1, "l": [1, 2]}) == filled


def test_a_tree_is_filled_at_every_leaf() -> None:
    tree = {"a": ["{{ x }}", 3, None], "b": {"c": "{{ x }}"}}
    assert expressions.fill(tree, {"x": "v"}) == {"a": ["v", 3, None], "b": {"c": "v"}}


@pytest.mark.parametrize(
    "value", ["${secret.root}", ["${secret.root}"], {"k": "${secret.root}"}, "$${secret.root}", "$"]
)
def test_a_value_is_never_expanded(value: object) -> None:
    filled = expressions.fill("<{{ x }}>", {"x": value})
    rendered = render(filled, SCOPES).content
    assert "hunter2" not in rendered
    if isinstance(value, str):
        assert rendered == f"<{value}>"


@given(st.text(alphabet="${}secret.root|x\n", max_size=40))
def test_any_value_comes_out_as_it_went_in(value: str) -> None:
    filled = expressions.fill("[{{ x }}] ${node.mac}", {"x": value})
    assert render(filled, SCOPES).content == f"[{value}] MAC"


def test_a_dollar_before_a_variable_is_refused_rather_than_misread() -> None:
    with pytest.raises(Invalid, match=r"ends in \$"):
        expressions.fill("{{ x }}${node.mac}", {"x": "$"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ steps.a.output }}", "'steps' is undefined"),
        ("{{ x.__class__ }}", "__class__"),
        ("{{ '${node.mac}' }}", "cannot stand inside"),
        ("{{ x", "unexpected end of template"),
    ],
)
def test_what_cannot_be_filled_says_where_and_why(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        expressions.fill({"cmdline": text}, {"x": 1}, "with")
    assert caught.value.problems[0].path == "with.cmdline"


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("params.disk != ''", True),
        ("params.disk == ''", False),
        ("steps.probe.output.disks > 1", True),
        ("steps.gone is defined", False),
        ("'a' in params.disk", True),
    ],
)
def test_conditions_hold_or_not(condition: str, value: bool) -> None:
    names = {"params": {"disk": "/dev/vda"}, "steps": {"probe": {"output": {"disks": 2}}}}
    assert expressions.holds(condition, names) is value


def test_a_condition_without_value_is_an_error() -> None:
    with pytest.raises(Invalid, match=r"the condition `steps\.gone\.output\.x > 1` has no value"):
        expressions.holds("steps.gone.output.x > 1", {"steps": {}})
    assert expressions.check_condition("a >") is not None
    assert expressions.check_condition("a > 1") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ 'a' * 10**10 }}", "far too large"),
        ("{{ 10**10 * [1] }}", "far too large"),
        ("{{ 2 ** (10**9) }}", "far too large"),
        ("{{ '%1000000000d' % 1 }}", "far too large"),
        ("{{ '%*d' % (10**9, 1) }}", "far too large"),
        (
            "{% for a in range(10**5) %}{% for b in range(10**5) %}x{% endfor %}{% endfor %}",
            "(?:more than 1048576|steps of work)",
        ),
        (
            "{% for a in range(10**5) %}{% for b in range(10**5) %}{{ '' }}{% endfor %}{% endfor %}",
            "(?:more than 1048576|steps of work)",
        ),
    ],
)
def test_what_would_fill_the_memory_or_never_end_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        expressions.fill(text, {})


def test_arithmetic_of_a_usual_size_is_left_alone() -> None:
    text = (
        "{{ 3 * 4 }} {{ '-' * 5 }} {{ 2 ** 40 }} {{ 2 ** -1 }} {{ '%05d' % 7 }} {{ 7 % 4 }} {{ [0] * 2 }} {{ 1.5 * 2 }}"
    )
    assert expressions.fill(text, {}) == "12 ----- 1099511627776 0.5 00007 3 [0,0] 3.0"

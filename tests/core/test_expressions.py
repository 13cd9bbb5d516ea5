"""Expressions: what they yield, and that what they yield stays text."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import expressions
from engine.core.rendering import render
from engine.core.sandbox import Reported
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


_DOUBLED = (
    "{% set ns = namespace(x=(1,)) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}"  # 2 to the 60th
)


@pytest.mark.parametrize(
    "text",
    [
        _DOUBLED + "{{ {ns.x: 1} }}",
        _DOUBLED + "{{ node[ns.x] }}",
        _DOUBLED + "{{ node.get(ns.x) }}",
        "{% set a = ((1,) * 1000,) * 1000 %}{% set b = (a,) * 1000 %}{{ {b: 1} }}",
        "{{ ('a\n' * 90000) | indent(90000) }}",
        "{{ ('\t' * 900000).expandtabs(90000) }}",
        "{{ ('x' * 90000).join('a' * 900000) }}",
        "{{ ('x' * 90000).join(('a' * 900000) | map('upper')) }}",
        "{{ ('%(a)9999d' * 90000) % {'a': 1} }}",
        "{{ ('{0:9999}' * 90000).format(1) }}",
        "{{ ('a ' * 90000) | wordwrap(2, true, 'x' * 90000) }}",
        "{{ ('a' * 900000) | wordwrap(1) }}",
        "{{ range(90000) | list | tojson(indent=90000) }}",
        "{{ range(99999) | select('in', range(99999) | list) | list }}",
        "{{ ([[1] * 10] * 90000) | sum(start=[]) | length }}",
        "{{ (('f' * 900000) | int(0, 16)) // 3 }}",
    ],
)
def test_what_multiplies_ends_soon_and_stays_small(text: str) -> None:
    began = time.process_time()
    with pytest.raises(Invalid, match=r"far too large|steps of work|expandtabs.*unsafe"):
        expressions.fill(text, {"node": {"hostname": "n"}})
    assert time.process_time() - began < 60


def test_conditions_pay_as_texts_do() -> None:
    with pytest.raises(Invalid, match="far too large"):
        expressions.holds("~".join(["a"] * 100), {"a": "x" * 100_000})


def test_what_is_of_a_usual_size_is_made() -> None:
    text = (
        "{{ '%s is %5d' % ('a', 3) }}|{{ '{:>3} {}'.format('a', 1) }}|{{ {'a': [1, node.n]} | tojson(indent=2) }}|"
        "{{ [[1], [node.n]] | sum(start=[]) }}|{{ 'a\nb' | indent(2) }}|{{ 'aa bb' | wordwrap(3) }}|"
        "{{ ', '.join(['a', 'b'] | map('upper')) }}|{{ [1, 2, 3] | select('in', [1, node.n]) | list }}"
    )
    assert expressions.fill(text, {"node": {"n": 2}}) == (
        'a is     3|  a 1|{\n  "a": [\n    1,\n    2\n  ]\n}|[1,2]|a\n  b|aa\nbb|A, B|[1,2]'
    )


def test_arithmetic_of_a_usual_size_is_left_alone() -> None:
    text = (
        "{{ 3 * 4 }} {{ '-' * 5 }} {{ 2 ** 40 }} {{ 2 ** -1 }} {{ '%05d' % 7 }} {{ 7 % 4 }} {{ [0] * 2 }} {{ 1.5 * 2 }}"
    )
    assert expressions.fill(text, {}) == "12 ----- 1099511627776 0.5 00007 3 [0,0] 3.0"


def test_line_ends_and_marks_pass_unharmed() -> None:
    text = "\ufeffa\r\n{% if x %}\r\nb{{ x }}\rc\r\n{% endif %}\r\n"
    assert expressions.fill(text, {"x": "1"}) == "\ufeffa\r\n\r\nb1\rc\r\n\r\n"
    assert expressions.made(text, {"x": "1"}) == "\ufeffa\r\n\r\nb1\rc\r\n\r\n"
    for mark in "\ue001\ue002":
        with pytest.raises(Invalid, match="a meaning of their own"):
            expressions.made("a\r{{ x }}", {"x": mark})


def test_the_variables_of_a_document_keep_their_places() -> None:
    text = "{% for a in [1, 2] %}\n{{ a }} ${node.ip}\n{% endfor %} $${x} ${include:gone}"
    found = render(expressions.document(text, {}, "doc"), {}, name="doc")
    assert [(each.name, each.line, each.column) for each in found.unresolved] == [
        ("node.ip", 2, 9),
        ("node.ip", 2, 9),
        ("include:gone", 3, 20),
    ]
    assert found.content == "\n1 ${node.ip}\n\n2 ${node.ip}\n ${x} ${include:gone}"
    # what Jinja2 makes is never expanded, even where it joins with what follows
    found = render(expressions.document("{{ x }}{node.mac} {{ x }}${node.mac}", {"x": "$"}, "doc"), SCOPES)
    assert found.content == "${node.mac} $MAC"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a\n  {{ nope }}", 2, 6, "'nope' is undefined"),
        ("a\n{{ 1 }}{{ x.y }}", 2, 13, "has no attribute 'y'"),
        ("{% if x %}\n\n{{ 1 / 0 }}\n{% endif %}", 3, 1, "division by zero"),
        ("a\n\n{% endfor %}", 3, 4, "unknown tag 'endfor'"),
        ("a\n {{ x | nope }}", 2, 9, "No filter named 'nope'"),
        ("{% macro m() %}\n{{ nope }}{% endmacro %}\n{{ m() }}", 2, 4, "'nope' is undefined"),
        ("x\n{{ '${node.mac}' }}", 2, 1, "cannot stand inside"),
    ],
)
def test_a_fault_in_a_document_has_a_line_and_a_column(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        expressions.document(text, {"x": {"a": 1}}, "doc")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.column) == ("doc", line, column)


ONCE = [
    *("'x' | center(10**9)", "'x'.ljust(10**9)", "[1] | batch(10**9, 0) | list", "[1] | slice(10**9) | list"),
    *("{'a': 1} | tojson(indent=10**9)", "1 | round(10**9, 'ceil')", "'{:>1000000000}'.format(1)"),
    *("'{:>{}}'.format(1, 10**9)", "'a' | indent(10**9)", "('a' * 10**6).replace('a', 'b' * 10**6)"),
    *("('a' * 10**6) | replace('a', 'b' * 10**6)", "(['a' * 10**6] * 10**5) | join", "''.join(['a' * 10**6] * 10**5)"),
    *("(1).to_bytes(10**9, 'big')", "lipsum(10**9)", "'%s' % ([['a' * 10**5] * 100] * 100)", "'a'.encode()"),
]
DOUBLED = ["ns.x + ns.x", "ns.x ~ ns.x", "[ns.x, ns.x]", "(ns.x | string) * 2", "'{}{}'.format(ns.x, ns.x)"]
LOOPED = ["x == x ~ ''", "'b' in x", "x is in ['b']", "x[1:]", "x | upper", "x.count('b')", "[x] | sort", "x ~ x"]
SPACE = "{% set ns = namespace(x=['a']) %}"
LONG = "{% for i in range(9**5) %}"
BOMBS = [
    f"{LONG}{LONG}{{% endfor %}}{{% endfor %}}",
    LONG + "{% for j in range(9**5) if false %}{% endfor %}{% endfor %}",
    "{% for i in range(9) recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% set y %}" + LONG + "y" * 100_000 + "{% endfor %}{% endset %}",
    *(
        "{% set ns = namespace(x=['a']) %}" + LONG + "{% set ns.x = " + each + " %}{% endfor %}{{ ns.x }}"
        for each in DOUBLED
    ),
    *("{{ " + each + " }}" for each in ONCE),
    *("{% set x = 'a' * 10**6 %}" + LONG + "{% set y = " + each + " %}{% endfor %}" for each in LOOPED),
]


@pytest.mark.parametrize("text", BOMBS)
def test_no_text_takes_more_than_its_share_of_work(text: str) -> None:
    with pytest.raises(Invalid):
        expressions.fill(text, {})


@pytest.mark.parametrize("text", [BOMBS[4], BOMBS[5], BOMBS[6], "{{ (['a' * 10**6] * 10**5) | join }}"])
def test_no_text_takes_more_than_its_share_of_memory(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            expressions.fill(text, {})
        assert tracemalloc.get_traced_memory()[1] < 200 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_ordinary_work_is_within_bounds() -> None:
    nodes = [{"name": f"n{at}", "tags": ["a", "b"]} for at in range(2000)]
    text = (
        "{% for n in nodes | sort(attribute='name') %}{{ loop.index }}/{{ loop.length }} {{ n.name | upper }} "
        "{{ n.tags | join(', ') }}{% if 'a' in n.tags and n is mapping %} {{ '%s' | format(n.name) }}{% endif %}\n"
        "{% endfor %}"
    )
    assert expressions.fill(text, {"nodes": nodes}).count("\n") == 2000


def test_a_machines_control_characters_need_a_helper() -> None:
    names = {"node": {"hostname": Reported("a\nb")}}
    with pytest.raises(Invalid, match="a machine reports of itself"):
        expressions.fill("echo {{ node.hostname }}", names)
    with pytest.raises(Invalid, match="a machine reports of itself"):
        expressions.fill("echo {{ node.hostname | shell }}", names)
    assert expressions.fill("{{ node.hostname | json }}", names) == '"a\\nb"'

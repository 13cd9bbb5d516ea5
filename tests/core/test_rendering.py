from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.rendering import (
    MAX,
    NAMESPACES,
    Included,
    Lookup,
    Scopes,
    check,
    escape,
    references,
    render,
)
from engine.errors import Invalid

SCOPES: Scopes = {
    "node": {"hostname": "web1", "mac": "52:54:00:12:34:56", "ip": None, "vendor": "", "rack": "not in the table"},
    "server": {"http_url": "http://10.0.0.1:8080"},
    "template": {"name": "debian", "version": "v1.2"},
    "meta": {
        "site": "Zürich",
        "count": 3,
        "ratio": 0.5,
        "yes": True,
        "no": False,
        "zero": 0,
        "nothing": None,
        "network": {"dns": ["1.1.1.1", "9.9.9.9"], "mtu": 9000},
        "a.b": "whole key",
        "a": {"b": "nested key", "c": {"d-e": "deep"}},
        "like_a_variable": "${node.hostname}",
        "dollar": "$",
    },
    "secret": {"root": "hunter2", "empty": ""},
    "params": {"disks": ["/dev/vda", "/dev/vdb"], "0": "a digit"},
    "foo": {"bar": "namespaces are those of the table"},
}


def library(templates: Mapping[str, str]) -> Lookup:
    """The keys are `name` or `name:v1.0`; a reference to a major finds what begins with it."""

    def find(name: str, reference: str | None) -> Included | None:
        for key, content in templates.items():
            known, _, version = key.partition(":")
            version = version or "v1.0"
            if known == name and (reference is None or version == reference or version.startswith(f"{reference}.")):
                return Included(name=name, version=version, content=content)
        return None

    return find


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${node.hostname}", "web1"),
        ("${node.hostname}.example.org", "web1.example.org"),
        ("a${node.hostname}${node.mac}b", "aweb152:54:00:12:34:56b"),
        ("${node.hostname|other}", "web1"),
        ("${node.ip|dhcp}", "dhcp"),
        ("${node.ip|}", ""),
        ("${node.serial|none}", "none"),
        ("${group.name|no group}", "no group"),
        ("${meta.nothing|x}", "x"),
        ("${node.vendor}", ""),
        ("${node.vendor|x}", ""),
        ("${meta.missing|a|b: $5 $$ {c ~ ß}", "a|b: $5 $$ {c ~ ß"),
        ("${node.rack|unknown keys take the default}", "unknown keys take the default"),
        ("${meta.site}", "Zürich"),
        ("${meta.count} ${meta.ratio} ${meta.zero}", "3 0.5 0"),
        ("${meta.yes} ${meta.no}", "true false"),
        ("${meta.network}", '{"dns":["1.1.1.1","9.9.9.9"],"mtu":9000}'),
        ("${meta.network.dns}", '["1.1.1.1","9.9.9.9"]'),
        ("${meta.network.dns.1}", "9.9.9.9"),
        ("${meta.network.mtu}", "9000"),
        ("${meta.network.dns.2|-}", "-"),
        ("${meta.network.dns.-1|-}", "-"),
        ("${meta.network.dns.x|-}", "-"),
        ("${meta.network.mtu.x|-}", "-"),
        ("${meta.site.0|a text has no parts}", "a text has no parts"),
        ("${meta.network.dns." + "9" * 5_000 + "|-}", "-"),
        ("${meta.a.b}", "whole key"),
        ("${meta.a.c.d-e}", "deep"),
        ("${params.disks.0} ${params.0}", "/dev/vda a digit"),
        ("${secret.root}", "hunter2"),
        ("${meta.like_a_variable}", "${node.hostname}"),
        ("${meta.dollar}{node.mac}", "${node.mac}"),
        ("$${", "${"),
        ("$${node.hostname}", "${node.hostname}"),
        ("$$${node.hostname}", "$${node.hostname}"),
        ("$${${node.hostname}}", "${web1}"),
        ("pid $$ and $$$", "pid $$ and $$$"),
        ("${meta.x|$${y}}", "${meta.x|${y}}"),
    ],
)
def test_what_is_replaced(text: str, expected: str) -> None:
    assert render(text, SCOPES).content == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "$HOME and ${HOME}, ${HOME:-/root} ${HOME:?no} ${#HOME} ${HOME%/*} ${HOME##*.} ${HOME/a.b/c.d} ${!ref} ${1}",
        "${foo-bar.baz} ${node-1.x} ${1.5} ${a[1.5]} ${@} ${*} ${?}",
        "${net0/mac} ${net0.dhcp/ip} ${next-server} ${net0/mac:hexhyp}",
        "{{ node.hostname }} {% if x %} {# y #}",
        "$(node.hostname) $node.hostname {node.hostname} $ {node.hostname}",
        "${node} ${node.} ${.hostname} ${node..hostname} ${node.hostname.} ${ node.hostname } ${node.hostname",
        "${node.hostname|two\nlines}",
        "${node.hostname:-x} ${node.host name} ${node.hostname|${HOME",
        "${include} ${include:} ${include: users} ${include:0:3} ${include:users:2} ${include:users:latest}",
        "${include:users:v} ${include:users:v1.} ${include:users:v1.2.3} ${include:-x} ${include:users:v1234567890}",
        "a\r\nb\rc\x00\x0b\u2028\udc80\tß",
    ],
)
def test_everything_else_is_left_byte_for_byte(text: str) -> None:
    result = render(text, SCOPES, include=library({"users": "x", "0": "y"}))
    assert result.content == text
    assert result.unresolved == ()
    assert result.used == ()


class Speed(StrEnum):
    FAST = "fast"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Speed.FAST, "fast"),
        ((1, "ü"), '[1,"ü"]'),
        (MappingProxyType({"a": MappingProxyType({"b": (None, True)})}), '{"a":{"b":[null,true]}}'),
        ({"a": 1 + 2j}, '{"a":"(1+2j)"}'),
        (1 + 2j, "(1+2j)"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_values_as_text(value: object, expected: str) -> None:
    assert render("${meta.x}", {"meta": {"x": value}}).content == expected


@pytest.mark.parametrize(
    ("text", "name", "line", "column", "reason", "written"),
    [
        ("${node.ip}", "node.ip", 1, 1, "missing", "${node.ip}"),
        ("\n\n  ${meta.nope}", "meta.nope", 3, 3, "missing", "${meta.nope}"),
        ("a\r\nß\t${meta.nothing} $", "meta.nothing", 2, 3, "missing", "${meta.nothing}"),
        ("${node.hostname}\n$${x}${execution.token}", "execution.token", 2, 6, "missing", "${execution.token}"),
        ("x ${node.rack}", "node.rack", 1, 3, "unknown key", "${node.rack}"),
        ("${node.hostname.short}", "node.hostname.short", 1, 1, "unknown key", "${node.hostname.short}"),
        ("${foo.bar}", "foo.bar", 1, 1, "unknown namespace", "${foo.bar}"),
        ("${Node.hostname|x}", "Node.hostname", 1, 1, "unknown namespace", "${Node.hostname|x}"),
        ("\n ${include:nobody:v2}", "include:nobody:v2", 2, 2, "missing", "${include:nobody:v2}"),
        ("${include:nobody}", "include:nobody", 1, 1, "missing", "${include:nobody}"),
        ("${meta.a|${meta.nope}}", "meta.nope", 1, 10, "missing", "${meta.nope}"),
    ],
)
def test_what_is_not_resolved_stays_and_is_reported(
    text: str, name: str, line: int, column: int, reason: str, written: str
) -> None:
    result = render(text, SCOPES, name="t")
    (found,) = result.unresolved
    assert (found.name, found.line, found.column, found.reason, found.text) == (name, line, column, reason, written)
    assert found.template == "t"
    assert written in result.content
    problem = found.problem()
    assert (problem.line, problem.column, problem.file) == (line, column, "t")
    assert written in problem.message


def test_every_namespace_and_key_of_the_table() -> None:
    for namespace, keys in NAMESPACES.items():
        for key in keys or ("any", "x-y", "größe"):
            result = render(f"${{{namespace}.{key}}}", {namespace: {key: "value"}})
            assert (result.content, result.used) == ("value", (f"{namespace}.{key}",))


def test_what_was_used_is_told_once_and_in_order() -> None:
    text = "${meta.x|d} ${node.hostname} ${meta.x|e} ${include:b} ${include:a} ${include:b:v1.0} ${meta.none}"
    result = render(text, SCOPES, include=library({"a": "${node.mac}", "b": "${include:c}", "c": "C"}))
    assert result.used == ("meta.x", "node.hostname", "node.mac")
    assert result.included == (("b", "v1.0"), ("c", "v1.0"), ("a", "v1.0"))


def test_secrets_are_masked_where_they_have_a_value() -> None:
    text = "${secret.root} ${secret.empty} ${secret.none|default} ${secret.none} ${node.hostname}"
    result = render(text, SCOPES, masked=True, include=library({}))
    assert result.content == "******** ******** default ${secret.none} web1"
    assert render("${include:s}", SCOPES, masked=True, include=library({"s": "${secret.root}"})).content == "********"


# Size


def test_a_result_over_the_limit_is_refused() -> None:
    assert MAX == 1024 * 1024
    bomb = {f"t{n}": f"${{include:t{n + 1}}}" * 10 for n in range(1, 10)} | {"t10": "x"}
    with pytest.raises(Invalid, match=str(MAX)):
        render("${include:t1}", {}, include=library(bomb))
    assert render("${meta.x}", {"meta": {"x": "y" * MAX}}).content == "y" * MAX
    with pytest.raises(Invalid, match=str(MAX)):
        render("${meta.x}z", {"meta": {"x": "y" * MAX}})


def test_the_limit_counts_bytes() -> None:
    assert render("ßß", {}, limit=4).content == "ßß"
    with pytest.raises(Invalid, match="limit of 3 bytes") as raised:
        render("ßß", {}, limit=3, name="t")
    assert raised.value.problems[0].file == "t"


# Properties

WHOLE = ["${node.ip}", "${meta.a|b}", "${foo.bar}", "${include:x}", "${include:x:v1}", "${node.ip:-x}", "${node."]
PARTS = ["$", "$$", "${", "$${", "}", "{", "|", ".", ":", "\n", "node", "meta", "include", "x", "0", "v1", "ß", " "]
PIECES = st.sampled_from(WHOLE + PARTS)
TEXTS = st.text() | st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS)
def test_text_without_a_placeholder_is_returned_byte_for_byte(text: str) -> None:
    plain = text.replace("${", "")
    if "${" not in plain:
        assert render(plain, SCOPES).content == plain


@given(TEXTS)
@example("$")
@example("$$${")
def test_escaped_text_is_rendered_to_itself(text: str) -> None:
    result = render(escape(text), SCOPES, include=library({"x": "y"}))
    assert result.content == text
    assert (result.unresolved, result.used) == ((), ())
    assert check(escape(text)) == []


@given(TEXTS)
def test_no_text_raises_or_loses_anything(text: str) -> None:
    result = render(text, {}, name="t")
    check(text)
    references(text)
    # With no values at hand only escapes and defaults change a text.
    if not result.used and "$${" not in text:
        assert result.content == text


@given(TEXTS)
def test_every_place_points_at_its_placeholder(text: str) -> None:
    found = references(text)
    lines = text.split("\n")
    places = [(item.line, item.column, item.text) for item in found.variables]
    places += [(item.line, item.column, item.text) for item in found.includes]
    places += [(item.line, item.column, item.text) for item in found.malformed]
    for line, column, written in places:
        assert lines[line - 1].startswith(written, column - 1)


@given(
    st.lists(st.sampled_from(["a $", "{x} ", "${HOME}", "\n", "${node.hostname}", "${meta.x.0}", "${secret.y|d}"])),
    st.text().filter(lambda text: "$" not in text),
    st.none() | st.text().filter(lambda text: "$" not in text),
)
def test_rendering_what_is_resolved_changes_nothing(pieces: list[str], first: str, second: str | None) -> None:
    scopes: Scopes = {"node": {"hostname": first}, "meta": {"x": [first]}, "secret": {"y": second}}
    once = render(" ".join(pieces), scopes)
    assert once.unresolved == ()
    assert render(once.content, scopes).content == once.content


@given(st.text())
def test_a_value_is_never_expanded(value: str) -> None:
    scopes: Scopes = {"meta": {"x": value}, "node": {"hostname": "web1"}}
    assert render("<${meta.x}>", scopes).content == f"<{value}>"
    assert render("<${meta.x}>", {"meta": {"x": "${node.hostname}"}, "node": {"hostname": "w"}}).content[1] == "$"


@pytest.mark.parametrize(
    "unit",
    [
        "$",
        "${",
        "$${",
        "${a.",
        "${a.b.",
        "${node.",
        "${a.b|",
        "${a.b|$",
        "${include:a",
        "${include:a:v1",
        "{",
        "${a.b}",
    ],
)
def test_a_megabyte_of_anything_comes_back(unit: str) -> None:
    text = (unit * MAX)[:MAX]
    assert render(text, {}).content == text.replace("$${", "${")
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "${a." + "b" * MAX,
        "${a.b" + ".b" * (MAX // 2),
        "${meta.b|" + "$x" * (MAX // 2),
        "${include:" + "a." * (MAX // 2),
    ],
)
def test_a_megabyte_in_one_placeholder_comes_back(text: str) -> None:
    assert render(text, {}, limit=2 * MAX).content == text

"""Texts that know where they were written: the same text as the renderer's, and every line at its place."""

import time

from hypothesis import given
from hypothesis import strategies as st

from engine.core.includes import Included
from engine.core.origins import Origin, trace, with_values
from engine.core.rendering import Scopes, render

SCOPES: Scopes = {"node": {"mac": "aa", "hostname": "two\nlines"}, "meta": {"empty": "", "list": [1, 2]}}
PIECES = st.sampled_from(
    [
        "${node.mac}",
        "${node.hostname}",
        "${meta.empty}",
        "${meta.list}",
        "${meta.none}",
        "${meta.none|x}",
        "${nod.x}",
        "${include:part}",
        "${include:gone}",
        "$${x}",
        "\n",
        "text",
        "ß ",
        "${",
    ]
)


def include(name: str, reference: str | None) -> Included | None:
    return Included(name="part", version="v1.0", content="p\n${node.mac} q\n") if name == "part" else None


@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_text_is_the_renderers(text: str) -> None:
    traced = trace(text, with_values(SCOPES), include=include, name="t")
    assert traced.content == render(text, SCOPES, include=include, name="t").content


@given(st.lists(PIECES.filter(lambda each: each != "$${x}"), max_size=30).map("".join))
def test_every_literal_character_stands_where_it_was_written(text: str) -> None:
    traced = trace(text, with_values(SCOPES), include=include, name="t")
    written = {"t": text.split("\n"), "part": ["p", "${node.mac} q", ""]}
    for number, line in enumerate(traced.content.split("\n"), 1):
        for column, character in enumerate(line, 1):
            origin = traced.at(number, column)
            assert origin is not None
            there = written[origin.template][origin.line - 1][origin.column - 1 :]
            assert there.startswith((character, "${"))


def test_a_value_of_several_lines_stands_where_its_variable_does() -> None:
    traced = trace("a\n x ${node.hostname}\nb", with_values(SCOPES), include=include, name="t")
    assert traced.content == "a\n x two\nlines\nb"
    assert traced.at(3) == Origin(template="t", line=2, column=4)
    assert traced.at(4) == Origin(template="t", line=3, column=1)
    assert traced.at(9) is None
    assert [each.name for each in traced.variables_on(2)] == ["node.hostname"]
    assert [each.name for each in traced.variables_on(3)] == ["node.hostname"]
    assert traced.variables_on(1) == traced.variables_on(4) == ()


def test_includes_that_multiply_are_not_followed_for_ever() -> None:
    def pyramid(name: str, _reference: str | None) -> Included | None:
        level = int(name)
        return Included(name=name, version="v1.0", content=f"${{include:{level + 1}}}" * 10 if level < 9 else "")

    began = time.process_time()
    traced = trace("${include:1}" * 10, with_values({}), include=pyramid)
    assert not traced.is_whole
    assert time.process_time() - began < 20
    assert trace("${include:8}", with_values({}), include=pyramid).is_whole

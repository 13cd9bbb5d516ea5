import pytest

from engine.core.includes import MAX_DEPTH
from engine.core.rendering import Included, check, render
from engine.errors import Invalid
from tests.core.test_rendering import SCOPES, library


def test_includes_find_the_version_asked_for() -> None:
    find = library({"users:v2.1": "current", "users:v2.0": "two", "users:v1.7": "newest 1", "users:v1.0": "one"})
    text = "${include:users}|${include:users:v1}|${include:users:v1.0}|${include:users:v2.0}"
    result = render(text, {}, include=find)
    assert result.content == "current|newest 1|one|two"
    assert result.included == (("users", "v2.1"), ("users", "v1.7"), ("users", "v1.0"), ("users", "v2.0"))


def test_variables_in_includes_see_the_scopes_of_the_template_asked_for() -> None:
    find = library({"header": "# ${template.name} ${template.version} for ${node.hostname}"})
    assert render("${include:header}", SCOPES, include=find).content == "# debian v1.2 for web1"


def test_an_include_is_not_parsed_together_with_what_stands_around_it() -> None:
    find = library({"dollar": "$", "open": "${", "name": "node.hostname"})
    assert render("${include:dollar}{node.mac}", SCOPES, include=find).content == "${node.mac}"
    assert render("${include:open}${include:name}}", SCOPES, include=find).content == "${node.hostname}"


def test_the_same_template_side_by_side_is_no_circle() -> None:
    find = library({"a": "${include:b}${include:b}", "b": "x"})
    assert render("${include:a}${include:a}${include:b}", {}, include=find).content == "xxxxx"


def test_places_in_includes_name_the_template() -> None:
    find = library({"a": "first\n ${include:b}", "b": "\n\n  ${meta.nope}"})
    (found,) = render("\n${include:a}${include:a}", {}, include=find, name="root").unresolved
    assert (found.template, found.line, found.column) == ("b", 3, 3)


@pytest.mark.parametrize(
    ("name", "text", "templates", "circle", "place"),
    [
        ("a", "x\n ${include:a}", {"a": "never read"}, "a -> a", ("a", 2, 2)),
        ("a", "${include:b}", {"b": "\n${include:a}", "a": ""}, "a -> b -> a", ("b", 2, 1)),
        ("a", "${include:b}", {"b": "${include:c}", "c": "${include:b}"}, "b -> c -> b", ("c", 1, 1)),
        ("", "${include:b}", {"b": " ${include:b}"}, "b -> b", ("b", 1, 2)),
        ("a", "${include:b}", {"b": "${include:a:v1}", "a:v1.0": ""}, "a -> b -> a", ("b", 1, 1)),
        (
            "a",
            "${include:c}${include:b}",
            {"b": "${include:c}${include:a}", "c": "", "a": ""},
            "a -> b -> a",
            ("b", 1, 13),
        ),
    ],
)
def test_a_circle_is_named_whole(
    name: str, text: str, templates: dict[str, str], circle: str, place: tuple[str, int, int]
) -> None:
    with pytest.raises(Invalid) as raised:
        render(text, {}, include=library(templates), name=name)
    assert list(raised.value.problems) == check(text, include=library(templates), name=name)
    (problem,) = raised.value.problems
    assert problem.message.endswith(f": {circle}")
    assert (problem.file, problem.line, problem.column) == place


def test_an_older_version_of_an_include_is_no_circle() -> None:
    find = library({"a:v2.0": "new ${include:a:v1}", "a:v1.0": "old"})
    assert render("${include:a}", {}, include=find).content == "new old"
    assert check("${include:a}", include=find) == []


def chain(length: int) -> dict[str, str]:
    return {f"t{n}": f"\n${{include:t{n + 1}}}" for n in range(1, length)} | {f"t{length}": "end"}


def test_includes_nest_to_depth_ten() -> None:
    assert MAX_DEPTH == 10
    assert render("${include:t1}", {}, include=library(chain(10))).content.endswith("end")
    assert check("${include:t1}", include=library(chain(10))) == []
    names = " -> ".join(["(this text)", *(f"t{n}" for n in range(1, 12))])
    with pytest.raises(Invalid, match="deeper than 10") as raised:
        render("${include:t1}", {}, include=library(chain(11)))
    (problem,) = raised.value.problems
    assert (problem.file, problem.line, problem.column) == ("t10", 2, 1)
    assert problem.message.endswith(names)
    assert check("${include:t1}", include=library(chain(11))) == [problem]


def test_what_was_rendered_high_up_is_still_too_deep_further_down() -> None:
    below = {"shared": "${include:deep}${include:leaf}", "deep": "${include:leaf}", "leaf": "x"}
    find = library({**chain(8), "t8": "${include:shared}", **below})
    assert render("${include:shared}", {}, include=find).content == "xx"
    with pytest.raises(Invalid, match="deeper than 10") as raised:
        render("${include:shared}${include:t1}", {}, include=find)
    assert check("${include:shared}${include:t1}", include=find) == list(raised.value.problems)
    assert raised.value.problems[0].file == "deep"


def test_a_pyramid_of_includes_costs_no_more_than_its_parts() -> None:
    asked: list[str] = []
    wide = {f"t{n}": f"${{include:t{n + 1}}}" * 100 for n in range(1, 10)} | {"t10": ""}
    find = library(wide)

    def counting(name: str, reference: str | None) -> Included | None:
        asked.append(name)
        return find(name, reference)

    assert render("${include:t1}", {}, include=counting).content == ""
    assert sorted(asked) == sorted(wide)
    asked.clear()
    assert check("${include:t1}", include=counting) == []
    assert sorted(asked) == sorted(wide)

from engine.core.rendering import check, references
from tests.core.test_rendering import library


def test_references_are_found_without_rendering() -> None:
    found = references("a ${meta.x.y|d}\n${include:users:v2.1}\n$${node.ip} ${foo.bar} ${node.ip:-x}\n${include:b}")
    assert [(v.name, v.namespace, v.key, v.default, v.line, v.column) for v in found.variables] == [
        ("meta.x.y", "meta", "x.y", "d", 1, 3),
        ("foo.bar", "foo", "bar", None, 3, 13),
    ]
    assert [(i.name, i.reference, i.line, i.column) for i in found.includes] == [
        ("users", "v2.1", 2, 1),
        ("b", None, 4, 1),
    ]
    assert [(m.text, m.line, m.column) for m in found.malformed] == [("${node.ip:-x}", 3, 24)]


def test_check_reports_everything_at_once_with_its_place() -> None:
    text = "\n".join(
        [
            "$HOME ${HOME} ${node.hostname} ${meta.anything} ${include:good}",
            " ${foo.bar}",
            "${node.name|x} ${node.mac:-x}",
            "${include:nobody:v3} ${include:bad}",
            "${include:self} ${include:good:2} ${meta.x|${meta.y}}",
        ]
    )
    templates = {"good": "fine", "bad": "\n${server.port}\n${include:self}", "self": ""}
    problems = check(text, include=library(templates), name="self")
    assert [(p.file, p.line, p.column) for p in problems] == [
        ("self", 2, 2),
        ("self", 3, 1),
        ("self", 3, 16),
        ("self", 4, 1),
        ("bad", 2, 1),
        ("bad", 3, 1),
        ("self", 5, 1),
        ("self", 5, 17),
        ("self", 5, 35),
    ]
    wanted = [
        "no namespace foo; use node, group,",
        "node has no key name; use id, mac,",
        "${node.mac:-x} is left as written",
        "no template nobody in version v3",
        "server has no key port; use url, tftp_url, http_url",
        ": self -> bad -> self",
        ": self -> self",
        "${include:name:v2.1}",
        "without ${ and }",
    ]
    for problem, part in zip(problems, wanted, strict=True):
        assert part in problem.message
    assert "write $${foo.bar}" in problems[0].message


def test_check_of_a_text_without_name_has_no_file() -> None:
    (problem,) = check("${foo.bar}")
    assert problem.file is None


def test_a_problem_in_a_shared_include_is_reported_once() -> None:
    find = library({"a": "${include:c}", "b": "${include:a}", "c": "${foo.bar}"})
    assert len(check("${include:c}${include:a}${include:b}", include=find)) == 1

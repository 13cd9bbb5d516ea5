"""Templates checked with samples: findings stand where their lines were written, and no guess is held against them."""

import pytest

from engine.core.findings import Severity
from engine.core.includes import Included
from engine.core.samples import PALETTES
from engine.validators.templates import validate_text


def lookup(**texts: str):  # type: ignore[no-untyped-def]
    return lambda name, reference: Included(name=name, version="v1.0", content=texts[name]) if name in texts else None


def places(findings: tuple[object, ...]) -> list[tuple[str | None, int | None, int | None]]:
    return [(each.file, each.line, each.column) for each in findings]  # type: ignore[attr-defined]


def test_a_finding_stands_in_the_template_it_was_written_in() -> None:
    find = lookup(head="#!ipxe\n# ${node.mac}\n", tail="\n\n  chian http://x\n")
    found = validate_text("ipxe", "${include:head}goto nowhere\n${include:tail}\nbot\n", find, name="top")
    assert set(places(found)) == {("top", 1, 21), ("tail", 3, 3), ("top", 3, 1)}
    assert all(each.validator == "ipxe" for each in found)


def test_columns_count_in_what_was_written_and_not_in_the_samples() -> None:
    [found] = validate_text("ipxe", "#!ipxe\necho ${node.hostname} ${node.mac} && chian x\n", name="t")
    assert (found.line, found.column) == (2, "echo ${node.hostname} ${node.mac} && chian x".index("chian") + 1)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("ignition", '{"ignition": {"version": "3.4.0"}, "passwd": {"users": ${meta.users}}}'),
        ("ignition", '{"ignition": {"version": "3.4.0"}, "storage": {"files": [{"path": "${meta.place}"}]}}'),
        ("ignition", '{"ignition": {"version": "3.4.0"}, "passwd": {"users": ${json:meta.users}}}'),
        ("cloud-init", "#cloud-config\nusers: ${yaml:meta.users}\nntp: ${yaml:meta.ntp}\n"),
        ("cloud-init", "#cloud-config\npackages: ${meta.packages}\nssh_pwauth: ${meta.login}\n"),
        ("kickstart", "#version=RHEL9\npart / --size=${meta.space} --fstype=ext4\nselinux ${params.mode}\n"),
        ("kickstart", "#version=RHEL9\n${meta.extra}\nlang en_US\n"),
        ("preseed", "d-i passwd/make-user boolean ${meta.wanted}\nd-i a/b string ${meta.kind}\n"),
        ("autoinstall", "#cloud-config\nautoinstall:\n  version: ${meta.what}\n  user-data: ${meta.more}\n"),
        ("json", '{"a": ${params.a}, "b": ${params.b}}'),
        ("ipxe", "#!ipxe\n${meta.do}\n"),
        ("script", "#!/bin/bash\n${params.snippet}\nfor a in ${params.list}; do echo; done\n"),
    ],
)
def test_a_value_that_nobody_knows_yet_is_not_held_against_a_template(type_: str, text: str) -> None:
    assert not [each for each in validate_text(type_, text, name="t") if each.is_error]


def test_what_is_wrong_with_every_value_is_found() -> None:
    found = validate_text("json", '{"a": ${params.a},\n "b" ${params.b}}', name="t")
    assert [(each.is_error, each.line) for each in found] == [(True, 2)]
    assert len(PALETTES) > 5


def test_a_text_that_is_too_large_to_check_is_not_checked_in_part() -> None:
    pyramid = {str(level): f"${{include:{level + 1}}}" * 10 for level in range(1, 9)} | {"9": ""}
    [found] = validate_text("json", '{"a": ' + "${include:1}" * 10, lookup(**pyramid), name="t")
    assert (found.severity, found.message) == (
        Severity.WARNING,
        "is not checked as json: with what it includes it is too large",
    )


def test_a_default_is_what_the_author_means() -> None:
    [found] = validate_text("preseed", "d-i a/b boolean ${meta.wanted|yes}\n", name="t")
    assert "true or false" in found.message


def test_a_snippet_is_not_checked_by_itself() -> None:
    part = "  - name: ops\n    groups: [sudo\n"
    assert validate_text("cloud-init", part, name="part", tags=("snippet",)) == ()
    assert validate_text("cloud-init", part, name="part")[0].is_error
    [found] = validate_text("cloud-init", "${nod.mac}", name="part", tags=("snippet",))
    assert (found.validator, found.line) == ("placeholders", 1)


def test_variables_and_includes_that_are_wrong_are_told_with_their_places() -> None:
    text = "echo ${node.colour}\n${include:gone}\n${node.mac:-x}\n"
    found = validate_text("script", text, name="t")
    own = [(each.line, each.column, each.severity) for each in found if each.validator == "placeholders"]
    assert own == [(1, 6, Severity.ERROR), (2, 1, Severity.ERROR), (3, 1, Severity.WARNING)]


def test_a_circle_is_told_and_ends() -> None:
    find = lookup(a="${include:b}", b="${include:a}")
    found = validate_text("script", "${include:a}", find, name="t")
    assert "circle" in found[0].message

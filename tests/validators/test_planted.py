"""The catch table: every mistake that is said to be found is found, where it is; and no right text is called wrong."""

from collections import Counter

import pytest

from engine.core.findings import errors
from engine.validators.registry import BY_TYPE, TYPES
from tests.programs import program
from tests.validators.planted import Planted, check, planted, right, text_of, type_of

_LEAST = 6


@pytest.fixture(autouse=True)
def programs() -> None:
    for name in ("debconf-set-selections", "bash", "sh"):
        program(name)


@pytest.mark.parametrize("file", right())
def test_what_is_right_is_not_called_wrong(file: str) -> None:
    found = check(type_of(file), text_of(file), file)
    assert errors(found) == ()
    if file != "centos7-without-version.ks":  # which is of an old release, and told so
        assert found == ()


@pytest.mark.parametrize("mistake", list(planted()), ids=lambda each: f"{each.type}: {each.name}")
def test_a_planted_mistake_is_found_where_it_is(mistake: Planted) -> None:
    found = check(mistake.type, mistake.text, mistake.file)
    if mistake.missed:
        assert errors(found) == (), "it is found now: take `missed` out of the table"
    else:
        assert mistake.found_in(found), (mistake.line, [f"{each.severity} {each}" for each in found])


def test_the_table_has_enough_of_every_type(capsys: pytest.CaptureFixture[str]) -> None:
    count: Counter[tuple[str, str]] = Counter()
    for each in planted():
        count[each.type, "missed" if each.missed else "warned" if each.warns else "found"] += 1
    lines = [f"{'type':<12} found warned missed right"]
    for type_ in BY_TYPE:
        of_right = sum(type_of(file) == type_ for file in right())
        found, warned, missed = (count[type_, word] for word in ("found", "warned", "missed"))
        lines.append(f"{type_:<12} {found:>5} {warned:>6} {missed:>6} {of_right:>5}")
        assert found + warned >= _LEAST
        assert of_right >= 1
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert {each.type for each in planted()} == set(TYPES)

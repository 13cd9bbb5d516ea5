"""Values that are not known yet: they stand in texts as their names, and nothing is decided by them."""

import pytest

from engine.core import expressions
from engine.core.unknown import Asked, Named, PartlyKnown, needed
from engine.errors import Invalid


def names(asked: Asked) -> dict[str, object]:
    output = PartlyKnown("steps.probe.output", {"disk": "sda", "count": 2}, asked)
    return {"steps": {"probe": {"output": output, "attempt": 1}}, "params": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "value", "unknown"),
    [
        ("{{ steps.probe.output.disk }}", "sda", ()),
        ("{{ steps.probe.output.size }}", "<steps.probe.output.size>", ("steps.probe.output.size",)),
        ("/dev/{{ steps.probe.output['size'] }}", "/dev/<steps.probe.output.size>", ("steps.probe.output.size",)),
        ("{{ steps.probe.output.a.b }}", "<steps.probe.output.a.b>", ("steps.probe.output.a.b",)),
        ("{{ steps.probe.output.size ~ 'G' }}", "<steps.probe.output.size>G", ("steps.probe.output.size",)),
        ("{{ steps.probe.output.size|default(8) }}", "<steps.probe.output.size>", ("steps.probe.output.size",)),
        ("{{ steps.probe.output.size + 1 }}", None, ("steps.probe.output.size",)),
        ("{{ steps.probe.output.size|int }}", None, ("steps.probe.output.size",)),
        ("{{ steps.probe.output.list|length }}", None, ("steps.probe.output.list",)),
        ("{% for each in steps.probe.output.list %}x{% endfor %}", None, ("steps.probe.output.list",)),
        ("{% if steps.probe.output.size %}x{% endif %}", None, ("steps.probe.output.size",)),
        ("{{ steps.probe.output }}", None, ("steps.probe.output",)),
        ("{{ steps.nobody.output.size }}", None, ()),
    ],
)
def test_a_text(text: str, value: str | None, unknown: tuple[str, ...]) -> None:
    asked = Asked()
    if value is None:
        with pytest.raises(Invalid):
            expressions.fill(text, names(asked))
    else:
        assert expressions.fill(text, names(asked)) == value
    assert asked.take() == unknown
    assert asked.take() == ()


@pytest.mark.parametrize(
    ("condition", "value", "is_unknown"),
    [
        ("steps.probe.output.count > 1", True, False),
        ("params.a == 1 or steps.probe.output.size > 1", True, False),
        ("params.a == 2 and steps.probe.output.size > 1", False, False),
        ("steps.probe.output.size > 1", None, True),
        ("1 < steps.probe.output.size", None, True),
        ("steps.probe.output.size == 1", None, True),
        ("steps.probe.output.size != 1", None, True),
        ("not steps.probe.output.size", None, True),
        ("steps.probe.output.size in [1, 2]", None, True),
        ("'sda' in steps.probe.output.disks", None, True),
        ("'size' in steps.probe.output", None, True),
        ("'disk' in steps.probe.output", True, False),
        ("steps.probe.output.size is defined", True, True),  # true of whatever it is: a guess, and noted as one
        ("steps.probe.nothing == 1", None, False),
    ],
)
def test_a_condition(condition: str, value: bool | None, is_unknown: bool) -> None:
    asked = Asked()
    if value is None:
        with pytest.raises(Invalid):
            expressions.holds(condition, names(asked))
    else:
        assert expressions.holds(condition, names(asked)) is value
    assert bool(asked.take()) is is_unknown


def test_variables_stand_as_their_names() -> None:
    asked = Asked()
    named = Named("params", asked, {"disk": "/dev/sda"}, lambda key: key == "size")
    assert (named.get("disk"), named.get("size"), named.get("colour")) == ("/dev/sda", "<params.size>", None)
    assert asked.take() == ("params.size",)


def test_what_would_have_to_be_known() -> None:
    assert needed(("steps.a.output.x", "steps.a.output.y", "params.z")) == (("a",), ("params.z",))

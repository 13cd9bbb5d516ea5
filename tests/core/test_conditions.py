"""The values that conditions name."""

import pytest

from engine.core.conditions import MOST_TEXT, MOST_VALUES, values_of
from engine.core.rendering import MASK
from engine.core.secrets import masked_scope

NAMES = {
    "steps": {"probe": {"output": {"disks": 1, "a-b": "x", "names": ["sda", "sdb"]}}},
    "params": {"disk": "/dev/sda", "long": "y" * 999, "odd": "${node.mac}"},
    "secret": masked_scope(lambda name: name == "token"),
}


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("steps.probe.output.disks > 1", {"steps.probe.output.disks": "1"}),
        ("steps.probe.output['a-b'] == 'x'", {"steps.probe.output['a-b']": '"x"'}),
        (
            "steps.probe.output.names[0] in params.disk",
            {"steps.probe.output.names[0]": '"sda"', "params.disk": '"/dev/sda"'},
        ),
        ("params.disk.startswith('/dev')", {"params.disk": '"/dev/sda"'}),
        ("params.disk | length > 3 and params.disk", {"params.disk": '"/dev/sda"'}),
        ("params.nothing == 1", {"params.nothing": "no value"}),
        ("secret.token == 'x' or secret['token']", {"secret.token": MASK, "secret['token']": MASK}),
        ("params.odd", {"params.odd": '"${node.mac}"'}),
        ("true", {}),
        ("1 >", {}),
    ],
)
def test_the_values_that_a_condition_names(condition: str, values: dict[str, str]) -> None:
    assert {each.name: each.value for each in values_of(condition, NAMES)} == values


def test_what_is_told_has_bounds() -> None:
    [long] = values_of("params.long", NAMES)
    assert len(long.value) == MOST_TEXT + 1
    many = " + ".join(f"params.p{n}" for n in range(50))
    assert len(values_of(many, NAMES)) == MOST_VALUES
    assert not any(each.known for each in values_of(many, NAMES))

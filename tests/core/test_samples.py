"""Sample values: one for every key there is, guesses that fit their names, and values that are alike to any syntax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.placeholders import NAMESPACES, references
from engine.core.samples import KNOWN, is_guess, neutral, sample


def test_every_key_has_a_sample() -> None:
    assert set(KNOWN) == {f"{name}.{key}" for name, keys in NAMESPACES.items() for key in keys or ()}


@pytest.mark.parametrize(
    ("text", "value", "guessed"),
    [
        ("${node.mac}", "52:54:00:12:34:56", False),
        ("${node.ip|dhcp}", "192.0.2.10", False),
        ("${meta.timezone|Europe/Paris}", "Europe/Paris", False),
        ("${meta.timezone}", "Etc/UTC", True),
        ("${meta.disks.0}", "sda", True),
        ("${params.netmask}", "255.255.255.0", True),
        ("${meta.anything}", "sample", True),
        ("${nod.mac}", "${nod.mac}", False),
        ("${node.colour}", "${node.colour}", False),
    ],
)
def test_a_variable_has_a_sample(text: str, value: str, guessed: bool) -> None:
    [variable] = references(text).variables
    assert (sample(variable), is_guess(variable)) == (value, guessed)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("node.mac", "aa:bb:cc:dd:ee:01", "aa:bb:cc:dd:ee:02"),
        ("node.ip", "10.0.0.1", "192.168.255.254"),
        ("meta.ip", "10.0.0.1", "10.0.0.2"),
        ("node.hostname", "web-01", "db2.example.org"),
        ("node.serial", "CZ1234", "X9"),
        ("execution.token", "a" * 43, "_-" * 20),
    ],
)
def test_what_tells_machines_apart_is_alike(name: str, left: str, right: str) -> None:
    assert neutral(name, left) == neutral(name, right) != left


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("node.hostname", "no"),
        ("node.hostname", "1e3"),
        ("node.hostname", 'web-01"; rm'),
        ("node.hostname", "web-01\n"),
        ("node.hostname", "done"),
        ("node.ip", "10.0.0.256"),
        ("node.ip", "10.0.0.1/24"),
        ("meta.host", "web-01"),
        ("meta.fs", "ext4"),
        ("node.serial", "123"),
        ("node.mac", "AA:BB"),
        ("meta.flag", True),
        ("meta.none", None),
    ],
)
def test_what_a_syntax_may_look_at_stays(name: str, value: object) -> None:
    assert neutral(name, value) == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
)


@given(VALUES)
def test_what_is_alike_is_so_once_and_for_all(value: object) -> None:
    once = neutral("meta.x", value)
    assert neutral("meta.x", once) == once

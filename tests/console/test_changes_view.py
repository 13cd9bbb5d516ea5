"""What is typed to change a machine, what it will do to which, and reported parts as rows: as tables and properties."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.view import effects, part_lines, typed_lines
from console.view.labels import UNICODE, plain
from engine.core.groups import Group
from engine.core.nodes import Node, NodeState
from engine.errors import Invalid

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SMALL = st.dictionaries(st.text(alphabet="abcxyz_.0", min_size=1), VALUES, max_size=4)
FEW = settings(max_examples=40)
KEYS = st.text(alphabet="abcxyz_.0", min_size=1)


def node(name: str, state: NodeState = NodeState.ACTIVE, **values: object) -> Node:
    return Node(
        id=name,
        mac_address="52:54:00:00:00:01",
        hostname=name,
        state=state,
        state_changed_at=NOW,
        created_at=NOW,
        updated_at=NOW,
        **values,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("typed", "add", "remove"),
    [
        ("lab", ("lab",), ()),
        ("Lab,db  +web", ("lab", "db", "web"), ()),
        ('"two words" -old', ("two words",), ("old",)),
        ("lab -lab", (), ("lab",)),
        ("", (), ()),
        ("- + ,", (), ()),
    ],
)
def test_tags_are_read(typed: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    assert typed_lines.read_tags(typed) == typed_lines.Tags(add=add, remove=remove)


def test_metadata_are_read_a_line_a_key() -> None:
    typed = '# of the site\nsite = ams\n\nram=64\nslots=[1, 2]\nname="64"\nurl=http://x/?a=b\nnone=null\n-old\nempty=\nx=NaN'
    read = typed_lines.read_metadata(typed)
    assert read.values == {
        "site": "ams",
        "ram": 64,
        "slots": [1, 2],
        "name": "64",
        "url": "http://x/?a=b",
        "none": None,
        "empty": "",
        "x": "NaN",
    }
    assert read.unset == ("old",)


def test_each_wrong_line_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        typed_lines.read_metadata("a=1\nwhat\na=2\nb={1\ntwo words=3")
    assert [problem.path for problem in refused.value.problems] == ["line 2", "line 3", "line 4", "line 5"]


@FEW
@given(SMALL)
def test_metadata_read_back_as_they_were(values: dict[str, object]) -> None:
    assert typed_lines.read_metadata(typed_lines.metadata_text(values)).values == values


@FEW
@given(st.dictionaries(KEYS, st.integers()), st.dictionaries(KEYS, st.integers()))
def test_editing_a_whole_text_gives_exactly_what_stands_in_it(shown: dict[str, int], typed: dict[str, int]) -> None:
    edit = effects.metadata_edit(shown, typed_lines.Metadata(values=typed))
    kept = {key: value for key, value in shown.items() if key not in edit.unset_metadata}
    assert {**kept, **edit.set_metadata} == typed
    assert not edit.set_metadata.keys() & {key for key in shown if shown[key] == typed.get(key)}


def test_what_metadata_become_is_said_beside_what_they_were() -> None:
    group = Group(id="g", name="r4", metadata={"site": "ams"}, created_at=NOW, updated_at=NOW)
    nodes = [
        node("a", group_id="g"),
        node("b", metadata={"site": "fra", "old": 1}),
        node("c", metadata={"site": "lon"}),
    ]
    edit = effects.metadata_edit(None, typed_lines.read_metadata("site=lon\n-old"))
    found = effects.metadata_effects(nodes, edit, {"g": group})
    assert [each.says for each in found.effects] == [
        "site=lon over the group's ams",
        "site=lon (was fra)  -old (was 1)",
        "",
    ]
    assert found.sentence == "This will change the metadata of 2 machines. 1 machine stays as it is."
    assert found.answers == ()


def test_retiring_says_which_are_refused_and_what_has_to_be_typed() -> None:
    nodes = [
        node("a"),
        node("b", NodeState.INSTALLING),
        node("c", locked=True),
        node("d", NodeState.RETIRED),
        node("e"),
    ]
    found = effects.retire_effects(nodes, {})
    assert [(each.node.name, each.says, each.is_refused) for each in found.effects] == [
        ("b", "it is not active", True),
        ("c", "it is locked", True),
        ("a", "retired for good", False),
        ("e", "retired for good", False),
        ("d", "", False),
    ]
    assert found.answers == ("2",)
    assert effects.retire_effects(nodes[:1], {}).answers == ("retire", "1")
    assert effects.retire_effects(nodes[1:2], {}).answers == ()
    assert effects.typed_request(("2",)) == "type 2, how many they are, to go on"


@pytest.mark.parametrize(
    ("state", "force", "word"),
    [
        (NodeState.PENDING, False, ""),
        (NodeState.PENDING, True, "force"),
        (NodeState.DEPROVISIONING, False, "deprovision"),
        (NodeState.RETIRED, False, "retire"),
    ],
)
def test_only_what_cannot_be_undone_is_typed(state: NodeState, force: bool, word: str) -> None:
    found = effects.move_effects([node("a")], state, {}, max_attempts=3, force=force)
    assert found.word == word


@FEW
@given(SMALL)
def test_folded_or_not_every_part_has_its_own_row(values: dict[str, object]) -> None:
    opened = set(part_lines.all_paths(values))
    rows = part_lines.parts(values, opened)
    assert len(part_lines.parts(values, ())) == len(values)
    assert opened == {part.path for part in rows if part.has_parts} or len(rows) == part_lines.MOST
    for part in rows:
        assert all(plain(each).isprintable() for each in part_lines.part_row(part, UNICODE))

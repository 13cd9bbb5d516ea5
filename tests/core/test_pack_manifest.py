"""Manifests of packs, and what packs may be called."""

import pytest

from engine.core import pack_manifest
from engine.core.packs import guess_ref, parse_ref
from engine.errors import Invalid


def test_a_manifest_is_read() -> None:
    text = (
        "ref: site\nlabel: Site\nversion: 1.10\ndescription: |\n  two\n  lines\ndraft: true\nnames: plain\n"
        "dependencies: {base: '>=1.2,<2', other: }\n"
        "templates: {a: {type: preseed, tags: [x]}, b: }\nworkflows: {w: {draft: true}}\n"
    )
    found = pack_manifest.parse(text)
    assert (found.ref, found.label, found.version, found.description) == ("site", "Site", "1.10", "two\nlines\n")
    assert (found.draft, found.names.value) == (True, "plain")
    assert found.dependencies == {"base": ">=1.2,<2", "other": ""}
    assert found.templates == {"a": {"type": "preseed", "tags": ("x",)}, "b": {}}
    assert found.workflows == {"w": {"draft": True}}
    assert pack_manifest.parse("ref: a\ndependencies: [b, 'c>=1', 'd ~= 1.2']\n").dependencies == {
        "b": "",
        "c": ">=1",
        "d": "~= 1.2",
    }


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            "ref: A B\nversoin: 1\n",
            ["pack.yaml:1:6: ref: 'A B' is no ref", "pack.yaml:2:1: versoin: is no key here; did"],
        ),
        ("version: one\nlabel: 3\n", ["pack.yaml:1:10: version: 'one' is no version", "2:8: label: must be text"]),
        ("dependencies: {a: '>>1', B: 1}\n", ["'>>1' is no range", "'B' is no ref"]),
        ("templates: {a: {type: kickstrat}}\n", ["templates.a.type: 'kickstrat' is no type"]),
        ("templates: [a]\n", ["templates: must be a mapping"]),
        (
            "draft: maybe\nnames: other\n",
            ["draft: must be true or false", "names: 'other' is not one of prefixed, plain"],
        ),
        ("- a\n", ["a manifest is a mapping"]),
        ("a: [\n", ["is not YAML"]),
        ("", ["holds 0 YAML documents"]),
    ],
)
def test_what_is_wrong_in_a_manifest_is_said_at_once_with_its_place(text: str, places: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        pack_manifest.parse(text)
    found = [str(each) for each in caught.value.problems]
    assert len(found) == len(places)
    for place, each in zip(places, found, strict=True):
        assert place in each
        assert each.startswith("pack.yaml")


def test_refs() -> None:
    assert parse_ref("my_pack-2") == "my_pack-2"
    for wrong in ("", "A", "a.b", "-a", "a/b", "a" * 64):
        with pytest.raises(Invalid):
            parse_ref(wrong)
    assert guess_ref("git@host.example:site/My.Pack.git") == "my-pack"
    assert guess_ref("https://host/x/site/") == "site"

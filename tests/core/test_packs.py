"""Packs, pure: manifests, versions, sums, what files mean, names inside a pack, what a sync decides."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import documents as core
from engine.core import pack_files, pack_manifest, pack_sums, sources
from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.pack_files import Entry, Reading, guess_type, split_front_matter
from engine.core.pack_names import names_inside, settle_includes, settle_workflow
from engine.core.pack_plan import Action, Decision, Kept, as_left, decide
from engine.core.pack_versions import Needs, check_range, check_version, fits, lacks, ordered
from engine.core.packs import PackFiles, PackSource, guess_ref, parse_ref
from engine.core.placeholders import references
from engine.errors import Invalid, Problem
from tests.packs.repositories import HELLO, MANIFEST

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def files(**texts: str) -> PackFiles:
    """Files of a pack; `templates__motd` is `templates/motd`, `_dot_` a dot."""
    named = {name.replace("__", "/").replace("_dot_", "."): text.encode() for name, text in texts.items()}
    return PackFiles(files={"pack.yaml": MANIFEST.encode(), **named})


def read(**texts: str) -> Reading:
    return pack_files.read(files(**texts), ref="my_pack")


def told(reading: Reading) -> dict[str, list[str]]:
    return {path: [str(each) for each in found] for path, found in reading.problems.items()}


# manifests


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


# versions


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("1.2", ">=1.2,<2", True),
        ("1.10", ">=1.2,<2", True),
        ("2.0", ">=1.2,<2", False),
        ("1.1.9", ">=1.2", False),
        ("1.0", "==1", True),
        ("1.0.0", "1", True),
        ("1.3", "!=1.3", False),
        ("1.9", "~=1.2", True),
        ("2.0", "~=1.2", False),
        ("1.2.9", "~=1.2.3", True),
        ("1.3.0", "~=1.2.3", False),
        ("1.2.2", "~=1.2.3", False),
        ("9", "", True),
        ("9", "*", True),
        ("0", ">0", False),
        ("1", "<=1.0", True),
    ],
)
def test_ranges(version: str, wanted: str, holds: bool) -> None:
    assert fits(version, wanted) is holds


@pytest.mark.parametrize(
    "text", ["1.2.", ".1", "a", "1-rc", "1 2", "-1", "1" * 10, ">=", ">=1,", "=1", "~=1", ">=1;<2"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no range|needs at least"):
        check_range(text)
    with pytest.raises(ValueError, match="is no version"):
        check_version(text)


_NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=4)


@given(_NUMBERS, _NUMBERS)
def test_one_of_three_comparisons_holds(left: list[int], right: list[int]) -> None:
    version, other = (".".join(map(str, numbers)) for numbers in (left, right))
    assert [fits(version, f"{sign}{other}") for sign in ("<", "==", ">")].count(True) == 1
    assert fits(version, f">={other}") is not fits(version, f"<{other}")
    assert fits(version, f"!={other}") is not fits(version, f"=={other}")


def needs(ref: str, version: str = "1", **dependencies: str) -> Needs:
    return Needs(ref=ref, version=version, dependencies=dependencies)


def test_everything_that_lacks_is_said_at_once() -> None:
    found = lacks(
        [
            needs("a", b=">=2", c="", d="<9"),
            needs("b", "1.5"),
            needs("d", "3", e=""),
            needs("e", d=""),
            needs("f", f=""),
        ]
    )
    assert found == {
        "a": ["needs the pack b >=2, but b is at 1.5", "needs the pack c, which is not here; add it first"],
        "d": ["the packs need each other: d -> e -> d"],
        "e": ["the packs need each other: d -> e -> d"],
        "f": ["the packs need each other: f -> f"],
    }


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg"), max_size=3), max_size=7))
def test_packs_are_ordered_after_what_they_need(graph: dict[str, set[str]]) -> None:
    packs = [needs(ref, **dict.fromkeys(wanted, "")) for ref, wanted in graph.items()]
    order = ordered(packs)
    assert sorted(order) == sorted(graph)
    circular = any("need each other" in text for found in lacks(packs).values() for text in found)
    if not circular:
        assert all(order.index(need) < order.index(ref) for ref in graph for need in graph[ref] if need in graph)


# sums


def test_sums_name_every_file_that_differs_lacks_or_is_extra() -> None:
    pack = files(templates__a="a", templates__b="b")
    text = pack_sums.write(pack_sums.sums(pack))
    whole = replace(pack, files={**pack.files, "MANIFEST.sha256": text.encode()})
    assert pack_sums.differences(whole, None) == []
    assert pack_sums.differences(whole, pack_sums.digest_of(text.encode()).upper()) == []
    assert "pinned to 00" in pack_sums.differences(whole, "00")[0].message
    assert "is missing" in pack_sums.differences(pack, "00")[0].message
    assert pack_sums.differences(pack, None) == []
    changed = {**whole.files, "templates/a": b"A", "templates/c": b"c"}
    del changed["templates/b"]
    found = pack_sums.differences(replace(whole, files=changed, others={"README": "0" * 64}), None)
    assert [(each.file, each.message.split(":")[0]) for each in found] == [
        ("README", "is not listed in MANIFEST.sha256"),
        ("templates/a", "differs from MANIFEST.sha256"),
        ("templates/b", "is listed in MANIFEST.sha256, but is not here"),
        ("templates/c", "is not listed in MANIFEST.sha256"),
    ]


@pytest.mark.parametrize("text", ["x", "0" * 64, f"{'0' * 63}g  a", f"{'0' * 64}  a\n{'0' * 64}  ./a\n"])
def test_sums_that_cannot_be_read_are_no_sums(text: str) -> None:
    pack = replace(files(), files={**files().files, "MANIFEST.sha256": text.encode()})
    assert "cannot be read: line" in pack_sums.differences(pack, None)[0].message


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "MANIFEST.sha256" and not name.startswith("./")),
        st.binary(),
        max_size=5,
    )
)
def test_sums_of_any_files_fit_them(contents: dict[str, bytes]) -> None:
    contents = {name: content for name, content in contents.items() if max(name) < "\ud800" or max(name) > "\udfff"}
    pack = PackFiles(files=contents)
    try:
        text = pack_sums.write(pack_sums.sums(pack)).encode()
    except UnicodeEncodeError:
        return
    assert pack_sums.differences(replace(pack, files={**contents, "MANIFEST.sha256": text}), None) == []


# files


def test_a_file_is_a_document() -> None:
    found = read(
        templates__motd="welcome\n",
        templates__answers="---\ntype: preseed\ndescription: Answers\ntags: [a, b]\n---\nd-i x\n",
        templates__host_dot_ks="text\n",
        templates__seed="s\n",
        templates__seed_dot_yaml="type: autoinstall\nos_family: linux\n",
        templates__boot_dot_ipxe="#!ipxe\n",
        templates__boot_dot_yaml="description: by its stem\n",
        workflows__deploy_app_dot_yaml=HELLO,
        workflows__other_dot_yml="name: named\n" + HELLO,
    )
    assert found.problems == {}
    templates = {each.name: (each.content, each.facts) for each in found.entries if each.kind is DocumentKind.TEMPLATE}
    assert templates == {
        "my_pack.motd": ("welcome\n", {"type": "script"}),
        "my_pack.answers": ("d-i x\n", {"type": "preseed", "description": "Answers", "tags": ("a", "b")}),
        "my_pack.host.ks": ("text\n", {"type": "kickstart"}),
        "my_pack.seed": ("s\n", {"type": "autoinstall", "os_family": "linux"}),
        "my_pack.boot.ipxe": ("#!ipxe\n", {"type": "ipxe", "description": "by its stem"}),
    }
    workflows = {each.name: each for each in found.entries if each.kind is DocumentKind.WORKFLOW}
    assert set(workflows) == {"my_pack.deploy_app", "my_pack.named"}
    assert workflows["my_pack.deploy_app"].content == "name: my_pack.deploy_app\n" + HELLO
    assert workflows["my_pack.named"].content == "name: my_pack.named\n" + HELLO
    assert workflows["my_pack.named"].workflow is not None


def test_yaml_beside_a_file_of_the_same_stem_is_a_template_if_it_says_more() -> None:
    found = read(templates__user_dot_yaml="#cloud-config\npackages: [vim]\n", templates__user_dot_sh="echo\n")
    assert {each.name: each.facts["type"] for each in found.entries} == {
        "my_pack.user.yaml": "cloud-init",
        "my_pack.user.sh": "script",
    }


def test_a_bad_file_stops_no_other() -> None:
    found = read(
        templates__good="x",
        templates__Bad="x",
        templates__front="---\ntype: kickstrat\nx: 1\n---\n",
        templates__side="x",
        templates__side_dot_yaml="typ: script\n",
        workflows__good_dot_yaml=HELLO,
        workflows__a_dot_txt=HELLO,
        workflows__two_dot_yaml=HELLO + "---\n" + HELLO,
        workflows__list_dot_yaml="- a\n",
        workflows__odd_dot_yaml="name: a/b\n" + HELLO,
        workflows__again_dot_yaml="name: good\n" + HELLO,
    )
    assert [each.name for each in found.entries] == ["my_pack.good", "my_pack.good"]
    problems = told(found)
    assert "templates/Bad: name: 'my_pack.Bad' is no name" in problems["templates/Bad"][0]
    assert len(problems["templates/front"]) == 2
    assert problems["templates/front"][0].startswith("templates/front:2:7: type: 'kickstrat' is no type")
    assert problems["templates/side"][0].startswith("templates/side.yaml:1:1: typ: is no key here; did you mean type?")
    assert "end in .yaml" in problems["workflows/a.txt"][0]
    assert "holds 2 YAML documents" in problems["workflows/two.yaml"][0]
    assert "a workflow is a mapping" in problems["workflows/list.yaml"][0]
    assert problems["workflows/odd.yaml"][0].startswith("workflows/odd.yaml:1:7: name: 'my_pack.a/b' is no name")
    assert set(problems) == {
        *("templates/Bad", "templates/front", "templates/side", "workflows/a.txt", "workflows/two.yaml"),
        *("workflows/list.yaml", "workflows/odd.yaml", "workflows/good.yaml"),
    }
    assert "so is workflows/again.yaml" in problems["workflows/good.yaml"][0]


def test_text_that_is_not_utf8_and_nul_are_said() -> None:
    pack = files()
    more = {"templates/latin": b"a\nb\xe9\n", "templates/nul": b"a\0"}
    found = pack_files.read(replace(pack, files={**pack.files, **more}), ref=None)
    assert found.ref == "my_pack"
    assert told(found)["templates/latin"] == ["templates/latin:2: is not text in UTF-8: byte 3 is wrong"]
    assert "NUL" in told(found)["templates/nul"][0]


def test_the_manifest_is_another_packs_or_none() -> None:
    for pack, ref, message in (
        (PackFiles(files={}), "x", "is missing: a pack is a folder with a pack.yaml"),
        (files(), "other", "says 'my_pack', but this pack is other"),
        (PackFiles(files={"pack.yaml": b"label: x\n"}), None, "ref: is missing"),
        (PackFiles(files={}, refused=(Problem(file="pack.yaml", message="is a device"),)), None, "is a device"),
    ):
        with pytest.raises(Invalid, match=message):
            pack_files.read(pack, ref=ref)


def test_what_the_manifest_lists_is_no_sidecar_and_has_no_front_matter() -> None:
    manifest = "ref: p\nnames: plain\ntemplates: {foo: {type: script}, foo.yaml: {type: cloud-init}, gone: {}}\n"
    text = "---\ntype: preseed\n---\nx"
    pack = PackFiles(
        files={"pack.yaml": manifest.encode(), "templates/foo": text.encode(), "templates/foo.yaml": b"type: script\n"}
    )
    found = pack_files.read(pack, ref="p")
    assert {each.name: (each.content, each.facts["type"]) for each in found.entries} == {
        "foo": (text, "script"),
        "foo.yaml": ("type: script\n", "cloud-init"),
    }
    assert told(found) == {"pack.yaml": ["pack.yaml: templates.gone: there is no such file in templates"]}


@pytest.mark.parametrize(
    "text",
    [
        "---\n",
        "---\na: 1\n",
        "---\nkind: Pod\n---\nkind: Service\n",
        "---\n- type\n---\n",
        "---\n---\nx",
        "--- \ntype: x",
        "text\n---\ntype: script\n---\n",
        "---\n: [\n---\n",
        "---\n" + "description: x\n" * 5000 + "---\n",
    ],
)
def test_what_begins_like_front_matter_and_is_none(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


@given(st.text())
def test_the_content_behind_front_matter_is_kept_byte_for_byte(content: str) -> None:
    for rule in ("---\n", "---  \r\n"):
        assert split_front_matter(f"{rule}type: script\n{rule}{content}") == ({"type": "script"}, content)
    facts, rest = split_front_matter(content)
    assert content.endswith(rest)
    assert facts or rest == content


def test_types_by_extension_and_content() -> None:
    assert guess_type("x", "#cloud-config\nautoinstall:\n  version: 1\n") == "autoinstall"
    assert guess_type("x", "#cloud-config\n") == "cloud-init"
    assert [guess_type(f"x.{end}", "") for end in ("ks", "preseed", "ign", "ipxe", "xml", "j2", "sh", "txt")] == [
        *("kickstart", "preseed", "ignition", "ipxe", "unattend", "document", "script", "script")
    ]


def test_a_file_that_is_known_is_not_read_again() -> None:
    texts = {"templates__motd": "x", "workflows__a_dot_yaml": HELLO, "workflows__b_dot_yaml": HELLO}
    first = read(**texts)
    known = {each.path: (each.digest, each.name) for each in first.entries}
    again = pack_files.read(files(**texts), ref="my_pack", known=known)
    assert [each.content for each in again.entries] == [None] * 3
    assert [each.name for each in again.entries] == [each.name for each in first.entries]
    changed = pack_files.read(files(**{**texts, "workflows__a_dot_yaml": HELLO + "\n"}), ref="my_pack", known=known)
    assert [each.path for each in changed.entries if each.content is not None] == ["workflows/a.yaml"]
    renamed = pack_files.read(
        files(**{**texts, "workflows__a_dot_yaml": "name: z\n" + HELLO}), ref="my_pack", known=known
    )
    assert {each.path for each in renamed.entries if each.content is not None} == {
        "workflows/a.yaml",
        "workflows/b.yaml",
    }
    more = pack_files.read(files(**texts, templates__new="x"), ref="my_pack", known=known)
    assert all(each.content is not None for each in more.entries)  # a name may mean another now


# names inside a pack


def test_a_packs_own_names_come_first() -> None:
    found = read(
        templates__base="b\n",
        templates__part_dot_ks="p\n",
        templates__host="${include:base} ${include:part:v2} $${include:base} ${include:site-wide} "
        "${include:my_pack.base:v1.0}",
        workflows__a_dot_yaml=(
            "# ${include:base}\nname: a  # its name\nsteps:\n"
            "  - {key: a, action: node.script, with: {template: 'base:v1'}}\n"
            "  - key: b\n    action: core.workflow\n    with:\n      workflow: b\n"
            '  - {key: c, action: core.echo, with: {message: "${include:base}", template: "{{ x }}"}}\n'
        ),
        workflows__b_dot_yaml='{"steps": [{"key": "a", "action": "core.workflow", "with": {"workflow": "elsewhere"}}]}',
    )
    assert found.problems == {}
    content = {each.name: each.content for each in found.entries}
    assert content["my_pack.host"] == (
        "${include:my_pack.base} ${include:my_pack.part.ks:v2} $${include:base} ${include:site-wide} "
        "${include:my_pack.base:v1.0}"
    )
    assert content["my_pack.a"] == (
        "# ${include:my_pack.base}\nname: my_pack.a  # its name\nsteps:\n"
        "  - {key: a, action: node.script, with: {template: 'my_pack.base:v1'}}\n"
        "  - key: b\n    action: core.workflow\n    with:\n      workflow: my_pack.b\n"
        '  - {key: c, action: core.echo, with: {message: "${include:my_pack.base}", template: "{{ x }}"}}\n'
    )
    assert str(content["my_pack.b"]).startswith('{"name": "my_pack.b", "steps": [')


def test_a_stem_that_could_mean_two_files_means_none() -> None:
    assert names_inside([("a.ks", "p.a.ks"), ("a.sh", "p.a.sh"), ("b.ks", "p.b.ks"), ("b", "p.b")]) == {
        "a.ks": "p.a.ks",
        "a.sh": "p.a.sh",
        "b.ks": "p.b.ks",
        "b": "p.b",
    }


_PIECES = st.sampled_from(
    ["$", "{", "}", "${", "$${", "include:", "${include:a}", "${include:b:v1}", "a", "|", "\n", "${meta.x|", "x"]
)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_settling_changes_the_names_of_includes_and_nothing_else(text: str) -> None:
    names = {"a": "p.a"}
    settled = settle_includes(text, names)
    before, after = references(text), references(settled)
    assert [names.get(each.name, each.name) for each in before.includes] == [each.name for each in after.includes]
    assert [each.reference for each in before.includes] == [each.reference for each in after.includes]
    assert [each.name for each in before.variables] == [each.name for each in after.variables]
    assert settle_includes(settled, names) == settled
    assert settle_includes(text, {}) == text


@pytest.mark.parametrize(
    "text",
    [
        "name: &n a\ndescription: *n\nsteps: []\n",
        "x: &s {template: a}\nname: a\nsteps:\n  - {key: a, with: {<<: *s}}\n",
    ],
)
def test_names_that_cannot_be_replaced_are_said(text: str) -> None:
    with pytest.raises(Invalid, match="cannot be replaced as they are written"):
        settle_workflow(text, sources.read_one(text), "p.a", {"a": "p.a"}, {})


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)


@given(_TEXT, _TEXT, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_the_settled_text_reads_as_the_settled_tree(description: str, message: str, named: bool, end: str) -> None:
    lines = [
        *(["name: a"] if named else []),
        f"description: {json.dumps(description, ensure_ascii=False)}",
        "steps:",
        f"  - {{key: é, with: {{message: {json.dumps(message, ensure_ascii=False)}, template: a, workflow: b}}, "
        "action: core.workflow}",
    ]
    text = end.join(lines)
    source = sources.read_one(text)
    settled, tree = settle_workflow(text, source, "p.a", {"a": "p.a"}, {"b": "p.b"})
    assert sources.read_one(settled).tree == tree
    assert tree["name"] == "p.a"
    assert (tree["steps"][0]["with"]["template"], tree["steps"][0]["with"]["workflow"]) == ("p.a", "p.b")


# what a sync decides


def entry(content: str = "new\n", **facts: Any) -> Entry:
    return Entry(
        kind=DocumentKind.TEMPLATE,
        path="templates/a",
        name="p.a",
        digest="d",
        content=content,
        facts={"type": "script", **facts},
    )


def kept(content: str = "old\n", **changes: Any) -> Kept:
    document = Document(
        id="1",
        kind=DocumentKind.TEMPLATE,
        name="p.a",
        type="script",
        status=DocumentStatus.ACTIVE,
        current_version="v1.0",
        latest_version="v1.0",
        created_at=NOW,
        updated_at=NOW,
    )
    version = core.make_version(
        document, (1, 0), content, version_id="v", author="user:ada", commit_message="", now=NOW
    )
    source = PackSource(
        document_id="1", pack_ref="p", path="templates/a", digest="d0", version="v1.0", facts={"type": "script"}
    )
    return replace(Kept(document=document, newest=version, source=source, owner_is_here=True), **changes)


def decided(one: Entry, there: Kept | None, *, adopt: bool = False) -> Decision:
    return decide(one, there, ref="p", document_id="2", now=NOW, adopt=adopt)


def test_a_new_file_makes_a_document_in_use() -> None:
    found = decided(entry(tags=("x",)), None)
    assert (found.action, found.number, found.warnings) == (Action.CREATED, (1, 0), ())
    assert found.after is not None
    assert (found.after.id, found.after.status, found.after.current_version) == ("2", DocumentStatus.ACTIVE, "v1.0")
    assert found.after.tags == ("x",)
    draft = decided(entry(draft=True), None).after
    assert draft is not None
    assert (draft.status, draft.current_version, draft.latest_version) == (DocumentStatus.DRAFT, None, "v1.0")


def test_changed_content_is_a_version_and_the_same_content_none() -> None:
    assert decided(entry(), kept()).number == (1, 1)
    same = decided(entry("old\n"), kept())
    assert (same.action, same.number) == (Action.UNCHANGED, None)
    facts = decided(entry("old\n", description="x"), kept())
    assert (facts.action, facts.number) == (Action.CHANGED, None)


def test_what_is_not_the_packs_is_left_alone() -> None:
    alone = kept(source=None)
    for there in (alone, kept(source=replace(_source(), pack_ref="other"))):
        found = decided(entry(), there)
        assert (found.action, found.after) == (Action.REFUSED, None)
        assert "--adopt" in found.warnings[0]
        taken = decided(entry(), there, adopt=True)
        assert (taken.action, taken.number) == (Action.CHANGED, (1, 1))
        assert "is taken over" in taken.warnings[0]
    orphan = kept(source=replace(_source(), pack_ref="gone"), owner_is_here=False)
    assert decided(entry(), orphan).action is Action.REFUSED
    archived = replace(orphan, document=replace(orphan.document, status=DocumentStatus.ARCHIVED))
    assert decided(entry(), archived).action is Action.CHANGED


def _source() -> PackSource:
    found = kept().source
    assert found is not None
    return found


def test_what_was_done_by_hand_is_overruled_and_said() -> None:
    there = kept()
    assert there.newest is not None
    edited = replace(
        there,
        newest=replace(there.newest, minor=1, content_hash="other"),
        document=replace(there.document, current_version="v1.1", latest_version="v1.1"),
    )
    found = decided(entry("old\n"), edited)
    assert found.number == (1, 2)
    assert "v1.1 by user:ada is overwritten" in found.warnings[0]
    moved = replace(there, document=replace(there.document, current_version="v0.9"))
    found = decided(entry("old\n"), moved)
    assert (found.number, found.after and found.after.current_version) == (None, "v1.0")
    assert "v0.9 was made current by hand" in found.warnings[0]
    gone = replace(there, document=replace(there.document, status=DocumentStatus.ARCHIVED))
    found = decided(entry("old\n"), gone)
    assert (found.number, found.after and found.after.status) == (None, DocumentStatus.ACTIVE)
    assert "archived by hand" in found.warnings[0]
    typed = replace(there, document=replace(there.document, type="preseed"))
    assert "set back: type" in decided(entry("old\n"), typed).warnings[0]
    back = replace(gone, source=replace(_source(), digest=""))
    assert decided(entry("old\n"), back).warnings == ()


def test_a_document_is_as_it_was_left_or_not() -> None:
    there = kept()
    document, source = there.document, _source()
    assert as_left(document, source)
    for change in (
        {"status": DocumentStatus.ARCHIVED},
        {"current_version": "v0.1"},
        {"latest_version": "v1.1"},
        {"type": "preseed"},
    ):
        assert not as_left(replace(document, **change), source)
    assert not as_left(document, replace(source, digest=""))
    assert as_left(replace(document, description="by hand"), source)  # the pack says nothing of it


def test_front_matter_behind_a_byte_order_mark_is_front_matter() -> None:
    files = {
        "pack.yaml": b"ref: p\n",
        "templates/a.ks": "\ufeff---\r\ntype: preseed\r\n---\r\nd-i a/b string x\r\n".encode(),
    }
    [entry] = pack_files.read(PackFiles(files=files), ref=None).entries
    assert (entry.facts["type"], entry.content, entry.skipped) == ("preseed", "d-i a/b string x\r\n", 3)

"""The files of a pack, read as documents."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import pack_files
from engine.core.documents import DocumentKind
from engine.core.pack_files import guess_type, split_front_matter
from engine.core.packs import PackFiles
from engine.errors import Invalid, Problem
from tests.core.packs_support import files, read, told
from tests.packs.repositories import HELLO


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


def test_front_matter_behind_a_byte_order_mark_is_front_matter() -> None:
    files = {
        "pack.yaml": b"ref: p\n",
        "templates/a.ks": "\ufeff---\r\ntype: preseed\r\n---\r\nd-i a/b string x\r\n".encode(),
    }
    [entry] = pack_files.read(PackFiles(files=files), ref=None).entries
    assert (entry.facts["type"], entry.content, entry.skipped) == ("preseed", "d-i a/b string x\r\n", 3)

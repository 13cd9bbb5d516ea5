"""Helpers: what each writes is read back by the real thing, whatever the value."""

import json
import math
import re
import shlex
import subprocess
from importlib import import_module
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import expressions
from engine.core.escaping import HELPERS, Written
from engine.core.rendering import Scopes, check, references, render
from engine.errors import Invalid
from tests.programs import program

NASTY = [
    "",
    " ",
    "it's",
    'a "b"',
    "$(reboot)",
    "`x`",
    "a\\",
    "\\",
    "%end",
    "#x",
    "a #b",
    "||",
    ";",
    "-n",
    "a: b",
    "- a",
]
NASTY += ["null", "yes", "1e3", "0x1", "2026-01-01", "~", "a\nb", "a\r\nb", "\x85x", "a\u2028b", "\x1b[0m", "\0", "ß €"]
NASTY += [
    "${node.mac}",
    "$${x",
    "&amp;",
    "<b>",
    "]]>",
    "\ud800",
    "\ufeff",
    "\U0001f600",
    "'\"'\"'",
    " lead",
    "trail ",
    "\t",
]
TEXTS = st.sampled_from(NASTY) | st.text() | st.lists(st.sampled_from(NASTY), max_size=4).map("".join)
SOUND = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SOUND,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SOUND, inner, max_size=4),
    max_leaves=12,
)


def written(helper: str, value: object) -> Written:
    return HELPERS[helper](value)


@given(st.sampled_from(sorted(HELPERS)), VALUES | TEXTS | st.just(math.nan) | st.just(math.inf) | st.binary())
def test_every_helper_takes_everything(helper: str, value: object) -> None:
    found = written(helper, value)
    found.text.encode()
    assert found == written(helper, value)


@given(SOUND.filter(lambda text: "\0" not in text))
def test_shell_is_one_word(value: str) -> None:
    assert shlex.split(f"echo {written('shell', value).text}") == ["echo", value]
    assert written("shell", value).lost is None


def test_shell_is_what_a_shell_prints() -> None:
    values = [value.encode("utf-8", "replace").decode() for value in NASTY if "\0" not in value]
    script = "".join(f"printf '%s\\0' {written('shell', value).text}\n" for value in values)
    done = subprocess.run([program("sh"), "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == values
    assert written("shell", "a\0b") == Written("ab", "a NUL character")


@given(SOUND)
def test_kickstart_is_one_argument_on_one_line(value: str) -> None:
    found = written("kickstart", value)
    line = f"network --hostname={found.text}"
    assert line.splitlines() == [line]
    assert not found.text.startswith("%")
    expected = value if found.lost is None else shlex.split(found.text)[0]
    assert shlex.split(line, comments=True) == ["network", f"--hostname={expected}"]
    assert (found.lost is None) == (len(f"{value}x".splitlines()) < 2 and "\0" not in value)


@pytest.mark.parametrize("value", [value for value in NASTY if value and len(f"{value}x".splitlines()) == 1])
def test_kickstart_is_read_by_anacondas_parser(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    if "\0" in value:
        return
    parser = import_module("pykickstart.parser").KickstartParser(
        import_module("pykickstart.version").makeVersion("RHEL9")
    )
    parser.readKickstartFromString(f"rootpw --plaintext {HELPERS['kickstart']('x' + value).text}\ntext\n")
    assert parser.handler.rootpw.password == "x" + value


_PRESEED = re.compile(r"\s*(\S+)\s+(\S+)\s+(\S+)(?:\s(.*))?")


@given(SOUND)
def test_preseed_is_the_rest_of_a_line(value: str) -> None:
    found = written("preseed", value)
    text = f"d-i a/b string {found.text}\nd-i c/d string next\n"
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    assert not lines[0].endswith("\\")  # debconf-set-selections would draw the next line in
    assert len(lines) == 3
    match = _PRESEED.fullmatch(lines[0])
    assert match is not None
    if found.lost is None:
        assert (match[4] or "") == value


def test_preseed_is_what_debconf_keeps(tmp_path: Any) -> None:
    values = [found.text for value in NASTY if (found := written("preseed", value)).lost is None and value.strip()]
    text = "".join(f"pkg pkg/q{at} string {value}\n" for at, value in enumerate(values))
    store, settings_ = tmp_path / "config.dat", tmp_path / "debconf.conf"
    base = "\nName: {0}\nDriver: File\nMode: 644\nFilename: {1}/{0}.dat\n"
    bases = base.format("config", tmp_path) + base.format("templates", tmp_path)
    settings_.write_text(f"Config: config\nTemplates: templates\n{bases}")  # not the machine's own, which may be in use
    environment = {"DEBCONF_SYSTEMRC": str(settings_), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    command = [program("debconf-set-selections")]
    subprocess.run(command, input=text.encode(), env=environment, check=True, capture_output=True)
    kept = re.findall(r"^Name: pkg/q(\d+)\n(?:Template:.*\n)?Value: (.*)$", store.read_text(), re.MULTILINE)
    assert {int(at): value.rstrip() for at, value in kept} == {at: each.rstrip() for at, each in enumerate(values)}


@settings(max_examples=300)
@given(VALUES)
def test_yaml_is_the_value(value: Any) -> None:
    found = written("yaml", value)
    assert "\n" not in found.text
    assert yaml.safe_load(f"a: {found.text}\nb: [{found.text}]\n") == {"a": value, "b": [value]}
    assert found.lost is None


@settings(max_examples=300)
@given(VALUES)
def test_json_is_the_value(value: Any) -> None:
    found = written("json", value)
    assert json.loads(found.text) == value
    assert "\n" not in found.text


@given(SOUND)
def test_xml_is_the_text_and_the_attribute(value: str) -> None:
    found = written("xml", value)
    root = ElementTree.fromstring(f"<a b=\"{found.text}\" c='{found.text}'>{found.text}</a>")
    read = {root.text or "", root.get("b"), root.get("c")}
    assert len(read) == 1
    if found.lost is None:
        assert read == {value}


@given(SOUND)
def test_url_is_one_part(value: str) -> None:
    found = written("url", value)
    assert unquote(found.text) == value
    assert re.fullmatch(r"[A-Za-z0-9%._~-]*", found.text)


def ipxe_arguments(line: str) -> list[str] | None:
    """What a command of one line gets, by iPXE's own rules (src/core/exec.c, src/image/script.c); None: it goes on."""
    if line.endswith("\\") or line.lstrip().startswith(":"):
        return None
    words = re.split(r"[ \t\r\f\v]+", line.strip(" \t\r\f\v"))
    kept: list[str] = []
    for word in words:
        if word.startswith("#"):
            break
        if word in ("||", "&&", ";"):
            return None
        kept.append(re.sub(r"\$\{[^{}]*\}", "", word))  # settings that nobody has set
    return kept


@given(SOUND)
def test_ipxe_is_the_words(value: str) -> None:
    found = written("ipxe", value)
    assert "\n" not in found.text
    arguments = ipxe_arguments(f"echo {found.text}")
    assert arguments is not None
    if found.lost is None:
        assert " ".join(arguments[1:]) == value


def test_a_helper_in_a_template() -> None:
    scopes: Scopes = {"node": {"hostname": "it's"}, "meta": {"dns": ["a", "b c"], "n": 3, "none": None}}
    text = "${shell:node.hostname} ${yaml:meta.dns} ${json:meta.n} ${shell:meta.none|a b} ${url:meta.x.y|ü}"
    assert render(text, scopes).content == "'it'\"'\"'s' [\"a\", \"b c\"] 3 'a b' %C3%BC"
    assert [each.helper for each in references(text).variables] == ["shell", "yaml", "json", "shell", "url"]
    (missing,) = render("\n ${shell:meta.gone}", scopes).unresolved
    assert (missing.name, missing.line, missing.column, missing.text) == ("meta.gone", 2, 2, "${shell:meta.gone}")
    assert render("${shell:secret.x}", {"secret": {"x": "y"}}, masked=True).content == "'********'"


@pytest.mark.parametrize(
    "text",
    [
        "${shell:offset}",
        "${url:-x}",
        "${json:3:2}",
        "${shell:foo.bar}",
        "${yaml:include:x}",
        "${shell}",
        "${Shell:node.mac}",
    ],
)
def test_what_is_bashs_stays(text: str) -> None:
    assert render(text, {"node": {"mac": "M"}}).content == text
    assert check(text) == []


def test_a_helper_that_goes_wrong_is_asked_about() -> None:
    assert "not of the form" in check("${shell:node.mac:-x}")[0].message
    assert "has no key name" in check("${shell:node.name}")[0].message


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{ x | shell }}", "'a b'"),
        ("{{ l | yaml }} {{ l | json }}", '["a b", 1] ["a b", 1]'),
        ("{{ x | url }} {{ '<' | xml }} {{ 'a # b' | ipxe }}", "a%20b &lt; a ${nothing}# b"),
        ("{{ x | kickstart }} {{ x | preseed }}", "'a b' a b"),
    ],
)
def test_helpers_are_filters_of_jinja2(text: str, made: str) -> None:
    assert render(expressions.fill(text, {"x": "a b", "l": ["a b", 1]}), {}).content == made


def test_a_filter_refuses_what_it_cannot_write() -> None:
    with pytest.raises(Invalid, match="a line break, which kickstart cannot write") as caught:
        expressions.fill("\n{{ x | kickstart }}", {"x": "a\nb"}, "with.text")
    assert caught.value.problems[0].line == 2
    with pytest.raises(Invalid, match="'gone' is undefined"):
        expressions.fill("{{ gone | shell }}", {})

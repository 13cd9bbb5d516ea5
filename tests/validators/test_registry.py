"""What every check has in common: it never blocks by failing, never reads a file, and says what it is told by."""

import logging
import sys
import time
from pathlib import Path

import pytest

from engine.core.findings import Severity
from engine.errors import Invalid
from engine.validators import programs, registry, script
from engine.validators.facts import Facts
from engine.validators.templates import validate_text
from tests.programs import program


def test_an_unknown_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(Invalid, match="'poem' is no type; one of kickstart, preseed"):
        registry.check("poem", "x")


def test_a_program_that_is_missing_is_told_of_once_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "_PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_told", set())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            [found] = registry.check("preseed", "d-i a/b string x\n")
            assert (found.severity, found.validator) == (Severity.WARNING, "preseed")
            assert "is not installed" in found.message
    assert [each.getMessage() for each in caplog.records if "debconf" in each.getMessage()] == [
        f"templates: {found.message}"
    ]
    assert any(each.is_error for each in registry.check("preseed", "nothing\n"))  # our own checks need no program


def test_a_library_that_is_missing_is_told_of_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pykickstart.parser", None)
    [found] = registry.check("kickstart", "keybord us\n")
    assert found.severity is Severity.WARNING
    assert "pip install 'pureboot[validators]'" in found.message


def test_a_check_that_fails_itself_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str, facts: Facts) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr("engine.validators.yaml_text.check", fails)
    [found] = registry.check("yaml", "a: 1")
    assert found.severity is Severity.WARNING
    assert "ZeroDivisionError" in found.message


def test_a_program_that_takes_too_long_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(Exception, match="timed out"):
        programs.run([program("sh"), "-c", "sleep 60"], "", seconds=0.2)
    assert time.monotonic() - began < 30


def test_a_program_gets_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", "hunter2")
    ran = programs.run([program("sh"), "-c", "env >&2"], "")
    assert "hunter2" not in ran.errors
    assert "PATH=" in ran.errors


def test_a_script_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for first in ("#!/bin/sh", "#!/bin/bash", ""):
        assert not registry.check("script", f"{first}\ntouch {mark}\n: $(touch {mark})\n")
    assert not registry.check("script", f"#!/usr/bin/python3\nopen({str(mark)!r}, 'w')\n")
    assert not mark.exists()


@pytest.mark.parametrize("word", ["%include", "%ksappend"])
def test_a_kickstart_reads_no_file_and_fetches_nothing(word: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ks"
    bad.write_text("keybord us\n")
    text = f"#version=RHEL9\n{word} {bad}\n{word} http://127.0.0.1:1/x\nlang en_US\n%packages\n{word} {bad}\n%end\n"
    assert registry.check("kickstart", text) == ()


def test_checking_kickstarts_leaves_python_as_it_was() -> None:
    before = list(sys.path)
    for version in ("RHEL7", "F42"):
        registry.check("kickstart", f"#version={version}\nlang en_US\n")
    assert sys.path == before


def test_a_bomb_of_xml_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY a{at} "{"&a" + str(at - 1) + ";" if at else "x"}">' * 2 for at in range(30))
    text = f'<!DOCTYPE unattend [{entities}]><unattend xmlns="urn:schemas-microsoft-com:unattend">&a29;</unattend>'
    began = time.monotonic()
    [found, *_] = registry.check("unattend", text)
    assert "DOCTYPE" in found.message
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("json", "[" * 100_000),
        ("yaml", "[" * 100_000),
        ("ignition", '{"a":' * 50_000),
        ("cloud-init", "#cloud-config\n" + "[" * 100_000),
        ("autoinstall", "#cloud-config\nautoinstall: " + "{a: " * 50_000),
        ("unattend", "<a>" * 100_000),
        ("script", "#!/usr/bin/python3\n" + "(" * 100_000),
        ("document", "{{ " + "(" * 20_000),
        ("ipxe", "#!ipxe\n" + "|| " * 100_000),
        ("preseed", "a \\\n" * 100_000),
    ],
)
def test_a_hostile_text_ends_no_process_and_no_patience(type_: str, text: str) -> None:
    began = time.monotonic()
    assert registry.check(type_, text)
    assert time.monotonic() - began < 25


def test_a_script_is_read_by_whom_its_step_says() -> None:
    assert any(each.is_error for each in registry.check("script", "print 1", Facts(interpreter="/usr/bin/python3")))
    assert any(each.is_error for each in registry.check("script", "if true", Facts(interpreter="/bin/sh")))
    assert not any(each.is_error for each in registry.check("script", "if true", Facts()))
    only_bash = list(script.check("a=(1 2)\n", Facts(interpreter="/bin/sh")))
    assert [each.severity for each in only_bash] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("script", "#!/usr/bin/python\nprint 1\n"),
        ("script", "#!/usr/bin/python3\ntype X = int\n"),
        ("script", "#!/usr/bin/python3\nd = {}\nprint(f'{d['a']}')\n"),
        ("kickstart", "#version=RHEL7\n%pre --interpreter=/usr/bin/python\nprint 1\n%end\n"),
        ("cloud-init", "#cloud-config\nacme_agent: {a: 1}\n"),
    ],
)
def test_what_may_be_right_on_another_machine_is_only_warned_of(type_: str, text: str) -> None:
    found = [each for each in registry.check(type_, text) if "deprecated" not in each.message]
    if sys.version_info < (3, 12) or ("type X" not in text and "d['a']" not in text):
        assert [each.severity for each in found] == [Severity.WARNING]
    assert not any(each.is_error for each in found)


@pytest.mark.parametrize(
    ("name", "text", "type_"),
    [
        ("x", "#!ipxe\n", "ipxe"),
        ("x.yaml", "#cloud-config\nautoinstall:\n  version: 1\n", "autoinstall"),
        ("x.yaml", "#cloud-config\npackages: []\n", "cloud-init"),
        ("x.cfg", "# x\nd-i a/b string c\n", "preseed"),
        ("x.cfg", "lang en\n%packages\n%end\n", "kickstart"),
        ("x.ks", "lang en\n", "kickstart"),
        ("x.json", '{"ignition": {}}', "ignition"),
        ("x.json", "{}", "json"),
        ("x.yml", "a: 1", "yaml"),
        ("x.xml", '<?xml version="1.0"?><unattend/>', "unattend"),
        ("x", "#!/bin/sh\n", "script"),
        ("x", "echo", "script"),
    ],
)
def test_the_type_of_a_file_is_seen(name: str, text: str, type_: str) -> None:
    assert registry.guess_type(name, text) == type_


def test_a_script_without_a_first_line_is_read_by_its_name() -> None:
    assert validate_text("script", "a: [1", name="x.yaml")[0].is_error
    assert validate_text("script", "{", name="x.json")[0].is_error
    assert validate_text("script", "print 1", name="x.py")[0].is_error

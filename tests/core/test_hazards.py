"""Values that would break a text, or take it over: found where they stand, with what to write instead."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.documents import TemplateType
from engine.core.hazards import MOST, Hazard, Judge
from engine.core.rendering import render
from tests.core.test_rendering import library

QEMU = "Standard PC (Q35 + ICH9, 2009)"


def hazards(type_: str, text: str, name: str, value: object) -> tuple[Hazard, ...]:
    namespace, key = name.split(".")
    return render(text, {namespace: {key: value}}, name="t", type_=type_).hazards


@pytest.mark.parametrize("type_", [*TemplateType, ""])
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x1b[2J", "a\u2028b", "a\x85b", "\x7f", "a\n", "\ta"])
def test_a_machine_never_begins_a_line(type_: str, value: str) -> None:
    (found,) = hazards(type_, "#!/bin/sh\nx ${node.hostname}\n", "node.hostname", value)
    assert (found.template, found.line, found.column, found.name) == ("t", 2, 3, "node.hostname")
    assert "machines say what they like" in str(found.problem())
    for helper in ("shell", "kickstart", "preseed", "ipxe"):
        assert hazards(type_, f"x ${{{helper}:node.serial}}", "node.serial", value) != ()
    for helper in ("yaml", "json", "xml", "url"):
        rendered = render(f"x ${{{helper}:node.serial}}", {"node": {"serial": value}}, type_=type_)
        assert rendered.content.splitlines() == [rendered.content]


HARMLESS = [
    ("script", "x=${node.hostname}", "web-1.example.org"),
    ("script", 'echo "${node.model}"', QEMU),
    ("script", "echo '${node.model}'", QEMU),
    ("script", "# made for ${node.model}", QEMU),
    ("script", "echo ${shell:node.model}", QEMU),
    ("script", "cat <<EOF\nmodel: ${node.model}\nEOF\n", QEMU),
    ("script", "cat <<'EOF'\nmodel: ${node.model}\nEOF\n", "$(reboot)"),
    ("script", "#!/usr/bin/python3\nprint('${node.model}')", "it's"),
    ("preseed", "d-i netcfg/get_hostname string ${node.model}", QEMU),
    ("preseed", "d-i a/b string it's ${node.model}", "what's"),
    ("kickstart", "# for ${node.model}", QEMU),
    ("kickstart", "network --hostname=${node.hostname}", "r1"),
    ("kickstart", "network --hostname=${kickstart:node.model}", QEMU),
    ("kickstart", "%post\necho '${node.model}'\n%end", QEMU),
    ("cloud-init", "hostname: ${node.hostname}", "r1"),
    ("cloud-init", "model: ${node.model}", QEMU),
    ("cloud-init", "it: don't\nmodel: ${node.model} don't", QEMU),
    ("autoinstall", "model: ${yaml:node.model}", "a: b"),
    ("ignition", '{"a": "${node.model}"}', QEMU),
    ("unattend", "<a>${node.model}</a>", QEMU),
    ("ipxe", "echo ${node.model}", QEMU),
    ("cmdline", 'quiet model="${node.model}" x', QEMU),
    ("cmdline", "model=${url:node.model} it's", QEMU),
    ("cmdline", "hostname=${node.hostname}", "r1.example.org"),
    ("cmdline", "${meta.more}", 'console=ttyS0 quiet\n"a b"'),
    ("document", "model ${node.model}", "$(reboot) ' \" <"),
    ("", "${node.model}", "$(reboot) ' \" <"),
    ("script", "${meta.code}", "echo a\necho b\n"),
    ("script", "cat <<EOF\n${meta.key}\nEOF\n", "-----BEGIN-----\nabc\n-----END-----"),
    ("script", "x='${meta.key}'", "a\nb"),
    ("script", "x=${meta.key}", "a 'b c' \"d\"\n"),
    ("preseed", "${meta.more}", "d-i a/b string c\nd-i d/e string f"),
    ("preseed", "d-i a/b string ${meta.x}", "c\n"),
    ("kickstart", "%packages\n${meta.packages}\n%end", "vim\ntmux"),
    ("kickstart", "${meta.partitions}", "part / --size=1\npart swap --size=2"),
    ("kickstart", "${meta.section}", "%packages\nvim\n%end"),
    ("cloud-init", "${meta.more}\n", "a: 1\nb: 2"),
    ("cloud-init", "network: ${meta.network}", {"a": [1, "x: y"]}),
    ("cloud-init", "key: ${meta.key}", "ssh-ed25519 AAAA ada@x\n"),
    ("ignition", '{"a": ${meta.n}, "b": "${meta.s}"}', [1]),
    ("unattend", "<a>${meta.more}</a>", "<b>R&amp;D</b>\n<c/>"),
]


@pytest.mark.parametrize(("type_", "text", "value"), HARMLESS)
def test_what_breaks_nothing_is_let_through(type_: str, text: str, value: object) -> None:
    namespaces = {
        name: dict.fromkeys(("hostname", "model", "serial", "x", "n", "s"), value) for name in ("node", "meta")
    }
    namespaces["meta"] |= dict.fromkeys(("code", "key", "more", "packages", "partitions", "section", "network"), value)
    assert render(text, namespaces, type_=type_).hazards == ()


FOUND = [
    ("script", "echo ${node.model}", QEMU, "has (", "${shell:node.model}"),
    ("script", "rm -r /x/${node.serial}", "; reboot", "has ;", "${shell:node.serial}"),
    ("script", 'echo "${node.serial}"', "$(reboot)", "has $", "without the quotes"),
    ("script", 'echo "${shell:node.serial}"', "$(reboot)", "has $", "without the quotes"),
    ("script", "echo '${node.serial}'", "it's", "ends the quotes", "${shell:node.serial}"),
    ("script", "echo ${node.serial}", "a #b", "starts a comment", "${shell:node.serial}"),
    ("script", "cat <<EOF\n${node.serial}\nEOF", "$(reboot)", "here-document", "<<'EOF'"),
    ("script", "echo ${meta.x}", "it's", "not closed", "${shell:meta.x}"),
    ("script", "echo ${meta.x|d}", "a\nb", "several lines", "${shell:meta.x|d}"),
    ("script", "# ${meta.x}", "a\nreboot", "several lines", ""),
    ("script", "x='${meta.x}'", "it's", "ends the quotes", "${shell:meta.x}"),
    ("script", 'x="${meta.x}"', 'say "hi"', "ends the quotes", "${shell:meta.x}"),
    ("kickstart", "network --hostname=${node.serial}", "x --noipv6", "a blank", "${kickstart:node.serial}"),
    ("kickstart", "network --hostname=${node.serial}", "it's", "has '", "${kickstart:node.serial}"),
    ("kickstart", "${node.serial}", "%pre", "begins with %", ""),
    ("kickstart", "%post\necho ${node.serial}\n%end", "`x`", "has `", "${shell:node.serial}"),
    ("kickstart", "%post\n${meta.x}\n%end\n", "echo a\n%end\nbootloader", "ends the section", ""),
    ("kickstart", "%post\n${shell:meta.x}\n%end\n", "a\n%end", "ends the section", ""),
    ("kickstart", "rootpw ${meta.x}", "a\nreboot", "several lines", "change the value"),
    ("kickstart", "rootpw ${kickstart:meta.x}", "a\nb", "which kickstart cannot write", "change the value"),
    ("preseed", "d-i preseed/late_command string echo ${node.model}", QEMU, "has (", "${shell:node.model}"),
    ("preseed", "d-i a/b string ${node.serial}", "a\\", "backslash", "change the value"),
    ("preseed", "d-i a/b string ${meta.x}", "a\nd-i c/d string e", "several lines", "change the value"),
    ("cloud-init", "model: ${node.model}", "a: b", "a colon", "${yaml:node.model}"),
    ("cloud-init", "model: ${node.model}", "[x", "begins with [", "${yaml:node.model}"),
    ("cloud-init", "model: '${node.model}'", "it's", "ends the quotes", "without the quotes"),
    ("cloud-init", 'model: "${node.model}"', "a\\", "inside double quotes", "without the quotes"),
    ("cloud-init", "l: [a, ${node.model}]", QEMU, "ends the value in a list", "${yaml:node.model}"),
    ("cloud-init", "#!/bin/sh\necho ${node.model}", QEMU, "has (", "${shell:node.model}"),
    ("cloud-init", "motd: ${meta.x}", "a: b", "a colon", "${yaml:meta.x}"),
    ("cloud-init", "key: |\n  ${meta.x}\n", "a\nb", "not indented", "${yaml:meta.x}"),
    ("cloud-init", "key: ${meta.x}\n", "a\nb", "several lines", "${yaml:meta.x}"),
    ("cloud-init", "key: ${meta.x}\n", "a\x07", "control character", "${yaml:meta.x}"),
    ("ignition", '{"a": "${node.model}"}', '"', 'has "', "${json:node.model}"),
    ("ignition", '{"a": "${meta.x}"}', "a\nb", "several lines", "${json:meta.x}"),
    ("ignition", '{"a": "${meta.x}"}', "C:\\x", "no text", "${json:meta.x}"),
    ("unattend", "<a>${node.model}</a>", "<b/>", "has <", "${xml:node.model}"),
    ("unattend", '<a b="${meta.x}"/>', 'R"D', 'has "', "${xml:meta.x}"),
    ("unattend", "<a>${meta.x}</a>", "R&D", "not well-formed", "${xml:meta.x}"),
    ("cmdline", "hostname=${node.serial}", "x init=/bin/sh", "has a blank in it, which begins", "${url:node.serial}"),
    ("cmdline", "a=# it's ${node.serial}", 'x" y', 'has "', "${url:node.serial}"),
    ("cmdline", 'a="${node.serial}"', 'x" init=/bin/sh', "ends the quotes", "${url:node.serial}"),
    ("ipxe", "echo ${node.serial}", "x || shell", "ends the command", "${ipxe:node.serial}"),
    ("ipxe", "echo ${node.serial}", "${net0/ip}", "iPXE expands", "change the value"),
    ("ipxe", "echo ${meta.x}", "a\nshell", "several lines", "change the value"),
]


@pytest.mark.parametrize(("type_", "text", "value", "why", "use"), FOUND)
def test_what_breaks_a_text_is_told_with_its_place(type_: str, text: str, value: str, why: str, use: str) -> None:
    scopes = {"node": {"model": value, "serial": value}, "meta": {"x": value}}
    (found,) = render(text, scopes, name="t", type_=type_).hazards
    message = str(found.problem())
    assert why in message
    assert use in message
    assert message.startswith(f"t:{found.line}:{found.column}: {found.text}")
    assert text.split("\n")[found.line - 1].startswith(found.text, found.column - 1)


@pytest.mark.parametrize(("type_", "text", "value", "why", "use"), [case for case in FOUND if "${" in case[4]])
def test_what_it_says_to_write_helps(type_: str, text: str, value: str, why: str, use: str) -> None:
    (written,) = (
        each
        for each in ("${node.model}", "${node.serial}", "${meta.x|d}", "${meta.x}")
        if each in text or each.replace("${", "${shell:") in text
    )
    better = text.replace(written, use).replace(written.replace("${", "${shell:"), use)
    for quote in ("'", '"'):
        better = better if type_ == "unattend" else better.replace(f"{quote}{use}{quote}", use)
    scopes = {"node": {"model": value, "serial": value}, "meta": {"x": value}}
    assert render(better, scopes, type_=type_).hazards == ()


def test_hazards_in_an_include_name_it_and_know_its_section() -> None:
    parts = library({"part": "\n  echo ${node.model}\n"})
    scopes = {"node": {"model": QEMU}}
    (found,) = render("%post\n${include:part}\n%end", scopes, include=parts, name="ks", type_="kickstart").hazards
    assert (found.template, found.line, found.column) == ("part", 2, 8)
    assert "for the shell" in found.why
    (found,) = render("text\n${include:part}\n", scopes, include=parts, name="ks", type_="kickstart").hazards
    assert "splits an argument" in found.why


def test_a_secret_that_is_not_shown_is_not_judged() -> None:
    scopes = {"secret": {"x": "it's"}}
    assert render("echo ${secret.x}", scopes, type_="script", masked=True).hazards == ()
    assert len(render("echo ${secret.x}", scopes, type_="script").hazards) == 1


def test_they_are_not_told_without_end() -> None:
    text = "echo ${node.model}\n" * 1000
    assert len(render(text, {"node": {"model": QEMU}}, type_="script").hazards) == MOST


PIECES = [
    "${node.model}",
    "${meta.x}",
    "'",
    '"',
    "\n",
    "#",
    "<<EOF",
    "EOF",
    "%post",
    "%end",
    "\\",
    ": ",
    "[",
    "<a>",
    "x",
    " ",
]


@given(st.sampled_from(list(TemplateType)), st.lists(st.sampled_from(PIECES), max_size=30), st.text(max_size=8))
def test_judging_never_fails_and_changes_nothing(type_: TemplateType, pieces: list[str], value: str) -> None:
    scopes = {"node": {"model": value}, "meta": {"x": value}}
    text = "".join(pieces)
    rendered = render(text, scopes, type_=type_, name="t")
    assert rendered.content == render(text, scopes).content
    for found in rendered.hazards:
        assert text.split("\n")[found.line - 1].startswith(found.text, found.column - 1)


@pytest.mark.parametrize(
    "unit", ["echo '${node.model}' \"x\n", "${node.model}'", "<<EOF\n${node.model}\n", "%post\n#${meta.x}\n"]
)
def test_the_text_is_read_once_however_many_values_are_judged(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: how many characters the judge goes over."""

    def read(times: int) -> int:
        total = 0
        real = Judge._read

        def counted(self: Judge, to: int) -> None:
            nonlocal total
            total += max(0, to - self._at)
            real(self, to)

        with monkeypatch.context() as patch:
            patch.setattr(Judge, "_read", counted)
            patch.setattr("engine.core.rendering.MOST", 10**9)
            render(unit * times, {"node": {"model": QEMU + "'"}, "meta": {"x": "a\nb"}}, type_="kickstart")
        return total

    assert read(400) <= 400 * len(unit)


@pytest.mark.parametrize("type_", TemplateType)
def test_a_text_of_one_long_line_takes_no_longer_than_one_of_many(type_: TemplateType) -> None:
    for text in ("${meta.x}" * 20_000, "${" * 200_000 + "\n${meta.x}", " '" * 200_000 + "${meta.x}"):
        began = time.process_time()
        render(text, {"meta": {"x": "x y"}}, type_=type_)
        assert time.process_time() - began < 10


def test_words_pass_without_any_judge() -> None:
    random.seed(1)
    for type_ in TemplateType:
        word = "".join(random.choices("abcXYZ019", k=12))
        assert hazards(type_, "'${node.hostname}\"", "node.hostname", word) == ()

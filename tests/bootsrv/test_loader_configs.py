"""What names mean to loaders, and the configurations for GRUB and PXELINUX: hostile words stay words."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv import grub, pxelinux
from bootsrv.tftp.meaning import Loader, Meaning, meaning
from bootsrv.words import awkward, words
from engine.core.boot import BootDecision, Local, Serve, Wait
from tests.programs import program

MAC = "52:54:00:12:ab:cd"
AGAIN = "/grub/grub.cfg-01-52-54-00-12-ab-cd"
HOSTILE = "x\n'; reboot; echo '\" `id` $(id) ${net_default_mac} $root \\ # ; | & \x1b[2J\u202e é {}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("autoexec.ipxe", Meaning(loader=Loader.IPXE, mac_address=None)),
        ("a/b/autoexec.ipxe", Meaning(loader=Loader.IPXE, mac_address=None, folder="a/b/")),
        ("pxelinux.cfg/default", Meaning(loader=Loader.PXELINUX, mac_address=None, folder="pxelinux.cfg/")),
        (
            "bios/pxelinux.cfg/01-52-54-00-12-AB-CD",
            Meaning(loader=Loader.PXELINUX, mac_address=MAC, folder="bios/pxelinux.cfg/"),
        ),
        ("grub.cfg", Meaning(loader=Loader.GRUB, mac_address=None)),
        ("grub/grub.cfg", Meaning(loader=Loader.GRUB, mac_address=None, folder="grub/")),
        ("grub/grub.cfg-01-52-54-00-12-ab-cd", Meaning(loader=Loader.GRUB, mac_address=MAC, folder="grub/")),
        ("grub.cfg-01-52-54-00-12-ab-cd-again", Meaning(loader=Loader.GRUB, mac_address=MAC, again=True)),
        (
            "pxelinux.cfg/01-52-54-00-12-ab-cd-again",
            Meaning(loader=Loader.PXELINUX, mac_address=MAC, folder="pxelinux.cfg/", again=True),
        ),
    ],
)
def test_what_a_name_means(name: str, expected: Meaning) -> None:
    assert meaning(PurePosixPath(name)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "default",
        "01-52-54-00-12-ab-cd",
        "pxelinux.cfg/C0A80001",
        "pxelinux.cfg/01-52-54-00-12-ab",
        "pxelinux.cfg/01-52-54-00-12-ab-cd-ef",
        "pxelinux.cfg/06-52-54-00-12-ab-cd",
        "pxelinux.cfg/x/default",
        "grub/grub.cfg-C0A80001",
        "grub/grub.cfg-01-52-54-00-12-ab-cx",
        "grub/grub.cfg.bak",
        "grub/x86_64-efi/command.lst",
        "autoexec.ipxe/x",
    ],
)
def test_what_means_nothing(name: str) -> None:
    assert meaning(PurePosixPath(name)) is None


# --- GRUB


def checked(config: str, tmp_path: Path) -> str:
    """A configuration that GRUB's own parser takes."""
    path = tmp_path / "grub.cfg"
    path.write_text(config)
    done = subprocess.run([program("grub-script-check"), str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return config


DECISIONS: list[BootDecision] = [
    Local(message=HOSTILE),
    Local(message="is new here", ask_again=True),
    Wait(message=HOSTILE, seconds=10**9),
    Serve(step_name=HOSTILE, kernel="debian/linux", initrd=("debian/initrd.gz", "more.img"), cmdline=HOSTILE),
    Serve(step_name="x", kernel="http://192.0.2.1:8080/a?b=c", cmdline="initrd=x quiet"),
    Serve(step_name="x", kernel="https://192.0.2.1/a"),
    Serve(step_name="x", kernel="a'b", initrd=("c d",)),
    Serve(step_name="x", kernel="http://x;reboot/a"),
]


@pytest.mark.parametrize("decision", DECISIONS)
def test_grub_takes_every_configuration(decision: BootDecision, tmp_path: Path) -> None:
    config = checked(grub.config(decision, again=AGAIN), tmp_path)
    assert config.isascii()
    assert not re.search(r"[^ -~\n]", config)


def test_grub_starts_kernel_and_initrd(tmp_path: Path) -> None:
    serve = Serve(
        step_name="Install",
        kernel="debian/linux",
        initrd=("a.gz", "/b.img"),
        cmdline="initrd=x url=http://a/?b&c=$d it's",
    )
    config = checked(grub.config(serve, again=AGAIN), tmp_path)
    assert "if linux '/files/debian/linux' 'url=http://a/?b&c=$d' 'it'\\''s'; then\n" in config
    assert "  if initrd '/files/a.gz' '/files/b.img'; then boot; fi\n" in config
    assert config.endswith(
        f'sleep 10\nif [ -n "$pureboot_net" ]; then set root="$pureboot_net"; fi\nconfigfile \'{AGAIN}\'\n'
    )


@pytest.mark.parametrize(("mode", "wrong"), [("uefi", "= pc"), ("bios", "!= pc")])
def test_grub_refuses_on_the_wrong_firmware_before_it_fetches_anything(mode: str, wrong: str, tmp_path: Path) -> None:
    serve = Serve(step_name="x", kernel="linux", boot_mode=mode)
    config = checked(grub.config(serve, again=AGAIN), tmp_path)
    guard = config[config.index(f'if [ "$grub_platform" {wrong} ]; then') : config.index("\nfi\n")]
    assert f"x needs {mode.upper()} firmware, but this machine started in " in guard
    assert f"configfile '{AGAIN}'" in guard
    assert "linux" not in guard
    assert config.index("\nfi\n") < config.index("if linux")
    assert "grub_platform" not in grub.config(Serve(step_name="x", kernel="linux"), again=AGAIN)


def test_grub_fetches_from_other_servers_where_it_can(tmp_path: Path) -> None:
    for url, place in (
        ("http://192.0.2.1/a%20b?c=d", "(http,192.0.2.1)/a%20b?c=d"),
        ("tftp://boot.example/a%2Db", "(tftp,boot.example)/a-b"),
    ):
        assert f"linux '{place}';" in checked(grub.config(Serve(step_name="x", kernel=url), again=AGAIN), tmp_path)
    for url in ("https://192.0.2.1/a", "http://user@host/a", "http:///a", "ftp://x/y"):
        config = checked(grub.config(Serve(step_name="x", kernel=url), again=AGAIN), tmp_path)
        assert "cannot be booted by GRUB" in config
        assert "linux" not in config


def test_grub_boots_the_disk_and_stays_only_where_it_should(tmp_path: Path) -> None:
    local = checked(grub.config(Local(message="m"), again=AGAIN), tmp_path)
    assert "chainloader +1" in local
    assert "/EFI/debian/shimx64.efi" in local
    assert local.endswith("\nexit\n")
    assert "configfile" in grub.config(Local(message="m", ask_again=True), again=AGAIN)
    assert "configfile '/grub/'\"grub.cfg-01-$pureboot_a-" in checked(grub.find_config("grub/"), tmp_path)


@given(st.text(max_size=60))
def test_a_quoted_word_is_one_word_of_grub(text: str) -> None:
    """Read as GRUB reads it: outside of quotes only `\\'`, within them nothing special but their end."""
    written = grub.quoted(text)
    assert "\n" not in written
    assert re.fullmatch(r"(?:'[^']*'|\\')+", written)
    read = "".join(part[1:-1] if part.startswith("'") else "'" for part in re.findall(r"'[^']*'|\\'", written))
    assert read == "".join(char for char in text if char.isprintable())


# --- PXELINUX


@pytest.mark.parametrize("decision", DECISIONS)
def test_pxelinux_gets_keywords_at_the_start_of_lines_only(decision: BootDecision) -> None:
    config = pxelinux.config(decision, again="/pxelinux.cfg/01-x")
    known = "SAY|DEFAULT|PROMPT|NOESCAPE|TIMEOUT|LABEL|  (?:LOCALBOOT|LINUX|INITRD|APPEND|CONFIG)"
    assert config.isascii()
    for line in config.splitlines():
        assert re.fullmatch(rf"(?:{known}) [ -~]+", line), line


def test_pxelinux_starts_kernel_and_initrd() -> None:
    serve = Serve(step_name="Install", kernel="debian/linux", initrd=("a.gz", "/b.img"), cmdline="initrd=x quiet ${x}")
    assert pxelinux.config(serve, again="/pxelinux.cfg/01-x") == (
        "SAY PureBoot: Install\nDEFAULT boot\nPROMPT 0\nLABEL boot\n  LINUX ::files/debian/linux\n"
        "  INITRD ::files/a.gz,::files/b.img\n  APPEND quiet {x}\n"
    )
    for kernel in ("a b", "a,b", "a\nb", "é"):
        config = pxelinux.config(Serve(step_name="x", kernel=kernel), again="/pxelinux.cfg/01-x")
        assert "LINUX ::" not in config
        assert "  CONFIG ::pxelinux.cfg/01-x\n" in config
    waits = pxelinux.config(Wait(message="m", seconds=7), again="/pxelinux.cfg/01-x")
    assert "TIMEOUT 70\nLABEL again\n  CONFIG ::pxelinux.cfg/01-x\n" in waits
    assert pxelinux.config(Local(message="m"), again="").endswith("LABEL disk\n  LOCALBOOT 0\n")
    assert "LOCALBOOT 0" in pxelinux.unknown_machine()


def test_pxelinux_cuts_no_command_line_off() -> None:
    longest = Serve(step_name="x", kernel="linux", cmdline="a" * pxelinux.LONGEST_LINE)
    assert f"  APPEND {longest.cmdline}\n" in pxelinux.config(longest, again="/pxelinux.cfg/01-x")
    longer = pxelinux.config(replace(longest, cmdline=longest.cmdline + "a"), again="/pxelinux.cfg/01-x")
    assert "SAY PureBoot: x cannot be booted: it has a command line of 2048 characters" in longer
    assert "LINUX ::" not in longer


# --- words


@given(st.text(max_size=200))
def test_words_are_plain(text: str) -> None:
    for word in words(text):
        assert re.fullmatch(r"[!-~]+", word)
        assert "${" not in word


def test_awkward_names_are_found() -> None:
    assert awkward(("a/b.img", "c d"), "") == "c d"
    assert awkward(("a,b",), ",") == "a,b"
    assert awkward(("a,b", "c-d_e.f~"), "") is None

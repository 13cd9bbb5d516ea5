"""The simulator's iPXE: it reads the very scripts that machines get."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootsrv import ipxe
from bootsrv.simulator import script
from bootsrv.simulator.hardware import Firmware, Hardware
from engine.core.boot import Local, Serve, Wait

SERVER = "http://10.0.0.1:8080"
BIOS = Hardware(mac_address="aa:bb:cc:00:00:01", serial="A 1", hostname="r1-01", firmware=Firmware.BIOS)
UEFI = Hardware(mac_address="aa:bb:cc:00:00:02", serial="A 2", hostname="r1-02", firmware=Firmware.UEFI)
PLATFORMS = {Firmware.BIOS: "pcbios", Firmware.UEFI: "efi"}

Answer = Callable[[str], bytes | None]


def play(
    text: str, hardware: Hardware = UEFI, *, disk_boots: bool = True, answer: Answer = lambda _url: b"bytes"
) -> tuple[list[script.Effect], script.End]:
    """All effects of a script, and its end."""
    running = script.run(text, hardware.ipxe_settings(), disk_boots=disk_boots)
    effects: list[script.Effect] = []
    given_: bytes | None = None
    while True:
        try:
            effect = running.send(given_)
        except StopIteration as ended:
            end: script.End = ended.value
            return effects, end
        effects.append(effect)
        given_ = answer(effect.url) if isinstance(effect, script.Fetch) else None


def urls(effects: list[script.Effect]) -> list[str]:
    return [effect.url for effect in effects if isinstance(effect, script.Fetch)]


def said(effects: list[script.Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, script.Say)]


@pytest.mark.parametrize("hardware", [BIOS, UEFI], ids=["bios", "uefi"])
def test_a_machine_that_has_not_said_who_it_is_asks_again_with_what_it_knows(hardware: Hardware) -> None:
    effects, end = play(ipxe.ask_again(SERVER), hardware, answer=lambda _url: b"#!ipxe\necho hello\n")
    (url,) = urls(effects)
    assert url.startswith(f"{SERVER}/boot.ipxe?mac={hardware.mac_address}&")
    assert f"platform={PLATFORMS[hardware.firmware]}" in url
    assert "arch=x86_64" in url
    assert f"serial=A%20{hardware.serial[-1]}" in url
    assert end == script.Replaced(text="#!ipxe\necho hello\n")


def test_a_server_that_never_answers_leaves_the_machine_to_its_disk_after_ten_tries() -> None:
    effects, end = play(ipxe.ask_again(SERVER), BIOS, answer=lambda _url: None)
    assert len(urls(effects)) == 10
    assert sum(isinstance(effect, script.Pause) for effect in effects) == 9
    assert end == script.Disk(how="sanboot")


@pytest.mark.parametrize(
    ("hardware", "disk_boots", "end"),
    [
        (BIOS, True, script.Disk(how="sanboot")),
        (UEFI, True, script.Disk(how="chain")),
        (BIOS, False, script.Left(code=1)),
        (UEFI, False, script.Left(code=1)),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_a_local_boot_starts_the_disk_or_gives_up_so_that_firmware_goes_on(
    hardware: Hardware, disk_boots: bool, end: script.End, told: bool
) -> None:
    platform = PLATFORMS[hardware.firmware] if told else None
    text = ipxe.script(Local(message="nothing to do"), server_url=SERVER, platform=platform, arch="x86_64")
    effects, reached = play(text, hardware, disk_boots=disk_boots)
    assert said(effects)[0] == "PureBoot: nothing to do"
    assert reached == end


def test_a_wait_sleeps_and_then_asks_again() -> None:
    text = ipxe.script(Wait(message="not yet", seconds=7), server_url=SERVER, platform="efi", arch="x86_64")
    effects, end = play(text, answer=lambda _url: b"#!ipxe\n")
    assert script.Pause(seconds=7.0) in effects
    assert "mac=aa:bb:cc:00:00:02" in urls(effects)[0]
    assert isinstance(end, script.Replaced)


SERVE = Serve(step_name="Install", kernel="d/linux", initrd=("d/initrd", "d/more"), cmdline="a=b pureboot.token=T")


def test_a_served_kernel_is_fetched_with_its_initrds_and_started_with_its_command_line() -> None:
    text = ipxe.script(SERVE, server_url=SERVER, platform="efi", arch="x86_64")
    effects, end = play(text)
    assert urls(effects) == [f"{SERVER}/files/{name}" for name in ("d/linux", "d/initrd", "d/more")]
    assert isinstance(end, script.Kernel)
    assert end.cmdline.endswith("a=b pureboot.token=T")
    assert end.initrds == (f"{SERVER}/files/d/initrd", f"{SERVER}/files/d/more")


def test_a_download_that_fails_is_tried_three_times_before_it_is_given_up() -> None:
    text = ipxe.script(SERVE, server_url=SERVER, platform="pcbios", arch="x86_64")
    effects, end = play(text, BIOS, answer=lambda url: None if url.endswith("more") else b"x")
    assert urls(effects).count(f"{SERVER}/files/d/more") == 3
    assert end == script.Left(code=1)


@pytest.mark.parametrize(
    ("lines", "end", "texts"),
    [
        (["echo one", "echo two"], script.Left(code=0), ["one", "two"]),
        (["echo ${hostname} # no"], script.Left(code=0), ["r1-02"]),
        (["exit"], script.Left(code=0), []),
        (["exit 3", "echo no"], script.Left(code=3), []),
        (["nonsense", "echo no"], script.Left(code=1), ["nonsense: command not found"]),
        (["nonsense ||", "echo yes"], script.Left(code=0), ["nonsense: command not found", "yes"]),
        (["iseq a b && echo no ||", "echo yes"], script.Left(code=0), ["yes"]),
        (["iseq a a && echo yes ||"], script.Left(code=0), ["yes"]),
        (["iseq a b && echo no || echo yes"], script.Left(code=0), ["yes"]),
        (["iseq a b ; echo yes"], script.Left(code=0), ["yes"]),
        (["set x one two", "echo <${x}>"], script.Left(code=0), ["<one two>"]),
        (["set n:int32 0", "inc n", "inc n", "echo ${n}"], script.Left(code=0), ["2"]),
        (["echo ${unknown}x"], script.Left(code=0), ["x"]),
        (["echo ${serial:uristring}"], script.Left(code=0), ["A%202"]),
        (["goto there", "echo no", ":there", "echo yes"], script.Left(code=0), ["yes"]),
        (["goto nowhere"], script.Left(code=1), []),
        (["isset ${hostname} && echo yes ||", "isset ${gateway} && echo no ||"], script.Left(code=0), ["yes"]),
        (["boot"], script.Left(code=1), []),
    ],
)
def test_the_language(lines: list[str], end: script.End, texts: list[str]) -> None:
    effects, reached = play("\n".join(["#!ipxe", *lines]))
    assert reached == end
    assert said(effects) == texts


def test_a_script_that_is_chained_ends_as_a_command_that_failed_or_did_not() -> None:
    inner = {"http://a/bad": b"#!ipxe\nexit 1\n", "http://a/good": b"#!ipxe\necho inner\n"}
    text = "#!ipxe\nchain http://a/bad || echo failed\nchain http://a/good\necho outer\n"
    effects, end = play(text, answer=inner.get)
    assert said(effects) == ["failed", "inner", "outer"]
    assert end == script.Left(code=0)


def test_what_is_no_script_is_not_run() -> None:
    assert play("<html>") == ([], script.Left(code=1))


def test_a_script_that_goes_round_for_ever_is_ended() -> None:
    effects, end = play("#!ipxe\n:again\necho x\ngoto again\n")
    assert len(effects) <= script.MAX_COMMANDS
    assert end == script.Left(code=1)


def test_a_script_that_chains_itself_for_ever_is_ended() -> None:
    text = "#!ipxe\nchain http://a/self\n"
    effects, end = play(text, answer=lambda _url: text.encode())
    assert len(effects) <= script.MAX_NESTING + 2
    assert end == script.Left(code=1)


WORDS = st.sampled_from(
    [
        "echo",
        "sleep",
        "set",
        "goto",
        ":a",
        "a",
        "chain",
        "kernel",
        "boot",
        "exit",
        "||",
        "&&",
        ";",
        "#",
        "${a}",
        "--name",
    ]
)


@given(st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_ends(lines: list[str]) -> None:
    effects, end = play("\n".join(["#!ipxe", *lines]), answer=lambda _url: None)
    assert len(effects) <= script.MAX_COMMANDS + 1
    assert isinstance(end, script.Kernel | script.Disk | script.Replaced | script.Left)

"""Scripts are run by a small iPXE shell; then what it was told is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv import ipxe
from engine.core.boot import BootDecision, Local, Serve, Wait
from tests.bootsrv.ipxe_support import Answer, fails, run, without, works

SERVER = "http://10.77.0.1:8080"
BIOS = {"platform": "pcbios", "buildarch": "i386", "netX/mac": "52:54:00:00:00:01"}
UEFI = {"platform": "efi", "buildarch": "x86_64", "netX/mac": "52:54:00:00:00:02", "serial": "A/1 & b"}
KNOWN = frozenset({"chain", "cpuid", "echo", "exit", "goto", "inc", "iseq", "sanboot", "set", "sleep"})


def script(decision: BootDecision, platform: str | None = "pcbios", arch: str | None = None) -> str:
    return ipxe.script(decision, server_url=SERVER, platform=platform, arch=arch)


class TestAskAgain:
    def test_says_who_it_is(self) -> None:
        [chain] = run(ipxe.ask_again(SERVER), UEFI, works).commands("chain")
        assert chain[-1] == (
            f"{SERVER}/boot.ipxe?mac=52:54:00:00:00:02&uuid=&serial=A%2F1%20%26%20b&arch=x86_64&platform=efi"
            "&manufacturer=&product=&hostname=&ip="
        )

    @pytest.mark.parametrize(("answer", "arch"), [(works, "x86_64"), (without("cpuid"), "i386")])
    def test_a_bios_build_asks_the_processor(self, answer: Answer, arch: str) -> None:
        [chain] = run(ipxe.ask_again(SERVER), BIOS, answer).commands("chain")
        assert f"&arch={arch}&" in chain[-1]

    def test_an_efi_build_is_what_the_firmware_is(self) -> None:
        shell = run(ipxe.ask_again(SERVER), {**UEFI, "buildarch": "i386"}, works)
        assert "&arch=i386&" in shell.commands("chain")[-1][-1]

    def test_the_answer_takes_the_place_of_the_question(self) -> None:
        shell = run(ipxe.ask_again(SERVER), BIOS, works)
        assert shell.ended == "chain"
        assert "--replace" in shell.commands("chain")[0]

    def test_a_silent_server_is_asked_a_few_times_and_then_the_disk_boots(self) -> None:
        shell = run(ipxe.ask_again(SERVER), BIOS, without("chain"))
        assert len(shell.commands("chain")) == ipxe.ASK_ATTEMPTS
        assert shell.ended == "sanboot"
        assert shell.slept() == (ipxe.ASK_ATTEMPTS - 1) * ipxe.RETRY_SECONDS
        assert shell.said()[0] == f"PureBoot: no answer from {SERVER} (1 of 10); next try in 5 s"
        assert shell.said()[-1] == f"PureBoot: no answer from {SERVER}"

    def test_with_no_server_and_no_disk_it_still_ends(self) -> None:
        assert run(ipxe.ask_again(SERVER), UEFI, fails).ended == "exit 1"


class TestLocal:
    def test_bios_boots_the_first_disk(self) -> None:
        shell = run(script(Local(message="node-1 is installed: booting its disk")), BIOS, works)
        assert shell.ran[-1] == ["sanboot", "--no-describe", "--drive", "0x80"]
        assert shell.said() == ["PureBoot: node-1 is installed: booting its disk"]

    def test_uefi_chains_the_program_that_boots_a_disk(self) -> None:
        shell = run(script(Local(message="x"), "efi", "x86_64"), UEFI, fails)
        assert shell.commands("chain")[0][-1] == f"{SERVER}/boot/localboot.efi"
        assert not shell.commands("sanboot")
        assert shell.ended == "exit 1"

    def test_uefi_goes_on_when_that_program_found_nothing(self) -> None:
        assert run(script(Local(message="x"), "efi"), UEFI, works).ended == "exit 1"

    @pytest.mark.parametrize("arch", ["arm64", "i386"])
    def test_there_is_no_such_program_for_other_architectures(self, arch: str) -> None:
        shell = run(script(Local(message="x"), "efi", arch), UEFI, works)
        assert not shell.commands("chain")
        assert shell.ended == "exit 1"

    @pytest.mark.parametrize(("settings", "command"), [(BIOS, "sanboot"), (UEFI, "chain")])
    def test_an_unsaid_platform_is_asked_for_on_the_machine(self, settings: dict[str, str], command: str) -> None:
        shell = run(script(Local(message="x"), None), settings, fails)
        assert [words[0] for words in shell.ran if words[0] in ("sanboot", "chain")] == [command]

    def test_an_empty_disk_is_said_aloud_and_left_to_the_firmware(self) -> None:
        shell = run(script(Local(message="x")), BIOS, fails)
        assert shell.said()[-1] == "PureBoot: no disk was booted; back to the firmware"
        assert shell.ended == "exit 1"


SERVE = Serve(
    step_name="Boot the installer",
    kernel="debian 12/linux#1",
    initrd=("debian-12/initrd.gz", "http://mirror/extra?a=1&b=%20"),
    cmdline="console=ttyS0 quiet --- a=b",
)


class TestServe:
    def test_fetches_names_under_files_and_whole_urls_as_they_are(self) -> None:
        shell = run(script(SERVE), BIOS, works)
        [kernel] = shell.commands("kernel")
        assert f"{SERVER}/files/debian%2012/linux%231" in kernel
        assert [words[-1] for words in shell.commands("initrd")] == [
            f"{SERVER}/files/debian-12/initrd.gz",
            "http://mirror/extra?a=1&b=%20",
        ]
        assert shell.ended == "boot"
        assert shell.said() == ["PureBoot: Boot the installer"]

    def test_the_command_line_names_every_initrd(self) -> None:
        shell = run(script(SERVE), UEFI, works)
        [kernel] = shell.commands("kernel")
        line = kernel[kernel.index(f"{SERVER}/files/debian%2012/linux%231") + 1 :]
        assert line == ["initrd=initrd.img", "initrd=initrd2.img", "console=ttyS0", "quiet", "---", "a=b"]
        names = [words[words.index("--name") + 1] for words in shell.commands("initrd")]
        assert names == ["initrd.img", "initrd2.img"]

    def test_an_initrd_of_the_workflow_s_own_writing_gives_way(self) -> None:
        shell = run(script(Serve(step_name="s", kernel="k", initrd=("i",), cmdline="initrd=i.gz a")), UEFI, works)
        assert shell.commands("kernel")[0][-2:] == ["initrd=initrd.img", "a"]

    def test_without_initrds_it_stays(self) -> None:
        shell = run(script(Serve(step_name="s", kernel="k", cmdline="initrd=i.gz a")), UEFI, works)
        assert shell.commands("kernel")[0][-2:] == ["initrd=i.gz", "a"]

    @pytest.mark.parametrize("broken", ["kernel", "initrd", "boot"])
    def test_a_failure_is_tried_again_said_aloud_and_given_up(self, broken: str) -> None:
        shell = run(script(SERVE), BIOS, without(broken))
        assert len(shell.commands(broken)) == ipxe.DOWNLOAD_ATTEMPTS
        assert shell.ended == "exit 1"
        assert shell.slept() == 2 * ipxe.RETRY_SECONDS + ipxe.READING_SECONDS
        assert shell.said()[1] == "PureBoot: that failed (1 of 3); trying again in 5 seconds"
        assert "could not be booted" in shell.said()[-1]

    def test_nothing_of_a_broken_try_is_left_for_the_next(self) -> None:
        shell = run(script(SERVE), BIOS, without("initrd"))
        names = [words[0] for words in shell.ran if words[0] in ("imgfree", "kernel")]
        assert names == ["imgfree", "kernel"] * ipxe.DOWNLOAD_ATTEMPTS + ["imgfree"]

    def test_a_try_may_succeed_after_a_failure(self) -> None:
        answers = iter([False])
        shell = run(script(SERVE), BIOS, lambda words: next(answers, True) if words[0] == "initrd" else True)
        assert shell.ended == "boot"
        assert len(shell.commands("kernel")) == 2


class TestWait:
    def test_waits_and_asks_again(self) -> None:
        shell = run(script(Wait(message="the installer is not ready", seconds=7)), BIOS, works)
        assert shell.said() == ["PureBoot: the installer is not ready", "PureBoot: asking again in 7 seconds"]
        assert shell.slept() == 7
        assert shell.commands("chain")[0][-1].startswith(f"{SERVER}/boot.ipxe?mac=52:54:00:00:00:01&")
        assert shell.ended == "chain"

    @pytest.mark.parametrize(("seconds", "slept"), [(-5, 1), (0, 1), (1, 1), (10**9, 3600)])
    def test_never_spins_and_never_sleeps_for_days(self, seconds: int, slept: int) -> None:
        assert run(script(Wait(message="x", seconds=seconds)), BIOS, works).slept() == slept

    def test_a_server_that_is_gone_for_good_leaves_the_disk(self) -> None:
        shell = run(script(Wait(message="x", seconds=1)), BIOS, without("chain"))
        assert shell.ended == "sanboot"


class TestRetry:
    """With `retry_seconds` a machine is never handed back while the server answers."""

    @pytest.mark.parametrize(("platform", "settings"), [("pcbios", BIOS), ("efi", UEFI), (None, UEFI)])
    def test_an_empty_disk(self, platform: str | None, settings: dict[str, str]) -> None:
        text = ipxe.script(Local(message="hello"), server_url=SERVER, platform=platform, retry_seconds=30)
        shell = run(text, settings, lambda words: "--replace" in words)
        assert shell.said() == ["PureBoot: hello", "PureBoot: no disk was booted; asking again in 30 seconds"]
        assert shell.slept() == 30
        assert shell.ended == "chain"

    def test_a_file_that_is_missing(self) -> None:
        text = ipxe.script(SERVE, server_url=SERVER, platform="efi", retry_seconds=0)
        shell = run(text, UEFI, without("initrd"))
        assert len(shell.commands("initrd")) == ipxe.DOWNLOAD_ATTEMPTS
        assert shell.said()[-1] == "PureBoot: this step could not be booted (see above); asking again in 1 second"
        assert shell.ended == "chain"

    def test_a_server_that_is_gone(self) -> None:
        text = ipxe.script(Local(message="x"), server_url=SERVER, platform="efi", retry_seconds=30)
        shell = run(text, UEFI, fails)
        assert len(shell.commands("chain")) == 1 + ipxe.ASK_ATTEMPTS
        assert shell.said()[-1] == "PureBoot: giving up; back to the firmware"
        assert shell.ended == "exit 1"

    def test_a_disk_that_boots_is_booted(self) -> None:
        text = ipxe.script(Local(message="x"), server_url=SERVER, platform="pcbios", retry_seconds=30)
        assert run(text, BIOS, works).ended == "sanboot"


HOSTILE = [
    "x\nsanboot --drive 0x81",
    "x\r\nreboot",
    "x ; reboot",
    "x || reboot",
    "x && reboot",
    "; reboot",
    "# gone",
    "a #b c",
    "ends with a backslash \\",
    "${net0/mac}",
    "$${net0/mac}",
    "$\u00e9{net0/mac}",
    "$$$${${net0/mac}}",
    "--help",
    "-n",
    "\x1b[2J\x00\x07",
    "\u2028reboot\u0085reboot",
    "",
    " ",
    ";" * 200,
    "#" * 200,
    "a" * 69 + ";" + "b" * 69 + "#",
]
FOREIGN = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=120),
    st.text(alphabet="${}|&;# \n\\-ax\u00e9", max_size=60),
)


class TestForeignText:
    """No text of a person or of the network becomes a command, an option, an expansion or a lost line."""

    @given(FOREIGN, st.sampled_from(["local", "wait"]))
    def test_in_messages(self, text: str, kind: str) -> None:
        decision = Local(message=text) if kind == "local" else Wait(message=text)
        harmless = Local(message="x") if kind == "local" else Wait(message="x")
        shell, model = run(script(decision), BIOS, works), run(script(harmless), BIOS, works)
        assert [w for w in shell.ran if w[0] != "echo"] == [w for w in model.ran if w[0] != "echo"]
        assert all(line.startswith("PureBoot: ") and len(line) <= ipxe.COLUMNS for line in shell.said())

    @given(FOREIGN)
    def test_in_the_step_s_name(self, text: str) -> None:
        shell = run(script(Serve(step_name=text, kernel="k")), UEFI, works)
        assert [words[0] for words in shell.ran if words[0] != "echo"] == ["set", "imgfree", "kernel", "boot"]

    @given(FOREIGN, FOREIGN, FOREIGN)
    def test_in_names_and_command_line(self, kernel: str, initrd: str, cmdline: str) -> None:
        decision = Serve(step_name="s", kernel=kernel, initrd=(initrd,), cmdline=cmdline)
        text = script(decision, "efi")
        shell = run(text, UEFI, works)
        assert text.isascii()
        assert [words[0] for words in shell.ran] == ["echo", "set", "imgfree", "kernel", "initrd", "boot"]
        [words] = shell.commands("kernel")
        if not ipxe.cmdline_problems(cmdline):
            assert words[7:] == cmdline.split()

    @given(FOREIGN)
    def test_in_the_address_of_the_server(self, text: str) -> None:
        shell = run(ipxe.ask_again(f"http://{text}"), UEFI, fails)
        assert {words[0] for words in shell.ran} <= KNOWN
        assert len(shell.commands("chain")) == ipxe.ASK_ATTEMPTS + 1

    @pytest.mark.parametrize(
        ("message", "said"),
        [
            ("booting \u2192 caf\u00e9\u2019s disk", ["PureBoot: booting cafes disk"]),
            ("a ; b || c # d", ["PureBoot: a ; b || c # d"]),
            ("${net0/mac} of $${node.name}", ["PureBoot: {net0/mac} of {node.name}"]),
            ("word " * 40, [("PureBoot: " + "word " * 13).strip(), ("PureBoot: " + "word " * 13) + "..."]),
            ("-n x", ["PureBoot: -n x"]),
            ("\x00", []),
        ],
    )
    def test_reads_well(self, message: str, said: list[str]) -> None:
        assert run(script(Local(message=message)), BIOS, works).said() == said


@pytest.mark.parametrize(
    ("cmdline", "words"),
    [
        ("console=ttyS0 a=${b}", ["expands"]),
        ("name=J\u00fcrgen", ["ASCII"]),
        ("x initrd=a.gz", ["initrd="]),
        ("a" * 2048, ["2047"]),
        ("auto=true url=http://a/b?c=d#e priority=critical --- quiet", []),
    ],
)
def test_says_what_of_a_command_line_is_lost(cmdline: str, words: list[str]) -> None:
    problems = ipxe.cmdline_problems(cmdline)
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))


@pytest.mark.parametrize(
    ("raw", "repaired"),
    [
        ("manufacturer=%FFFFFFC3%FFFFFF9Cn&a=b", "manufacturer=%C3%9Cn&a=b"),
        ("manufacturer=%FFFFFFFFFFFFC3%FFFFFFFFFFFF9Cn%20C", "manufacturer=%C3%9Cn%20C"),
        ("mac=52%3A54&product=a%20b%C3%9C%FF", "mac=52%3A54&product=a%20b%C3%9C%FF"),
    ],
)
def test_repairs_what_ipxe_encodes_wrongly(raw: str, repaired: str) -> None:
    assert ipxe.repaired_query(raw) == repaired


def test_a_slash_at_the_end_of_the_address_is_not_doubled() -> None:
    """UEFI HTTP clients and proxies answer `//` in their own ways; a redirect ends some of them."""
    text = ipxe.script(SERVE, server_url=SERVER + "/", platform="efi")
    assert text == ipxe.script(SERVE, server_url=SERVER, platform="efi")
    assert "//" not in text.replace("://", "")

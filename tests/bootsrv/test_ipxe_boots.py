"""The scripts of every way to boot, the menu and the question for HTTPS, run by the shell of `test_ipxe`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv import ipxe
from engine.core.boot import BootKind, Choice, Load, Local, Menu, Serve
from tests.bootsrv.ipxe_support import Shell, fails, run, without, works
from tests.bootsrv.test_ipxe import BIOS, KNOWN, SERVER, UEFI, script

KNOWN_HERE = KNOWN | {"imgfree", "kernel", "initrd", "boot", "imgverify", "imgfetch", "menu", "item", "choose"}
WINDOWS = Serve(
    step_name="Windows",
    kernel="win/wimboot",
    kind=BootKind.WIMBOOT,
    files=(("BCD", "win/BCD"), ("boot.wim", "http://mirror/boot.wim")),
    cmdline="gui",
)


def of(kind: BootKind, **more: object) -> Serve:
    return Serve(step_name="s", kernel="a b/x", kind=kind, **more)  # type: ignore[arg-type]


class TestVariants:
    def test_iso(self) -> None:
        shell = run(script(of(BootKind.ISO)), BIOS, works)
        assert shell.commands("sanboot") == [["sanboot", "--no-describe", f"{SERVER}/files/a%20b/x"]]
        assert shell.ended == "sanboot"

    def test_chain(self) -> None:
        shell = run(script(of(BootKind.CHAIN, cmdline="a=b ; #c")), UEFI, works)
        assert shell.commands("chain")[0] == [
            *("chain", "--autofree", "--timeout", "30000", f"{SERVER}/files/a%20b/x", "a=b", ";", "#c"),
        ]
        assert shell.said()[-1].startswith("PureBoot: what was started has ended; back to the firmware")
        assert shell.ended == "exit 1"

    def test_efi(self) -> None:
        shell = run(script(of(BootKind.EFI, cmdline="-v")), UEFI, works)
        assert shell.commands("kernel")[0][1:] == [
            *("--name", "program.efi", "--timeout", "30000", f"{SERVER}/files/a%20b/x", "-v"),
        ]
        assert shell.ended == "boot"

    def test_wimboot(self) -> None:
        shell = run(script(WINDOWS), UEFI, works)
        assert [words[-1] for words in shell.commands("initrd")] == [
            f"{SERVER}/files/win/BCD",
            "http://mirror/boot.wim",
        ]
        assert [words[2] for words in shell.commands("initrd")] == ["BCD", "boot.wim"]
        assert shell.commands("kernel")[0][-1] == "gui"
        assert not any("initrd=" in word for words in shell.ran for word in words)

    @pytest.mark.parametrize("kind", list(BootKind))
    def test_what_fails_is_tried_again_and_given_up(self, kind: BootKind) -> None:
        shell = run(script(of(kind)), UEFI, fails)
        assert len(shell.commands("imgfree")) == 4
        assert shell.ended == "exit 1"
        assert any("could not be booted" in said for said in shell.said())

    @pytest.mark.parametrize(
        "decision", [of(BootKind.KERNEL, initrd=("i",), verify=True), of(BootKind.EFI, verify=True)]
    )
    def test_what_cannot_be_verified_is_not_started(self, decision: Serve) -> None:
        good = run(script(decision), UEFI, works)
        assert [words[-1] for words in good.commands("imgverify")] == [
            f"{SERVER}/files/{name}.sig" for name in ("a%20b/x", *decision.initrd)
        ]
        assert not run(script(decision), UEFI, without("imgverify")).commands("boot")

    @given(st.sampled_from(list(BootKind)), st.text(), st.text(), st.text())
    def test_foreign_text_says_no_more_than_it_should(self, kind: BootKind, name: str, cmdline: str, step: str) -> None:
        decision = Serve(step_name=step, kernel=name, kind=kind, cmdline=cmdline, files=(("a.wim", name),))
        shell = run(script(decision), UEFI, works)
        assert {words[0] for words in shell.ran} <= KNOWN_HERE
        assert shell.settings["netX/mac"] == UEFI["netX/mac"]


MENU = Menu(title="PureBoot: ${x} || y", choices=(Choice.ENROL, Choice.RESCUE), seconds=7)


class TestMenu:
    def offered(self, choice: str | None) -> Shell:
        """A person who chooses, or does not."""
        settings = dict(UEFI)

        def answer(words: list[str]) -> bool:
            if words[0] == "choose":
                settings["choice"] = choice or ""
            return words[0] != "menu" or choice is not None

        decision = Local(message="m", ask_again=True, menu=MENU)
        text = script(decision, platform="efi", arch="x86_64")
        shell = Shell(text, settings, answer)
        return shell.run()

    @pytest.mark.parametrize("choice", [None, "local"])
    def test_the_disk_is_booted_by_time_by_choice_and_without_menus(self, choice: str | None) -> None:
        shell = self.offered(choice)
        [first, *_] = shell.commands("chain")
        assert first[-1] == f"{SERVER}/boot/localboot.efi"

    @pytest.mark.parametrize("choice", ["enrol", "rescue"])
    def test_a_choice_is_told_to_the_server(self, choice: str) -> None:
        shell = self.offered(choice)
        [first, *_] = shell.commands("chain")
        assert first[-1].endswith(f"&again=true&choice={choice}")
        assert f"mac={UEFI['netX/mac']}" in first[-1]

    def test_what_it_shows(self) -> None:
        shell = self.offered("local")
        assert shell.commands("menu") == [["menu", "PureBoot:", "{x}", "||", "y"]]
        assert [words[1] for words in shell.commands("item")] == ["local", "enrol", "rescue"]
        assert shell.commands("choose")[0] == ["choose", "--default", "local", "--timeout", "7000", "choice"]


class TestHttps:
    def test_what_needs_it(self) -> None:
        assert ipxe.needs_https(of(BootKind.KERNEL), SERVER) is None
        assert ipxe.needs_https(of(BootKind.KERNEL, initrd=("HTTPS://h/i",)), SERVER) == "HTTPS://h/i"
        assert ipxe.needs_https(of(BootKind.KERNEL), "https://h") == "https://h/files/a%20b/x"

    @pytest.mark.parametrize(("errno", "features"), [("3c092083", "http"), ("4c0a6035", "http,https")])
    def test_ipxe_is_asked_by_comparing_errors(self, errno: str, features: str) -> None:
        settings = dict(UEFI)

        def answer(words: list[str]) -> bool:
            if words[0] == "imgfetch":
                settings["errno"] = errno if words[-1].startswith("https:") else "3c092083"
                return False
            return True

        [chain] = Shell(ipxe.ask_features(SERVER), settings, answer).run().commands("chain")
        assert chain[-1].endswith(f"&again=true&features={features}")


def test_another_loader_is_started_and_asks_itself() -> None:
    shell = run(script(Load(loader="snponly.efi"), platform="efi", arch="x86_64"), UEFI, without("x"))
    assert shell.commands("chain")[0][-1] == f"{SERVER}/boot/snponly.efi"
    failing = run(script(Load(loader="snponly.efi"), platform="efi", arch="x86_64"), UEFI, fails)
    assert failing.commands("chain")[1][-1].endswith("&again=true")

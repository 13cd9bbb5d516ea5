"""How simulated machines perform scripts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootsrv.simulator.agent import Orders, orders
from bootsrv.simulator.hardware import Firmware, Hardware, Personality
from bootsrv.simulator.shell import MAX_MOMENTS, Performance, perform

MACHINE = Hardware(mac_address="aa:bb:cc:00:00:01", hostname="r1-01", cores=8, memory=32, disk="/dev/nvme0n1")


def run(script: str, *, attempt: int = 1, personality: Personality = Personality.STEADY, **env: str) -> Performance:
    return perform(script, replace(MACHINE, personality=personality), attempt=attempt, env=env)


def printed(performance: Performance) -> list[str]:
    return [moment.text for moment in performance.moments if moment.text]


@pytest.mark.parametrize(
    ("script", "texts", "code"),
    [
        ("echo one; echo two", ["one", "two"], 0),
        ("# echo no\necho yes # but", ["yes"], 0),
        ("false\necho on", ["on"], 0),
        ("set -e\nfalse\necho no", [], 1),
        ("set -eu\nfalse || echo saved", ["saved"], 0),
        ("set -e\nfalse && echo no\necho on", ["on"], 0),
        ("true && echo yes", ["yes"], 0),
        ("exit 7\necho no", [], 7),
        ("x=1 y='a b'\necho $x ${y} $z", ["1 a b "], 0),
        ("echo ${A:-other}", ["other"], 0),
        ("echo \\\n  long", ["long"], 0),
        ("cat <<EOF\necho hidden\nEOF\necho shown", ["shown"], 0),
        ("echo $(hostname) has $(nproc) cores", ["r1-01 has 8 cores"], 0),
        ("disk=$(lsblk -dno PATH | head -n 1)\necho $disk", ["/dev/nvme0n1"], 0),
        ("echo $(free -g | awk '/^Mem/ {print $2}')", ["32"], 0),
        ("if [ a = a ]; then echo yes; else echo no; fi", ["yes"], 0),
        ("if [ a = b ]\nthen\n  echo no\nelse\n  echo yes\nfi\necho on", ["yes", "on"], 0),
        ("if [ a = b ]; then echo no; elif [ a != b ]; then echo yes; else echo no; fi", ["yes"], 0),
        ("if [ a = b ]; then if true; then echo no; else echo no; fi; fi; echo on", ["on"], 0),
        ("set -e\nif false; then echo no; fi\necho on", ["on"], 0),
        ("for d in a b; do echo once; done", ["once"], 0),
        ("some-program --with args > /tmp/file\necho on", ["on"], 0),
        ("echo quiet > /dev/null", [], 0),
        ("", [], 0),
    ],
)
def test_scripts(script: str, texts: list[str], code: int) -> None:
    performance = run(script)
    assert (printed(performance), performance.exit_code) == (texts, code)


def test_environment_and_output() -> None:
    performance = run('echo "disk=$DISK" >> "$PUREBOOT_OUTPUT"\necho cores=4 >> "$PUREBOOT_OUTPUT"', DISK="/dev/sdb")
    assert performance.output == {"disk": "/dev/sdb", "cores": "4"}
    assert printed(performance) == []


def test_only_a_boot_loader_makes_the_disk_bootable() -> None:
    assert not run("dd of=/dev/sda").installed
    assert run("chroot /mnt grub-install /dev/sda").installed


@pytest.mark.parametrize(
    ("personality", "codes"),
    [
        (Personality.STEADY, [0, 0, 0]),
        (Personality.SLOW_DISK, [0, 0, 0]),
        (Personality.TIRED_DISK, [1, 0, 0]),
        (Personality.FAILING_DISK, [1, 1, 1]),
    ],
)
def test_what_writing_an_image_comes_to(personality: Personality, codes: list[int]) -> None:
    script = "set -e\ncurl -fsS http://x/image.zst | zstd -d | dd of=/dev/sda bs=4M status=progress\nsync"
    performances = [run(script, attempt=attempt, personality=personality) for attempt in (1, 2, 3)]
    assert [each.exit_code for each in performances] == codes
    for each in performances:
        broken = any("Input/output error" in text for text in printed(each))
        assert broken == (each.exit_code != 0)


def test_a_slow_disk_takes_longer() -> None:
    script = "dd of=/dev/sda bs=4M"
    assert run(script, personality=Personality.SLOW_DISK).seconds > 3 * run(script).seconds


def test_a_human_can_follow() -> None:
    assert 5 < run("dd of=/dev/sda bs=4M").seconds < 20


def test_the_same_attempt_is_performed_the_same_way() -> None:
    script = "dd of=/dev/sda\nstress-ng --cpu 0"
    assert run(script) == run(script)
    assert run(script) != run(script, attempt=2)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.sampled_from(Personality))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_is_bounded(script: str, personality: Personality) -> None:
    performance = run(script, personality=personality)
    assert len(performance.moments) <= MAX_MOMENTS
    assert 0 <= performance.exit_code <= 255
    assert all(0 <= moment.seconds <= 600 for moment in performance.moments)


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        ("quiet pureboot.callback=http://s/c/ pureboot.token=T", Orders(callback="http://s/c", token="T")),
        ("pureboot.callback=http://s/c", Orders(callback="http://s/c", token=None)),
        ("auto=true url=http://s/x", None),
    ],
)
def test_orders_are_read_from_the_command_line(cmdline: str, expected: Orders | None) -> None:
    assert orders(cmdline) == expected


def test_a_machine_tells_what_ipxe_would() -> None:
    settings_ = replace(MACHINE, firmware=Firmware.BIOS).ipxe_settings()
    assert (settings_["platform"], settings_["buildarch"]) == ("pcbios", "i386")
    assert (replace(MACHINE, firmware=Firmware.BIOS).loader, MACHINE.loader) == ("undionly.kpxe", "ipxe.efi")

"""What the programs of an installation print, and how long they take, on a simulated machine. Pure.

Each is a generator of moments that returns its exit code. Their words are those of the real programs, so that a log in
the demo reads like a log in a rack.
"""

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from bootsrv.simulator.hardware import Firmware, Hardware

MIB = 1024 * 1024
GIB = 1024 * MIB
IMAGE_BYTES = 1400 * MIB
MAX_SLEEP = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """So many seconds pass, then this is printed (whole lines without the last line feed; nothing if empty)."""

    seconds: float
    text: str = ""


class Exit(Exception):
    """The script ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, kw_only=True)
class Bench:
    """The machine while a script runs on it: what the programs look at and what they leave behind."""

    hardware: Hardware
    attempt: int
    chance: random.Random
    variables: dict[str, str]
    output: dict[str, str] = field(default_factory=dict)
    installed: bool = False

    @property
    def write_fails(self) -> bool:
        """Whether writing much to the disk fails in this attempt."""
        failures = self.hardware.traits.write_failures
        return failures < 0 or self.attempt <= failures


Acting = Generator[Moment, None, int]
Program = Callable[[Bench, Sequence[str]], Acting]


def _echo(_bench: Bench, words: Sequence[str]) -> Acting:
    text = " ".join(word for word in words if word not in ("-n", "-e"))
    yield Moment(seconds=0.1, text=text)
    return 0


def _printf(_bench: Bench, words: Sequence[str]) -> Acting:
    text = (words[0] if words else "").replace("\\n", "\n").rstrip("\n")
    for word in words[1:]:
        text = text.replace("%s", word, 1).replace("%d", word, 1)
    yield Moment(seconds=0.1, text=text)
    return 0


def _sleep(_bench: Bench, words: Sequence[str]) -> Acting:
    try:
        seconds = float(words[0].rstrip("s")) if words else 0.0
    except ValueError:
        yield Moment(seconds=0.0, text=f"sleep: invalid time interval '{words[0]}'")
        return 1
    yield Moment(seconds=min(max(seconds, 0.0), MAX_SLEEP))
    return 0


def _true(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield from ()
    return 0


def _false(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield from ()
    return 1


def _exit(_bench: Bench, words: Sequence[str]) -> Acting:
    yield from ()
    raise Exit(int(words[0]) & 255 if words and words[0].isdigit() else 0)


def _test(_bench: Bench, words: Sequence[str]) -> Acting:
    """`[`: texts are compared; what asks the machine about itself holds."""
    yield from ()
    said = [word for word in words if word not in ("]", "]]")]
    if len(said) == 3 and said[1] in ("=", "==", "!="):
        return int((said[0] == said[2]) is (said[1] == "!="))
    return 0


def _sync(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.6)
    return 0


def _hostname(bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.1, text=bench.hardware.hostname)
    return 0


def _nproc(bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.1, text=str(bench.hardware.cores))
    return 0


def _uname(_bench: Bench, words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.1, text="6.1.0-28-amd64" if "-r" in words else "Linux")
    return 0


def _lscpu(bench: Bench, _words: Sequence[str]) -> Acting:
    machine = bench.hardware
    yield Moment(seconds=0.5, text="Architecture:            x86_64")
    yield Moment(seconds=0.1, text=f"CPU(s):                  {machine.cores}")
    yield Moment(seconds=0.1, text=f"Model name:              {machine.processor}")
    return 0


def _awk(bench: Bench, _words: Sequence[str]) -> Acting:
    """Scripts use it to take the size of the memory out of a table."""
    yield Moment(seconds=0.1, text=str(bench.hardware.memory))
    return 0


def _free(bench: Bench, _words: Sequence[str]) -> Acting:
    total = bench.hardware.memory * 1024
    yield Moment(seconds=0.4, text="               total        used        free")
    yield Moment(seconds=0.1, text=f"Mem:    {total:>12,}{total // 40:>12,}{total - total // 40:>12,}".replace(",", ""))
    return 0


def _lsblk(bench: Bench, words: Sequence[str]) -> Acting:
    machine = bench.hardware
    if any(word.startswith("-") and "n" in word for word in words):  # without a table: only its name is wanted
        yield Moment(seconds=0.1, text=machine.disk)
        return 0
    name = machine.disk.removeprefix("/dev/")
    yield Moment(seconds=0.6, text="NAME     SIZE TYPE MODEL")
    yield Moment(seconds=0.1, text=f"{name:<8}{machine.disk_size:>4}G disk {machine.disk_model}")
    return 0


def _dmidecode(bench: Bench, _words: Sequence[str]) -> Acting:
    machine = bench.hardware
    yield Moment(seconds=0.7, text="System Information")
    for label, value in (
        ("Manufacturer", machine.vendor),
        ("Product Name", machine.model),
        ("Serial Number", machine.serial),
        ("UUID", machine.uuid),
    ):
        yield Moment(seconds=0.2, text=f"        {label}: {value}")
    return 0


def _ip(bench: Bench, _words: Sequence[str]) -> Acting:
    machine = bench.hardware
    yield Moment(seconds=0.3, text="2: eno1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP")
    yield Moment(seconds=0.1, text=f"    link/ether {machine.mac_address} brd ff:ff:ff:ff:ff:ff")
    yield Moment(seconds=0.1, text=f"    inet {machine.address}/24 brd + scope global eno1")
    return 0


def _smartctl(bench: Bench, _words: Sequence[str]) -> Acting:
    dying = bench.hardware.traits.write_failures < 0
    verdict = "FAILED!" if dying else "PASSED"
    yield Moment(seconds=1.2, text=f"Device Model:     {bench.hardware.disk_model}")
    yield Moment(seconds=0.4, text=f"SMART overall-health self-assessment test result: {verdict}")
    yield Moment(seconds=0.1, text=f"  5 Reallocated_Sector_Ct   {2184 if dying else 0}")
    return 8 if dying else 0


def _wipefs(bench: Bench, _words: Sequence[str]) -> Acting:
    disk = bench.hardware.disk
    yield Moment(seconds=0.8, text=f"{disk}: 8 bytes were erased at offset 0x00000200 (gpt): 45 46 49 20 50 41 52 54")
    yield Moment(seconds=0.2, text=f"{disk}: calling ioctl to re-read partition table: Success")
    return 0


def _sgdisk(_bench: Bench, words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.9, text="Creating new GPT entries in memory." if "-Z" not in words else "")
    yield Moment(seconds=0.5, text="The operation has completed successfully.")
    return 0


def _mkfs_fat(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.8, text="mkfs.fat 4.2 (2021-01-31)")
    return 0


def _mkfs(bench: Bench, words: Sequence[str]) -> Acting:
    target = words[-1] if words else bench.hardware.disk
    slow = 190.0 / bench.hardware.traits.write_rate
    blocks = bench.hardware.disk_size * GIB // 4096
    yield Moment(seconds=0.4, text=f"Creating filesystem on {target} with {blocks} 4k blocks")
    yield Moment(seconds=0.5 * slow, text="Allocating group tables: done")
    yield Moment(seconds=0.7 * slow, text="Writing inode tables: done")
    yield Moment(seconds=0.5 * slow, text="Creating journal (131072 blocks): done")
    return 0


def _mount(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.3)
    return 0


def _write(bench: Bench, words: Sequence[str]) -> Acting:
    """`dd`: an image to the disk, a line every other second, as `status=progress` has it."""
    target = next((word.removeprefix("of=") for word in words if word.startswith("of=")), bench.hardware.disk)
    rate = bench.hardware.traits.write_rate * MIB * bench.chance.uniform(0.9, 1.1)
    seconds, written = 0.0, 0.0
    breaks_at = IMAGE_BYTES * bench.chance.uniform(0.35, 0.6) if bench.write_fails else None
    while written < IMAGE_BYTES:
        pause = 1.5
        written = min(IMAGE_BYTES, written + rate * pause * bench.chance.uniform(0.8, 1.2))
        seconds += pause
        if breaks_at is not None and written >= breaks_at:
            return (yield from _io_error(target, int(breaks_at)))
        yield Moment(seconds=pause, text=_copied(int(written), seconds))
    yield Moment(seconds=0.2, text=f"{IMAGE_BYTES // (4 * MIB)}+0 records in\n{IMAGE_BYTES // (4 * MIB)}+0 records out")
    return 0


def _copied(count: int, seconds: float) -> str:
    rate = count / seconds / 1e6
    return f"{count} bytes ({count / 1e9:.1f} GB, {count / GIB:.1f} GiB) copied, {seconds:.1f} s, {rate:.0f} MB/s"


def _io_error(target: str, at: int) -> Acting:
    disk = target.removeprefix("/dev/").rstrip("0123456789").removesuffix("p")
    sector = at // 512
    yield Moment(seconds=2.5, text="ata3.00: exception Emask 0x0 SAct 0x7800000 SErr 0x0 action 0x0")
    yield Moment(seconds=0.3, text="ata3.00: failed command: WRITE FPDMA QUEUED")
    yield Moment(seconds=0.2, text="ata3.00: error: { UNC }")
    yield Moment(seconds=1.5, text=f"I/O error, dev {disk}, sector {sector} op 0x1:(WRITE) flags 0x800 phys_seg 64")
    yield Moment(
        seconds=0.2, text=f"Buffer I/O error on dev {disk}, logical block {sector // 8}, lost async page write"
    )
    yield Moment(seconds=0.3, text=f"dd: error writing '{target}': Input/output error")
    return 1


def _badblocks(bench: Bench, words: Sequence[str]) -> Acting:
    disk = words[-1] if words else bench.hardware.disk
    yield Moment(seconds=0.5, text="Testing with random pattern: ")
    for percent in range(20, 101, 20):
        if bench.write_fails and percent > 40:
            yield Moment(seconds=1.0, text=f"{percent}.00% done, (2/14/0 errors)")
            yield Moment(seconds=0.4, text=f"badblocks: Input/output error during test data write, {disk}")
            return 1
        slow = min(4.0, 190.0 / bench.hardware.traits.write_rate)
        yield Moment(seconds=1.2 * slow, text=f"{percent}.00% done, (0/0/0 errors)")
    return 0


def _stress(bench: Bench, _words: Sequence[str]) -> Acting:
    cores = bench.hardware.cores
    yield Moment(seconds=0.5, text=f"stress-ng: info:  dispatching hogs: {cores} cpu, 4 vm")
    for second in range(1, 9):
        degrees = 41 + second * 3 + bench.chance.randint(0, 3)
        yield Moment(seconds=1.0, text=f"stress-ng: info:  {second * 10:>3} s, package 0 at {degrees} C")
    yield Moment(seconds=0.5, text="stress-ng: info:  successful run completed in 80.12s")
    return 0


def _memtester(bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.5, text=f"want {bench.hardware.memory * 1024 * 9 // 10}MB, locking ... done")
    for name in ("Stuck Address", "Random Value", "Compare XOR", "Sequential Increment", "Bit Flip", "Walking Ones"):
        yield Moment(seconds=1.1, text=f"  {name:<20}: ok")
    return 0


def _curl(bench: Bench, words: Sequence[str]) -> Acting:
    name = next((word.rpartition("/")[2] for word in words if "://" in word), "file")
    yield Moment(seconds=12.0 / bench.hardware.traits.download_rate, text=f"fetched {name}")
    return 0


def _tar(_bench: Bench, _words: Sequence[str]) -> Acting:
    for folder in ("bin", "etc", "lib", "usr/bin", "usr/lib", "usr/share", "var"):
        yield Moment(seconds=0.5, text=f"x {folder}")
    return 0


def _apt(_bench: Bench, words: Sequence[str]) -> Acting:
    names = [word for word in words if not word.startswith("-") and word not in ("install", "update", "upgrade")]
    yield Moment(seconds=0.6, text="Reading package lists... Done")
    for name in names:
        yield Moment(seconds=0.6, text=f"Unpacking {name} ...")
        yield Moment(seconds=0.5, text=f"Setting up {name} ...")
    return 0


def _chroot(bench: Bench, words: Sequence[str]) -> Acting:
    program = PROGRAMS.get(words[1]) if len(words) > 1 else None
    if program is None:
        yield Moment(seconds=0.5)
        return 0
    return (yield from program(bench, words[2:]))


def _grub(bench: Bench, _words: Sequence[str]) -> Acting:
    platform = "x86_64-efi" if bench.hardware.firmware is Firmware.UEFI else "i386-pc"
    yield Moment(seconds=1.2, text=f"Installing for {platform} platform.")
    yield Moment(seconds=1.4, text="Installation finished. No error reported.")
    bench.installed = True
    return 0


def _update_grub(_bench: Bench, _words: Sequence[str]) -> Acting:
    yield Moment(seconds=0.6, text="Generating grub configuration file ...")
    yield Moment(seconds=0.8, text="Found linux image: /boot/vmlinuz-6.1.0-28-amd64")
    yield Moment(seconds=0.4, text="done")
    return 0


PROGRAMS: dict[str, Program] = {
    "echo": _echo,
    "printf": _printf,
    "sleep": _sleep,
    "true": _true,
    "false": _false,
    "exit": _exit,
    "[": _test,
    "[[": _test,
    "test": _test,
    "sync": _sync,
    "hostname": _hostname,
    "nproc": _nproc,
    "uname": _uname,
    "lscpu": _lscpu,
    "free": _free,
    "awk": _awk,
    "lsblk": _lsblk,
    "dmidecode": _dmidecode,
    "ip": _ip,
    "smartctl": _smartctl,
    "wipefs": _wipefs,
    "sgdisk": _sgdisk,
    "mkfs.ext4": _mkfs,
    "mkfs.xfs": _mkfs,
    "mkfs.vfat": _mkfs_fat,
    "mkswap": _mkfs,
    "mount": _mount,
    "umount": _mount,
    "dd": _write,
    "badblocks": _badblocks,
    "stress-ng": _stress,
    "memtester": _memtester,
    "curl": _curl,
    "wget": _curl,
    "tar": _tar,
    "apt-get": _apt,
    "chroot": _chroot,
    "grub-install": _grub,
    "update-grub": _update_grub,
}

TELLING = frozenset({"dd", "badblocks", "tar"})
"""Those that matter most where they are part of a pipeline."""

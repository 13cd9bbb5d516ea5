"""ISO images for tests, made by programs that know nothing of PureBoot."""

import subprocess
from pathlib import Path

from tests.programs import program

CONTENT = {
    "casper/vmlinuz": bytes(range(256)) * 900,
    "casper/initrd": b"initrd" * 100_000,
    "pool/main/a/Long file name, with spaces and ümlauts.deb": b"deb",
    "empty": b"",
    ".disk/info": b"a test",
}
LINKS = {
    "dists/stable": "noble",
    "kernel": "casper/vmlinuz",
    "absolute": "/casper/vmlinuz",
    "up/out": "../../../etc/passwd",
    "circle": "circle",
}


def folder(at: Path, *, links: bool = True) -> Path:
    """A folder with the content."""
    for name, content in CONTENT.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(content)
    (at / "dists" / "noble").mkdir(parents=True)
    (at / "dists" / "noble" / "Release").write_text("Suite: noble\n")
    if links:
        for name, target in LINKS.items():
            (at / name).parent.mkdir(exist_ok=True)
            (at / name).symlink_to(target)
    return at


def xorriso(source: Path, image: Path, *options: str) -> Path:
    """An image as distributions make it: Rock Ridge, and with `-J` Joliet."""
    _run(program("xorriso"), "-as", "mkisofs", "-quiet", "-V", "TEST", *options, "-o", str(image), str(source))
    return image


def genisoimage(source: Path, image: Path, *options: str) -> Path:
    """An image of a plainer kind, or with `-udf` one as those of Windows."""
    _run(program("genisoimage"), "-quiet", "-V", "TEST", *options, "-o", str(image), str(source))
    return image


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""Debian's own kernel for virtual machines, taken out of its package without installing it, kept from run to run."""

import hashlib
import lzma
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_META_PACKAGE = "linux-image-cloud-amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An unpacked kernel: `folder` has `vmlinuz` and the modules, named so that they can be loaded in order of name."""

    folder: Path

    @property
    def image(self) -> Path:
        """The kernel itself."""
        return self.folder / "vmlinuz"

    @property
    def modules(self) -> list[Path]:
        """The modules that were asked for and all they need, in an order in which they can be loaded."""
        return sorted(self.folder.glob("*.ko"))


def debian_kernel(cache: Path, modules: Sequence[str]) -> Kernel:
    """The kernel that Debian offers today, from `cache` if it is there; offline, the newest one in `cache`.

    Raises:
        RuntimeError: there is none and the package cannot be downloaded, or it has no such module.
    """
    kind = hashlib.sha256(" ".join(modules).encode()).hexdigest()[:8]
    try:
        package, version = _offered()
    except RuntimeError:
        kept = sorted(cache.glob(f"linux-image-*_{kind}"), key=lambda path: path.stat().st_mtime)
        if not kept:
            raise
        return Kernel(folder=kept[-1])
    folder = cache / f"{package}_{version}_{kind}"
    if not folder.exists():
        _unpack(f"{package}={version}", modules, folder)
    return Kernel(folder=folder)


def _offered() -> tuple[str, str]:
    depends = _run("apt-cache", "depends", _META_PACKAGE)
    found = re.search(r"Depends: (linux-image-[0-9]\S+)", depends)
    package = found[1] if found else _META_PACKAGE
    version = re.search(r"^Version: (\S+)", _run("apt-cache", "show", "--no-all-versions", package), re.MULTILINE)
    if not version:
        raise RuntimeError(f"apt knows no version of {package}: run apt-get update")
    return package, version[1]


def _unpack(package: str, modules: Sequence[str], folder: Path) -> None:
    """Make `folder` in one move, so that two test runs at once do no harm to each other."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as text:
        work = Path(text)
        # As root, apt-get would hand the download to a user who may not write here, and warn of it.
        _run("apt-get", "-o", "APT::Sandbox::User=root", "download", package, folder=work)
        [deb] = work.glob("*.deb")
        _run("dpkg", "-x", str(deb), str(work / "all"))
        ready = work / "ready"
        ready.mkdir()
        [image] = (work / "all/boot").glob("vmlinuz-*")
        shutil.move(image, ready / "vmlinuz")
        for number, (name, content) in enumerate(_in_load_order(work / "all", modules).items()):
            (ready / f"{number:02d}-{name}.ko").write_bytes(content)
        if not folder.exists():
            ready.rename(folder)


def _in_load_order(tree: Path, wanted: Sequence[str]) -> dict[str, bytes]:
    files = {_module_name(path.name): path for path in tree.rglob("*.ko*")}
    built_in = {_module_name(line) for path in tree.rglob("modules.builtin") for line in path.read_text().splitlines()}
    return _ordered(wanted, lambda name: b"" if name in built_in else _read_module(files, name))


def _ordered(wanted: Sequence[str], read: Callable[[str], bytes]) -> dict[str, bytes]:
    """Each module after those it needs; what is built in (no bytes) is left out."""
    ordered: dict[str, bytes] = {}
    for name in wanted:
        content = read(name)
        ordered |= _ordered([needed for needed in _needs(content) if needed not in ordered], read)
        if content:
            ordered[name] = content
    return ordered


def _read_module(files: dict[str, Path], name: str) -> bytes:
    if name not in files:
        raise RuntimeError(f"the kernel has no module {name}")
    content = files[name].read_bytes()
    return lzma.decompress(content) if files[name].suffix == ".xz" else content


def _module_name(path: str) -> str:
    """The kernel's name for a module file: no folders, no suffixes, and `_` where a file may have `-`."""
    return path.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _needs(module: bytes) -> list[str]:
    """The names after `depends=` in a module's information section."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return [_module_name(name) for name in found[1].decode().split(",") if name] if found else []


def _run(*command: str, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise RuntimeError(f"{command[0]} is not installed: is this a Debian system?") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{' '.join(command)}: {(error.stderr or error.stdout).strip()}") from None
    return done.stdout

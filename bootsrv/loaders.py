"""The programs that firmware fetches first: where they are, what is missing, and the one that PureBoot makes itself.

iPXE's come from a configured folder or from Debian's package. `localboot.efi` is made by `ensure_localboot`: GRUB with
the script of `bootsrv.localboot` inside, kept in a cache folder under a name that changes with all that it is made of.
"""

import asyncio
import hashlib
import logging
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bootsrv import localboot

_log = logging.getLogger(__name__)

BIOS_LOADER = "undionly.kpxe"
UEFI_LOADER = "ipxe.efi"
UEFI_CAREFUL_LOADER = "snponly.efi"
LOCALBOOT = "localboot.efi"
ARM64_LOADER = "ipxe-arm64.efi"
IA32_LOADER = "ipxe-i386.efi"
SHIM, SIGNED_GRUB = "shimx64.efi", "grubx64.efi"

IPXE_FOLDERS = (Path("/usr/lib/ipxe"), Path("/boot"))
"""Where Debian's package `ipxe` puts its files."""

SIGNED = {
    SHIM: Path("/usr/lib/shim/shimx64.efi.signed"),
    SIGNED_GRUB: Path("/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"),
}
"""What Debian's packages for Secure Boot have, by the names under which machines ask: shim looks for `grubx64.efi`
beside itself, and of the signed GRUBs only this one can use the network."""

GRUB_MODULES = Path("/usr/lib/grub/x86_64-efi")
"""Where Debian's package `grub-efi-amd64-bin` puts its files."""

_PURPOSES = {
    BIOS_LOADER: "the first stage of BIOS machines",
    UEFI_LOADER: "the first stage of UEFI machines",
    UEFI_CAREFUL_LOADER: f"the first stage of UEFI machines on which {UEFI_LOADER} hangs or finds no network card",
    LOCALBOOT: "UEFI machines that boot their disk after having asked the network",
    ARM64_LOADER: "the first stage of 64-bit ARM machines",
    IA32_LOADER: "the first stage of UEFI machines with 32-bit firmware",
    SHIM: "the first stage of UEFI machines with Secure Boot",
    SIGNED_GRUB: f"what {SHIM} starts",
}
# Few sites have such machines, and not every release of Debian's package has the programs: whoever asks is told.
_RARE = frozenset({ARM64_LOADER, IA32_LOADER, *SIGNED})
_IPXE_REMEDY = "apt-get install ipxe"
_REMEDIES = {
    LOCALBOOT: "apt-get install grub-common grub-efi-amd64-bin",
    IA32_LOADER: "build it (make bin-i386-efi/ipxe.efi) and put it into files.loaders",
    SHIM: "apt-get install shim-signed grub-efi-amd64-signed",
    SIGNED_GRUB: "apt-get install grub-efi-amd64-signed",
    ARM64_LOADER: "apt-get install ipxe (of Debian 13 or later), or build it (make bin-arm64-efi/ipxe.efi)",
}
_MAKE_SECONDS = 60.0
_MEMDISK = "memdisk.tar"


class MissingLoader(NamedTuple):
    """A program that cannot be served, what it is for and what to do about it."""

    name: str
    purpose: str
    remedy: str


class Loaders:
    """Finds the programs by name. A file in `folder` wins over a packaged one; `cache` is made when it is needed."""

    def __init__(
        self,
        folder: Path | None,
        cache: Path,
        *,
        packaged: Sequence[Path] = IPXE_FOLDERS,
        signed: Mapping[str, Path] = SIGNED,
        grub_mkimage: str = "grub-mkimage",
        grub_modules: Path = GRUB_MODULES,
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._packaged = tuple(packaged)
        self._signed = dict(signed)
        self._grub_mkimage = grub_mkimage
        self._grub_modules = grub_modules
        self._making = asyncio.Lock()

    def find(self, name: str) -> Path | None:
        """The file of one of the programs above, or None: it is missing, or `name` is none of them.

        `localboot.efi` is found once `ensure_localboot` has made it.
        """
        if name not in _PURPOSES:
            return None
        candidates = [self._folder / name] if self._folder else []
        candidates += self._kept() if name == LOCALBOOT else self._of_packages(name)
        return next((path for path in candidates if path.is_file()), None)

    def missing(self) -> list[MissingLoader]:
        """What cannot be served, each with what it is for and how to get it; empty if nothing is missing.

        A `localboot.efi` that is not made yet but could be is not missing.
        """
        names = [name for name in _PURPOSES if not self.find(name) and not (name == LOCALBOOT and self._grub())]
        return [MissingLoader(name, _PURPOSES[name], self.remedy(name)) for name in names if name not in _RARE]

    def remedy(self, name: str) -> str:
        """What to do about a loader that is missing."""
        package = _REMEDIES.get(name, _IPXE_REMEDY)
        return f"{package}, or put {name} into {self._folder}" if self._folder else package

    async def ensure_localboot(self) -> Path | None:
        """Make `localboot.efi` unless it is there, and give its path; None if it cannot be had, and the log says why.

        Without it a UEFI machine gets to its disk by way of its firmware's boot order, which may take minutes.
        """
        async with self._making:
            own = self._folder / LOCALBOOT if self._folder else None
            wanted = own if own and own.is_file() else self._made()
            if wanted and wanted.is_file():
                return wanted
            if not wanted:
                _log.warning("%s cannot be made: %s", LOCALBOOT, self.remedy(LOCALBOOT))
            else:
                await self._try_to_make(wanted)
            return self.find(LOCALBOOT)

    async def _try_to_make(self, target: Path) -> None:
        try:
            await self._make(target)
        except (OSError, RuntimeError) as error:
            _log.warning("%s could not be made in %s: %s", LOCALBOOT, self._cache, error)
        else:
            _log.info("%s made: %s", LOCALBOOT, target)

    async def _make(self, target: Path) -> None:
        """Make it in a folder beside its place, then move it: whoever serves it never sees half a program."""
        work = await asyncio.to_thread(_workshop, target.parent)
        try:
            await self._run_mkimage(work)
            await asyncio.to_thread((work / LOCALBOOT).replace, target)
            await asyncio.to_thread(_keep_only, target)
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)

    async def _run_mkimage(self, work: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            *(self._grub_mkimage, "--format", "x86_64-efi", "--directory", str(self._grub_modules)),
            *("--memdisk", str(work / _MEMDISK), "--prefix", localboot.PREFIX),
            *("--output", str(work / LOCALBOOT), *localboot.MODULES),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )
        try:
            async with asyncio.timeout(_MAKE_SECONDS):
                output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise RuntimeError(f"{self._grub_mkimage}: {output.decode(errors='replace').strip()}")

    def _grub(self) -> Path | None:
        """The program that makes it, if it and the modules it needs are here."""
        program = shutil.which(self._grub_mkimage)
        ready = program and (self._grub_modules / "moddep.lst").is_file()
        return Path(program) if program and ready else None

    def _made(self) -> Path | None:
        """Where the program made of what is here now is kept; another script or another GRUB gives another name."""
        program = self._grub()
        if not program:
            return None
        parts = (program, self._grub_modules / "kernel.img", self._grub_modules / "normal.mod")
        seen = [(path.stat().st_size, path.stat().st_mtime_ns) for path in parts if path.is_file()]
        return self._cache / f"{_recipe()}-{_digest(seen)}.efi"

    def _of_packages(self, name: str) -> list[Path]:
        return [self._signed[name]] if name in self._signed else [folder / name for folder in self._packaged]

    def _kept(self) -> list[Path]:
        """Programs made before, the one of today's GRUB first; all of them have today's script inside."""
        made = self._made()
        others = sorted(self._cache.glob(f"{_recipe()}-*.efi"))
        return [made, *others] if made else others


def _workshop(cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=cache, prefix=".making-"))
    (work / _MEMDISK).write_bytes(localboot.file_system())
    return work


def _keep_only(made: Path) -> None:
    for path in made.parent.glob("localboot-*.efi"):
        if path != made:
            path.unlink(missing_ok=True)


def _recipe() -> str:
    """The first part of a made program's name: what PureBoot itself puts into it."""
    return f"localboot-{_digest((localboot.MODULES, localboot.PREFIX, localboot.script()))}"


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]

"""What a name means that no file has: the configurations that loaders ask for, which are made when they are asked for.

iPXE asks for `autoexec.ipxe` beside itself. PXELINUX asks for `pxelinux.cfg/` with its machine's UUID, `01-` and its
MAC address, its IP address in ever shorter hexadecimal, then `default`. GRUB asks for `grub.cfg-01-` and the MAC
address, the IP address likewise, then `grub.cfg`. All of them below the folder they were themselves fetched from, so it
is the end of the name that counts.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

AGAIN = "-again"
_MAC = rf"01-(?P<mac>[0-9a-f]{{2}}(?:-[0-9a-f]{{2}}){{5}})(?P<again>{AGAIN})?"  # 01: Ethernet
_GRUB = re.compile(rf"grub\.cfg(?:-{_MAC})?", re.IGNORECASE)
_PXELINUX = re.compile(rf"default|{_MAC}", re.IGNORECASE)


class Loader(StrEnum):
    """Who reads it."""

    IPXE = "ipxe"
    PXELINUX = "pxelinux"
    GRUB = "grub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """For which loader, and for which machine (`aa:bb:cc:dd:ee:ff`); None: for any that asks.

    `folder` is where it was asked for, empty or ending with a slash. `again` says that the machine was told to ask
    again (by a name that ends in `AGAIN`), and was not started anew.
    """

    loader: Loader
    mac_address: str | None
    folder: str = ""
    again: bool = False


def meaning(name: PurePosixPath) -> Meaning | None:
    """What a name means; None if it is a file like others. Pure."""
    *folders, last = name.parts
    if last == "autoexec.ipxe":
        return Meaning(loader=Loader.IPXE, mac_address=None, folder=_folder(folders))
    if folders and folders[-1] == "pxelinux.cfg" and (found := _PXELINUX.fullmatch(last)):
        return _of(Loader.PXELINUX, found, folders)
    if found := _GRUB.fullmatch(last):
        return _of(Loader.GRUB, found, folders)
    return None


def _of(loader: Loader, found: re.Match[str], folders: list[str]) -> Meaning:
    again = found["again"] is not None
    return Meaning(loader=loader, mac_address=_mac(found["mac"]), folder=_folder(folders), again=again)


def _mac(written: str | None) -> str | None:
    return written.lower().replace("-", ":") if written else None


def _folder(parts: list[str]) -> str:
    return "".join(f"{part}/" for part in parts)

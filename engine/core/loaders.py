"""Which first stage a machine gets: named by its node, its group, or the site for its model.

iPXE's own drivers (`ipxe.efi`) hang on some network cards, on which the firmware's driver works (`snponly.efi`).
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")

SHORT = {"snponly": "snponly.efi", "ipxe": "ipxe.efi", "undionly": "undionly.kpxe"}
# What iPXE calls the drivers that go by the firmware's own (src/drivers/net/efi, setting `netX/chip`).
_BY_FIRMWARE = frozenset({"snp", "nii", "mnp", "snponly"})


def wanted_loader(metadata: Mapping[str, Any], model: str | None, by_model: Mapping[str, str]) -> str | None:
    """The file name of the first stage a machine is to have; None if nobody says.

    `metadata` is the node's over its group's (key `loader`), `by_model` has patterns of models (`ProLiant*`), of which
    the first that fits counts; case does not matter. What is no name of a file is no loader.
    """
    named = metadata.get("loader")
    if isinstance(named, str) and NAME.fullmatch(named):
        return SHORT.get(named, named)
    for pattern, loader in by_model.items():
        if model and fnmatchcase(model.lower(), pattern.lower()):
            return SHORT.get(loader, loader)
    return None


def runs_other(loader: str | None, platform: str | None, chip: str | None) -> bool:
    """Whether a UEFI machine that is to go by its firmware's driver runs on one of iPXE's own now.

    `chip` is iPXE's name of the driver; where it is not told, nothing is known.
    """
    return loader == SHORT["snponly"] and platform == "efi" and bool(chip) and str(chip).lower() not in _BY_FIRMWARE

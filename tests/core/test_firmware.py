"""Which machine can boot what, in tables."""

import pytest

from engine.core.boot import BootKind
from engine.core.firmware import Machine, refusal, wrong_workflow
from engine.core.loaders import runs_other, wanted_loader

BIOS, UEFI = Machine(boot_mode="bios", arch="x86_64"), Machine(boot_mode="uefi", arch="x86_64")
ARM, UNKNOWN = Machine(boot_mode="uefi", arch="arm64"), Machine()


@pytest.mark.parametrize(
    ("kind", "name", "machine", "why"),
    [
        ("kernel", "debian/linux", BIOS, None),
        ("kernel", "debian/vmlinuz-6.1.0", UEFI, None),
        ("kernel", "memtest.efi", BIOS, "needs UEFI firmware, but this machine starts in BIOS mode"),
        ("kernel", "memtest.lkrn", UEFI, "needs BIOS firmware, but this machine starts in UEFI mode"),
        ("iso", "debian.iso", BIOS, None),
        ("iso", "debian.iso", UEFI, None),
        ("iso", "debian.iso", ARM, None),
        ("chain", "grub/pxelinux.0", BIOS, None),
        ("chain", "grub/pxelinux.0", UEFI, "needs BIOS firmware"),
        ("chain", "menu.ipxe", UEFI, None),
        ("chain", "http://h/a/grubx64.efi?x=1", BIOS, "needs UEFI firmware"),
        ("chain", "http://h/a/grubx64.efi?x=1", ARM, "is for x86_64, but this machine is arm64"),
        ("chain", "undionly.kpxe", ARM, "needs BIOS firmware"),
        ("efi", "tools/flash", BIOS, "the EFI program (efi) tools/flash needs UEFI firmware"),
        ("efi", "tools/flash", UEFI, None),
        ("efi", "grubaa64.efi", UEFI, "is for arm64, but this machine is x86_64"),
        ("efi", "grubaa64.efi", ARM, None),
        ("wimboot", "wimboot", BIOS, None),
        ("wimboot", "wimboot", UEFI, None),
        ("wimboot", "wimboot", ARM, "wimboot wimboot is for i386 or x86_64, but this machine is arm64"),
        ("efi", "http://[broken/x.efi", BIOS, "needs UEFI firmware"),
        *((kind, "x.efi", UNKNOWN, None) for kind in BootKind),
        ("efi", "x.efi", Machine(boot_mode="any", arch="any"), None),
    ],
)
def test_who_can_boot_what(kind: str, name: str, machine: Machine, why: str | None) -> None:
    found = refusal(BootKind(kind), name, machine)
    assert found is None if why is None else found is not None and why in found


@pytest.mark.parametrize(
    ("mode", "arch", "machine", "why"),
    [
        ("any", "any", BIOS, None),
        ("uefi", "x86_64", UEFI, None),
        ("uefi", "any", BIOS, "w is for uefi firmware, but this machine started in bios mode"),
        ("any", "arm64", UEFI, "w is for arm64 machines, but this one is x86_64"),
        ("uefi", "arm64", UNKNOWN, None),
    ],
)
def test_whom_a_workflow_is_for(mode: str, arch: str, machine: Machine, why: str | None) -> None:
    assert wrong_workflow("w", mode, arch, machine) == why


@pytest.mark.parametrize(
    ("metadata", "model", "by_model", "loader"),
    [
        ({}, None, {}, None),
        ({"loader": "snponly"}, "X1", {"*": "ipxe"}, "snponly.efi"),
        ({"loader": "my-own.efi"}, None, {}, "my-own.efi"),
        ({}, "ProLiant DL380 Gen10", {"proliant*": "snponly"}, "snponly.efi"),
        ({}, "X1", {"ProLiant*": "snponly"}, None),
        ({}, None, {"*": "snponly"}, None),
        ({"loader": "../../etc/passwd"}, "X1", {"*": "ipxe"}, "ipxe.efi"),
        ({"loader": 7}, None, {}, None),
    ],
)
def test_the_loader_is_the_nodes_or_that_of_its_model(
    metadata: dict[str, object], model: str | None, by_model: dict[str, str], loader: str | None
) -> None:
    assert wanted_loader(metadata, model, by_model) == loader


@pytest.mark.parametrize(
    ("loader", "platform", "chip", "other"),
    [
        ("snponly.efi", "efi", "virtio-net", True),
        ("snponly.efi", "efi", "SNP", False),
        ("snponly.efi", "efi", "NII", False),
        ("snponly.efi", "efi", None, False),
        ("snponly.efi", "pcbios", "undionly", False),
        ("ipxe.efi", "efi", "SNP", False),
        (None, "efi", "virtio-net", False),
    ],
)
def test_which_machine_came_with_another_loader(
    loader: str | None, platform: str, chip: str | None, other: bool
) -> None:
    assert runs_other(loader, platform, chip) is other

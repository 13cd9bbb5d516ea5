import asyncio
import logging
import os
import re
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from bootsrv import localboot
from bootsrv.loaders import BIOS_LOADER, GRUB_MODULES, LOCALBOOT, SHIM, SIGNED_GRUB, UEFI_LOADER, Loaders
from tests.programs import lacking, program


@pytest.fixture
def grub() -> None:
    """grub-mkimage with what it needs for UEFI programs."""
    program("grub-mkimage")
    if not (GRUB_MODULES / "moddep.lst").is_file():
        lacking(f"{GRUB_MODULES} is missing: apt-get install grub-efi-amd64-bin")


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    folder = tmp_path / "packaged"
    folder.mkdir()
    for name in (BIOS_LOADER, UEFI_LOADER, "snponly.efi", LOCALBOOT):
        (folder / name).write_text("packaged")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def without_grub(tmp_path: Path, folder: Path | None = None, packaged: Path | None = None) -> Loaders:
    places = [packaged] if packaged else []
    return Loaders(folder, tmp_path / "cache", packaged=places, grub_mkimage="no-such-program")


class TestFind:
    def test_a_packaged_file(self, tmp_path: Path, packaged: Path) -> None:
        assert without_grub(tmp_path, None, packaged).find(BIOS_LOADER) == packaged / BIOS_LOADER

    def test_one_s_own_file_wins(self, tmp_path: Path, packaged: Path, own: Path) -> None:
        (own / UEFI_LOADER).write_text("own")
        loaders = without_grub(tmp_path, own, packaged)
        assert loaders.find(UEFI_LOADER) == own / UEFI_LOADER
        assert loaders.find(BIOS_LOADER) == packaged / BIOS_LOADER

    def test_the_first_packaged_folder_that_has_it(self, tmp_path: Path, packaged: Path) -> None:
        loaders = Loaders(None, tmp_path / "cache", packaged=[tmp_path / "none", packaged])
        assert loaders.find(UEFI_LOADER) == packaged / UEFI_LOADER

    def test_what_debian_signs_by_the_names_that_are_asked_for(self, tmp_path: Path, packaged: Path, own: Path) -> None:
        signed = tmp_path / "shimx64.efi.signed"
        signed.write_text("signed")
        (packaged / SIGNED_GRUB).write_text("of another package, not signed")
        loaders = Loaders(
            own, tmp_path / "cache", packaged=[packaged], signed={SHIM: signed, SIGNED_GRUB: own / "none"}
        )
        assert loaders.find(SHIM) == signed
        assert loaders.find(SIGNED_GRUB) is None
        assert loaders.remedy(SIGNED_GRUB) == f"apt-get install grub-efi-amd64-signed, or put grubx64.efi into {own}"
        assert not {SHIM, SIGNED_GRUB} & {each.name for each in loaders.missing()}
        (own / SHIM).write_text("own")
        assert loaders.find(SHIM) == own / SHIM

    def test_a_folder_of_that_name_is_no_loader(self, tmp_path: Path, own: Path) -> None:
        (own / UEFI_LOADER).mkdir()
        assert without_grub(tmp_path, own).find(UEFI_LOADER) is None

    @pytest.mark.parametrize(
        "name", ["", ".", "../packaged/ipxe.efi", "/etc/passwd", "IPXE.EFI", "vmlinuz", "ipxe.efi\0"]
    )
    def test_nothing_but_the_loaders(self, tmp_path: Path, packaged: Path, name: str) -> None:
        (packaged / "vmlinuz").write_text("x")
        assert without_grub(tmp_path, packaged, packaged).find(name) is None

    def test_localboot_is_never_taken_from_a_package(self, tmp_path: Path, packaged: Path, own: Path) -> None:
        assert without_grub(tmp_path, own, packaged).find(LOCALBOOT) is None
        (own / LOCALBOOT).write_text("own")
        assert without_grub(tmp_path, own, packaged).find(LOCALBOOT) == own / LOCALBOOT


class TestMissing:
    def test_nothing(self, tmp_path: Path, packaged: Path) -> None:
        assert without_grub(tmp_path, packaged).missing() == []

    def test_each_with_what_it_is_for_and_what_to_do(self, tmp_path: Path) -> None:
        found = {item.name: item for item in without_grub(tmp_path).missing()}
        assert set(found) == {"undionly.kpxe", "ipxe.efi", "snponly.efi", "localboot.efi"}
        assert "BIOS" in found["undionly.kpxe"].purpose
        assert found["ipxe.efi"].remedy == "apt-get install ipxe"
        assert found["localboot.efi"].remedy == "apt-get install grub-common grub-efi-amd64-bin"

    def test_names_the_folder_one_may_put_it_into(self, tmp_path: Path, own: Path) -> None:
        assert f"or put undionly.kpxe into {own}" in without_grub(tmp_path, own).missing()[0].remedy

    @pytest.mark.usefixtures("grub")
    def test_what_can_be_made_is_not_missing(self, tmp_path: Path) -> None:
        loaders = Loaders(None, tmp_path / "cache", packaged=[])
        assert LOCALBOOT not in {item.name for item in loaders.missing()}


class TestLocalboot:
    async def test_without_grub_there_is_none_and_the_log_says_what_to_do(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await without_grub(tmp_path).ensure_localboot() is None
        assert "apt-get install grub-common grub-efi-amd64-bin" in caplog.text

    async def test_one_s_own_is_not_made_again(self, tmp_path: Path, own: Path) -> None:
        (own / LOCALBOOT).write_text("own")
        assert await Loaders(own, tmp_path / "cache").ensure_localboot() == own / LOCALBOOT
        assert not (tmp_path / "cache").exists()

    @pytest.mark.usefixtures("grub")
    async def test_is_an_efi_program_with_our_script_inside(self, tmp_path: Path) -> None:
        loaders = Loaders(None, tmp_path / "deep" / "cache", packaged=[])
        made = await loaders.ensure_localboot()
        assert made is not None
        assert loaders.find(LOCALBOOT) == made
        content = made.read_bytes()
        assert content.startswith(b"MZ")
        assert localboot.script().encode() in content
        assert sorted(path.name for path in made.parent.iterdir()) == [made.name]

    @pytest.mark.usefixtures("grub")
    async def test_is_made_once_however_many_ask(self, tmp_path: Path) -> None:
        loaders = Loaders(None, tmp_path / "cache")
        first, *others = await asyncio.gather(*(loaders.ensure_localboot() for _ in range(5)))
        assert first is not None
        born = first.stat().st_ino
        again = await Loaders(None, tmp_path / "cache").ensure_localboot()
        assert {first, *others, again} == {first}
        assert first.stat().st_ino == born

    @pytest.mark.usefixtures("grub")
    async def test_is_made_anew_when_its_script_changes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        loaders = Loaders(None, tmp_path / "cache")
        before = await loaders.ensure_localboot()
        monkeypatch.setattr(localboot, "REMOVABLE", ("/EFI/OTHER.EFI",))
        assert loaders.find(LOCALBOOT) is None
        after = await loaders.ensure_localboot()
        assert before is not None
        assert after is not None
        assert after != before
        assert not before.exists()
        assert b"/EFI/OTHER.EFI" in after.read_bytes()

    @pytest.mark.usefixtures("grub")
    async def test_is_made_anew_when_grub_changes_and_outlives_grub(self, tmp_path: Path) -> None:
        mkimage = tmp_path / "mkimage"
        mkimage.write_text('#!/bin/sh\nexec grub-mkimage "$@"\n')
        mkimage.chmod(0o755)
        loaders = Loaders(None, tmp_path / "cache", grub_mkimage=str(mkimage))
        before = await loaders.ensure_localboot()
        os.utime(mkimage, (1, 1))
        assert loaders.find(LOCALBOOT) == before, "the old one serves until the new one is made"
        after = await loaders.ensure_localboot()
        assert after not in (None, before)
        mkimage.unlink()
        assert loaders.find(LOCALBOOT) == after
        assert await loaders.ensure_localboot() == after

    async def test_a_failure_leaves_nothing_and_says_why(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        modules = tmp_path / "modules"
        modules.mkdir()
        (modules / "moddep.lst").write_text("")
        mkimage = tmp_path / "mkimage"
        mkimage.write_text("#!/bin/sh\necho out of cheese\nexit 1\n")
        mkimage.chmod(0o755)
        loaders = Loaders(None, tmp_path / "cache", grub_mkimage=str(mkimage), grub_modules=modules)
        assert await loaders.ensure_localboot() is None
        assert "out of cheese" in caplog.text
        assert list((tmp_path / "cache").iterdir()) == []

    @pytest.mark.usefixtures("grub")
    async def test_a_cache_that_cannot_be_written_is_said_aloud(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        assert await Loaders(None, tmp_path / "file" / "cache").ensure_localboot() is None
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert str(tmp_path / "file") in caplog.text


class TestScript:
    def test_lies_where_grub_looks_for_it(self) -> None:
        with tarfile.open(fileobj=BytesIO(localboot.file_system())) as archive:
            [name] = archive.getnames()
            content = archive.extractfile(name)
            assert content is not None
            assert f"(memdisk)/{name}" == f"{localboot.PREFIX}/grub.cfg"
            assert content.read().decode() == localboot.script()

    def test_is_the_same_each_time(self) -> None:
        assert localboot.file_system() == localboot.file_system()

    def test_installed_systems_come_before_what_a_stick_may_have(self) -> None:
        searched = re.findall(r"/EFI/\S+\.(?:efi|EFI)", localboot.script())
        assert searched == [*localboot.INSTALLED, *localboot.REMOVABLE]
        assert searched[-2:] == ["/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/BOOT/BOOTX64.EFI"]

    def test_ends_by_going_back_to_the_firmware(self) -> None:
        assert localboot.script().splitlines()[-1] == "exit"

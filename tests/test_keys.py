"""The store's key."""

from pathlib import Path

import pytest

from engine.errors import Invalid, Unavailable
from engine.keys import load_key


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pureboot.db.key"
    key = load_key(path, {})
    assert len(key) == 32
    assert load_key(path, {}) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_environment_takes_the_files_place(tmp_path: Path) -> None:
    path = tmp_path / "key"
    environ = {"PUREBOOT_SECRET_KEY": "correct horse battery"}
    assert load_key(path, environ) == load_key(path, environ) != load_key(path, {"PUREBOOT_SECRET_KEY": "x" * 16})
    assert not path.exists()
    with pytest.raises(Invalid, match="at least 16 characters"):
        load_key(path, {"PUREBOOT_SECRET_KEY": "short"})


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"half")
    path.chmod(0o600)
    with pytest.raises(Unavailable, match="is damaged: it has 4 bytes"):
        load_key(path, {})
    assert path.read_bytes() == b"half"

"""What the doctor finds, and that it changes nothing."""

import asyncio
import contextlib
import shutil
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bootsrv.doctor import Finding, Verdict, check_integrity, examine
from bootsrv.doctor.host import check_access, check_files, check_loaders, judge_clock
from bootsrv.doctor.ports import (
    Port,
    Running,
    check_network,
    judge_http,
    judge_tftp,
    judge_unset_url,
    parts_of,
)
from bootsrv.doctor.python import check_packages, check_python, numbers
from bootsrv.doctor.secrets import check_keys
from bootsrv.doctor.store import check_space, check_store, judge_revision
from bootsrv.doors import Doors
from bootsrv.loaders import MissingLoader
from engine.app import secret_key_path
from engine.keyring import Keyring
from engine.settings import Settings
from engine.store.migrate import HEAD
from tests.conftest import Opener, settings_for
from tests.ports import free_port, taken

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
READY = Running(parts={"store": {"status": "ok"}, "tftp": {"status": "ok", "message": "0.0.0.0 port 69"}})


def settings_at(path: Path, **flags: Any) -> Settings:
    return settings_for(f"sqlite:///{path}", path.parent, **flags)


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 9), PROBLEM), ((3, 11, 0), OK), ((3, 13, 1), OK), ((4, 0, 0), OK)]
)
def test_python(version: tuple[int, ...], verdict: Verdict) -> None:
    assert check_python(version).verdict is verdict


@pytest.mark.parametrize(
    ("there", "verdict", "words"),
    [
        ({"aiohttp": "3.14.5", "click": "8.3"}, OK, "2 packages"),
        ({"aiohttp": "3.9.0", "click": "8.3"}, PROBLEM, "aiohttp 3.9.0 is older than 3.14"),
        ({"click": "8.3.0"}, PROBLEM, "aiohttp is missing"),
        ({"aiohttp": "4.0.0a1", "click": "9.0rc1"}, OK, ""),
    ],
)
def test_packages(there: dict[str, str], verdict: Verdict, words: str) -> None:
    requirements = ["aiohttp>=3.14", "click>=8.3", 'asyncpg>=0.31; extra == "postgres"']
    finding = check_packages(requirements, there.get)
    assert finding.verdict is verdict
    assert words in finding.message


def test_versions_compare_as_numbers() -> None:
    assert numbers("8.10") > numbers("8.9.1")
    assert numbers("2.0") == numbers("2") == numbers("2.0.0")


@pytest.mark.parametrize(
    ("revision", "verdict", "words"),
    [
        (None, OK, "empty"),
        (HEAD, OK, HEAD),
        ("0000", OK, "upgrades"),
        ("9999", PROBLEM, "newer PureBoot"),
        ("foreign", PROBLEM, "not PureBoot's"),
    ],
)
def test_revisions(revision: str | None, verdict: Verdict, words: str) -> None:
    finding = judge_revision("the store", revision)
    assert finding.verdict is verdict
    assert words in finding.message
    assert bool(finding.fix) == (verdict is PROBLEM)


async def test_a_store_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "pureboot.db"
    finding = (await check_store(settings_at(path)))[0]
    assert finding.verdict is OK
    assert "first start" in finding.message
    assert contents(tmp_path) == {}


async def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    finding = (await check_store(settings_at(tmp_path / "file" / "pureboot.db")))[0]
    assert finding.verdict is PROBLEM
    assert "database.url" in finding.fix


async def test_a_store_is_looked_at_without_being_touched(sqlite_url: str, tmp_path: Path) -> None:
    before = contents(tmp_path)
    finding = (await check_store(settings_for(sqlite_url, tmp_path)))[0]
    assert (finding.verdict, HEAD in finding.message) == (OK, True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('9999')"], "newer"),
        (["CREATE TABLE other (x)"], "not PureBoot's"),
    ],
)
async def test_a_store_of_another_kind(tmp_path: Path, statements: list[str], words: str) -> None:
    path = tmp_path / "pureboot.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    finding = (await check_store(settings_at(path)))[0]
    assert finding.verdict is PROBLEM
    assert words in finding.message


async def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "pureboot.db"
    path.write_bytes(b"this is no database at all, but it is long enough" * 100)
    finding = (await check_store(settings_at(path)))[0]
    assert finding.verdict is PROBLEM
    assert "backup" in finding.fix


async def test_postgresql(postgres_url: str, tmp_path: Path) -> None:
    (finding,) = await check_store(settings_for(postgres_url, tmp_path))
    assert (finding.verdict, HEAD in finding.message) == (OK, True)


async def test_a_postgresql_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none"
    (finding,) = await check_store(settings_for(url, tmp_path))
    assert finding.verdict is PROBLEM


async def test_integrity(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path)
    assert {finding.verdict for finding in await check_integrity(settings)} == {OK}
    spoil(Path(sqlite_url.removeprefix("sqlite:///")))
    assert PROBLEM in {finding.verdict for finding in await check_integrity(settings)}


async def test_integrity_of_a_store_that_is_not_there(tmp_path: Path) -> None:
    (finding,) = await check_integrity(settings_at(tmp_path / "none.db"))
    assert finding.verdict is PROBLEM
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("free", "verdict"), [(10**6, PROBLEM), (10**9, WARNING), (10**12, OK)], ids=["none", "little", "much"]
)
def test_disk_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, verdict: Verdict) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**12, 0, free))
    finding = check_space("disk space", tmp_path / "not" / "there")
    assert finding.verdict is verdict
    assert str(tmp_path) in finding.message


@pytest.mark.parametrize(
    ("found", "running", "verdict", "words"),
    [
        (Port.FREE, None, OK, "free"),
        (Port.TAKEN, READY, OK, "PureBoot serves"),
        (Port.TAKEN, None, PROBLEM, "another program"),
        (Port.FORBIDDEN, None, PROBLEM, "not allowed"),
        (Port.NOT_OURS, None, PROBLEM, "no such address"),
    ],
)
def test_the_http_port(found: Port, running: Running | None, verdict: Verdict, words: str) -> None:
    finding = judge_http("0.0.0.0", 8080, found, running)
    assert finding.verdict is verdict
    assert words in finding.message
    assert bool(finding.fix) == (verdict is PROBLEM)


ON_6969 = Running(parts={"store": {}, "tftp": {"status": "ok", "message": "0.0.0.0 port 6969"}})


@pytest.mark.parametrize(
    ("port", "found", "fallback", "running", "verdict", "words"),
    [
        (69, Port.FREE, None, None, OK, "free"),
        (69, Port.FORBIDDEN, Port.FREE, None, WARNING, "firmware only ever asks on 69"),
        (69, Port.FORBIDDEN, Port.TAKEN, None, PROBLEM, "not allowed"),
        (69, Port.TAKEN, Port.FREE, None, PROBLEM, "another program"),
        (69, Port.TAKEN, Port.FREE, READY, OK, "PureBoot serves"),
        (69, Port.FORBIDDEN, Port.TAKEN, ON_6969, WARNING, "6969"),
        (6969, Port.TAKEN, None, ON_6969, OK, "PureBoot serves"),
        (6969, Port.FORBIDDEN, None, None, PROBLEM, "not allowed"),
    ],
)
def test_the_tftp_port(
    port: int, found: Port, fallback: Port | None, running: Running | None, verdict: Verdict, words: str
) -> None:
    finding = judge_tftp("0.0.0.0", port, found, fallback, running)
    assert finding.verdict is verdict
    assert words in finding.message
    if verdict is WARNING:
        assert "CAP_NET_BIND_SERVICE" in finding.fix


@pytest.mark.parametrize(
    ("body", "is_ours"),
    [
        ({"success": True, "data": {"status": "ready", "parts": {"store": {}}}}, True),
        ({"title": "Service Unavailable", "parts": {"store": {}, "tftp": {}}}, True),
        ({"data": {"status": "ok"}}, False),
        ({"data": "ok"}, False),
        (["no"], False),
    ],
)
def test_pureboot_is_known_by_its_parts(body: Any, is_ours: bool) -> None:
    assert (parts_of(body) is not None) == is_ours


@pytest.mark.parametrize(("host", "verdict"), [("0.0.0.0", OK), ("127.0.0.1", PROBLEM), ("localhost", PROBLEM)])
def test_no_server_url(host: str, verdict: Verdict) -> None:
    assert judge_unset_url(host).verdict is verdict


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("http://127.0.0.1:8080", PROBLEM),
        ("http://192.0.2.77:8080", WARNING),
        ("http://no-such-name.invalid:8080", WARNING),
    ],
)
async def test_a_server_url_that_leads_elsewhere(tmp_path: Path, url: str, verdict: Verdict) -> None:
    settings = settings_at(tmp_path / "p.db", http__port=free_port(), tftp__port=free_port(), server__url=url)
    assert named(await check_network(settings), "server.url").verdict is verdict


async def test_ports_that_others_have(tmp_path: Path) -> None:
    with taken(socket.SOCK_STREAM) as http, taken(socket.SOCK_DGRAM) as tftp:
        findings = await check_network(settings_at(tmp_path / "p.db", http__port=http, tftp__port=tftp))
    assert named(findings, "http").verdict is PROBLEM
    assert str(http) in named(findings, "http").fix
    assert named(findings, "tftp").verdict is PROBLEM


async def test_ports_that_our_own_server_has(opener: Opener, sqlite_url: str, tmp_path: Path) -> None:
    ports = {"http__port": free_port(), "tftp__port": free_port(socket.SOCK_DGRAM)}
    async with opener(sqlite_url, **ports) as pureboot, Doors(pureboot):
        findings = await check_network(pureboot.settings)
    assert named(findings, "http").message.startswith("PureBoot serves")
    assert named(findings, "tftp").message.startswith("PureBoot serves")


@pytest.mark.parametrize(
    ("missing", "verdicts"),
    [
        ([], {"loaders": OK, "loader localboot.efi": OK}),
        (["undionly.kpxe"], {"loader undionly.kpxe": PROBLEM, "loader localboot.efi": OK}),
        (["localboot.efi"], {"loaders": OK, "loader localboot.efi": WARNING}),
    ],
)
def test_loaders(missing: list[str], verdicts: dict[str, Verdict]) -> None:
    findings = check_loaders([MissingLoader(name, "for machines", "apt-get install it") for name in missing])
    assert {finding.name: finding.verdict for finding in findings} == verdicts
    assert all("apt-get" in finding.fix for finding in findings if finding.verdict is not OK)


def test_boot_files(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    assert check_files(folder).verdict is WARNING
    assert not folder.exists()
    folder.mkdir()
    assert (check_files(folder).verdict, "empty" in check_files(folder).message) == (WARNING, True)
    (folder / "linux").write_bytes(b"x")
    assert check_files(folder).verdict is OK
    assert check_files(folder / "linux").verdict is PROBLEM


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "drift", "synchronised", "verdict"),
    [
        (NOW, 0.0, True, OK),
        (NOW, 0.001, None, OK),
        (NOW, 0.0, False, WARNING),
        (NOW, -3.0, True, WARNING),
        (NOW.replace(year=1970), 0.0, True, PROBLEM),
        (NOW.replace(year=2107), 0.0, None, PROBLEM),
    ],
)
def test_the_clock(now: datetime, drift: float, synchronised: bool | None, verdict: Verdict) -> None:
    (finding,) = judge_clock(now, drift, synchronised)
    assert finding.verdict is verdict


@pytest.mark.parametrize(("mode", "verdict"), [("strict", OK), ("loose", WARNING)])
def test_access(tmp_path: Path, mode: str, verdict: Verdict) -> None:
    assert check_access(settings_at(tmp_path / "p.db", auth__mode=mode)).verdict is verdict


async def test_everything_at_once_changes_nothing_and_every_complaint_has_its_fix(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "store" / "p.db", http__port=free_port(), tftp__port=free_port())
    findings = await asyncio.wait_for(examine(settings), 20)
    names = {finding.name for finding in findings}
    assert {"python", "packages", "store", "disk space", "http", "tftp", "server.url", "boot files", "clock"} <= names
    assert all(finding.fix for finding in findings if finding.verdict is not OK)
    assert all("\n" not in finding.message + finding.fix for finding in findings)
    assert contents(tmp_path) == {}


async def test_the_keys_to_the_secrets_open_them_or_it_is_said(
    store_url: str, opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(store_url, tmp_path)
    key = secret_key_path(settings)
    none = await check_keys(settings)
    assert (none.verdict, none.message, key.exists()) == (OK, "no secrets are kept", False)
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", "correct horse battery", by="user:ada")
    found = await check_keys(settings)
    assert (found.verdict, found.message) == (OK, f"the key file {key} opens 1 secret")
    Keyring(key, {}).add()
    broken_off = await check_keys(settings)
    assert (broken_off.verdict, "secret rotate" in broken_off.fix) == (WARNING, True)
    key.chmod(0o644)
    open_ = await check_keys(settings)
    assert (open_.verdict, "is open to others (mode 0644)" in open_.message) == (PROBLEM, True)
    assert open_.fix.startswith(f"run `chmod 600 {key}`")
    key.rename(tmp_path / "away")
    gone = await check_keys(settings)
    assert (gone.verdict, "1 of 1 secret cannot be opened" in gone.message, key.exists()) == (PROBLEM, True, False)
    assert "copy it from the host" in gone.fix
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", "a key of another site")
    other = await check_keys(settings)
    assert (other.verdict, "password (it is sealed with" in other.message) == (PROBLEM, True)
    assert "the same on every host" in other.fix
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", "short")
    assert "at least 16 characters" in (await check_keys(settings)).message
